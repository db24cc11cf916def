"""Writes every event to TimescaleDB."""
