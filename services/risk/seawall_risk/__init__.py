"""Sizes, limits, approves or refuses."""
