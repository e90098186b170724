"""Pages of alerts: who is told when something crosses a line, and what was sent."""
