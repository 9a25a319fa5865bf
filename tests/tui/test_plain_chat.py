"""`aichat-tui chat --plain` out of a pipe and at a terminal, and what a break or a restart does to a command."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aichat_tui.plain.verbs import VERBS

from tests.faultproxy import FaultProxy, Line
from tests.service import RunningService, Upstream, running_service
from tests.tui.conftest import Run, Start
from tests.tui.terminal import Terminal

DEADLINE = 30.0


class Lines:
    """A command whose output is read as it comes."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self.child = child
        self.text = ""
        self._raw = b""

    def say(self, line: str) -> None:
        """Write a line to it."""
        assert self.child.stdin is not None
        self.child.stdin.write(line.encode() + b"\n")
        self.child.stdin.flush()

    def until(self, words: str) -> None:
        """Read on to these words."""
        assert self.child.stdout is not None
        while words not in self.text:
            assert select.select([self.child.stdout], [], [], DEADLINE)[0], self.text
            data = os.read(self.child.stdout.fileno(), 65536)
            assert data, f"ended before {words!r}: {self.text}"
            self._raw += data
            self.text = self._raw.decode(errors="replace")

    def end(self) -> int:
        """Read to the end -> its status."""
        out, err = self.child.communicate(timeout=60)
        self.text = (self._raw + out).decode()
        self.errors = err.decode()
        return self.child.returncode


def talk(run: Run, *lines: str, options: tuple[str, ...] = ("mara", "--new")) -> subprocess.CompletedProcess[bytes]:
    """Lines out of a pipe."""
    return run("chat", *options, stdin="".join(line + "\n" for line in lines).encode())


def test_each_line_waits_for_the_answer_before_it(run: Run) -> None:
    done = talk(run, "one", "", "二", "//help", '"""', "a", "/b", '"""')
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().splitlines()[2:] == [
        "(/help tells the commands.)",
        "Captain Mara: 你说：one",
        "Captain Mara: 你说：二",
        "Captain Mara: 你说：/help",
        "Captain Mara: 你说：a",
        "/b",
    ]
    assert b"\x1b" not in done.stdout


def test_json(run: Run) -> None:
    done = talk(run, "one", "/show 2", options=("mara", "--new", "--json"))
    said = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert [(m["role"], m["content"]) for m in said] == [("user", "one"), ("assistant", "你说：one")] * 2
    assert "Captain Mara" in done.stderr.decode()


def test_commands(run: Run) -> None:
    text = talk(run, "first", "/regenerate", "/rename Winds", "/persona 学霸", "你好", "/open winds", "/sh 1",
                "/search first", "/help").stdout.decode()  # fmt: skip
    assert text.splitlines().count("Captain Mara: 你说：first") == 2
    assert "学霸助手: 你说：你好" in text
    assert "in “Winds”" in text
    assert text.count("你说：first\n") >= 3, "shown once more"
    assert "Winds, Captain Mara: 你说：first" in text
    for verb in VERBS.values():
        assert f"{verb.usage}: " in text


def test_what_is_wrong_ends_nothing_and_is_told_by_the_status(run: Run) -> None:
    done = talk(run, "/nonsense", "/continue", "!cut", "still there")
    assert done.returncode == 1
    text = done.stdout.decode()
    assert "no command /nonsense" in text and "nothing was said here yet" in text
    assert "(broke off" in text
    assert text.endswith("Captain Mara: 你说：still there\n")


def test_stop_and_continue(start: Start) -> None:
    chat = Lines(start("chat", "mara", "--new"))
    chat.say("!slow " + "word " * 100)
    chat.until("Captain Mara: 慢慢地")
    chat.say("/stop")
    chat.until("(stopped)")
    chat.say("/continue")
    chat.until("Captain Mara: 四 five 😀。")
    assert chat.text.count("慢慢地") == 1, "of a continued answer what is new is printed"
    assert chat.end() == 1


def test_ctrl_c_stops_and_leaves_the_rest_of_a_pipe(start: Start, run: Run) -> None:
    chat = Lines(start("chat", "mara", "--new"))
    chat.say("!slow " + "word " * 100)
    chat.say("never said")
    chat.until("慢慢地")
    chat.child.send_signal(signal.SIGINT)
    assert chat.end() == 130
    assert "(stopped)" in chat.text
    assert "never said" not in run("show", "latest", "--all").stdout.decode()


def test_what_another_device_says_is_printed(start: Start, run: Run) -> None:
    (before,) = [json.loads(run("ask", "mara", "begin", "--new", "--json").stdout)]
    number = str(before["conversation_id"])
    chat = Lines(start("chat", "--conversation", number))
    chat.until("/help")
    assert run("ask", "mara", "from afar", "--conversation", number).returncode == 0
    chat.until("You, elsewhere: from afar\nCaptain Mara: 你说：from afar\n")
    assert chat.end() == 0


def test_at_a_terminal(service: RunningService) -> None:
    env = {**service.environment(), "TERM": "dumb"}
    terminal = Terminal("chat", "--plain", "mara", "--new", env=env)
    terminal.until("\n>")
    terminal.send("你好 😀\n")
    terminal.until("Captain Mara: 你说：你好 😀")
    terminal.send("!slow " + "word " * 100 + "\n")
    terminal.until("慢慢地")
    terminal.send("\x03")
    terminal.until("(stopped)")
    terminal.send("/quit\n")
    assert any(not terminal.read() for _ in range(300)), terminal.text
    assert os.waitstatus_to_exitcode(os.waitpid(terminal.pid, 0)[1]) == 0
    assert b"\x1b" not in terminal.raw, "no escape at all"


def test_a_second_ctrl_c_leaves_at_once(start: Start, proxy: FaultProxy) -> None:
    """Whatever the server still has to say to the first one."""
    proxy.plan = lambda: Line(latency=0.5)
    child = start("ask", "mara", "!slow " + "word " * 200, "--new", "--url", proxy.url)
    assert child.stdin is not None
    child.stdin.close()
    child.stdin = None
    Lines(child).until("慢慢地")
    child.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):  # it waits for the server's word
        child.wait(0.3)
    child.send_signal(signal.SIGINT)
    assert child.wait(1) == 130


def told(service: RunningService, *words: str) -> list[dict[str, Any]]:
    """What a command prints as JSON."""
    command = [sys.executable, "-m", "aichat_tui", *words, "--json"]
    done = subprocess.run(command, env=service.environment(), capture_output=True, timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def ask_of(service: RunningService, *words: str) -> Lines:
    """`ask`, as a process."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "aichat_tui", "ask", *words]
    env = service.environment()
    return Lines(subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe))


def test_a_service_that_is_killed_mid_answer(upstream: Upstream, tmp_path: Path) -> None:
    """What came is printed once, it is marked as broken off, and nothing was said twice."""
    with running_service(upstream=upstream, state_dir=tmp_path) as service:
        asking = ask_of(service, "mara", "!long 2000", "--new")
        asking.until("000050")
        service.kill()
        service.start()
        assert asking.end() == 1
        assert "offline" in asking.errors
        question, answer = told(service, "show", "latest", "--all")
        assert (question["content"], answer["status"]) == ("!long 2000", "interrupted")
        assert len(told(service, "list", "conversations")) == 1
        # What was printed is what is kept; the last moment before a kill may be printed and not kept.
        whole = "".join(f"{n:06d} 春眠不觉晓 abc。" for n in range(2000))
        assert whole.startswith(asking.text.removesuffix("\n"))
        assert asking.text.startswith(answer["content"][:500])
