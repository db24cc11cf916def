"""Every defect of a history, named with its row, its time and the reason."""
