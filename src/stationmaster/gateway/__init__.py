"""The data plane: virtual key in, vendor credential out. Knows no Django, no database, no command line."""
