"""People on pages: their list and groups, one of them, files that bring them, rows that contradict each other."""
