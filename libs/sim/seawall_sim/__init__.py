"""A pure matching engine and a seeded market."""
