"""Publishing: perishable events are sent and forgotten, ledger events stored once or refused loudly."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import pytest
from nats.aio.msg import Msg

from seawall_cli.embedded import NatsServer
from seawall_proto import AlertRaised, BarClosed, HaltRequested, OversizeError, SubjectError, TradePrinted
from seawall_runtime import bus as bus_module
from seawall_runtime.bus import Bus
from seawall_runtime.errors import ApiError, PublishError, TryAgainError
from seawall_runtime.telemetry import Handling, handling_of
from tests.integration.runtime.conftest import MakeBus

_numbers = itertools.count()


def halt(reason: str = "test") -> HaltRequested:
    return HaltRequested(id=f"halt-{next(_numbers)}", scope="global", actor="test", reason=reason)


def trade(venue: str = "v") -> TradePrinted:
    return TradePrinted(
        id=f"trade-{next(_numbers)}",
        venue=venue,
        symbol="BTC",
        ts_venue_ns=1,
        trade_id="1",
        price=1.0,
        quantity=1.0,
        aggressor="buy",
    )


def bar(venue: str = "v") -> BarClosed:
    return BarClosed(
        id=f"bar-{next(_numbers)}",
        venue=venue,
        symbol="BTC",
        ts_venue_ns=1,
        interval_ns=1,
        ts_open_ns=0,
        ts_close_ns=1,
        open=1,
        high=1,
        low=1,
        close=1,
        volume=0,
        quote_volume=0,
        buy_volume=0,
        trade_count=0,
    )


def counted(bus: Bus, text: str) -> bool:
    return text in bus.metrics.render().decode()


async def collect(bus: Bus, subject: str) -> list[Msg]:
    got: list[Msg] = []

    async def on_message(message: Msg) -> None:
        got.append(message)

    await bus.subscribe(subject, on_message)
    await bus.flush(2)
    return got


async def until(condition: Any, within_s: float = 5.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_ledger_event_is_stored_once_under_its_id(server: NatsServer, make_bus: MakeBus) -> None:
    bus = await make_bus(server.url)
    event = halt()
    first = await bus.publish(event)
    second = await bus.publish(event)
    assert first is not None
    assert second is not None
    assert (first.stream, first.duplicate) == ("LEDGER", False)
    assert (second.seq, second.duplicate) == (first.seq, True)


async def test_a_flow_event_reaches_live_listeners_and_its_stream(server: NatsServer, make_bus: MakeBus) -> None:
    bus = await make_bus(server.url)
    got = await collect(bus, "md.trade.live.*")
    before = (await bus.api("STREAM.INFO.MARKET"))["state"]["messages"]
    assert await bus.publish(trade("live")) is None
    await until(lambda: got)
    assert got[0].headers is None  # ticks are too many for headers
    await bus.flush(2)
    assert (await bus.api("STREAM.INFO.MARKET"))["state"]["messages"] == before + 1


async def test_decision_events_carry_their_id_and_trace(server: NatsServer, make_bus: MakeBus) -> None:
    bus = await make_bus(server.url)
    got = await collect(bus, "md.bar.traced.*")
    cause, said = bar(), bar("traced")
    with handling_of(Handling("market-data", cause, None)) as handling:
        bus.publish_nowait(said)
    await until(lambda: got)
    assert got[0].headers == {"Nats-Msg-Id": said.id, "traceparent": handling.header}


async def test_the_callers_headers_are_not_changed(server: NatsServer, make_bus: MakeBus) -> None:
    bus = await make_bus(server.url)
    headers = {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}
    kept = dict(headers)
    await bus.publish(halt(), headers=headers)
    bus.publish_nowait(bar(), headers=headers)
    await bus.flush(2)
    assert headers == kept


async def test_an_outbox_row_is_stored_under_its_own_id(server: NatsServer, make_bus: MakeBus) -> None:
    bus = await make_bus(server.url)
    first = await bus.publish_stored("control.halt_requested", b"{}", "row-1", {"traceparent": "x"})
    again = await bus.publish_stored("control.halt_requested", b"{}", "row-1", {})
    assert again.duplicate
    assert again.seq == first.seq


async def test_answers_come_to_the_services_own_inbox(server: NatsServer, make_bus: MakeBus) -> None:
    bus, spy = await make_bus(server.url, "risk"), await make_bus(server.url, "spy")
    answers = await collect(spy, "_INBOX_risk.>")
    shared = await collect(spy, "_INBOX.>")
    await bus.publish(halt())
    await until(lambda: answers)
    assert not shared


async def test_an_event_that_can_never_travel_is_refused_at_once(server: NatsServer, make_bus: MakeBus) -> None:
    bus = await make_bus(server.url)
    with pytest.raises(OversizeError):
        await bus.publish(halt("x" * 300_000))
    with pytest.raises(OversizeError):
        bus.publish_nowait(AlertRaised(id="a", service="probe", name="n", severity="info", detail="x" * 300_000))
    with pytest.raises(SubjectError):
        bus.publish_nowait(trade("a b"))
    with pytest.raises(TypeError, match="ledger event"):
        bus.publish_nowait(halt())


async def test_a_subject_without_a_stream_gives_up_in_bounded_time(server: NatsServer, make_bus: MakeBus) -> None:
    bus = await make_bus(server.url)
    async with asyncio.timeout(5):
        with pytest.raises(PublishError, match="nobody answers on nowhere"):
            await bus.publish_stored("nowhere", b"{}", "1", {})
    assert counted(bus, 'seawall_publish_failures_total{service="probe"} 1.0')


class Answerer:
    """Plays JetStream on a subject of its own: answers each publish with the next of its answers."""

    def __init__(self, bus: Bus, answers: list[dict[str, Any] | bytes | None]) -> None:
        self.bus = bus
        self.answers = answers
        self.ids: list[str] = []

    async def listen(self, subject: str) -> None:
        await self.bus.subscribe(subject, self._answer)
        await self.bus.flush(2)

    async def _answer(self, message: Msg) -> None:
        assert message.headers is not None
        self.ids.append(message.headers["Nats-Msg-Id"])
        answer = self.answers.pop(0)
        if answer is not None:
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            await self.bus.link.send(message.reply, data)


def refusal(code: int, err_code: int) -> dict[str, Any]:
    return {"error": {"code": code, "err_code": err_code, "description": "no"}, "stream": "T", "seq": 0}


STORED = {"stream": "T", "seq": 7}


@pytest.mark.parametrize(
    "trouble",
    [
        refusal(400, 10158),  # duplicate message id is in process
        refusal(503, 10163),  # expected last sequence per subject temporarily unavailable
        refusal(429, 10167),  # too many requests
        refusal(503, 10008),  # JetStream temporarily unavailable
        None,  # silence
        b"not json",
    ],
    ids=["10158", "10163", "429", "503", "silence", "garbage"],
)
async def test_passing_trouble_is_met_by_the_same_message_again(
    server: NatsServer, make_bus: MakeBus, trouble: dict[str, Any] | bytes | None
) -> None:
    bus = await make_bus(server.url, "probe", publish_timeout_s=0.1)
    subject = f"elsewhere.{next(_numbers)}"
    answerer = Answerer(bus, [trouble, trouble, STORED])
    await answerer.listen(subject)
    published = await bus.publish_stored(subject, b"{}", "the-id", {})
    assert published.seq == 7
    assert answerer.ids == ["the-id"] * 3


async def test_lasting_trouble_is_given_up_after_a_bounded_number_of_tries(
    server: NatsServer, make_bus: MakeBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "FIRST_BACKOFF_S", 0.001)
    bus = await make_bus(server.url)
    answerer = Answerer(bus, [refusal(429, 10167)] * 20)
    await answerer.listen("elsewhere.lasting")
    with pytest.raises(PublishError):
        await bus.publish_stored("elsewhere.lasting", b"{}", "the-id", {})
    assert len(answerer.ids) == bus_module.MAX_PUBLISH_ATTEMPTS


async def test_a_refusal_that_will_not_change_is_not_repeated(server: NatsServer, make_bus: MakeBus) -> None:
    bus = await make_bus(server.url)
    answerer = Answerer(bus, [refusal(400, 10071)] * 5)
    await answerer.listen("elsewhere.refused")
    with pytest.raises(PublishError) as failure:
        await bus.publish_stored("elsewhere.refused", b"{}", "the-id", {})
    assert isinstance(failure.value.__cause__, ApiError)
    assert len(answerer.ids) == 1


async def test_a_listener_that_is_too_slow_is_told_of_the_gap(server: NatsServer, make_bus: MakeBus) -> None:
    bus, feeder = await make_bus(server.url, "slow"), await make_bus(server.url, "feeder")
    gaps: list[str] = []
    bus.hooks.on_gap.append(gaps.append)
    release = asyncio.Event()

    async def dawdle(message: Msg) -> None:
        await release.wait()

    await bus.subscribe("md.trade.slow.*", dawdle, max_messages=10)
    await bus.flush(2)
    for _ in range(100):
        feeder.publish_nowait(trade("slow"))
    await until(lambda: len(gaps) >= 80)
    release.set()
    assert set(gaps) == {"md.trade.slow.BTC"}
    assert counted(bus, 'seawall_flow_dropped_total{reason="slow_consumer",service="slow"}')
    assert bus.connected


async def test_a_burst_of_flow_does_not_hold_up_a_ledger_event(server: NatsServer, make_bus: MakeBus) -> None:
    bus = await make_bus(server.url)
    for _ in range(5_000):
        bus.publish_nowait(trade("burst"))
    async with asyncio.timeout(2):
        await bus.publish(halt())


async def test_an_api_call_that_is_refused_says_so(server: NatsServer, make_bus: MakeBus) -> None:
    bus = await make_bus(server.url)
    with pytest.raises(ApiError, match="stream not found") as refused:
        await bus.api("STREAM.INFO.NOWHERE")
    assert (refused.value.code, refused.value.err_code) == (404, 10059)
    with pytest.raises(TryAgainError):
        await bus.api("NO.SUCH.CALL", timeout_s=0.5)
