"""What is wrong with an installation, as findings: each with one line on how to put it right.

Checks judge values and change nothing. The database is asked through a Protocol (`database.Database`).
"""

from stationmaster.diagnosis.finding import Finding, Severity
from stationmaster.diagnosis.rounds import diagnose

__all__ = ["Finding", "Severity", "diagnose"]
