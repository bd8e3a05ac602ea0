{{/* Names and selectors are those of the Go implementation's chart, so that an upgrade in place works: selectors and
the name of a StatefulSet's Service cannot be changed. */}}

{{- define "flux-externalsource-controller.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "flux-externalsource-controller.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "flux-externalsource-controller.selectorLabels" -}}
app.kubernetes.io/name: {{ include "flux-externalsource-controller.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The pod's: the selector of everything that means the controller. */}}
{{- define "flux-externalsource-controller.managerLabels" -}}
{{ include "flux-externalsource-controller.selectorLabels" . }}
app.kubernetes.io/component: manager
{{- end }}

{{- define "flux-externalsource-controller.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "flux-externalsource-controller.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "flux-externalsource-controller.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (printf "%s-manager" (include "flux-externalsource-controller.fullname" .)) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* Part of every artifact's URL. */}}
{{- define "flux-externalsource-controller.artifactServiceName" -}}
{{- with .Values.nameOverride }}{{ . }}-artifacts{{ else }}externalsource-artifacts{{ end }}
{{- end }}

{{- define "flux-externalsource-controller.image" -}}
{{- with .Values.image }}
{{- .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}
