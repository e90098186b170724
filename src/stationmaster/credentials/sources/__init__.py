"""Where credentials' short-lived secrets come from, and that each is refreshed in time, once, wherever it is noticed."""
