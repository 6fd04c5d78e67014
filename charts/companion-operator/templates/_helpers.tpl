{{- define "companion-operator.selector" -}}
app.kubernetes.io/name: companion-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "companion-operator.labels" -}}
{{ include "companion-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "companion-operator.name" -}}
{{ .Release.Name | trunc 53 | trimSuffix "-" }}
{{- end }}
