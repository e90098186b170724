"""People as SCIM 2.0 has them (RFC 7643, RFC 7644): how a row reads as a resource and back, filters as queries, storage, and
the guard against a directory that empties itself. Knows no HTTP.

`storage`, `filters` and `sorting` import a library that takes more than a second to load: they are imported when the first
SCIM request comes, and by nothing else.
"""
