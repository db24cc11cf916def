"""``seawall feed``: recordings held against themselves, and played; ``seawall record``: made."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from seawall_cli.errors import CliError, UnhealthyError, UsageError

feed_app = typer.Typer(help="Recordings of market feeds: verify and replay.", no_args_is_help=True)

Recordings = Annotated[list[Path], typer.Argument(help="Files, or folders of files, that are played as one.")]
VenueOption = Annotated[str, typer.Option(help="Whose frames these are, where the recording does not say.")]
MIB = 1 << 20
MINUTE_NS = 60_000_000_000
LISTED = 1.0  # seconds between two lines of progress


@feed_app.command()
def verify(recordings: Recordings, venue: VenueOption = "") -> None:
    """Hold recordings against their own sequences, checksums and quotes; print one line of JSON.

    Exits with 5 on any disagreement, gap or unreadable frame.
    """
    from seawall_market_data.verify import verify as check
    from seawall_runtime.clock import elapsed_s

    began_s = elapsed_s()
    report = check(_opened(recordings, venue))
    seconds = elapsed_s() - began_s
    rate = round(report.frames / seconds) if seconds else 0
    line = {**msgspec.to_builtins(report), "seconds": round(seconds, 3), "frames_per_s": rate}
    print(msgspec.json.encode(line).decode())
    if not report.ok:
        raise typer.Exit(UnhealthyError.exit_code)


@feed_app.command()
def replay(
    recordings: Recordings,
    venue: VenueOption = "",
    speed: Annotated[float, typer.Option(min=0, help="Times the recorded pace; 0 is as fast as possible.")] = 0.0,
    kinds: Annotated[str, typer.Option(help="Only these events, such as BarClosed,FeedChanged.")] = "",
    publish: Annotated[str, typer.Option(help="Publish to this NATS instead of printing.")] = "",
) -> None:
    """Play recordings through market-data's own decisions, and print or publish what it says."""
    wanted = frozenset(kind.strip() for kind in kinds.split(",") if kind.strip())
    asyncio.run(_replay(_opened(recordings, venue), speed, wanted, publish))


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """What ``seawall record`` was asked for; a duration of 0 is until Ctrl-C."""

    venue: str
    symbols: tuple[str, ...]
    folder: Path
    duration_s: float
    rest_url: str
    websocket_url: str
    max_mib: int
    max_minutes: float
    depth_every_ms: int


async def record(options: RecordOptions) -> dict[str, object]:
    """Write every frame of some instruments until Ctrl-C or the duration is over; return what was written."""
    from seawall_runtime.clock import now_ns
    from seawall_venues.capture.record import Recorder, RecordPlan
    from seawall_venues.feeds import ADDRESSES, FEEDS
    from seawall_venues.port import VenueError
    from seawall_venues.wire import FeedOptions

    if options.venue not in FEEDS:
        raise UsageError(f"--venue: found {options.venue!r}, expected one of {', '.join(FEEDS)}")
    if not options.symbols:
        raise UsageError("--symbols is empty: expected names such as BTC-USDT-PERP")
    plan = RecordPlan(
        spec=FEEDS[options.venue],
        rest_url=options.rest_url or ADDRESSES[options.venue].rest_url,
        websocket_url=options.websocket_url or ADDRESSES[options.venue].websocket_url,
        symbols=options.symbols,
        folder=options.folder,
        options=FeedOptions(depth_every_ms=options.depth_every_ms),
        max_bytes=options.max_mib * MIB,
        max_age_ns=int(options.max_minutes * MINUTE_NS),
    )
    jitter = random.Random(f"{options.venue}/{now_ns()}")  # noqa: S311  spreads retries, no secret
    recorder = Recorder(plan, now_ns=now_ns, jitter=jitter)
    try:
        await asyncio.wait_for(_told(recorder), options.duration_s or None)
    except TimeoutError:
        pass  # the duration is over
    except VenueError as error:
        raise CliError(f"{options.venue}: {error}") from error
    writer = recorder.writer
    return {
        "venue": options.venue,
        "frames": recorder.frames,
        "lines": writer.lines,
        "files": [str(path) for path in writer.files],
        "bytes": sum(path.stat().st_size for path in writer.files),
        "refused": recorder.refusals,
    }


async def _told(recorder: Any) -> None:
    """Record, and say now and then on stderr how it goes."""
    telling = asyncio.create_task(_tell(recorder))
    try:
        await recorder.run()
    finally:
        telling.cancel()


async def _tell(recorder: Any) -> None:
    while sys.stderr.isatty():
        await asyncio.sleep(LISTED)
        name = recorder.writer.files[-1].name if recorder.writer.files else "connecting"
        print(f"\r{recorder.frames} frames, {name}", end="", file=sys.stderr, flush=True)


def _opened(paths: list[Path], venue: str) -> Any:
    from seawall_market_data.recordings import Recording
    from seawall_market_data.service import settings_of
    from seawall_runtime.config import MarketDataConfig
    from seawall_venues.capture.errors import CaptureError
    from seawall_venues.feeds import FEEDS

    if venue and venue not in FEEDS:
        raise UsageError(f"--venue: found {venue!r}, expected one of {', '.join(FEEDS)}")
    try:
        return Recording(paths, settings_of(MarketDataConfig()), venue)
    except CaptureError as error:
        raise UsageError(str(error)) from error


async def _replay(recording: Any, speed: float, wanted: frozenset[str], nats_url: str) -> None:
    from seawall_proto import encode, subject_of
    from seawall_runtime.clock import elapsed_s

    if nats_url:
        import nats

        client = await nats.connect(nats_url, connect_timeout=5, max_reconnect_attempts=3)
        sink: Callable[[Any], Any] = lambda event: client.publish(subject_of(event), encode(event))  # noqa: E731
    began_s, first_ns = elapsed_s(), 0
    try:
        for line, replays in recording.lines():
            first_ns = first_ns or line.ts_ns
            wait_s = (line.ts_ns - first_ns) / 1e9 / speed - (elapsed_s() - began_s) if speed and line.ts_ns else 0.0
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            for event in (event for replay in replays for event in replay.take(line)):
                if wanted and type(event).__name__ not in wanted:
                    continue
                if nats_url:
                    await sink(event)
                else:
                    sys.stdout.buffer.write(encode(event) + b"\n")
    except BrokenPipeError:
        sys.stderr.close()  # whoever read has seen enough
    finally:
        if nats_url:
            await client.drain()
