"""The one way every adapter asks its vendor. `Line` is all that adapters need; the rest is how it does it."""

from stationmaster.vendors._line.line import PLACEHOLDER, Answer, Authorise, Call, Line, Page, bearer, fit

__all__ = ["PLACEHOLDER", "Answer", "Authorise", "Call", "Line", "Page", "bearer", "fit"]
