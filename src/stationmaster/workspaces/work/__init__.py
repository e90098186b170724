"""What jobs do to workspaces: onboard, apply, invite, reconcile, offboard, remind; and batch runs of all that is approved.

Every write to a vendor goes the same way: it is noted on the seat in the moment before it leaves, and what became of it is
recorded together with the item's outcome. Whoever finds a note without an outcome reads the vendor before writing again.
"""
