"""Credentials: secrets that vendors issued for API use, and how they are doing."""
