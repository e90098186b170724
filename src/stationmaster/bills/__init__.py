"""Bills agree: what vendors say was used and what it cost, day by day, beside what gateways counted."""
