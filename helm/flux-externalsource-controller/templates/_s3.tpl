{{/* The controller's environment for a bucket. */}}
{{- define "flux-externalsource-controller.s3Environment" -}}
{{- with .Values.controller.storage.s3 -}}
- name: S3_BUCKET
  value: {{ required "controller.storage.backend=s3 needs controller.storage.s3.bucket" .bucket | quote }}
{{- with .prefix }}
- name: S3_PREFIX
  value: {{ . | quote }}
{{- end }}
{{- with .region }}
- name: S3_REGION
  value: {{ . | quote }}
{{- end }}
{{- with .endpoint }}
- name: S3_ENDPOINT
  value: {{ . | quote }}
{{- end }}
- name: S3_USE_SSL
  value: {{ .useSSL | quote }}
- name: S3_PATH_STYLE
  value: {{ .pathStyle | quote }}
{{- with .credentialsSecret }}
{{- if .name }}
- name: S3_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef:
      name: {{ .name }}
      key: {{ .accessKeyKey }}
- name: S3_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef:
      name: {{ .name }}
      key: {{ .secretKeyKey }}
{{- end }}
{{- end }}
{{- if .caSecret.name }}
- name: S3_CA_FILE
  value: {{ include "flux-externalsource-controller.s3CaFolder" $ }}/{{ .caSecret.key }}
{{- end }}
- name: S3_SSE
  value: {{ .sse | quote }}
{{- with .kmsKeyId }}
- name: S3_SSE_KMS_KEY_ID
  value: {{ . | quote }}
{{- end }}
- name: S3_SERVE
  value: {{ .serve }}
{{- if eq .serve "redirect" }}
- name: S3_REDIRECT_TTL
  value: {{ .redirectTTL }}
{{- end }}
{{- end }}
{{- end }}
