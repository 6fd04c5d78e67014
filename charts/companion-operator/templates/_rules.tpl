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
# Children without a workload.
- apiGroups: [""]
  resources: [configmaps, serviceaccounts, services]
  verbs: [get, list, watch, create, patch, delete]
# Whether data exists whose password is gone. What becomes of a claim, its StatefulSet decides.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list]
# Termination messages of preflight and migrate Jobs, and why a worker does not start.
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
# Workers, and managed Redis and PostgreSQL.
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: [get, list, watch, create, patch, delete]
# Which configurations old pods still refer to.
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [list]
# Preflight and migrations: made once, never changed.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
# What happened, for kubectl describe.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
