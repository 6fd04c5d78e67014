{{/* What the operator may do in each namespace that it watches. One list, for the ClusterRole and the Roles. */}}
{{- define "companion-operator.rules" -}}
# The resources themselves: read and watched; only their status is written.
- apiGroups: [companion.dev]
  resources: [companiondeployments]
  verbs: [get, list, watch]
- apiGroups: [companion.dev]
  resources: [companiondeployments/status]
  verbs: [patch]
# Owner references that block deletion need this on clusters that enforce it.
- apiGroups: [companion.dev]
  resources: [companiondeployments/finalizers]
  verbs: [update]
# Secrets that a resource names, and those generated for managed Redis and PostgreSQL: by name only, so no list and no
# watch. None is ever deleted: those without an owner are kept on purpose, the others go with their owner.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, patch]
# Configurations and start scripts, and the workers' account without a token.
- apiGroups: [""]
  resources: [configmaps, serviceaccounts]
  verbs: [get, list, watch, create, patch, delete]
# Of workers and managed servers. `update`, here and below, is for a hand edit that excludes a field of ours, such as another
# kind of probe: applying would leave both, so the child is replaced.
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch, update, delete]
# Whether data exists whose password is gone. What becomes of a claim, its StatefulSet decides.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get]
# What preflight and migrate Jobs left as termination message, or why they do not start; and whether a worker that goes still
# uses what nothing else asks for.
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
# Workers, pods for jobs, and managed Redis and PostgreSQL.
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: [get, list, watch, create, patch, update, delete]
# Which configurations, Secrets and accounts old pods still refer to.
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [list]
# Preflight and migrations: made once, never changed.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [list, watch, create, delete]
# The workers' number, where `autoscaling` asks for it to follow the load.
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, update, delete]
# That a drain takes one worker after the other.
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, update, delete]
# What happened, for kubectl describe.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
