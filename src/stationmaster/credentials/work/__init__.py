"""What jobs do to credentials: mint, rotate, revoke, probe, and end an override.

A vendor's answer with a secret in it may be lost on the way to our database. So every mint has its row first, whose id is in the
name at the vendor; whoever finds such a row without a secret deletes at the vendor what has that name, and begins anew.
"""
