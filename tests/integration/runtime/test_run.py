"""A service as an operating system process: its ports, signals, exit codes, and its spans at a collector."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from seawall_cli.embedded import NatsServer, free_port
from seawall_proto import HaltRequested, SignalRaised
from seawall_runtime.bus import Bus
from tests.paths import REPOSITORY

PROGRAM = textwrap.dedent(
    """
    import time
    from seawall_proto import AlertRaised, HaltRequested, SignalRaised, TradingHalted
    from seawall_runtime.app import App, run
    from seawall_runtime.service import Service

    def on_halt(state, event):
        if event.reason == "block":
            time.sleep(30)
        if event.reason == "slow":
            time.sleep(0.05)
        return state, [TradingHalted(scope=event.scope, version=1, actor=event.actor, reason=event.reason)]

    def on_signal(state, event):
        return state, [AlertRaised(service="probe", name="signal", severity="info", detail=event.id)]

    SERVICE = Service(
        "probe", {HaltRequested: on_halt, SignalRaised: on_signal}, (TradingHalted, AlertRaised), lambda event: 0
    )
    run(App(SERVICE, lambda config: lambda key: None))
    """
)


class Probe:
    """The program above, its configuration and its HTTP port."""

    def __init__(self, directory: Path, url: str, more: str = "") -> None:
        self.port = free_port()
        self.program = directory / "probe.py"
        self.program.write_text(PROGRAM)
        self.config = directory / "c.toml"
        self.config.write_text(f'data_dir = "{directory}/data"\n[nats]\nurl = "{url}"\n{more}')
        self.errors = directory / "probe.log"
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, str(self.program), "--config", str(self.config), "--http", f"127.0.0.1:{self.port}"]
        with self.errors.open("ab") as errors:
            self.child = subprocess.Popen(command, stderr=errors)

    def get(self, path: str) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            return 0, b""

    def wait_for(self, path: str, status: int, within_s: float = 15) -> None:
        until_s = time.monotonic() + within_s
        while self.get(path)[0] != status:
            assert time.monotonic() < until_s, f"{path} did not become {status}: {self.errors.read_text()[-2000:]}"
            time.sleep(0.02)

    def wait(self, within_s: float = 10) -> int:
        assert self.child is not None
        return self.child.wait(within_s)

    def send(self, number: signal.Signals) -> None:
        assert self.child is not None
        self.child.send_signal(number)


@pytest.fixture
def probe(fresh_nats: NatsServer, tmp_path: Path) -> Iterator[Probe]:
    probe = Probe(tmp_path, fresh_nats.url)
    yield probe
    if probe.child is not None and probe.child.poll() is None:
        probe.child.kill()
        probe.child.wait()


async def ask(url: str, *reasons: str) -> None:
    async with Bus(url, service="outside") as bus:
        for number, reason in enumerate(reasons):
            await bus.publish(
                HaltRequested(id=f"{reason}-{number}", ts_received_ns=1, scope="global", actor="t", reason=reason)
            )


async def halted(url: str) -> int:
    async with Bus(url, service="counter") as bus:
        body = {"subjects_filter": "control.halted"}
        reply = await bus.api("STREAM.INFO.LEDGER", body)
        return int((reply["state"].get("subjects") or {}).get("control.halted", 0))


def test_sigterm_ends_it_with_zero_and_its_log_is_json(probe: Probe) -> None:
    probe.start()
    probe.wait_for("/readyz", 200)
    assert probe.get("/healthz") == (200, b"ok\n")
    assert b"seawall_bus_connected" in probe.get("/metrics")[1]
    before = time.monotonic()
    probe.send(signal.SIGTERM)
    assert probe.wait() == 0
    assert time.monotonic() - before < 5
    lines = [json.loads(line) for line in probe.errors.read_text().splitlines()]
    assert {line["service"] for line in lines} == {"probe"}
    assert lines[-1]["event"] == "ends: asked to stop"


def test_asking_twice_ends_it_at_once(probe: Probe, fresh_nats: NatsServer) -> None:
    probe.start()
    probe.wait_for("/readyz", 200)
    asyncio.run(ask(fresh_nats.url, *["slow"] * 60))  # 3 s of work: the drain takes its whole time
    probe.send(signal.SIGTERM)
    time.sleep(0.3)
    before = time.monotonic()
    probe.send(signal.SIGINT)
    assert probe.wait() == 130
    assert time.monotonic() - before < 1


def test_a_kill_loses_nothing_and_the_next_one_goes_on_at_once(probe: Probe, fresh_nats: NatsServer) -> None:
    probe.start()
    probe.wait_for("/readyz", 200)
    asyncio.run(ask(fresh_nats.url, *["slow"] * 20))
    time.sleep(0.3)
    assert probe.child is not None
    probe.child.kill()
    probe.wait()
    done_before = asyncio.run(halted(fresh_nats.url))
    assert 0 < done_before < 20
    began = time.monotonic()
    probe.start()
    while asyncio.run(halted(fresh_nats.url)) < 20:
        assert time.monotonic() - began < 10  # far less than the ack wait of 30 s
        time.sleep(0.05)
    time.sleep(0.3)
    assert asyncio.run(halted(fresh_nats.url)) == 20  # each once: the same event gives the same id


def test_health_does_not_need_nats_and_ready_does(probe: Probe, fresh_nats: NatsServer) -> None:
    fresh_nats.kill()
    probe.start()
    probe.wait_for("/healthz", 200)
    status, body = probe.get("/readyz")
    assert status == 503
    assert not json.loads(body)["parts"]["bus"]["ok"]
    fresh_nats.start()
    probe.wait_for("/readyz", 200)


def test_the_readmes_example_runs(probe: Probe) -> None:
    readme = (REPOSITORY / "libs" / "runtime" / "README.md").read_text()
    probe.program.write_text(readme.split("```python\n", 1)[1].split("```", 1)[0])
    probe.start()
    probe.wait_for("/readyz", 200)
    probe.send(signal.SIGTERM)
    assert probe.wait() == 0


def test_a_stop_while_nats_is_away_is_quick(probe: Probe, fresh_nats: NatsServer) -> None:
    fresh_nats.kill()
    probe.start()
    probe.wait_for("/healthz", 200)
    before = time.monotonic()
    probe.send(signal.SIGTERM)
    assert probe.wait() == 0
    assert time.monotonic() - before < 5
    assert "Traceback" not in probe.errors.read_text()


def test_a_taken_port_is_named_and_ends_it(probe: Probe, tmp_path: Path) -> None:
    probe.start()
    probe.wait_for("/readyz", 200)
    command = [sys.executable, str(probe.program), "--config", str(probe.config), "--http", f"127.0.0.1:{probe.port}"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert second.returncode == 3
    assert f"seawall-probe: cannot listen on 127.0.0.1:{probe.port}" in second.stderr
    assert "Traceback" not in second.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--config", "{tmp}/absent.toml"], 2, "absent.toml: cannot be read"),
        (["--config", "{tmp}/c.toml", "--http", "nonsense"], 2, "expected HOST:PORT, found 'nonsense'"),
        (["--config", "{tmp}/c.toml", "--instance", "a b"], 2, "found 'a b'"),
        (["--config", "{tmp}/c.toml"], 2, "c.toml: $.mode: found 'prod' (text), expected one of 'paper'"),
        ([], 2, "--config"),
    ],
)
def test_wrong_arguments_end_it_with_two_and_one_clear_line(
    tmp_path: Path, arguments: list[str], code: int, text: str
) -> None:
    probe = Probe(tmp_path, "nats://127.0.0.1:4222")
    (tmp_path / "c.toml").write_text('mode = "prod"\n')
    command = [sys.executable, str(probe.program), *(one.format(tmp=tmp_path) for one in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == code
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_a_read_only_data_directory_does_not_stop_it(fresh_nats: NatsServer, tmp_path: Path) -> None:
    probe = Probe(tmp_path, fresh_nats.url)
    (tmp_path / "data").write_text("a file where the directory should be")
    probe.start()
    try:
        probe.wait_for("/readyz", 200)
        asyncio.run(ask(fresh_nats.url, "one"))
        time.sleep(0.3)
        assert asyncio.run(halted(fresh_nats.url)) == 1
    finally:
        probe.send(signal.SIGTERM)
        assert probe.wait() == 0


class Collector:
    """An OTLP/HTTP collector that keeps what it gets."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.path == "/v1/traces"
                collector.requests.append(ExportTraceServiceRequest.FromString(data))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:
                return

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    def spans(self) -> dict[str, tuple[str, str, str]]:
        return {
            span.name: (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }


def test_spans_reach_a_collector_linked_as_the_events_were_caused(fresh_nats: NatsServer, tmp_path: Path) -> None:
    collector = Collector()
    endpoint = f"http://127.0.0.1:{collector.server.server_port}"
    probe = Probe(tmp_path, fresh_nats.url, f'[telemetry]\notlp_endpoint = "{endpoint}"\n')
    probe.start()
    parent = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    signalled = SignalRaised(
        id="signal-1",
        venue="v",
        symbol="BTC",
        ts_venue_ns=1,
        strategy="s",
        direction="long",
        strength=1,
        price=1,
        horizon_ns=1,
        expires_at_ns=1,
    )

    async def say() -> None:
        async with Bus(fresh_nats.url, service="outside") as bus:
            bus.publish_nowait(signalled, headers={"traceparent": parent})
            await bus.publish(HaltRequested(id="halt-1", scope="global", actor="t", reason="r"))

    try:
        probe.wait_for("/readyz", 200)
        asyncio.run(say())
        until_s = time.monotonic() + 8
        while len(collector.spans()) < 2:
            assert time.monotonic() < until_s, collector.spans()
            time.sleep(0.05)
    finally:
        probe.send(signal.SIGTERM)
        assert probe.wait() == 0
        collector.server.shutdown()
    spans = collector.spans()
    trace_id, _, parent_id = spans["probe.on_signal_raised"]
    assert (trace_id, parent_id) == ("a" * 32, "b" * 16)
    assert spans["probe.on_halt_requested"][2] == ""  # a root


def test_a_collector_that_is_away_costs_neither_speed_nor_the_stop(fresh_nats: NatsServer, tmp_path: Path) -> None:
    probe = Probe(tmp_path, fresh_nats.url, '[telemetry]\notlp_endpoint = "http://127.0.0.1:9"\n')
    probe.start()
    probe.wait_for("/readyz", 200)
    asyncio.run(ask(fresh_nats.url, *["fast"] * 20))
    until_s = time.monotonic() + 3
    while asyncio.run(halted(fresh_nats.url)) < 20:
        assert time.monotonic() < until_s
        time.sleep(0.05)
    before = time.monotonic()
    probe.send(signal.SIGTERM)
    assert probe.wait() == 0
    assert time.monotonic() - before < 5


def test_it_ends_when_the_client_closes_for_good(probe: Probe, fresh_nats: NatsServer) -> None:
    # a server that refuses the service's protocol closes nats-py for ever; only a new process helps
    probe.program.write_text(
        PROGRAM.replace(
            "run(App(",
            "import asyncio, nats.aio.client as c\n"
            "connected = c.Client._process_connect_init\n"
            "async def spoil(self):\n"
            "    await connected(self)\n"
            "    asyncio.get_running_loop().call_later(1, self._transport.write, b'NONSENSE\\r\\n')\n"
            "c.Client._process_connect_init = spoil\n"
            "run(App(",
        )
    )
    probe.start()
    assert probe.wait(15) == 1
    assert "NATS closed for good" in probe.errors.read_text()
    assert os.path.getsize(probe.errors) < 100_000
