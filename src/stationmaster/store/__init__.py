"""The shared floor of the control plane's apps: the database, rows, changes, sealed fields, lists.

May not know what the rows of an app mean, nor anything of HTTP.
"""
