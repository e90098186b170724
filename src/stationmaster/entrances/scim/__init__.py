"""SCIM 2.0 under /scim/v2: the door (ASGI, in front of Django) and the protocol, which a library knows. Thin: what a user and a
group are is `people.scim`'s.

Only `door` and `limits` may be imported when the control plane starts: the library takes more than a second, and is loaded
when the first request comes.
"""
