"""Running Stationmaster, on pages: its settings and its record."""
