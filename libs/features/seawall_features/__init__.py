"""Features: one definition, evaluated as a stream."""
