"""Pages for people: for now the way in, and one's own account. No JavaScript, nothing from other hosts."""
