"""Acknowledgement subjects in every form that a server may send."""

from __future__ import annotations

import pytest

from seawall_runtime.acks import AckFields, ack_fields
from seawall_runtime.errors import BusError


@pytest.mark.parametrize(
    "reply",
    [
        "$JS.ACK.LEDGER.risk.2.17.9.1795344473625201141.4",
        "$JS.ACK._.account.LEDGER.risk.2.17.9.1795344473625201141.4",
        "$JS.ACK.hub.account.LEDGER.risk.2.17.9.1795344473625201141.4.random",
    ],
)
def test_every_form_of_the_subject_is_read(reply: str) -> None:
    assert ack_fields(reply) == AckFields(2, 17, 1795344473625201141, 4)


@pytest.mark.parametrize(
    "reply",
    ["", "_INBOX.x.1", "$JS.ACK.LEDGER.risk.x.17.9.1.4", "$JS.ACK.a.b.c", "$JS.FC.LEDGER.risk.2.17.9.179.4"],
)
def test_anything_else_is_an_error_of_ours(reply: str) -> None:
    with pytest.raises(BusError):
        ack_fields(reply)
