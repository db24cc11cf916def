"""Errors of the contract.

ProtoError
├── DecodeError      bytes that are no event: what was found, what was expected
│   └── OversizeError    more bytes than MAX_EVENT_BYTES
└── SubjectError     a name that cannot be a subject token
"""


class ProtoError(Exception):
    """Anything wrong with an event, its bytes or its subject."""


class DecodeError(ProtoError):
    """Bytes that are not a known event."""


class OversizeError(DecodeError):
    """More bytes than an event may have."""


class SubjectError(ProtoError):
    """A name that cannot stand in a NATS subject."""
