"""Vendors' own admin interfaces. One file a vendor over one Protocol a capability (`_base`); `registry` says which there are.

May not know Django, nor what anybody wants of a vendor. SDKs are imported when an adapter is opened, never before.
"""
