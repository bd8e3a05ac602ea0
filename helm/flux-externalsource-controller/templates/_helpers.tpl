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

{{/* Every replica serves what is on a shared volume or in a bucket, so that its artifacts' URLs name a Service with a cluster IP. */}}
{{- define "flux-externalsource-controller.sharedServiceName" -}}
{{ include "flux-externalsource-controller.artifactServiceName" . }}-shared
{{- end }}

{{/* "own", a volume for each pod; "shared", one for all of them; nothing without volumes. */}}
{{- define "flux-externalsource-controller.volume" -}}
{{- with .Values.controller.storage -}}
{{- if eq .backend "pvc" }}{{ if .pvc.shared }}shared{{ else }}own{{ end }}{{ end }}
{{- end }}
{{- end }}

{{/* Whether every replica can serve what one of them stored. */}}
{{- define "flux-externalsource-controller.isShared" -}}
{{- if or (eq (include "flux-externalsource-controller.volume" .) "shared") (eq .Values.controller.storage.backend "s3") }}true{{ end }}
{{- end }}

{{/* Where S3_CA_FILE is mounted. */}}
{{- define "flux-externalsource-controller.s3CaFolder" -}}
{{- with .Values.controller.storage -}}
{{- if and (eq .backend "s3") .s3.caSecret.name }}/etc/s3-ca{{ end }}
{{- end }}
{{- end }}

{{/* The spec of a claim. A StatefulSet's cannot be changed: it is the one that the Go implementation's chart makes. */}}
{{- define "flux-externalsource-controller.claim" -}}
{{- with .Values.controller.storage.pvc -}}
accessModes: {{ .accessModes | default (list (ternary "ReadWriteMany" "ReadWriteOnce" .shared)) | toJson }}
{{- with .storageClass }}
storageClassName: {{ . }}
{{- end }}
resources:
  requests:
    storage: {{ .size }}
{{- end }}
{{- end }}

{{- define "flux-externalsource-controller.sharedClaimName" -}}
{{ .Values.controller.storage.pvc.existingClaim | default (printf "%s-artifacts" (include "flux-externalsource-controller.fullname" .)) }}
{{- end }}

{{- define "flux-externalsource-controller.image" -}}
{{- with .Values.image }}
{{- .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}
