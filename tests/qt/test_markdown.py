"""Markdown: growing text ends as whole text does, hostile text reaches nothing, and costs are bounded."""

from __future__ import annotations

import random
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from aichat_qt.answer_body import AnswerBody
from aichat_qt.code_view import CodeView
from aichat_qt.highlight import coloured_lines
from aichat_qt.markdown import Code, parse, settled
from aichat_qt.render import BULLET
from aichat_qt.text_view import TextView
from aichat_qt.words import clean, one_line
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

SAMPLE = """# 标题 Title

Some **bold**, *soft* and `code` words with a [link](https://example.org/a?b=c), and https://example.net/x.

1. first
2. second
   - deeper
   - and more

   still of the second
3. third

```python
def f(x):
    # 注释 😀

    return x ** 2
```

> quoted
> twice

| a | b |
|---|---|
| 1 | 二 |

---

~~~
no language
~~~
The end 完。
"""


def shown(body: AnswerBody) -> list[str]:
    """What a body shows: text and format of every block of every view."""
    result = []
    for view in body.views:
        if isinstance(view, CodeView):
            result.append(f"code {view.text!r}")
            continue
        block = view.document().begin()
        while block.isValid():
            form = block.blockFormat()
            result.append(
                f"{block.text()!r} {form.indent()} {form.leftMargin()} {form.topMargin()} {form.lineHeight()}"
            )
            block = block.next()
    return result


def body_of(text: str, qtbot: QtBot) -> AnswerBody:
    body = AnswerBody()
    qtbot.addWidget(body)
    body.show_text(text, live=False)
    return body


@pytest.mark.parametrize("seed", range(12))
def test_growing_text_ends_as_whole_text_does(dressed: QApplication, qtbot: QtBot, seed: int) -> None:
    dice = random.Random(seed)
    body = AnswerBody()
    qtbot.addWidget(body)
    at = 0
    while at < len(SAMPLE):
        at += dice.choice([1, 2, 5, 17, 60])
        body.show_text(SAMPLE[:at], live=True)
        body.fit(600)
    body.show_text(SAMPLE, live=False)
    whole = body_of(SAMPLE, qtbot)
    assert shown(body) == shown(whole)
    assert body.fit(600) == whole.fit(600)


@pytest.mark.parametrize(
    "text",
    [
        "para\n2. not a list\n3. still not\n\n1. one\n2. two\n\n3. three\ntext\n4. four\n",
        "* a\n* b\n  1. x\n  2. y\n* c\n\n  more\n- d\n> q\n1. e\n",
        "Title\n- not a title\n- b\n***\n* * *\n- c\n",
        "see [a] and [b]\n\npara\n\n[a]: http://x\n\nend [a]\n\n[b]: http://y\n",
        "- ```\n  code\n  - x\n  ```\n- after\n",
        "| a |\n|---|\n| b |\n\n1) x\n2) y\n",
        "so\n$$\na_1\n- b_2\n- c\n$$\nand \\(x_1\\)\n\n\\[\ny\n\\]\n1. c\n2. d\n$$\nnever closed\n\nend",
        "- a\n  $$\n  x\n  $$\n- b\n\n***\n\n# h\n",
        "***\n\n# h\n",
        "10. ten\n11. eleven\n    - deep\n12. twelve",
    ],
)
def test_growing_by_single_characters(dressed: QApplication, qtbot: QtBot, text: str) -> None:
    body = AnswerBody()
    qtbot.addWidget(body)
    for at in range(1, len(text) + 1):
        body.show_text(text[:at], live=True)
    body.show_text(text, live=False)
    assert shown(body) == shown(body_of(text, qtbot))


def test_columns_stand_on_their_side(dressed: QApplication, qtbot: QtBot) -> None:
    body = body_of("|a|b|c|\n|---|--:|:-:|\n|1|2|3|", qtbot)
    block, sides = body.views[0].document().begin(), {}
    while block.isValid():
        sides[block.text()] = block.blockFormat().alignment()
        block = block.next()
    side = Qt.AlignmentFlag
    for words, wanted in zip("abc123", [side.AlignLeft, side.AlignRight, side.AlignHCenter] * 2, strict=True):
        assert sides[words] == wanted, words


def test_tasks_have_a_box_and_keep_their_words(dressed: QApplication, qtbot: QtBot) -> None:
    body = body_of("- [x] done\n- [ ] to do\n    - [X] deep\n- none\n\n1. [ ] counted", qtbot)
    block, boxes = body.views[0].document().begin(), {}
    while block.isValid():
        boxes[block.text()] = block.blockFormat().property(BULLET)
        block = block.next()
    assert boxes == {"done": -3, "to do": -2, "deep": -5, "none": 1, "[ ] counted": None}


def test_settled_text_is_never_taken_back() -> None:
    reached = 0
    for at in range(len(SAMPLE) + 1):
        cut = settled(SAMPLE[:at])
        assert cut >= reached
        reached = cut
    assert reached > len(SAMPLE) // 2


def test_code_is_told_from_prose() -> None:
    kinds = [("code", s.language) if isinstance(s, Code) else "prose" for s in parse(SAMPLE)]
    assert kinds == ["prose", ("code", "python"), "prose", ("code", ""), "prose"]


def test_formulas_are_shown_as_clean_source(dressed: QApplication, qtbot: QtBot) -> None:
    text = (
        "Of $O(n_1 * m_2 * k)$ and \\(a_b\\), for $5 and 7$, or \\$x$.\n\n$$\nT_1 = *a* \\\\\n- b\n$$\n\n\\[ x^2 \\]"
    )
    body = body_of(text, qtbot)
    first, formula, other = body.views
    assert isinstance(first, TextView) and isinstance(formula, CodeView) and isinstance(other, CodeView)
    assert first.toPlainText() == "Of O(n_1 * m_2 * k) and a_b, for $5 and 7$, or $x$."
    assert (formula.text, other.text) == ("T_1 = *a* \\\\\n- b", "x^2")
    body = body_of("| a | b |\n|---|---|\n| $x$ | y |", qtbot)
    table = body.views[0]
    assert isinstance(table, TextView) and "$" not in table.toPlainText()


def test_html_is_shown_as_written(dressed: QApplication, qtbot: QtBot) -> None:
    body = body_of("<b>x</b> <img src='http://a/b'> <script>1</script>\n\n<table><tr><td>y</td></tr></table>", qtbot)
    text = body.views[0].toPlainText()  # type: ignore[union-attr]
    assert "<b>x</b>" in text and "<script>" in text and "<table>" in text


@pytest.fixture
def canary() -> object:
    """A listener that notes every request."""
    hits: list[str] = []

    class Note(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hits.append(self.path)

        def log_message(self, *_: object) -> None:
            pass

    listener = HTTPServer(("127.0.0.1", 0), Note)
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield listener.server_port, hits
    listener.shutdown()
    thread.join()
    listener.server_close()


def test_pictures_reach_neither_network_nor_files(
    dressed: QApplication,
    qtbot: QtBot,
    canary: tuple[int, list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port, hits = canary
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"\x89PNG canary")
    opened: list[str] = []
    monkeypatch.setattr("aichat_qt.dialogs.QDesktopServices.openUrl", lambda url: opened.append(url.toString()))
    base = f"http://127.0.0.1:{port}"
    hostile = (
        f'![a]({base}/x.png) ![b](file://{secret}) ![](<{secret}>)\n\n<img src="{base}/y.png">\n\n'
        f"[![c]({base}/z.png)]({base}/l)\n\n| ![d]({base}/t.png) |\n|---|\n| ![e](file://{secret}) |\n\n"
        f"![r][q]\n\n[q]: {base}/r"
    )
    body = body_of(hostile, qtbot)
    body.resize(600, body.fit(600))
    body.show()
    qtbot.waitExposed(body)
    body.grab()
    QApplication.processEvents()
    view = body.views[0]
    assert isinstance(view, TextView)
    assert "[picture: a]" in view.toPlainText()
    image = QTextDocument.ResourceType.ImageResource.value
    for address in (f"file://{secret}", str(secret), "secret.png", f"{base}/x.png"):
        assert b"canary" not in bytes(view.document().resource(image, QUrl(address)) or b"")
    view.setHtml(f"<img src='file://{secret}'><img src='{base}/h.png'>")  # should such a thing ever get in
    view.grab()
    QApplication.processEvents()
    assert not hits and not opened


@pytest.mark.parametrize(
    "text",
    [
        "> " * 3000 + "deep",
        "- " * 3000 + "deep",
        "*" * 20_000,
        "[" * 20_000,
        "`" * 20_000 + "x",
        "|a" * 400 + "\n" + "|-" * 400 + "\n" + ("|b" * 400 + "\n") * 50,
        "| a |\n|---|\n" + "| b |\n" * 3000,
        "x" * 200_000,
        "\u202e" * 1000 + "x\u0000\u001b[2J",
        "```" + "x" * 9000 + "\ny",
        "```python\n" + "(" * 15_000,
        "\n" * 50_000,
        "😀" * 20_000,
        "$" * 20_000,
        "$a" * 10_000,
        "\\(" * 10_000,
        "$$\n" * 5_000,
        "```\nx\n```\n" * 5_000,
        "```\nx\n```\n" * 199 + "end",
        "\\[\n" + "x\n" * 20_000,
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_hostile_text_does_not_stop_the_window(dressed: QApplication, qtbot: QtBot, text: str) -> None:
    begin = time.process_time()
    body = body_of(text, qtbot)
    body.fit(700)
    assert time.process_time() - begin < 3
    for view in body.views:
        if isinstance(view, TextView):
            assert "\u202e" not in view.toPlainText()


def test_colours_lie_where_qt_counts() -> None:
    lines = list(coloured_lines("x = '😀' # 二\ndef f(): pass", "python"))
    assert (4, 4, "string") in [(a, b, c) for a, b, c in lines[0]] or (4, 1, "string") in lines[0]
    assert any(start == 9 and kind == "comment" for start, _, kind in lines[0])
    assert (0, 3, "keyword") in lines[1]
    assert list(coloured_lines("x", "no such language")) == []


def test_deceiving_characters_are_left_out() -> None:
    assert one_line("a\u202eb\nc\u2066\x1b[0m") == "ab c[0m"
    assert clean("a\u202eb\r\nc\td\x07") == "ab\nc\td"
    assert clean("é 汉字 “x” 👩\u200d👩") == "é 汉字 “x” 👩\u200d👩"
