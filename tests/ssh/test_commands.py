"""`ssh HOST ask …` and its like: pipes, exit statuses, and what is refused, with the real OpenSSH client."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.service import PASSWORD, admin
from tests.ssh.conftest import House

PLENTY = 30.0


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def template(house: House) -> int:
    """The process that programs are copies of."""
    (pid,) = children(house.service.process.child.pid)
    return pid


def programs(house: House) -> list[int]:
    """The programs of sessions."""
    return children(template(house))


def until(seen: Callable[[], object], what: str, timeout: float = PLENTY) -> float:
    """Wait for something that no line or frame tells of -> how long it took."""
    start = time.monotonic()
    while not seen():
        assert time.monotonic() - start < timeout, f"waited for {what}"
        time.sleep(0.01)
    return time.monotonic() - start


def test_an_answer_in_a_pipe(house: House) -> None:
    done = house.run("ask", "xueba", stdin="汉字 and 😀\n".encode())
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, "你说：汉字 and 😀\n", b"")
    done = house.run("ask", "xueba", "two", "words", stdin=b"a diff")
    assert done.stdout.decode() == "你说：two words\n\na diff\n"
    done = house.run("ask", "xueba", "--json", stdin=b"hello")
    assert json.loads(done.stdout)["status"] == "done"
    listed = house.run("list")
    assert listed.returncode == 0
    assert "xueba\t学霸助手\n" in listed.stdout.decode()


def test_a_text_needs_no_end_of_input(house: House) -> None:
    """At a terminal nobody ends it."""
    client = house.start("ask", "xueba", "hello")
    assert client.stdout is not None and client.stdin is not None
    assert client.stdout.read().decode() == "你说：hello\n"
    client.stdin.close()
    assert client.wait(PLENTY) == 0


@pytest.mark.parametrize(
    ("words", "status", "complaint"),
    [
        (["ask", "nobody", "hi"], 2, "no persona nobody"),
        (["ask"], 2, "PERSONA"),
        (["ask", "xueba", "!cut"], 1, "broke off"),
    ],
)
def test_exit_statuses(house: House, words: list[str], status: int, complaint: str) -> None:
    done = house.run(*words)
    assert (done.returncode, complaint in done.stderr.decode()) == (status, True), done.stderr.decode()


@pytest.mark.parametrize("words", [[], ["rm", "-rf", "/"], ["sh"], ["login"], ["ask;id"], ["ask", "'"], ["help"]])
def test_anything_else_is_refused_with_a_line_that_helps(house: House, words: list[str]) -> None:
    done = house.run(*words, options=("-T",))
    assert done.returncode == 2
    assert b"ask, chat, list, show, search, export" in done.stderr
    assert done.stdout == b""


@pytest.mark.parametrize(
    "words",
    [["list", "--url=ws://127.0.0.1:1/ws"], ["list", "--token-file=/etc/passwd"], ["list", "--tok", "/etc/passwd"]],
)
def test_no_other_server_and_no_file_of_the_server(house: House, words: list[str]) -> None:
    done = house.run(*words)
    assert done.returncode == 2
    assert b"over SSH" in done.stderr
    assert b"root" not in done.stderr


def test_no_shell_is_asked(house: House) -> None:
    done = house.run("ask", "xueba", "'$(id) `id` ; id > /tmp/x | id'", stdin=b"")
    assert done.stdout.decode() == "你说：$(id) `id` ; id > /tmp/x | id\n"


def test_a_user_has_their_own_history(house: House) -> None:
    """A member behind the door is that member, also where whoever is on this machine is the owner."""
    house.run("ask", "xueba", stdin=b"only wei knows")
    owner = house.let_in("owner")
    done = house.run("ask", "xueba", "--json", stdin=b"hello", key=owner)
    mine = json.loads(house.run("ask", "xueba", "--json", stdin=b"hello").stdout)
    assert json.loads(done.stdout)["conversation_id"] != mine["conversation_id"]


def test_files_ports_agents_and_windows_are_refused(house: House) -> None:
    sftp = house.run("sftp", options=("-s",))
    assert (sftp.returncode, b"subsystem request failed" in sftp.stderr) == (255, True)
    out = house.run(options=("-W", "127.0.0.1:22"))
    assert (out.returncode, b"stdio forwarding failed" in out.stderr) == (255, True)
    back = house.run("list", options=("-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:22"))
    assert (back.returncode, back.stdout) == (255, b"")
    for option in ("-A", "-X"):  # asked for in vain, the command runs
        assert house.run("list", options=(option,)).returncode == 0


def test_a_wrong_key_stays_outside(house: House) -> None:
    done = house.run("list", key=house.key("stranger"))
    assert done.returncode == 255
    assert b"Permission denied (publickey)" in done.stderr


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_other_kinds_of_keys(house: House, kind: str) -> None:
    assert house.run("list", key=house.let_in("wei", kind)).returncode == 0


def test_a_revoked_key_ends_its_sessions_within_a_second(house: House) -> None:
    admin(house.service, "user", "add", "mei", "--no-password")
    key = house.let_in("mei")
    client = house.start("ask", "--new", "xueba", "!slow " + "word " * 200, key=key)
    assert client.stdout is not None
    assert client.stdout.read(6)
    assert "1 revoked" in admin(house.service, "key", "revoke", "mei", "mei@test")
    began = time.monotonic()
    _, err = client.communicate(timeout=PLENTY)
    assert time.monotonic() - began < 1
    assert b"This key was revoked." in err
    assert client.returncode != 0
    until(lambda: not programs(house), "the end of the program", 2)
    assert house.run("list", key=key).returncode == 255


def test_whoever_leaves_takes_their_program_along_within_two_seconds(house: House) -> None:
    client = house.start("ask", "--new", "xueba", "!slow " + "word " * 200)
    assert client.stdout is not None
    assert client.stdout.read(6)
    assert len(programs(house)) == 1
    client.send_signal(signal.SIGKILL)
    client.wait()
    assert until(lambda: not programs(house), "the end of the program") < 2


def test_nothing_secret_or_private_is_to_be_read_in_proc(house: House) -> None:
    client = house.start("ask", "--new", "xueba", "!slow private-words " + "word " * 200)
    assert client.stdout is not None
    client.stdout.read(6)
    (pid,) = programs(house)
    argv = Path(f"/proc/{pid}/cmdline").read_bytes()
    environ = Path(f"/proc/{template(house)}/environ").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
    client.kill()
    client.communicate()
    assert b"private-words" not in argv
    for text in (argv, environ):
        assert b"aichat_once_" not in text
        assert house.service.token.encode() not in text
    names = {line.partition(b"=")[0].decode() for line in environ.split(b"\0") if line}
    assert names <= {
        "PATH", "HOME", "TMPDIR", "AICHAT_URL", "AICHAT_TICKETS", "AICHAT_CONFINED", "PYTHONUTF8", "PYTHONPATH", "TZ",
        "PYTHONDONTWRITEBYTECODE", "PYTHON_KEYRING_BACKEND", "LANG", "LC_CTYPE", "LC_ALL", "TERM", "COLORTERM",
    }  # fmt: skip


def test_programs_have_their_limits(house: House) -> None:
    client = house.start("ask", "--new", "xueba", "!slow " + "word " * 200)
    assert client.stdout is not None
    client.stdout.read(6)
    (pid,) = programs(house)
    limits = Path(f"/proc/{pid}/limits").read_text()
    client.kill()
    client.communicate()
    rows = {line[:26].strip(): line[26:].split()[0] for line in limits.splitlines()}
    assert rows["Max data size"] == str(512 * 1_048_576)
    assert rows["Max cpu time"] == "3600"
    assert rows["Max open files"] == "128"
    assert rows["Max file size"] == "0"
    assert rows["Max core file size"] == "0"


def test_the_host_key_is_made_once_and_is_private(house: House) -> None:
    path = house.service.state_dir / "ssh_host_ed25519_key"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    house.run("list")
    assert len((house.folder / "known_hosts").read_text().splitlines()) == 1


def test_ssh_audit_has_no_fail(house: House) -> None:
    command = [str(Path(sys.executable).with_name("ssh-audit")), "--json", "-p", str(house.port), "127.0.0.1"]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    report = json.loads(done.stdout)
    assert [key["algorithm"] for key in report["key"]] == ["ssh-ed25519"]
    for kind in ("kex", "key", "enc", "mac"):
        for algorithm in report[kind]:
            assert "fail" not in algorithm.get("notes", {}), algorithm
    assert not report["recommendations"].get("critical"), report["recommendations"]


def test_passwords_where_the_setting_allows_them(make_house: Callable[..., House], tmp_path: Path) -> None:
    house = make_house({"AICHAT_SSH_PASSWORD": "true", "AICHAT_SSH_SESSIONS_PER_USER": "1"})
    asker = tmp_path / "askpass"
    asker.write_text(f"#!/bin/sh\necho '{PASSWORD}'\n")
    asker.chmod(0o700)
    command = house.command("list", key=house.key("stranger"))
    command[command.index("you@127.0.0.1")] = "wei@127.0.0.1"
    env = {**os.environ, "SSH_ASKPASS": str(asker), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}
    done = subprocess.run(command, env=env, capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    asker.write_text("#!/bin/sh\necho wrong\n")
    done = subprocess.run(command, env=env, capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 255
    # and one session a user is one
    client = house.start("ask", "--new", "xueba", "!slow " + "word " * 100)
    assert client.stdout is not None
    client.stdout.read(6)
    second = house.run("list")
    client.kill()
    client.communicate()
    assert second.returncode == 3
    assert b"wei has 1 sessions open" in second.stderr


def test_the_service_stops_with_its_sessions(make_house: Callable[..., House]) -> None:
    house = make_house()
    client = house.start("ask", "--new", "xueba", "!slow " + "word " * 200)
    assert client.stdout is not None
    client.stdout.read(6)
    (pid,) = programs(house)
    began = time.monotonic()
    house.service.stop()
    assert time.monotonic() - began < 10
    _, err = client.communicate(timeout=PLENTY)
    assert b"the server is stopping" in err
    assert not Path(f"/proc/{pid}").exists()


def test_programs_end_with_a_service_that_is_killed(make_house: Callable[..., House]) -> None:
    house = make_house()
    client = house.start("ask", "--new", "xueba", "!slow " + "word " * 200)
    assert client.stdout is not None
    client.stdout.read(6)
    (pid,), parent = programs(house), template(house)
    house.service.kill()
    until(lambda: not Path(f"/proc/{pid}").exists() and not Path(f"/proc/{parent}").exists(), "the end of both", 5)
    client.communicate(timeout=PLENTY)
    house.service.start()
    assert house.run("list").returncode == 0


def test_a_template_that_dies_takes_its_sessions_along_and_another_is_made(make_house: Callable[..., House]) -> None:
    house = make_house()
    client = house.start("ask", "--new", "xueba", "!slow " + "word " * 200)
    assert client.stdout is not None
    client.stdout.read(6)
    os.kill(template(house), signal.SIGKILL)
    client.communicate(timeout=PLENTY)
    assert client.returncode == 255
    assert house.run("list").returncode == 0
