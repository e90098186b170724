"""The audit trail: who changed what, chained so that no event can be edited, taken out or moved unseen."""
