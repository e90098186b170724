"""OpenTelemetry: what is sent, to whom, and that nobody waits for it.

Owns: W3C trace context, the OTLP/HTTP JSON encoding, and the thread that sends. Knows no gateway, no Django and no rows: what a
span says is decided by whoever makes it. Nothing of this is loaded while `telemetry.endpoint` is not set.

The names are those of semantic conventions 1.41.0, the last version that has those for generative AI in it
(https://github.com/open-telemetry/semantic-conventions/tree/v1.41.0/docs/gen-ai).
"""

SCHEMA = "https://opentelemetry.io/schemas/1.41.0"
