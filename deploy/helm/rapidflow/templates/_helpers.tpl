{{- define "rapidflow.name" -}}
{{- if contains "rapidflow" .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-rapidflow" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "rapidflow.labels" -}}
app.kubernetes.io/name: rapidflow
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end -}}

{{/* Takes a dict of `root` and `part`. */}}
{{- define "rapidflow.selector" -}}
app.kubernetes.io/name: rapidflow
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end -}}

{{- define "rapidflow.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "rapidflow.environment" -}}
- {name: PUBLIC_URL, value: {{ .Values.publicUrl | quote }}}
- {name: WEBHOOK_URL, value: {{ .Values.webhookUrl | default (printf "http://%s-api:5000" (include "rapidflow.name" .)) | quote }}}
- {name: EVOLUTION_API_URL, value: {{ .Values.evolutionUrl | quote }}}
- {name: OPENAI_BASE_URL, value: {{ .Values.openaiBaseUrl | quote }}}
- {name: LOG_LEVEL, value: {{ .Values.logLevel }}}
- {name: RAPIDFLOW_TRACING__ENDPOINT, value: {{ .Values.tracing.endpoint | quote }}}
- {name: RAPIDFLOW_TRACING__RATIO, value: {{ .Values.tracing.ratio | quote }}}
{{- range $name, $key := .Values.secret.keys }}
- {name: {{ $name }}_FILE, value: /run/secrets/{{ $key }}}
{{- end }}
{{- range $name, $key := .Values.secret.optionalKeys }}
- name: {{ $name }}
  valueFrom: {secretKeyRef: {name: {{ $.Values.secret.name }}, key: {{ $key }}, optional: true}}
{{- end }}
{{- range $name, $value := .Values.environment }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end -}}

{{/* What every pod of ours is allowed: nothing but its own work. Takes the root. */}}
{{- define "rapidflow.pod" -}}
serviceAccountName: {{ include "rapidflow.name" . }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: secrets
    secret:
      secretName: {{ .Values.secret.name }}
      defaultMode: 0440
      items:
        {{- range $name, $key := .Values.secret.keys }}
        - {key: {{ $key }}, path: {{ $key }}}
        {{- end }}
  - {name: tmp, emptyDir: {sizeLimit: 64Mi}}
  - {name: state, emptyDir: {sizeLimit: 64Mi}}
  - {name: logs, emptyDir: {sizeLimit: 1Gi}}
{{- end -}}

{{- define "rapidflow.container" -}}
image: {{ include "rapidflow.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  privileged: false
  capabilities: {drop: [ALL]}
volumeMounts:
  - {name: secrets, mountPath: /run/secrets, readOnly: true}
  - {name: tmp, mountPath: /tmp}
  - {name: state, mountPath: /var/lib/rapidflow}
  - {name: logs, mountPath: /var/log/rapidflow}
{{- end -}}
