"""Plans: made from the rows, kept, shown, approved, and handed to the jobs that apply them.

What a plan holds is decided in `planning`; what a step does to a vendor is known to the jobs alone.
"""
