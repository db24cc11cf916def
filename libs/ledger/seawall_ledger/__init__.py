"""Orders, fills, positions, stops, halts and the outbox in PostgreSQL."""
