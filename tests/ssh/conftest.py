"""What the tests of the SSH door share: a service with one, keys, and the real OpenSSH client."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.service import PASSWORD, RunningService, Upstream, admin, clean_environment, free_port, running_service
from tests.tui.terminal import Terminal


class House:
    """A service with an SSH door, its members, and each member's key."""

    def __init__(self, service: RunningService, port: int, folder: Path) -> None:
        self.service, self.port, self.folder = service, port, folder

    def key(self, name: str, kind: str = "ed25519") -> Path:
        """A key pair, made when it is first asked for; nobody is let in by it yet."""
        path = self.folder / f"{name}_{kind}"
        if not path.exists():
            command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", f"{name}@test", "-f", str(path)]
            subprocess.run(command, check=True, timeout=60)
        return path

    def let_in(self, name: str, kind: str = "ed25519") -> Path:
        """A key pair of a user's, who is let in by it."""
        path = self.key(name, kind)
        admin(self.service, "key", "add", name, f"{path}.pub")
        return path

    def command(self, *arguments: str, key: Path | None = None, options: tuple[str, ...] = ()) -> list[str]:
        """`ssh` with options before the host and arguments after it."""
        return [
            "ssh", "-F", "none", "-i", str(key or self.folder / "wei_ed25519"), "-o", "IdentitiesOnly=yes",
            "-o", "IdentityAgent=none", "-o", "StrictHostKeyChecking=accept-new", "-o", "LogLevel=ERROR",
            "-o", f"UserKnownHostsFile={self.folder}/known_hosts", "-o", "NumberOfPasswordPrompts=1",
            "-p", str(self.port), *options, "you@127.0.0.1", *arguments,
        ]  # fmt: skip

    def start(
        self, *arguments: str, key: Path | None = None, options: tuple[str, ...] = ()
    ) -> subprocess.Popen[bytes]:
        """Start `ssh` with three pipes."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            self.command(*arguments, key=key, options=options),
            stdin=pipe, stdout=pipe, stderr=pipe, env=clean_environment(),
        )  # fmt: skip

    def run(
        self, *arguments: str, stdin: bytes = b"", key: Path | None = None, options: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[bytes]:
        """Run `ssh` to its end."""
        client = self.start(*arguments, key=key, options=options)
        out, err = client.communicate(stdin, timeout=60)
        return subprocess.CompletedProcess(arguments, client.returncode, out, err)


@pytest.fixture(scope="session")
def make_house(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., House]]:
    """Makes a service with an SSH door, and the member wei, who has a key and a password."""
    services = []

    def make(env: dict[str, str] | None = None) -> House:
        port = free_port()
        manager = running_service(f"--ssh-listen=tcp:{port}:interface=127.0.0.1", upstream=upstream, env=env)
        house = House(manager.__enter__(), port, tmp_path_factory.mktemp("keys"))
        services.append(manager)
        admin(house.service, "user", "add", "wei", stdin=PASSWORD + "\n")
        house.let_in("wei")
        return house

    yield make
    for manager in services:
        manager.__exit__(None, None, None)


@pytest.fixture(scope="session")
def house(make_house: Callable[..., House]) -> House:
    """One for all tests that leave it as it is."""
    return make_house()


@pytest.fixture
def open_ssh(house: House) -> Iterator[Callable[..., Terminal]]:
    """Starts `ssh` in a terminal; each must end with status 0."""
    opened: list[Terminal] = []

    def open_it(*arguments: str, house: House = house, **more: int) -> Terminal:
        opened.append(Terminal(env=clean_environment(), command=house.command(*arguments), **more))
        return opened[-1]

    yield open_it
    assert [terminal.end() for terminal in opened] == [0] * len(opened)
