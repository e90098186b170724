"""Jobs on pages: what ran, runs and waits, and the workers that run it."""
