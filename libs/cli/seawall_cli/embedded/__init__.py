"""nats-server and PostgreSQL from wheels, as ordinary child processes on loopback."""

from .nats import NatsServer
from .postgres import PostgresServer
from .process import Child, free_port

__all__ = ["Child", "NatsServer", "PostgresServer", "free_port"]
