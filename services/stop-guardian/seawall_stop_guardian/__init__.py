"""Keeps a verified stop at the venue for every position."""
