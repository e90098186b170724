"""Pages for people: the way in, the overview, one's own account. No JavaScript, nothing from other hosts."""
