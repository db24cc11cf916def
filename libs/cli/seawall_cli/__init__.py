"""The seawall command: run, watch, explain, halt."""
