"""Run the whole system for a while, show it, and account for it in one line."""
