"""Traffic on pages: requests, what they cost, and whether vendors' bills agree."""
