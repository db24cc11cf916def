"""Who is asking: API key, signature, and whether the request is recent enough."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping

from .faults import VenueFault, missing
from .keys import ApiKey
from .parameters import Parameters

DEFAULT_WINDOW_MS = 5_000
MAX_WINDOW_MS = 60_000
# how far a client's clock may run ahead of ours
MAX_AHEAD_MS = 1_000
KEY_FORMAT = re.compile(r"^[A-Za-z0-9_-]{1,128}$")


def find_key(keys: Mapping[str, ApiKey], given: str | None) -> ApiKey:
    """Return the key named in ``X-MBX-APIKEY``. Raises VenueFault."""
    if not given or not KEY_FORMAT.match(given):
        raise VenueFault(-2014, "API-key format invalid.", status=401)
    if given not in keys:
        raise VenueFault(-2015, "Invalid API-key, IP, or permissions for action.", status=401)
    return keys[given]


def check_signed(key: ApiKey, raw_query: str, raw_body: str, parameters: Parameters, now_ms: int) -> None:
    """Check timestamp, window and HMAC-SHA256 signature of a request. Raises VenueFault."""
    timestamp = parameters.integer("timestamp")
    if timestamp is None:
        raise missing("timestamp")
    if not parameters.has("signature"):
        raise missing("signature")
    window = parameters.integer("recvWindow")
    window = DEFAULT_WINDOW_MS if window is None else window
    if not 0 < window <= MAX_WINDOW_MS:
        raise VenueFault(-1131, "recvWindow must be less than 60000")
    if timestamp >= now_ms + MAX_AHEAD_MS:
        raise VenueFault(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_ms - timestamp > window:
        raise VenueFault(-1021, "Timestamp for this request is outside of the recvWindow.")
    payload = _without_signature(raw_query) + _without_signature(raw_body)
    expected = hmac.new(key.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), parameters.text("signature").lower().encode()):
        raise VenueFault(-1022, "Signature for this request is not valid.")


def _without_signature(raw: str) -> str:
    """Return the text as the client signed it: as sent, less the signature itself."""
    return "&".join(pair for pair in raw.split("&") if pair and not pair.startswith("signature="))
