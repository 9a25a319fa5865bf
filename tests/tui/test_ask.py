"""`aichat-tui ask` against the real service: every exit status, pipes, JSON, a line that breaks."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from aichat_tui.plain import output, texts

from tests.faultproxy import FaultProxy
from tests.service import RunningService, Upstream, free_port
from tests.tui.conftest import Run, Start


def test_an_answer(run: Run) -> None:
    done = run("ask", "xueba", "你好", "--new")
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, "你说：你好\n", b"")


def test_a_persona_by_its_name_whatever_the_case(run: Run) -> None:
    assert run("ask", "captain MARA", "hi", "--new").stdout.decode() == "你说：hi\n"


def test_text_and_standard_input(run: Run, upstream: Upstream) -> None:
    assert run("ask", "mara", "--new", stdin=b"from a pipe\n").stdout.decode() == "你说：from a pipe\n"
    assert run("ask", "mara", "explain this:", "--new", stdin="first\n\nsecond 二\n".encode()).returncode == 0
    asked = [request["body"]["messages"][-1]["content"] for request in upstream.requests()]
    assert "explain this:\n\nfirst\n\nsecond 二" in asked


def test_the_conversation_goes_on_unless_a_new_one_is_wanted(run: Run) -> None:
    def conversation(*args: str) -> int:
        number: int = json.loads(run("ask", "reviewer", "x", "--json", *args).stdout)["conversation_id"]
        return number

    first = conversation("--new")
    assert conversation() == first
    assert conversation("--new") != first


def test_json(run: Run) -> None:
    done = run("ask", "mara", "!think", "--json", "--new")
    said = json.loads(done.stdout)
    assert done.returncode == 0
    assert done.stdout.count(b"\n") == 1
    expected = {"status": "done", "content": "42", "reasoning": "let me think", "model": "fake-1", "error": None}
    assert {key: said[key] for key in expected} == expected


def test_reasoning_goes_to_standard_error_and_only_when_asked_for(run: Run) -> None:
    done = run("ask", "mara", "!think", "--reasoning", "--new")
    assert (done.stdout, done.stderr) == (b"42\n", b"let me think\n")
    assert run("ask", "mara", "!think", "--new").stderr == b""


def test_status_1_a_broken_answer(run: Run) -> None:
    done = run("ask", "mara", "!cut", "--new")
    assert done.returncode == 1
    assert done.stdout.decode() == "一two 三。\n"
    assert b"broke off" in done.stderr
    failed = run("ask", "mara", "!status 401", "--new", "--json")
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["error"]["code"] == "upstream_unauthorized"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["ask", "nobody", "hi"], "there are: Captain Mara (mara)"),
        (["ask", "mara"], "nothing to say"),
        (["ask"], "PERSONA"),
        (["--url", "http://x/", "list"], "ws://"),
        (["--token-file", "/nowhere/token", "list"], "cannot read the token"),
        ([], "needs a terminal"),
    ],
    ids=lambda value: "",
)
def test_status_2_usage(run: Run, args: list[str], words: str) -> None:
    done = run(*args)
    assert done.returncode == 2
    assert words in done.stderr.decode()
    assert done.stdout == b""


def test_too_much_text(run: Run) -> None:
    done = run("ask", "mara", stdin=b"x" * 200_001)
    assert (done.returncode, b"200001 characters" in done.stderr) == (2, True)


def test_standard_input_that_is_no_text(run: Run) -> None:
    assert run("ask", "mara", stdin=b"\xff\xfe").returncode == 2


def test_status_3_no_connection(run: Run) -> None:
    done = run("ask", "mara", "hi", "--url", f"ws://127.0.0.1:{free_port()}/ws")
    assert done.returncode == 3
    assert b"no connection to ws://" in done.stderr


def test_status_3_a_token_that_is_refused(run: Run, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("wrong")
    done = run("--token-file", str(token), "ask", "mara", "hi")
    assert done.returncode == 3
    assert b"refused: This token is not known here" in done.stderr


def test_waiting_for_a_server_that_comes_later(start: Start, proxy: FaultProxy) -> None:
    proxy.refusing = True
    child = start("ask", "mara", "late", "--new", "--wait", "60", "--url", proxy.url)
    no_input(child)
    assert proxy.refused.wait(30)
    proxy.refusing = False
    out, _ = child.communicate(timeout=60)
    assert (child.returncode, out.decode()) == (0, "你说：late\n")


def no_input(child: subprocess.Popen[bytes]) -> None:
    """Its standard input is empty."""
    assert child.stdin is not None
    child.stdin.close()
    child.stdin = None


def read_until(child: subprocess.Popen[bytes], count: int) -> bytes:
    """At least so many bytes of its output."""
    assert child.stdout is not None
    data = b""
    while len(data) < count:
        assert select.select([child.stdout], [], [], 30)[0], data
        data += os.read(child.stdout.fileno(), 4096)
    return data


def test_status_130_ctrl_c_stops_the_answer_on_the_server_too(start: Start, run: Run) -> None:
    child = start("ask", "mara", "!slow abc def ghi jkl mno pqr stu vwx yz", "--new")
    no_input(child)
    before = read_until(child, 12)
    child.send_signal(signal.SIGINT)
    after, _ = child.communicate(timeout=30)
    assert child.returncode == 130
    assert (before + after).decode().startswith("慢慢地 ")
    assert run("ask", "mara", "free again").stdout.decode() == "你说：free again\n", (
        "a running answer would be `busy`"
    )


def test_status_141_nobody_reads(start: Start, run: Run) -> None:
    child = start("ask", "mara", "!long 4000", "--new")
    no_input(child)
    read_until(child, 100)
    assert child.stdout is not None
    child.stdout.close()
    assert child.wait(30) == 141
    assert child.stderr is not None
    assert child.stderr.read() == b""
    child.stdout = None
    assert run("ask", "mara", "free again").returncode == 0


@pytest.mark.parametrize("kind", ["cut", "close and open"])
def test_a_line_that_breaks_mid_answer_costs_neither_a_gap_nor_a_repetition(
    start: Start, proxy: FaultProxy, kind: str
) -> None:
    child = start("ask", "mara", "!long 400", "--new", "--url", proxy.url)
    no_input(child)
    data = read_until(child, 500)
    for _ in range(3):
        if kind == "cut":
            proxy.cut()
        else:
            proxy.close()
            proxy.open()
        data += read_until(child, 1)
    rest, err = child.communicate(timeout=60)
    assert (data + rest).decode() == "".join(f"{n:06d} 春眠不觉晓 abc。" for n in range(400)) + "\n"
    assert child.returncode == 0
    assert b"offline" in err


HOSTILE = "a\x1b]52;c;aGFja2Vk\x07b\x1b[2Jc\x9b31md\u202ee\x1b]8;;http://evil.example/\x1b\\f"


def test_a_terminal_gets_no_escape_and_a_pipe_every_byte(run: Run, service: RunningService) -> None:
    assert run("ask", "mara", HOSTILE, "--new").stdout.decode() == f"你说：{HOSTILE}\n"
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(service.environment())
        os.execv(sys.executable, [sys.executable, "-m", "aichat_tui", "ask", "mara", HOSTILE, "--new"])
    data = b""
    try:
        while piece := os.read(terminal, 4096):
            data += piece
    except OSError:  # the pty's way to say that it is over
        pass
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert data.decode() == "你说：abcdef\r\n"


def test_it_loads_no_textual() -> None:
    modules = "aichat_tui.cli, aichat_tui.plain.asking, aichat_tui.plain.chatting, aichat_tui.plain.reading"
    code = f"import sys, {modules}; print({{'textual', 'rich', 'twisted'}} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout
    assert out == b"set()\n"


def test_the_help_names_every_status() -> None:
    there = {int(n) for n in re.findall(r"^  (\d+)  ", texts.ASK_HELP, re.MULTILINE)}
    ends = {output.DONE, output.BROKEN, output.USAGE, output.UNREACHABLE, output.INTERRUPTED, output.NO_READER}
    assert there == ends
