{{/*
The folder of the socket when the hook executor listens on one; nothing otherwise.
*/}}
{{- define "flux-externalsource-controller.hookSocketFolder" -}}
{{- if and .Values.controller.hookExecutor.enabled (hasPrefix "unix://" .Values.controller.hookExecutor.endpoint) }}
{{- dir (trimPrefix "unix://" .Values.controller.hookExecutor.endpoint) }}
{{- end }}
{{- end }}

{{/*
Image of the hook executor: each part that is not set is the controller's.
*/}}
{{- define "flux-externalsource-controller.hookExecutorImage" -}}
{{- $image := .Values.controller.hookExecutor.image }}
{{- if or $image.repository $image.tag }}
{{- printf "%s:%s" (default .Values.image.repository $image.repository) (default (default .Chart.AppVersion .Values.image.tag) $image.tag) }}
{{- else }}
{{- include "flux-externalsource-controller.image" . }}
{{- end }}
{{- end }}

{{/*
The policy for addresses: the same for what the controller fetches and for commands that may use the network.
*/}}
{{- define "flux-externalsource-controller.addressPolicy" -}}
- name: ADDRESS_ALLOW
  value: {{ join "," .Values.controller.addresses.allow | quote }}
- name: ADDRESS_DENY
  value: {{ join "," .Values.controller.addresses.deny | quote }}
- name: ADDRESS_DENY_PRIVATE
  value: {{ .Values.controller.addresses.denyPrivate | quote }}
{{- end }}

{{/*
The container of the hook executor. It has no service account token.
*/}}
{{- define "flux-externalsource-controller.hookExecutor" -}}
{{- $executor := .Values.controller.hookExecutor -}}
- name: hook-executor
  image: {{ include "flux-externalsource-controller.hookExecutorImage" . | quote }}
  imagePullPolicy: {{ default .Values.image.pullPolicy $executor.image.pullPolicy }}
  command: [/flux-externalsource]
  args: [hook-executor]
  env:
    - name: HOOK_EXECUTOR_ENDPOINT
      value: {{ $executor.endpoint }}
    - name: HOOK_WHITELIST_PATH
      value: /etc/hooks/whitelist.yaml
    - name: HOOK_DEFAULT_TIMEOUT
      value: {{ $executor.timeout }}
    - name: TRANSFORM_TIMEOUT
      value: {{ .Values.controller.transform.timeout }}
    - name: HOOK_MAX_CONCURRENT
      value: {{ $executor.concurrent | quote }}
    - name: LOG_LEVEL
      value: {{ .Values.controller.logLevel }}
    {{- include "flux-externalsource-controller.addressPolicy" . | nindent 4 }}
    {{- with $executor.env }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  livenessProbe:
    exec:
      command: [/flux-externalsource, hook-executor, --check]
    periodSeconds: 20
    timeoutSeconds: 5
    failureThreshold: 6
  resources:
    {{- toYaml $executor.resources | nindent 4 }}
  securityContext:
    {{- toYaml $executor.containerSecurityContext | nindent 4 }}
  volumeMounts:
    # The folder, not the file: a mounted file never changes.
    - name: hook-whitelist
      mountPath: /etc/hooks
      readOnly: true
    - name: hook-tmp
      mountPath: /tmp
    {{- if include "flux-externalsource-controller.hookSocketFolder" . }}
    - name: hook-socket
      mountPath: {{ include "flux-externalsource-controller.hookSocketFolder" . }}
    {{- end }}
{{- end }}
