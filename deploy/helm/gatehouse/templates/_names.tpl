{{- define "gatehouse.labels" -}}
app.kubernetes.io/name: gatehouse
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gatehouse.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* The environment of every process. A variable's value is always text. */ -}}
{{- define "gatehouse.env" -}}
envFrom:
  - secretRef: {name: {{ .Values.existingSecret | quote }}}
env:
  - {name: GATEHOUSE_DATA, value: /data}
  - {name: GATEHOUSE_LISTEN, value: "0.0.0.0:8080"}
  - {name: GATEHOUSE_OPS_LISTEN, value: "0.0.0.0:9090"}
{{- range $name, $value := .Values.settings }}
  - {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{- define "gatehouse.podSecurity" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "gatehouse.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "gatehouse.mounts" -}}
volumeMounts:
  - {name: data, mountPath: /data}
  - {name: tmp, mountPath: /tmp}
{{- end }}

{{- define "gatehouse.volumes" -}}
volumes:
  - name: data
    {{- if .Values.media.existingClaim }}
    persistentVolumeClaim: {claimName: {{ .Values.media.existingClaim | quote }}}
    {{- else }}
    emptyDir: {}
    {{- end }}
  - name: tmp
    emptyDir: {}
{{- end }}
