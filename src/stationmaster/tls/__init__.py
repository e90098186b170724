"""TLS of our own listeners: a certificate and its key as files, read, judged, watched; and the context that serves them.

Knows no Django, no gateway and no command line. `context` loads nothing beyond the standard library, since every gateway worker
does; `files` takes cryptography, in the processes that watch.
"""
