"""The whole system as processes on one machine: planned, started, watched, restarted, stopped."""
