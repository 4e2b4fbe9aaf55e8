"""Runs: what to read, how far it came, what becomes true."""
