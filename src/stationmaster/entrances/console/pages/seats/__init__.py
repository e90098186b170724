"""Seats on pages: who holds which, who should, and the plans that lead from one to the other."""
