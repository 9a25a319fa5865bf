"""The service as a whole: starts the rooms in order, says `ready`, and stops them in the other order."""

from __future__ import annotations

import gc
import os
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.application.service import Service
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint, UNIXServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort, IProtocolFactory, IReactorUNIX
from twisted.internet.task import deferLater
from twisted.web.server import Site

from aichat.backups import Backups
from aichat.bridge.app import BridgeApp
from aichat.bridge.book import PersonaBook
from aichat.bridge.client import BridgeClient
from aichat.bridge.probe import BridgeProbe
from aichat.bridge.registry import DEFAULT, Providers
from aichat.certificates import Certificates
from aichat.chat.accounts import Accounts
from aichat.chat.administration import Administration
from aichat.chat.completions import Completions
from aichat.chat.conversations import Conversations
from aichat.chat.hub import Hub
from aichat.chat.line import Lines
from aichat.chat.passwords import Passwords
from aichat.chat.personas import Personas
from aichat.chat.pruning import Pruning
from aichat.chat.search import Search
from aichat.chat.titles import Titles
from aichat.chat.turns import Ended, Turns
from aichat.config import Settings, SettingsError
from aichat.doors.admin import AdminDoor, admin_socket
from aichat.doors.connection import UseCases
from aichat.doors.crowd import Crowd, CrowdFactory
from aichat.doors.front import Front
from aichat.doors.openai import OpenAIDoor
from aichat.doors.web import WebDoor
from aichat.doors.websocket import WebSocketDoor
from aichat.gate import Gate
from aichat.health import Health
from aichat.log import make_logger, quieten_twisted, set_level
from aichat.metrics import Metrics
from aichat.protocol.address import DEFAULT_URL
from aichat.protocol.values import Offer
from aichat.store import Store
from aichat.store.database import in_words
from aichat.store.personas import parse_persona
from aichat.upstreams import describe, make_providers
from aichat.watch import (
    watch_backups,
    watch_bridge,
    watch_certificates,
    watch_process,
    watch_providers,
    watch_ssh,
    watch_store,
    watch_turns,
)

if TYPE_CHECKING:
    from aichat.doors.ssh import SSHDoor

CLOSE_PATIENCE = 3.0
"""Seconds that clients have to answer the closing handshake when the service stops."""


class StartError(Exception):
    """Why the service cannot start, in one line."""


class AichatService(Service):
    """One `twistd aichat`: the chat service with its bridge, or a bridge alone."""

    log = make_logger("aichat")

    def __init__(self, reactor: Any, settings: Settings) -> None:
        self.reactor = reactor
        self.settings = settings
        self.gate = Gate(settings.hosts, settings.origins)
        self.crowd = Crowd(
            reactor.seconds,
            most=settings.connections_most,
            per_address=settings.connections_per_address,
            per_minute=settings.connects_per_minute,
        )
        self.ports: list[IListeningPort] = []
        self.service_ports: list[IAddress] = []
        self.ssh_ports: list[IAddress] = []
        self.providers: Providers | None = None
        self.store: Store | None = None
        self.pruning: Pruning | None = None
        self.search: Search | None = None
        self.titles: Titles | None = None
        self.passwords: Passwords | None = None
        self.turns: Turns | None = None
        self.door: WebSocketDoor | None = None
        self.ssh: SSHDoor | None = None
        self.backups = Backups(
            reactor, settings.database_path, settings.backup_path, settings.backup_hours, settings.backup_keep
        )
        self.health = Health()
        self.metrics = Metrics()
        self.certificates = Certificates(reactor)
        self.probe: BridgeProbe | None = None
        self.ready = False
        self._starting: Deferred[None] | None = None

    def startService(self) -> None:
        """Called by twistd once the process is what it will be; the log takes lines only when the reactor runs."""
        super().startService()  # type: ignore[no-untyped-call]
        set_level(self.settings.log_level)
        quieten_twisted()
        watch_process(self.metrics, self.reactor)
        watch_certificates(self.health, self.metrics, self.certificates)
        self.health.reason(lambda: "" if self.ready else "it is starting or stopping")
        self.log.info("open files: {limit} at most", limit=raise_file_limit())
        self.reactor.callWhenRunning(self._begin)

    def stopService(self) -> Deferred[None]:
        """Called by twistd on SIGTERM."""
        super().stopService()  # type: ignore[no-untyped-call]
        return ensureDeferred(self._stop())

    def _begin(self) -> None:
        self._starting = ensureDeferred(self._start_or_exit())

    async def _start_or_exit(self) -> None:
        try:
            await (self._start_bridge_alone() if self.settings.bridge_only else self._start())
        except (StartError, SettingsError, CannotListenError, OSError, sqlite3.Error) as error:
            self.log.critical("cannot start: {error}", error=_one_line(error, self.settings))
            self._exit(1)
        except Exception:
            self.log.failure("cannot start: a fault in aichat")
            self._exit(1)

    def _exit(self, code: int) -> None:
        """Stop the reactor and leave with an exit code, which twistd by itself would not do."""
        self.reactor.addSystemEventTrigger("after", "shutdown", os._exit, code)
        self.reactor.callLater(0, self._stop_reactor)

    def _stop_reactor(self) -> None:
        if self.reactor.running:
            self.reactor.stop()

    async def _start(self) -> None:
        settings = self.settings
        self.store = Store(settings.database_path, self.reactor)
        await self.store.open()
        trust_local = settings.trust_local and settings.is_local_only
        self.passwords = Passwords(self.reactor)
        accounts = Accounts(
            self.store,
            self.passwords,
            settings.state_path,
            trust_local=trust_local,
            seconds=self.reactor.seconds,
            most_per_user=settings.connections_per_user,
            messages_per_minute=settings.messages_per_minute,
        )
        await accounts.open()
        book = PersonaBook()
        hub = Hub(self.reactor)
        bridge = await self._open_bridge(book)
        at_once = {name: upstream.at_once for name, upstream in settings.upstreams.items()}
        lines = Lines(at_once, settings.generations_per_user)
        contexts = {name: upstream.context_tokens for name, upstream in settings.upstreams.items()}
        turns = self.turns = Turns(self.reactor, self.store, hub, bridge, lines, contexts[DEFAULT])
        turns.contexts = contexts
        if interrupted := await turns.recover():
            self.log.info("{n} answers were cut off by the last stop and are marked so", n=interrupted)
        personas = Personas(self.store, hub, turns, members_choose=settings.members_choose_models)
        personas.on_saved = lambda p: book.add_persona(p.id, p.name, p.prompt, p.avatar)
        personas.on_deleted = book.remove_persona
        personas.offers = self._offers
        if taken := await personas.open(accounts.owner.id, self._starters(), self._persona_files()):
            self.log.info("personas taken in: {ids}", ids=", ".join(taken))
        conversations = Conversations(self.store, hub, turns)
        search = self.search = Search(self.reactor, self.store, turns)
        titles = self.titles = Titles(self.reactor, self.store, hub, bridge, lines, settings.wants_titles)

        def on_ended(ended: Ended) -> None:
            search.note(ended.user_id)
            titles.note(ended)

        turns.on_ended = on_ended
        completions = Completions(self.store, bridge, lines)
        use_cases = UseCases(accounts, hub, personas, conversations, turns, completions, search)
        self.door = WebSocketDoor(self.reactor, self.gate, use_cases, settings.frames_per_second)
        openai = OpenAIDoor(self.gate, accounts, completions)
        web = WebDoor(self.gate, self.door, openai, accounts, self.health, self.metrics)
        watch_store(self.health, self.metrics, self.store)
        watch_backups(self.health, self.metrics, self.backups)
        watch_turns(self.metrics, turns, self.door)
        administration = Administration(self.store, accounts, self.passwords, turns.stop_user, personas.publish)
        await self._listen_privately(AdminDoor(administration).site())
        await self._listen("service", settings.listen, Front(web.site(), self.door))
        await self._open_ssh(accounts, self.door)
        self.backups.start()
        self.pruning = Pruning(self.reactor, self.store)
        self.pruning.start()
        search.start()
        self._say_ready()

    async def _open_ssh(self, accounts: Accounts, door: WebSocketDoor) -> None:
        """The SSH door, if it is wanted; its programs come to the WebSocket door by a port of their own."""
        settings = self.settings
        if not settings.ssh_listen:
            return
        from aichat.doors.ssh import SSHDoor  # noqa: PLC0415 - Conch takes 12 MB, which most services save

        self.ssh = SSHDoor(
            self.reactor,
            accounts,
            settings.state_path,
            passwords=settings.ssh_password,
            sessions_most=settings.ssh_sessions_most,
            sessions_per_user=settings.ssh_sessions_per_user,
        )
        try:
            self.ssh.open()
        except ValueError as error:
            raise StartError(str(error)) from None
        inside = await TCP4ServerEndpoint(self.reactor, 0, interface="127.0.0.1").listen(door)
        self.ports.append(inside)
        door.trusting_nobody.add(inside.getHost().port)
        self.ssh.url = f"ws://127.0.0.1:{inside.getHost().port}/ws"
        watch_ssh(self.metrics, self.ssh)
        await self._listen("ssh", settings.ssh_listen, self.ssh)

    async def _start_bridge_alone(self) -> None:
        book = PersonaBook()
        for data in (*self._starters(), *self._persona_files()):
            persona = parse_persona(data)
            book.add_persona(persona.id, persona.name, persona.prompt, persona.avatar)
        await self._listen("bridge", self.settings.bridge_listen, self._bridge_site(book))
        self._say_ready()

    async def _open_bridge(self, book: PersonaBook) -> BridgeClient:
        settings = self.settings
        if settings.bridge:
            self.probe = BridgeProbe(self.reactor, settings.bridge)
            self.probe.start()
            watch_bridge(self.health, self.metrics, self.probe)
            return BridgeClient.remote(self.reactor, settings.bridge, settings.bridge_secret)
        site = self._bridge_site(book)
        await self._listen("bridge", settings.bridge_listen, site)
        return BridgeClient.in_process(self.reactor, site, settings.bridge_secret)

    def _offers(self) -> list[Offer]:
        """Which models there are; what a bridge elsewhere has by default it alone knows."""
        if self.providers is not None:
            known = [(state.name, state.model) for state in self.providers.states()]
        else:
            known = [
                (name, u.upstream_model if name != DEFAULT else "") for name, u in self.settings.upstreams.items()
            ]
        return [Offer(provider="" if name == DEFAULT else name, model=model) for name, model in known]

    def _bridge_site(self, book: PersonaBook) -> Site:
        self.providers = make_providers(self.reactor, self.settings)
        watch_providers(self.health, self.metrics, self.providers)
        for name, upstream in self.settings.upstreams.items():
            whose = "answers come" if name == DEFAULT else f"answers of the provider {name} come"
            self.log.info("{whose} from {provider}", whose=whose, provider=describe(upstream))
        metrics = self.metrics if self.settings.bridge_only else None
        secret = self.settings.bridge_secret
        return BridgeApp(self.reactor, self.providers, book, self.gate, secret, metrics, self.health).site()

    async def _listen(self, what: str, endpoints: list[str], site: IProtocolFactory) -> None:
        for text in endpoints:
            if text == "none":
                continue
            private = ":mode=600" if text.startswith("unix:") and ":mode=" not in text else ""
            try:
                endpoint = self.certificates.endpoint(text + private)  # whoever can open it is the owner
            except (ValueError, TypeError, KeyError) as error:
                raise StartError(
                    f"{text!r} is no endpoint ({error}); write it as tcp:8765:interface=127.0.0.1"
                ) from None
            port = await endpoint.listen(CrowdFactory(site, self.crowd))
            self.ports.append(port)
            if what == "service":
                self.service_ports.append(port.getHost())
            elif what == "ssh":
                self.ssh_ports.append(port.getHost())
            self.log.info("{what} on {port}", what=what, port=_address(port))

    async def _listen_privately(self, site: Site) -> None:
        """For `aichat-admin`: a Unix socket beside the database, mode 600; without one it wants a stopped service."""
        if not IReactorUNIX.providedBy(self.reactor):
            return
        address = admin_socket(self.settings.database_path)
        Path(address).unlink(missing_ok=True)  # of a service that was killed: the lock says that there is no other
        try:
            self.ports.append(await UNIXServerEndpoint(self.reactor, address, mode=0o600).listen(site))
        except CannotListenError as error:
            self.log.warn("aichat-admin will not reach this service: {error}", error=error)

    def _starters(self) -> list[bytes]:
        return self._read_personas(sorted(files("aichat.personas").iterdir(), key=lambda file: file.name))

    def _persona_files(self) -> list[bytes]:
        """The user's own `personas/*.json`."""
        return self._read_personas(sorted((self.settings.state_path / "personas").glob("*.json")))

    def _read_personas(self, found: Iterable[Traversable]) -> list[bytes]:
        """Persona files; one that is no persona is named and left out."""
        good = []
        for file in found:
            if file.name.endswith(".json"):
                try:
                    data = file.read_bytes()
                    parse_persona(data)
                    good.append(data)
                except (OSError, msgspec.DecodeError) as error:
                    self.log.warn("{file} is left out, it is not a persona: {error}", file=file, error=error)
        return good

    def _say_ready(self) -> None:
        self.certificates.start()
        self.ready = True
        gc.collect()
        gc.freeze()  # what is here now stays: the collector need not look at it again and again
        gc.set_threshold(10_000)  # and what a turn makes is mostly gone by then: a sixth of its CPU at 700
        self.log.info("ready")
        port = next((host for host in self.service_ports if isinstance(host, IPv4Address)), None)
        if port is None or self.settings.bridge_only:
            return
        host = "127.0.0.1" if port.host == "0.0.0.0" else port.host  # noqa: S104 - compared, not listened on
        url = f"ws://{host}:{port.port}/ws"
        default = "" if url == DEFAULT_URL else f" --url {url}"
        for place, where in (
            ("web page", f"http://{host}:{port.port}/test"),
            ("terminal", f"make tui, or: aichat-tui{default}"),
            ("desktop", f"make qt, or: aichat-qt{default}"),
            ("WebSocket", url),
        ):
            self.log.info("{place:>10}  {where}", place=place, where=where)
        for address in self.ssh_ports:
            if isinstance(address, IPv4Address | IPv6Address):
                here = "127.0.0.1" if address.host in ("0.0.0.0", "::") else address.host  # noqa: S104 - compared
                where = f"ssh -p {address.port} {here}    (first: aichat-admin key add owner ~/.ssh/id_ed25519.pub)"
                self.log.info("{place:>10}  {where}", place="ssh", where=where)

    async def _stop(self) -> None:
        """Refuse newcomers, keep what is being written, say goodbye, close."""
        if self._starting is not None:
            await self._starting  # a service that is half open cannot be closed
        self.ready = False
        self.certificates.stop()
        if self.probe is not None:
            self.probe.stop()
        backups_over = self.backups.stop()
        for port in self.ports:
            await maybeDeferred(port.stopListening)
        if self.titles is not None:
            self.titles.stop()
        if self.turns is not None:
            await self.turns.close()
        if self.ssh is not None:
            await self.ssh.close()
        if self.door is not None:
            self.door.close_all()
            deadline = self.reactor.seconds() + CLOSE_PATIENCE
            while self.door.sockets and self.reactor.seconds() < deadline:
                await deferLater(self.reactor, 0.02)
        if self.providers is not None:
            await self.providers.stop()
        await backups_over
        if self.pruning is not None:
            await self.pruning.stop()
        if self.search is not None:
            await self.search.stop()
        if self.passwords is not None:
            self.passwords.close()
        if self.store is not None:
            await self.store.close()


def raise_file_limit() -> int:
    """Let this process open all the files it may (a connection is one, 1,024 are usual) -> how many, 0: unknown."""
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        return 0
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS calls it unlimited, and refuses that
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _address(port: IListeningPort) -> str:
    host = port.getHost()
    return f"{host.host}:{host.port}" if isinstance(host, IPv4Address | IPv6Address) else str(host)


def _one_line(error: Exception, settings: Settings) -> str:
    if isinstance(error, CannotListenError):
        ports = "--listen, --ssh-listen or --bridge-listen"
        return f"port {error.port} is taken ({error.socketError}): stop what uses it, or set {ports}"
    if isinstance(error, sqlite3.Error):
        return f"the database {settings.database_path} cannot be used. {in_words(error)}"
    return " ".join(str(error).split())
