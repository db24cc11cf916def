"""A simulated exchange that speaks the venues own protocols."""
