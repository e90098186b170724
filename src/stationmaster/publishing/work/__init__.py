"""What targets' jobs do: publish, withdraw, read back. Owns every write at a target; each is fenced, and stands in a row before
it leaves.
"""
