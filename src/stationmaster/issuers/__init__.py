"""Who issues short-lived secrets: one module a kind, over a library that knows how. Knows no Django, no rows and no schedule."""
