"""Credentials on pages: their list, one's life, where its secret comes from, what ends when."""
