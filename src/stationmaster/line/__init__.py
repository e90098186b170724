"""The one way to ask somebody else's interface: a vendor's, or that of a gateway we publish into. `line.Line` is all that
adapters need; the rest is how it does it. May know neither vendors nor targets, nor Django.
"""
