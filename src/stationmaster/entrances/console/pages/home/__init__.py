"""Pages about how the whole stands, and about oneself."""
