"""Other gateways on pages: which there are, what is published there, files for those that take files."""
