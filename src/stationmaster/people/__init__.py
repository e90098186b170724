"""People: the company's real members, the groups they are in, what vendors know them by, and what their leaving means."""
