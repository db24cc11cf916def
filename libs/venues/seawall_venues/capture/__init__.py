"""Recordings of what a venue said, frame by frame: ours, and those of other programs that we can read."""
