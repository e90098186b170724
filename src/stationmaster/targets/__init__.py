"""Other people's gateways that credentials are published into. One module a kind over one Protocol a capability (`_base`);
`registry` says which there are.

May not know Django, vendors, nor who wants what published. Only entries that carry our marker are ever changed.
"""
