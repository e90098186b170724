{{- define "stationmaster.name" -}}
{{- if contains "stationmaster" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-stationmaster" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "stationmaster.selector" -}}
app.kubernetes.io/name: stationmaster
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "stationmaster.labels" -}}
{{ include "stationmaster.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "stationmaster.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "stationmaster.pod" -}}
serviceAccountName: {{ include "stationmaster.name" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "stationmaster.container" -}}
image: {{ include "stationmaster.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* What control and workers read: no secret stands in a variable, each names a file. */}}
{{- define "stationmaster.environment" -}}
- {name: STATIONMASTER_DATA, value: /data/stationmaster}      # made there, for its owner alone
- {name: STATIONMASTER_CONFIG, value: /etc/stationmaster/stationmaster.toml}
- {name: STATIONMASTER_DATABASE_URL_FILE, value: /run/secrets/database/url}
- {name: STATIONMASTER_MASTER_KEY_FILE, value: /run/secrets/master-key/key}
- {name: STATIONMASTER__CONSOLE__HOST, value: 0.0.0.0}
- {name: STATIONMASTER__CONSOLE__PUBLIC_URL, value: {{ required "publicUrl is needed" .Values.publicUrl | quote }}}
- {name: STATIONMASTER__CONSOLE__TLS_CERTIFICATE, value: /run/secrets/control-tls/tls.crt}
- {name: STATIONMASTER__CONSOLE__TLS_KEY, value: /run/secrets/control-tls/tls.key}
- {name: STATIONMASTER__GATEWAY__METRICS_HOST, value: 0.0.0.0}      # of the gateways' pods, which go by it
- {name: STATIONMASTER__LOG__FORMAT, value: json}
{{- end }}

{{- define "stationmaster.mounts" -}}
- {name: settings, mountPath: /etc/stationmaster, readOnly: true}
- {name: database, mountPath: /run/secrets/database, readOnly: true}
- {name: master-key, mountPath: /run/secrets/master-key, readOnly: true}
- {name: control-tls, mountPath: /run/secrets/control-tls, readOnly: true}
- {name: data, mountPath: /data}
- {name: tmp, mountPath: /tmp}
{{- end }}

{{- define "stationmaster.volumes" -}}
- name: settings
  configMap: {name: {{ include "stationmaster.name" . }}-settings}
- name: database
  secret: {secretName: {{ required "secrets.database is needed" .Values.secrets.database }}, defaultMode: 0440}
- name: master-key
  secret: {secretName: {{ required "secrets.masterKey is needed" .Values.secrets.masterKey }}, defaultMode: 0440}
- name: control-tls
  secret: {secretName: {{ required "secrets.controlTls is needed" .Values.secrets.controlTls }}, defaultMode: 0440}
- name: data
  emptyDir: {}
- name: tmp
  emptyDir: {}
{{- end }}

{{- define "stationmaster.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "stationmaster.selector" .root | nindent 8 }}
        app.kubernetes.io/component: {{ .component }}
{{- end }}
