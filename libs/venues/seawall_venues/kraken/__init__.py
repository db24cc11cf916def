"""Kraken spot: its frames, its sync rule, its symbols, its sockets; the old protocol for old recordings."""
