"""The ways in: REST, pages, the gateways' door. Thin: they read what came, call services, and say what came of it."""
