"""What every service stands on: configuration, bus, telemetry and the service shell."""
