"""Cryptography: the master keys, sealed texts, keyed hashes. Knows no database and no Django."""
