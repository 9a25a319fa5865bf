"""What /healthz and /metrics say of a service: where each of their numbers and words comes from."""

from __future__ import annotations

import math
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IReactorTime

import aichat
from aichat.backups import Backups
from aichat.bridge.probe import BridgeProbe
from aichat.bridge.registry import Providers
from aichat.certificates import Certificates
from aichat.chat.turns import Turns
from aichat.doors.websocket import WebSocketDoor
from aichat.health import Health
from aichat.metrics import Metrics
from aichat.store import Store
from aichat.store.checkup import FREE_FLOOR_BYTES

if TYPE_CHECKING:
    from aichat.doors.ssh import SSHDoor  # Conch, which is read only where there is such a door

WEEK_SECONDS = 7 * 86_400

FREE_LOW_BYTES = 8 * FREE_FLOOR_BYTES
"""Below this the owner hears of it; below FREE_FLOOR_BYTES the service is not ready."""


PROVIDER_STATES = ("closed", "half_open", "open")


def watch_process(metrics: Metrics, reactor: IReactorTime) -> None:
    """What a bridge alone has too."""
    metrics.gauge("timers", "Timers of this process that run", lambda: len(reactor.getDelayedCalls()))
    metrics.gauge("info", "The version that runs", lambda: {aichat.__version__: 1}, "version")


def watch_store(health: Health, metrics: Metrics, store: Store) -> None:
    """The database: does it take writes, is there room, what waits."""
    health.reason(lambda: "the database refuses writes" if store.refuses else "")
    health.reason(
        lambda: "hardly any space is left on the database's disk" if _free(store) < FREE_FLOOR_BYTES else ""
    )
    health.remark(lambda: "space is getting short on the database's disk" if _free(store) < FREE_LOW_BYTES else "")
    health.remark(lambda: "a read of the database failed: see aichat-admin check" if store.failed_reads else "")
    metrics.gauge("writes_waiting", "Writes that wait for their commit", lambda: store.writes_waiting)
    metrics.gauge("database_bytes", "Size of the database, by file", lambda: _sizes(store.path), "file")
    metrics.gauge("free_bytes", "Free space on the database's disk", lambda: _free(store))
    metrics.gauge("storage_refuses", "1 while the database refuses writes", lambda: store.refuses)


def watch_backups(health: Health, metrics: Metrics, backups: Backups) -> None:
    """The scheduled backups, if there are any."""
    if backups.is_on:
        health.remark(lambda: "the last backup failed: see the log" if backups.failed else "")
        metrics.gauge("backup_failed", "1 if the last backup failed", lambda: bool(backups.failed))
        metrics.gauge("backup_time_seconds", "When the newest backup was made, Unix time", lambda: backups.last_time)
        metrics.gauge("backup_bytes", "Size of the newest backup", lambda: backups.last_size)


def watch_certificates(health: Health, metrics: Metrics, certificates: Certificates) -> None:
    """The certificates of `ssl:` ports."""
    text = "When the certificate of a TLS port ends, Unix time"
    metrics.gauge("certificate_end_seconds", text, lambda: certificates.ends, "port")
    health.remark(lambda: "a new certificate could not be taken: see the log" if certificates.failed else "")
    health.remark(lambda: _ending(certificates.ends.values()))


def _ending(ends: Iterable[float]) -> str:
    left = min(ends, default=math.inf) - time.time()
    if left < 0:
        return "a certificate has ended: browsers refuse it"
    return "a certificate ends in less than a week" if left < WEEK_SECONDS else ""


def watch_bridge(health: Health, metrics: Metrics, probe: BridgeProbe) -> None:
    """A bridge elsewhere."""
    health.reason(lambda: probe.trouble)
    metrics.gauge("bridge_up", "1 while the bridge elsewhere answers", lambda: not probe.trouble)


def watch_providers(health: Health, metrics: Metrics, providers: Providers) -> None:
    """The providers of our own bridge; one that is down is no reason to restart a service that keeps everything."""
    health.remark(
        lambda: ", ".join(f"the provider {s.name} is down" for s in providers.states() if s.state != "closed")
    )
    metrics.gauge(
        "provider_state",
        "0 while the provider works, 1 while it is tried again, 2 while it is down and not asked",
        lambda: {s.name: PROVIDER_STATES.index(s.state) for s in providers.states()},
        "provider",
    )
    metrics.gauge(
        "provider_failures",
        "Answers in a row that the provider failed to begin",
        lambda: {s.name: s.failures for s in providers.states()},
        "provider",
    )


def watch_turns(metrics: Metrics, turns: Turns, door: WebSocketDoor) -> None:
    """Answers being written, and the connections that see them."""
    metrics.gauge("generations_running", "Answers being written", lambda: turns.running)
    metrics.gauge("generations_waiting", "Answers that wait for their turn", lambda: turns.waiting)
    metrics.gauge("connections", "Open WebSockets, by what they speak", lambda: _connections(door), "state")
    metrics.gauge("frames_waiting", "Frames that came in and wait for their turn", lambda: _sum(door, "waiting"))
    metrics.gauge("unsent_bytes", "Bytes that slow clients have not read yet", lambda: _sum(door, "unsent"))


def watch_ssh(metrics: Metrics, door: SSHDoor) -> None:
    """Who is in by SSH."""
    metrics.gauge("ssh_sessions", "Sessions of the SSH door", lambda: door.sessions)


def _free(store: Store) -> int:
    try:
        return shutil.disk_usage(store.path.parent).free
    except OSError:
        return 0


def _sizes(path: Path) -> Mapping[str, float]:
    files = {"main": path, "wal": path.with_name(path.name + "-wal")}
    return {name: file.stat().st_size for name, file in files.items() if file.exists()}


def _connections(door: WebSocketDoor) -> Mapping[str, float]:
    found = Counter(socket.connection.state for socket in door.sockets if socket.connection is not None)
    return {state: found[state] for state in ("fresh", "plain", "full")}


def _sum(door: WebSocketDoor, name: str) -> int:
    return sum(getattr(socket.connection, name) for socket in door.sockets if socket.connection is not None)
