"""Turns an approval into one order at the venue and keeps its state."""
