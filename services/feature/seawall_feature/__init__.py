"""Turns bars, books and trades into features."""
