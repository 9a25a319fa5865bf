"""The web page in a real browser, against the real service and the real bridge.

Every test ends with a look at the console: no error, no refused content, no dialog, unless the test names it.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from aichat.protocol import frames
from aichat.protocol.errors import ERRORS
from aichat.protocol.frames import decode_command, decode_push, encode
from aichat.protocol.session import Session
from aichat.protocol.timeline import Timeline
from tests.e2e.client import full_client
from tests.protocol.forest import VERBS, Forest
from tests.protocol.forest import step as do
from tests.service import PASSWORD, RunningService, Upstream, admin, free_port, running_service

FILES = Path(__file__).parents[2] / "aichat" / "page"
CHROMIUM = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
DRIVER = shutil.which("chromedriver")

WATCH = """
window.violations = []; window.alerts = 0;
document.addEventListener("securitypolicyviolation", ({violatedDirective, blockedURI}) => {
  window.violations.push(`${violatedDirective} ${blockedURI}`);
});
for (const name of ["alert", "confirm", "prompt", "open"]) window[name] = () => { window.alerts++; };
"""
"""Runs before the page: counts what must never happen."""


@pytest.fixture(scope="session")
def browser() -> Iterator[webdriver.Chrome]:
    """One headless Chromium for all tests."""
    if CHROMIUM is None or DRIVER is None:
        pytest.fail("The page's tests need Chromium: install the packages chromium and chromium-driver.")
    with tempfile.TemporaryDirectory(prefix="aichat-chromium-") as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for argument in (
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={profile}", "--lang=en-US", "--window-size=1280,800",
        ):  # fmt: skip
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        try:
            yield driver
        finally:
            driver.quit()


class Page:
    """What a person does and sees."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver
        self.expected_errors: list[str] = []

    def open(self, url: str, *, language: str = "en-US", width: int = 1280, height: int = 800) -> Page:
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        agent = self.driver.execute_script("return navigator.userAgent")
        self.driver.execute_cdp_cmd(
            "Emulation.setUserAgentOverride", {"userAgent": agent, "acceptLanguage": language}
        )
        self.driver.get(f"{url}/test")
        return self

    def chat_with(self, persona_id: str) -> Page:
        """Go to a persona, in a conversation of this test alone."""
        self.wait(lambda: self.all(f"[data-persona={persona_id}]"), "the persona")
        self.js("document.querySelector(arguments[0]).click()", f"[data-persona={persona_id}]")
        self.start_anew()
        return self

    def js(self, script: str, *args: Any) -> Any:
        return self.driver.execute_script(script, *args)

    def module(self, script: str, *args: Any) -> Any:
        """Run a script that may import the page's modules; its value comes back."""
        self.driver.set_script_timeout(60)
        wrapped = """
          const args = arguments;
          const done = args[args.length - 1];
          (async () => {%s})().then(done, (error) => done("FAILED " + error.stack));
        """
        value = self.driver.execute_async_script(wrapped % script, *args)
        assert not str(value).startswith("FAILED"), value
        return value

    def all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def one(self, css: str) -> WebElement:
        found: list[WebElement] = self.wait(lambda: self.all(css), css)
        return found[0]

    def text(self, css: str) -> str:
        """The whole text of the last element that fits, shown or not; "" if there is none."""
        return str(self.js("return [...document.querySelectorAll(arguments[0])].at(-1)?.textContent ?? ''", css))

    def wait(self, condition: Callable[[], Any], what: str, timeout: float = 30) -> Any:
        def holds(_: Any) -> Any:
            try:
                return condition()
            except StaleElementReferenceException:
                return None

        try:
            return WebDriverWait(self.driver, timeout, poll_frequency=0.02).until(holds)
        except TimeoutException:
            shown = self.js("return document.body.innerText")
            raise AssertionError(f"never came: {what}\n--- the page shows:\n{shown}") from None

    def say(self, text: str) -> None:
        """Type and press Enter; several lines or rare characters are pasted."""
        area = self.one(".typing")
        if text.isascii() and "\n" not in text:
            area.send_keys(text)
        else:
            self.js(
                "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', {bubbles: true}))",
                area, text,
            )  # fmt: skip
        area.send_keys(Keys.ENTER)

    def wait_status(self, status: str) -> str:
        """Wait until the last answer has a status -> its text."""
        self.wait(lambda: self.all(f".row:last-child.answer[data-status={status}]"), f"an answer that is {status}")
        return self.text(".answer .body")

    def start_anew(self) -> None:
        """Go to an empty conversation with the same persona."""
        self.one(".newbutton").click()
        self.wait(lambda: self.all(".starter"), "an empty conversation")

    def ask(self, text: str, status: str = "done") -> str:
        """Say something and wait for the end of the answer -> its text."""
        before = len(self.all(".row.answer"))
        self.say(text)
        self.wait(lambda: len(self.all(".row.answer")) > before, "an answer")
        return self.wait_status(status)

    def wait_partial(self, least: int = 5) -> str:
        """Wait until a running answer shows some text -> that text."""
        live = ".answer[data-status=running] .body"
        return str(self.wait(lambda: len(t := self.text(live)) >= least and t, "live text"))

    def check(self) -> None:
        assert self.js("return window.alerts") == 0
        assert self.js("return window.violations") == []
        entries: list[dict[str, str]] = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        logged = [entry["message"] for entry in entries if entry["level"] == "SEVERE"]
        bad = [line for line in logged if not any(re.search(pattern, line) for pattern in self.expected_errors)]
        assert not bad, bad


@pytest.fixture
def page(browser: webdriver.Chrome) -> Iterator[Page]:
    """The browser, with the console checked at the end."""
    browser.get_log("browser")  # type: ignore[no-untyped-call]
    result = Page(browser)
    yield result
    try:
        result.check()
    finally:
        browser.get("about:blank")


SLOW = "慢慢地 slowly: "


def test_an_answer_streams_and_ends(page: Page, service: RunningService) -> None:
    page.open(service.http).chat_with("mara")
    words = " ".join(["hello"] * 10)  # 4 s, so that a busy browser still sees it under way
    page.say(f"!slow {words}")
    assert page.text(".own .bubble") == f"!slow {words}"  # at once, before the server says anything
    partial = page.wait_partial()
    assert (SLOW + words).startswith(partial)
    assert page.one(".stopbutton").is_displayed()
    assert page.wait_status("done") == SLOW + words
    assert not page.one(".stopbutton").is_displayed()
    assert page.all(".caret") == []
    page.wait(lambda: words in page.text(".messages [role=status]"), "the answer read aloud")
    assert page.js("return document.activeElement.className") == "typing"


@pytest.mark.parametrize("how", ["button", "escape"])
def test_stop(page: Page, service: RunningService, how: str) -> None:
    page.open(service.http).chat_with("mara")
    page.say("!slow")
    page.wait_partial()
    if how == "button":
        page.one(".stopbutton").click()
    else:
        page.one(".typing").send_keys(Keys.ESCAPE)
    text = page.wait_status("stopped")
    assert text and (SLOW + "word " * 20).startswith(text)
    assert page.text(".answer .trouble b") == "You stopped this answer."


def test_stop_before_the_first_word(page: Page, service: RunningService) -> None:
    page.open(service.http).chat_with("mara")
    page.say("!hang")
    page.one(".answer[data-status=running]")
    page.wait(lambda: re.search(r"Waiting.* \d s", page.text(".answer .waiting")), "words while nothing comes")
    page.one(".stopbutton").click()
    assert page.wait_status("stopped") == ""


def test_a_failed_answer_says_why_and_is_tried_again(page: Page, service: RunningService) -> None:
    page.open(service.http).chat_with("mara")
    page.ask("!status 402", "failed")
    assert "no balance" in page.text(".answer .trouble")
    page.start_anew()
    page.ask("!cut", "interrupted")
    page.ask("!cut", "interrupted")
    assert page.text(".answer .body") == "一two 三。"
    last = page.all(".row.answer")[-1]
    again = [b for b in page.all(".row:last-child .trouble button") if b.text == "Try again"]
    again[0].click()
    page.wait(lambda: page.all(".row.answer")[-1] != last, "another answer in its place")
    page.wait_status("interrupted")
    assert len(page.all(".row.answer")) == 2
    verbs = [button.text for button in page.all(".trouble button")]
    assert verbs == ["Continue", "Try again"], "only the last answer goes on, or is tried again"


def test_a_broken_answer_goes_on_in_its_place(page: Page, service: RunningService) -> None:
    page.open(service.http).chat_with("mara")
    page.ask("!cut", "interrupted")
    row = page.one(".row:last-child.answer")
    page.one(".row:last-child .trouble button").click()
    assert page.wait_status("done") == "一two 三。四 five 😀。"
    assert page.all(".row.answer") == [row] and not page.one(".trouble").is_displayed()


def test_an_answer_that_waits_says_its_place(page: Page, upstream: Upstream) -> None:
    with running_service(upstream=upstream, env={"AICHAT_GENERATIONS_MOST": "1"}) as narrow:
        page.open(narrow.http)
        for persona_id in ("mara", "xueba", "reviewer"):
            page.chat_with(persona_id)
            page.say("!hang")
            page.wait(lambda: page.all(".row.answer"), "its row")
        words = ".answer .waiting .words"
        page.wait(lambda: page.text(words) == "Waiting in line, number 2…", "the second place")
        page.chat_with("xueba")
        page.driver.execute_script("document.querySelector('.history').click()")
        page.one(".entryrow .entry:not([aria-current])").click()
        page.wait(lambda: page.text(words) == "Next in line…", "the first place")
        page.one(".stopbutton").click()
        page.wait_status("stopped")
        page.open(narrow.http, language="zh-CN")
        page.one("[data-persona=reviewer]").click()
        page.wait(lambda: page.text(words) == "排队中，下一个就是", "in Chinese, and one place further")


def test_words_while_an_answer_runs_wait_for_its_end(page: Page, service: RunningService) -> None:
    page.open(service.http).chat_with("mara")
    page.say("!slow one")
    page.wait_partial(1)
    page.say("two")
    page.wait(lambda: page.all(".own[data-state=queued]"), "the second question waits")
    page.wait(lambda: page.text(".answer .body") == "你说：two", "its answer")
    assert [row.get_attribute("data-state") for row in page.all(".row.own")] == ["sent", "sent"]


def test_reasoning_is_folded(page: Page, service: RunningService) -> None:
    page.open(service.http).chat_with("mara")
    assert page.ask("!think") == "42"
    assert page.text(".reasoning summary").startswith("Thought for")
    assert not page.one(".reasoning .markdown").is_displayed()
    page.one(".reasoning summary").click()
    page.wait(lambda: page.one(".reasoning .markdown").text == "let me think", "the reasoning unfolds")


def test_starters_and_conversations(page: Page, service: RunningService) -> None:
    page.open(service.http).chat_with("xueba")
    assert "你好，我是学霸助手" in page.text(".greeting")
    starter = page.all(".starter")[0]
    question = starter.text
    starter.click()
    page.wait_status("done")
    assert page.text(".own .bubble") == question
    page.one(".history").click()
    page.wait(lambda: page.text(".entryrow .entry[aria-current] .title") == question, "the title in the list")
    page.one(".entryrow [aria-label=Rename]").click()
    field = page.one("dialog input")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys("Blue sky", Keys.ENTER)
    page.wait(lambda: page.text(".history .title") == "Blue sky", "the new title")
    page.one(".history").click()
    page.one(".entryrow:has([aria-current]) [aria-label='Delete conversation']").click()
    page.one("dialog .primary").click()
    page.wait(lambda: page.text(".history .title") != "Blue sky", "the conversation gone")


def test_personas_both_ways(page: Page, service: RunningService) -> None:
    page.open(service.http)
    page.one(".persona")
    with full_client(service.url) as other:
        page.one(".new").click()
        page.one("dialog [name=name]").send_keys("Web Made")
        page.one("dialog [name=prompt]").send_keys("You are made in a page.")
        page.one("dialog [name=starter1]").send_keys("{{char}}, first?")
        page.one("dialog [type=submit]").click()
        made = other.get("persona_saved")["persona"]
        assert (made["name"], made["prompt"], made["starters"]) == (
            "Web Made",
            "You are made in a page.",
            ["{{char}}, first?"],
        )
        page.wait(lambda: page.text(".header .name") == "Web Made", "the page goes to the new persona")
        assert [button.text for button in page.all(".starter")] == ["Web Made, first?"]

        other.send(type="persona_update", persona_id=made["id"], persona_config={"name": "另改的"}, request_id="u1")
        page.wait(lambda: page.text(".header .name") == "另改的", "a name changed elsewhere")
        other.send(type="persona_create", persona_config={"name": "Elsewhere", "prompt": ""}, request_id="c1")
        page.wait(lambda: "Elsewhere" in page.text(".personas"), "a persona made elsewhere")

        page.one(".header [aria-label=More]").click()
        page.js("[...document.querySelectorAll('.popover .entry')].at(-1).click()")
        page.one("dialog .primary.danger").click()
        assert other.get("persona_deleted")["persona_id"] == made["id"]
        page.wait(lambda: "另改的" not in page.text(".personas"), "the persona gone")


def test_a_refused_persona_says_why_in_the_dialog(page: Page, service: RunningService) -> None:
    page.open(service.http)
    page.one(".persona")
    page.one(".new").click()
    page.one("dialog [type=submit]").click()
    assert page.text("dialog .words") == "A persona needs a name."
    page.one("dialog [name=name]").send_keys("x")
    page.js("document.querySelector('dialog [name=prompt]').value = 'y'.repeat(40000)")
    page.one("dialog [type=submit]").click()
    page.wait(lambda: "40000" in page.text("dialog .words") or page.text("dialog .words"), "the server's words")
    page.one("dialog [type=submit]").send_keys(Keys.ESCAPE)
    page.wait(lambda: not page.all("dialog"), "Esc closes")


def test_kill_and_restart(page: Page, fresh_service: RunningService) -> None:
    page.expected_errors = ["WebSocket connection to .* failed"]
    page.open(fresh_service.http).chat_with("mara")
    page.ask("before the fall 之前")
    page.say("!long 400")
    partial = page.wait_partial(2_000)
    fresh_service.kill()
    page.wait(lambda: page.all(".line:not([hidden])"), "the line that says so")
    assert "Connection lost." in page.text(".line")
    page.say("said in between")
    page.wait(lambda: page.all(".own[data-state=waiting]"), "own words wait")
    fresh_service.start()
    page.wait(lambda: page.all(".state.live"), "connected again, by itself")
    page.wait(lambda: not page.all(".line:not([hidden])"), "the line gone")
    page.wait(lambda: page.text(".answer .body") == "你说：said in between", "the words sent, and answered")
    interrupted = page.text(".answer[data-status=interrupted] .body")
    with full_client(fresh_service.url) as other:
        stored = other.history("mara")
    assert [status for _, status, _ in stored] == ["done", "done", "done", "interrupted", "done", "done"]
    shown = page.js("return [...document.querySelectorAll('.bubble, .answer .body')].map((e) => e.textContent)")
    assert shown == [content for _, _, content in stored]
    assert interrupted[:500] == partial[:500]
    page.driver.refresh()
    page.wait(lambda: len(page.all(".row")) == len(stored), "the history after a reload")
    shown = page.js("return [...document.querySelectorAll('.bubble, .answer .body')].map((e) => e.textContent)")
    assert shown == [content for _, _, content in stored]


def test_a_running_answer_survives_a_reload(page: Page, service: RunningService) -> None:
    page.open(service.http).chat_with("mara")
    page.say("!long 300")
    page.wait_partial(100)
    page.driver.refresh()
    whole = "".join(f"{n:06d} 春眠不觉晓 abc。" for n in range(300))
    assert page.wait_status("done") == whole


def test_older_messages_come_when_one_scrolls_up(page: Page, fresh_service: RunningService) -> None:
    with full_client(fresh_service.url) as other:
        for n in range(70):
            more = {"new_conversation": True} if n == 0 else {}
            other.ask("message_done", type="chat", persona_id="mara", content=f"line {n}", request_id=f"r{n}", **more)
    page.open(fresh_service.http)
    page.wait(lambda: "line 69" in page.text(".own:nth-last-child(2) .bubble"), "the newest page")
    assert (
        page.js("const s = document.querySelector('.scroller'); return s.scrollHeight - s.scrollTop - s.clientHeight")
        < 2
    )
    page.js("document.querySelector('.scroller').scrollTop = 0")
    page.wait(lambda: len(page.all(".row.own")) == 70, "all 70 questions")
    assert page.js("return document.querySelector('.scroller').scrollTop") > 100, "the reader's place is kept"
    page.wait(lambda: page.all(".pill.shown"), "the way back")
    page.one(".pill").click()
    page.wait(lambda: not page.all(".pill.shown"), "at the end")


def test_scrolling_up_stays_there_while_text_comes(page: Page, service: RunningService) -> None:
    page.open(service.http).chat_with("mara")
    page.say("!long 600")
    page.wait_partial(3_000)
    distance = "const s = document.querySelector('.scroller'); return s.scrollHeight - s.scrollTop - s.clientHeight"
    assert page.js(distance) < 2, "the page follows the text"
    page.js("document.querySelector('.scroller').scrollTop = 100")
    page.wait(lambda: page.text(".pill.shown").strip() == "New", "the way back, with news")
    page.wait_status("done")
    assert page.js("return document.querySelector('.scroller').scrollTop") == 100
    page.one(".pill").click()
    page.wait(lambda: page.js(distance) < 2, "at the end again")


# hostile text


class Canary:
    """Listens; nothing may ever ask it for anything."""

    def __init__(self) -> None:
        self.hits: list[str] = []
        hits = self.hits

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hits.append(self.path)
                self.send_response(204)
                self.end_headers()

            do_POST = do_HEAD = do_OPTIONS = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def canary() -> Iterator[Canary]:
    listening = Canary()
    yield listening
    listening.server.shutdown()
    listening.server.server_close()
    assert listening.hits == []


def hostile(url: str) -> list[str]:
    return [
        f"![pic]({url}/a.png) ![]({url}/b.png 'title') ![ref][x]\n\n[x]: {url}/c.png",
        f'<img src="{url}/d.png" onerror="alert(1)"><script src="{url}/e.js"></script><script>alert(2)</script>',
        f"<iframe src='{url}/f'></iframe><object data='{url}/g'></object><link rel=stylesheet href='{url}/h.css'>",
        f"<style>@import url({url}/i.css); body {{ background: url({url}/j.png) }}</style><base href='{url}/'>",
        "[a](javascript:alert(3)) [b](JaVaScRiPt:alert(4)) [c](data:text/html,<script>alert(5)</script>)",
        "[d](\tjavascript:alert(6)) [e](java\nscript:alert(7)) <javascript:alert(8)> [f](vbscript:x) [g](file:///etc/hosts)",
        f"<svg onload=alert(9)><image href='{url}/k.png'/></svg> <math><mtext><script>alert(10)</script></math>",
        f'[h]({url}/l"onmouseover="alert(11)) [i]({url}/m \'" onclick="alert(12)\') <a href="{url}/n" ping="x">',
        f"```html\" onload=\"alert(13)\n<script>alert(14)</script>\n```\n```{url}/p.png\n```",
        f"| <img src={url}/q.png> | `<script>` |\n|--|--|\n| ![x]({url}/r.png) | [y]({url}/t) |",
        f"<meta http-equiv=refresh content='0;url={url}/s'>",
        "> " * 40 + "deep\n" + "".join("  " * n + "- x\n" for n in range(30)),
        "*" * 100 + "[" * 100 + "`" * 101 + "![" * 100 + "](" * 100 + "_a" * 100,
        "evil\u202egnp.exe \u2066hidden\u2069 \u0007\u001b]52;c;AAAA\u0007 \u200b\U000e0041tag",
        "{{constructor.constructor('alert(15)')()}} ${alert(16)} <!-- --> <![CDATA[x]]> &lt;script&gt;alert(17)",
    ]  # fmt: skip


def test_hostile_text_stays_text(page: Page, service: RunningService, canary: Canary) -> None:
    page.open(service.http).chat_with("mara")
    for text in hostile(canary.url):
        page.ask(text)
    assert page.all("img:not([src^='data:image/'])") == [], "only avatars are pictures"
    for tag in ("script", ".body img", ".bubble img", "iframe", "object", "style", "base", "meta", "math", "form"):
        assert page.js("return document.querySelectorAll(`.messages ${arguments[0]}`).length", tag) == 0, tag
    links = page.js("return [...document.querySelectorAll('.messages a')].map((a) => [a.href, a.rel, a.target])")
    assert links and all(
        href.startswith(canary.url) and rel == "noopener noreferrer" and target == "_blank"
        for href, rel, target in links
    )
    shown = page.text(".rows")
    assert not re.search("[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]", shown)
    handlers = (
        "return [...document.querySelectorAll('.messages *')].flatMap((e) => [...e.attributes].map((a) => a.name))"
    )
    assert not {name for name in page.js(handlers) if name.startswith("on") or name in ("style", "srcdoc", "ping")}


def test_a_link_asks_first_and_shows_where_it_leads(page: Page, service: RunningService, canary: Canary) -> None:
    page.open(service.http).chat_with("mara")
    page.ask(f"[https://good.example]({canary.url}/evil)")
    tabs = len(page.driver.window_handles)
    page.one("a.link").click()
    assert page.text("dialog .address") == f"{canary.url}/evil"
    page.one("dialog .button").send_keys(Keys.ESCAPE)
    page.wait(lambda: not page.all("dialog"), "the question gone")
    page.js(
        "const middle = new MouseEvent('auxclick', {bubbles: true, cancelable: true, button: 1});"
        "document.querySelector('a.link').dispatchEvent(middle)"
    )
    assert page.text("dialog .address") == f"{canary.url}/evil"
    page.one("dialog .button").click()
    assert len(page.driver.window_handles) == tabs


def test_hostile_persona(page: Page, service: RunningService, canary: Canary) -> None:
    attack = f'<img src="{canary.url}/x.png" onerror="alert(1)">'
    svg = "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIG9ubG9hZD0iYWxlcnQoMSkiLz4="
    with full_client(service.url) as other:
        config = {
            "name": f"\u202e{attack}"[:100],
            "prompt": "",
            "model": attack,
            "greeting": f"{attack}\n\n![g]({canary.url}/g.png)",
            "starters": [attack],
        }
        ack = other.ask("ack", type="persona_create", request_id="x1", persona_config=config)
        persona_id = ack["persona_id"]
        page.open(service.http).chat_with(persona_id)
        assert "<img src=" in page.text(".header .name") and "\u202e" not in page.text("body")
        page.ask(attack)
        conversation = other.ask("conversation_list", type="conversation_list", persona_id=persona_id)[
            "conversations"
        ][0]
        other.send(type="conversation_rename", conversation_id=conversation["id"], title=attack, request_id="x2")
        page.wait(lambda: page.text(".history .title") == attack, "the title as text")
        page.open(service.http, width=390, height=844)
        page.wait(lambda: page.text(".history .title") == attack, "the same on a phone")
        widths = "return ['html', 'body', 'main', '.scroller'].map((css) => document.querySelector(css).scrollWidth)"
        assert max(page.js(widths)) <= 390
        page.one(".history").click()
        page.wait(lambda: page.text(".entryrow .title") == attack, "the list as text")
        assert page.all("img:not([src^='data:image/'])") == []
    modules = """
      const {avatar} = await import("/test/avatar.js");
      return avatar({id: "a", name: "b", avatar: args[0]}, 36).innerHTML;
    """
    assert "<img" not in page.module(modules, svg)
    assert "<img" not in page.module(modules, 'x" onerror="alert(1)')
    assert "data:image/gif;base64,R0lGOD" in page.module(modules, "R0lGODlhAQABAAAAACwAAAAAAQABAAA=")


# the other doors


def test_the_bridge_page(page: Page, service: RunningService, upstream: Upstream) -> None:
    page.open(service.bridge).chat_with("xueba")
    assert page.ask("bridge one") == "你说：bridge one"
    assert page.ask("bridge two") == "你说：bridge two"
    asked = next(r for r in upstream.requests() if r["body"]["messages"][-1]["content"] == "bridge two")
    assert [m["content"] for m in asked["body"]["messages"][1:]] == ["bridge one", "你说：bridge one", "bridge two"]
    assert asked["body"]["messages"][0]["role"] == "system"
    page.say("!slow stop me on the bridge " + "x" * 200)
    page.wait_partial()
    page.one(".typing").send_keys(Keys.ESCAPE)
    assert page.wait_status("stopped")

    def left() -> Any:
        said = [(r["body"]["messages"][-1]["content"], r["left"]) for r in upstream.requests()]
        return next(gone for content, gone in said if content.startswith("!slow stop me on the bridge"))

    page.wait(left, "the upstream sees the client leave")
    page.ask("!status 402", "failed")
    assert "no balance" in page.text(".answer .trouble")
    page.start_anew()
    page.ask("!cut", "interrupted")
    assert page.ask("!think") == "42"
    assert not page.all(".new"), "personas are made in the service, not here"
    page.expected_errors = ["status of 502"]


def test_the_bridge_page_says_when_the_bridge_is_gone(page: Page, fresh_service: RunningService) -> None:
    page.expected_errors = ["ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_INCOMPLETE_CHUNKED"]
    page.open(fresh_service.bridge).chat_with("mara")
    page.say("!slow")
    page.wait_partial()
    fresh_service.kill()
    page.wait_status("interrupted")
    page.wait(lambda: page.all(".line:not([hidden])"), "the line that says so")
    fresh_service.start()
    page.wait(lambda: page.all(".state.live"), "back by itself")
    assert page.ask("still here") == "你说：still here"


def test_a_token_is_asked_for(page: Page, upstream: Upstream) -> None:
    # An address that is not this machine's own loopback name makes the service ask everybody for a token.
    with running_service(f"--listen=tcp:{free_port()}:interface=127.0.0.2", upstream=upstream) as guarded:
        page.open(guarded.http)
        page.one(".token .quiet").click()
        field = page.one(".token input")
        assert field.get_attribute("type") == "password"
        field.send_keys("wrong", Keys.ENTER)
        page.wait(lambda: "not known here" in page.text(".token .words"), "the refusal in words")
        page.one(".token input").send_keys(guarded.token, Keys.ENTER)
        page.chat_with("mara")
        assert page.ask("let in") == "你说：let in"
        assert guarded.token not in page.driver.current_url
        page.driver.refresh()
        page.wait(lambda: "let in" in page.text(".own .bubble"), "the token is kept in this tab")
        assert page.js("return localStorage.length") == 0
        page.js("sessionStorage.clear()")


def log_in(page: Page, name: str, password: str) -> None:
    page.wait(lambda: page.all(".token [name=username]:enabled"), "the form")
    page.one("[name=username]").clear()
    page.one("[name=username]").send_keys(name, Keys.ENTER)
    page.js("arguments[0].value = arguments[1]", page.one("[name=password]"), password)
    page.one("[name=password]").send_keys(Keys.ENTER)


def test_a_login_and_another_user(page: Page, guarded: RunningService) -> None:
    page.open(guarded.http)
    log_in(page, "wei", "not it")
    page.wait(lambda: page.text(".token .words") == "The name or the password is wrong.", "the refusal in words")
    values = [field.get_attribute("value") for field in page.all(".token input")]
    assert values == ["wei", ""], "the name is kept, the password is not"
    log_in(page, "wei", PASSWORD)
    page.wait(lambda: page.text(".server") == "wei" and page.all(".state.live"), "who is here")
    page.chat_with("mara")
    assert page.ask("mine alone") == "你说：mine alone"
    token = page.js("return sessionStorage['aichat.token']")
    for place in (page.driver.current_url, page.js("return JSON.stringify(localStorage)"), *guarded.log):
        assert token not in place and PASSWORD not in place
    page.driver.refresh()
    page.wait(lambda: "mine alone" in page.text(".own .bubble"), "a reload stays logged in")
    page.one(".typing").send_keys("half a thought")
    page.one("footer .iconbutton").click()
    page.wait(lambda: page.text(".popover .whoami") == "wei", "the menu")
    page.one("footer .entry").click()
    assert page.js("return sessionStorage['aichat.token'] ?? ''") == ""
    log_in(page, "mei", PASSWORD)
    page.wait(lambda: page.text(".server") == "mei" and page.all(".state.live"), "the other one")
    page.wait(lambda: page.all(".starter"), "an empty desk")
    assert page.text(".own .bubble") == "" and page.one(".typing").get_attribute("value") == ""
    page.js("sessionStorage.clear()")


def test_a_login_in_chinese(page: Page, guarded: RunningService) -> None:
    page.open(guarded.http, language="zh-CN")
    log_in(page, "林小雨", "not it")
    page.wait(lambda: page.text(".token .words") == "用户名或密码不对。", "the refusal in Chinese")
    log_in(page, "林小雨", PASSWORD)
    page.wait(lambda: page.text(".server") == "林小雨", "who is here")
    admin(guarded, "user", "disable", "林小雨")
    page.wait(lambda: page.all(".token [name=username]"), "shut out: the form again")
    assert page.js("return sessionStorage['aichat.token'] ?? ''") == ""
    admin(guarded, "user", "enable", "林小雨")


def test_a_persona_is_shared_and_taken_back(page: Page, guarded: RunningService) -> None:
    page.open(guarded.http)
    log_in(page, "mei", PASSWORD)
    page.wait(lambda: page.all(".state.live"), "logged in")
    token = admin(guarded, "token", "add", "wei", "sharing").strip()
    with full_client(guarded.url, token=token) as owner:
        config = {"name": "Ada", "prompt": "You are Ada.", "shared": True}
        ada = owner.ask("ack", type="persona_create", persona_config=config, request_id="make")["persona_id"]
        page.chat_with(ada)
        assert page.ask("hello") == "你说：hello"
        assert page.text(f"[data-persona={ada}] .whose") == "wei"
        page.one(".header [aria-label=More]").click()
        page.wait(lambda: "This persona is wei's" in page.text(".popover .whoami"), "the reason")
        disabled = [entry.text for entry in page.all(".popover .entry:disabled")]
        assert disabled == ["Edit persona", "Delete persona"]
        owner.send(type="persona_update", persona_id=ada, persona_config={"shared": False}, request_id="back")
        words = "wei no longer shares this persona; you can read on."
        page.wait(lambda: page.one(".typing").get_attribute("placeholder") == words, "the reason")
        assert page.one(".typing").get_attribute("readonly") and page.text(".answer .body") == "你说：hello"
        assert not page.all(".answer .actions [aria-label='Answer anew']")
        owner.send(type="persona_delete", persona_id=ada, request_id="gone")
    page.js("sessionStorage.clear()")


def test_the_bridge_page_asks_for_the_secret(page: Page, upstream: Upstream) -> None:
    page.expected_errors = ["status of 401"]
    with running_service(upstream=upstream, env={"AICHAT_BRIDGE_SECRET": "open sesame"}) as guarded:
        page.open(guarded.bridge)
        page.one(".token input").send_keys("open sesame", Keys.ENTER)
        page.chat_with("mara")
        assert page.ask("let in") == "你说：let in"


# how it is used


def test_on_the_phone(page: Page, service: RunningService) -> None:
    page.open(service.http, width=390, height=844)
    page.wait(lambda: page.all(".starter") or page.all(".row"), "a conversation")
    assert not page.one(".sidebar").is_displayed()
    page.one(".header .drawerbutton").click()
    page.wait(lambda: page.one("[data-persona=xueba]").is_displayed(), "the drawer")
    page.wait(
        lambda: page.js("return document.querySelector('.sidebar').getBoundingClientRect().left") == 0, "it is open"
    )
    page.one("[data-persona=xueba]").click()
    page.wait(lambda: not page.one(".sidebar").is_displayed(), "the drawer closes")
    page.one(".newbutton").click()
    page.ask("word " * 30 + "x" * 300 + "\n\n```\n" + "y" * 300 + "\n```\n\n" + "|a" * 40 + "|\n" + "|-" * 40 + "|\n")
    page.one(".header [aria-label=More]").click()
    widths = "return ['html', 'body', '.scroller'].map((css) => document.querySelector(css).scrollWidth)"
    assert max(page.js(widths)) <= 390
    small = page.js("""
      return [...document.querySelectorAll("button")].filter((b) => b.checkVisibility({visibilityProperty: true}))
        .map((b) => [b.className, b.getBoundingClientRect()])
        .filter(([name, {width, height}]) => (width < 44 || height < 44) && name !== "history" && name !== "pill")
        .map(([name, {width, height}]) => `${name} ${width}x${height}`)
    """)
    assert small == []


def test_input_methods_and_newlines(page: Page, service: RunningService) -> None:
    page.open(service.http).chat_with("mara")
    area = page.one(".typing")
    area.send_keys("one", Keys.SHIFT, Keys.ENTER, Keys.NULL, "two")
    assert area.get_attribute("value") == "one\ntwo"
    for event in ({"isComposing": True, "key": "Enter"}, {"key": "Enter", "keyCode": 229}):
        script = "arguments[0].dispatchEvent(new KeyboardEvent('keydown', arguments[1]))"
        page.js(script, area, {"bubbles": True, "cancelable": True, **event})
    assert page.all(".row.own") == []
    area.send_keys(Keys.ENTER)
    page.wait_status("done")
    assert page.text(".own .bubble") == "one\ntwo"


def test_in_chinese(page: Page, service: RunningService) -> None:
    page.open(service.http, language="zh-CN").chat_with("xueba")
    assert page.js("return document.documentElement.lang") == "zh-CN"
    assert page.one(".typing").get_attribute("placeholder") == "发消息给学霸助手"
    page.ask("!status 402", "failed")
    assert "余额不足" in page.text(".answer .trouble")


def test_everything_has_a_name(page: Page, service: RunningService) -> None:
    page.open(service.http).chat_with("mara")
    page.ask("hello\n\n```py\nx\n```")
    nameless = page.js("""
      return [...document.querySelectorAll("button, input, textarea, a, dialog")]
        .filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.length))
        .map((e) => e.outerHTML)
    """)
    assert nameless == []


# the modules by themselves


def test_the_timeline_folds_as_the_python_one(page: Page, service: RunningService) -> None:
    def message(kind: str, id: int, seq: int, content: str = "", sender: int = 1, **more: Any) -> dict[str, Any]:
        value = {
            "sender_type": sender,
            "content": content,
            "send_time": "",
            "id": id,
            "conversation_id": 7,
            "seq": seq,
        }
        return {"type": kind, "message": value | more}

    def delta(offset: int, content: str = "", **more: Any) -> dict[str, Any]:
        where = {"type": "message_delta", "conversation_id": 7, "message_id": 9}
        return {**where, "offset": offset, "content": content, **more}

    conversation = {"id": 7, "title": "t", "create_time": "", "persona_id": "p", "seq": 5, "touched": 5}
    queued = {"type": "message_queued", "conversation_id": 7, "message_id": 9}
    older = message("", 3, 1, "older", 0)["message"]
    events: list[dict[str, Any]] = [
        {"type": "persona_list", "personas": [{"id": "p", "name": "P", "avatar": "", "seq": 3}]},
        {"type": "persona_saved", "persona": {"id": "p", "name": "old", "avatar": "", "seq": 2}},
        {"type": "conversation_list", "conversations": []},
        {"type": "conversation_saved", "conversation": conversation},
        message("message_added", 8, 5, "q", 0),
        message("message_added", 9, 6, status="running"),
        delta(0, "😀汉"),
        delta(1, "汉字👩‍👩‍👧"),
        delta(8, reasoning="🤔"),
        delta(99, "gap"),
        {"type": "message_snapshot", "conversation_id": 7, "message_id": 9, "content": "😀汉字👩‍👩‍👧 and"},
        delta(12, " on"),
        delta(12, " on😀"),
        {"type": "history_response", "persona_id": "p", "conversation_id": 7, "more": True, "conversations": [],
         "messages": [older]},
        message("message_done", 9, 7, "end"),
        delta(3, "late"),
        message("message_added", 9, 6, status="running"),
        message("message_done", 9, 8, "一😀", status="interrupted"),
        message("message_added", 9, 9, "一😀", status="running", reasoning="hm", seams=[2]),
        {**queued, "position": 3},
        delta(2, "二", reasoning_offset=2, reasoning="m"),
        {**queued, "position": 1},
        {**queued, "position": 0},
        {**queued, "position": 2},
        {"type": "message_snapshot", "conversation_id": 7, "message_id": 9, "content": "一😀二三"},
        {**queued, "position": 2},
        message("message_done", 9, 10, "一😀二三四", status="stopped", seams=[2]),
        {**queued, "position": 1},
        {"type": "message_deleted", "seq": 11, "conversation_id": 7, "message_id": 9},
        message("message_added", 9, 12, "back"),
        {"type": "conversation_deleted", "seq": 13, "conversation_id": 7},
        {"type": "conversation_saved", "conversation": {**conversation, "seq": 12}},
        {"type": "conversation_saved", "conversation": {**conversation, "seq": 14, "pinned": True}},
        {"type": "conversation_deleted", "seq": 13, "conversation_id": 7},
        {"type": "history_response", "persona_id": "p", "conversation_id": 7, "more": False, "conversations": [],
         "messages": [older]},
        {"type": "persona_deleted", "seq": 15, "persona_id": "p"},
        {"type": "persona_saved", "persona": {"id": "p", "name": "late", "avatar": "", "seq": 14}},
        {"type": "persona_saved", "persona": {"id": "p", "name": "shared again", "avatar": "", "seq": 16}},
    ]  # fmt: skip
    page.open(service.http)
    folded = page.module(
        """
        const {Timeline} = await import("/test/timeline.js");
        const timeline = new Timeline();
        return args[0].map((event) => {
          const changes = timeline.apply(event).map(({kind, key}) => [kind, key]);
          return [changes, [...timeline.personas.values()].map((p) => p.name), [...timeline.conversations.keys()],
                  timeline.messages(7).map((m) => [m.id, m.status, m.content, m.reasoning, m.seams]),
                  [...timeline.older], [...timeline.queued], timeline.unfinished(7)?.id ?? 0];
        });
        """,
        events,
    )
    timeline = Timeline()
    for event, got in zip(events, folded, strict=True):
        frame = decode_push(json.dumps(event))
        assert frame is not None
        changes = [[change.kind, change.key] for change in timeline.apply(frame)]
        messages = [[m.id, m.status, m.content, m.reasoning, m.seams] for m in timeline.messages(7)]
        names = [p.name for p in timeline.personas.values()]
        more = [[key, value] for key, value in timeline.older.items()]
        places = [[key, value] for key, value in timeline.queued.items()]
        last = timeline.unfinished(7)
        known = [changes, names, list(timeline.conversations), messages, more, places, last.id if last else 0]
        assert got == known, event


def test_the_page_folds_branches_as_python_does(page: Page, service: RunningService) -> None:
    """Histories of the model that Python's timeline is tested with: told, missed, and pages that come late."""
    page.open(service.http)
    for seed in range(12):
        chance, forest = random.Random(seed), Forest()
        told: list[frames.AnyPush] = [
            frames.ConversationListReply(conversations=[forest.conversation]),
            forest.page(4),
        ]
        position = forest.seq
        for _ in range(60):
            page_before = forest.page(4)
            events = do(forest, chance.choice(VERBS), chance.randrange(60))
            fate = chance.choice(["told", "missed", "made up for", "late page", "older page"])
            if fate != "missed":
                told += forest.since(position) if fate == "made up for" else events
                position = forest.seq
            if fate == "late page":
                told += [page_before, forest.page(4)]
            elif fate == "older page" and (path := forest.path):
                told.append(forest.page(4, before=path[len(path) // 2]))
        folded = page.module(
            """
            const {Timeline} = await import("/test/timeline.js");
            const timeline = new Timeline();
            return args[0].map((event) => {
              const changes = timeline.apply(event).map(({kind, key}) => [kind, key]);
              const shown = timeline.messages(7);
              return [changes, shown.map((m) => [m.id, m.parent_id, m.status, m.content]),
                      shown.map((m) => timeline.siblings(7, m.id)), [...timeline.older],
                      timeline.running(7)?.id ?? 0];
            });
            """,
            [json.loads(encode(event)) for event in told],
        )
        timeline = Timeline()
        for event, got in zip(told, folded, strict=True):
            changes = [[change.kind, change.key] for change in timeline.apply(event)]
            shown = timeline.messages(7)
            running = timeline.running(7)
            expected = [
                changes,
                [[m.id, m.parent_id, m.status, m.content] for m in shown],
                [timeline.siblings(7, m.id) for m in shown],
                [[key, value] for key, value in timeline.older.items()],
                running.id if running else 0,
            ]
            assert got == expected, (seed, event)


WELCOME = {"type": "welcome", "version": 1, "server": "s", "user": "u", "epoch": "e"}

SESSION_STEPS: list[tuple[str, Any]] = [
    ("post", ["too early", "p", None, False]),
    ("opened", None),
    ("received", WELCOME | {"seq": 5, "recovered": False}),
    ("received", {"type": "persona_list", "personas": [{"id": "p", "name": "P", "avatar": "", "seq": 1}]}),
    ("received", {"type": "conversation_list", "conversations": []}),
    ("open", 7),
    ("received", {"type": "ack", "request_id": "#0", "conversation_id": 7, "message_id": 8, "answer_id": 9}),
    ("received", {"type": "persona_saved", "persona": {"id": "p", "name": "Q", "avatar": "", "seq": 9}}),
    ("received", {"type": "message_delta", "conversation_id": 7, "message_id": 9, "offset": 3, "content": "gap"}),
    ("received", {"type": "message_delta", "conversation_id": 7, "message_id": 9, "offset": 4, "content": "again"}),
    ("post", ["second", "p", 7, False]),
    ("received", {"type": "error", "code": "busy", "message": "m", "retryable": True, "request_id": "#1"}),
    ("post", ["third", "p", None, True]),
    ("received", {"type": "error", "code": "shutting_down", "message": "m", "retryable": True, "request_id": "#2"}),
    ("closed", 1006),
    ("opened", None),
    ("received", WELCOME | {"seq": 9, "recovered": True}),
    ("retry", "#1"),
    ("received", {"type": "conversation_deleted", "seq": 10, "conversation_id": 7}),
    ("closed", 1001),
    ("opened", None),
    ("received", {"type": "error", "code": "unauthorized", "message": "no", "retryable": False}),
    ("closed", 4401),
    ("login", ["wei", "wrong"]),
    ("opened", None),
    ("received", {"type": "error", "code": "unauthorized", "message": "no", "retryable": False,
                  "request_id": "login"}),
    ("closed", 4401),
    ("opened", None),
    ("closed", 1006),
    ("login", ["wei", "right"]),
    ("opened", None),
    ("closed", 1006),
    ("opened", None),
    ("received", {"type": "logged_in", "user": "wei", "token": "t1", "request_id": "login"}),
    ("received", WELCOME | {"seq": 12, "recovered": True, "user": "wei", "role": "member"}),
    ("closed", 1006),
    ("opened", None),
]  # fmt: skip


def test_the_session_remembers_as_the_python_one(page: Page, service: RunningService) -> None:
    page.open(service.http)
    got = page.module(
        """
        const {Session} = await import("/test/session.js");
        const session = new Session();
        const ids = [];
        const known = (text) => ids.reduce((t, id, i) => t.replaceAll(id, `#${i}`), text);
        const real = (text) => text.replace(/#(\\d)/g, (_, i) => ids[i]);
        return args[0].map(([step, value]) => {
          let delay;
          switch (step) {
            case "post": {
              const [content, personaId, conversationId, fresh] = value;
              ids.push(session.post(content, {personaId, conversationId, fresh}));
              break;
            }
            case "opened": session.opened(); break;
            case "received": session.received(real(JSON.stringify(value))); break;
            case "open": session.openConversation(value); break;
            case "retry": session.retry(real(value)); break;
            case "login": session.logIn(...value); break;
            case "closed": delay = session.closed(value); break;
          }
          const frames = session.take().map((text) => JSON.parse(known(text)));
          const outbox = [...session.outbox.keys()].map(known);
          return [session.state, frames, outbox, delay === undefined ? "" : delay !== null];
        });
        """,
        SESSION_STEPS,
    )
    ids = iter(["#0", "#1", "#2"])
    session = Session(new_id=lambda: next(ids))
    for (step, value), (state, sent, outbox, delay) in zip(SESSION_STEPS, got, strict=True):
        wait: Any = ""
        match step:
            case "post":
                content, persona_id, conversation_id, new = value
                session.post(content, persona_id=persona_id, conversation_id=conversation_id, new=new)
            case "opened":
                session.opened()
            case "received":
                session.received(json.dumps(value))
            case "open":
                session.open_conversation(value)
            case "retry":
                session.retry(value)
            case "login":
                session.log_in(*value)
            case "closed":
                wait = session.closed(value) is not None
        # The browser writes out what Python leaves away as a default; both decode to the same command.
        expected = [decode_command(frame) for frame in session.take()]
        assert [decode_command(json.dumps(frame).encode()) for frame in sent] == expected, (step, value)
        assert (state, outbox, delay) == (session.state.value, list(session.outbox), wait), (step, value)


def test_words_to_a_conversation_that_is_gone_come_back(page: Page, service: RunningService) -> None:
    page.open(service.http)
    returned = page.module(
        """
        const {Desk} = await import("/test/desk.js");
        const {Session} = await import("/test/session.js");
        const link = {session: new Session(), can: {store: false}, flush() {}};
        const desk = new Desk(link);
        const hear = (frame) => {
          const {frame: known, changes} = link.session.received(JSON.stringify(frame));
          link.onFrame(known, changes);
        };
        const returned = [];
        desk.on("returned", (text, failure) => returned.push([text, failure.code]));
        link.session.opened();
        hear({type: "welcome", epoch: "e", seq: 1, recovered: false, server: "s"});
        hear({type: "persona_list", personas: [{id: "p", name: "P", avatar: "", seq: 1}]});
        const conversation = {id: 7, title: "", create_time: "", persona_id: "p", seq: 1};
        hear({type: "conversation_list", conversations: [conversation]});
        desk._keepSelectionValid();
        const id = desk.post("dear words");
        hear({type: "conversation_deleted", seq: 2, conversation_id: 7});
        hear({type: "error", code: "not_found", message: "gone", retryable: false, request_id: id});
        return [returned, link.session.outbox.size];
        """
    )
    assert returned == [[["dear words", "not_found"]], 0]


MARKDOWN = {
    "**“你好”**世界，*斜*。": "<p><strong>“你好”</strong>世界，<em>斜</em>。</p>",
    "snake_case __b__ ~~d~~ `a < b`": "<p>snake_case <strong>b</strong> <del>d</del> <code>a &lt; b</code></p>",
    "one\ntwo  \nthree": "<p>one<br>two<br>three</p>",
    "- a\n  - b\n- c": "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>",
    "3. x\n4. y": '<ol start="3"><li>x</li><li>y</li></ol>',
    "# T #\n---": '<h3 class="h1">T</h3><hr>',
    "> q\n> > r": "<blockquote><p>q</p><blockquote><p>r</p></blockquote></blockquote>",
    "\\*no\\* &amp; <b>": "<p>*no* &amp; &lt;b&gt;</p>",
    "[x](javascript:y)": "<p>x (javascript:y)</p>",
    "para\n1.5 kg": "<p>para<br>1.5 kg</p>",
}


def test_markdown(page: Page, service: RunningService) -> None:
    page.open(service.http)
    html = page.module(
        """
        const {MarkdownView} = await import("/test/markdown.js");
        return args[0].map((text) => {
          const element = document.createElement("div");
          new MarkdownView(element).update(text);
          return element.innerHTML;
        });
        """,
        list(MARKDOWN),
    )
    assert dict(zip(MARKDOWN, html, strict=True)) == MARKDOWN


def test_markdown_that_grows_ends_as_markdown_that_is_whole(page: Page, service: RunningService) -> None:
    texts = [
        "# T\n\npara **b** x\n- a\n- b\n  1. c\n\n     d\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
        "```py\nx = 1\n\n# c\n```\n> q\n> w\n\n"
        "para\n1.5 kg\n1. x\n2. y\n***\nend `c` [l](http://x.y)\n--\n---\nhi\n-\n- x\n\n\ny",
        "a\n- b\n\n c\n\n  d\n---\n```\nq\n``\n```\n~~~js\nz\n~~~\n\n* 1\n+ 2\n3) 3",
    ]
    page.open(service.http)
    differing = page.module(
        """
        const {MarkdownView} = await import("/test/markdown.js");
        const found = [];
        for (const text of args[0]) {
          const grown = document.createElement("div");
          const view = new MarkdownView(grown);
          for (let i = 1; i <= text.length; i++) {
            view.update(text.slice(0, i));
            const whole = document.createElement("div");
            new MarkdownView(whole).update(text.slice(0, i));
            if (grown.innerHTML !== whole.innerHTML) found.push(text.slice(0, i));
          }
        }
        return found;
        """,
        texts,
    )
    assert differing == []


def test_markdown_is_never_slow(page: Page, service: RunningService) -> None:
    page.open(service.http)
    slow = page.module(
        """
        const {MarkdownView} = await import("/test/markdown.js");
        const pieces = [
          "*", "*a ", "**a* ", "[", "[a](", "![a](", "[a](<", '[a](b "', ">", "> ", "_a", "a]", "|", "`a", "<", "&",
          "~~a", "\\\\", "- a\\n", "  - a\\n", "```\\n", "1. ", "* ", "#", "\\t", "\\n", "https://a/(", "h",
          "a|b\\n-|-\\n", "![",
        ];
        const time = (text) => {
          const began = performance.now();
          new MarkdownView(document.createElement("div")).update(text);
          return performance.now() - began;
        };
        const slow = [];
        for (const piece of pieces) {
          let [little, much] = [time(piece.repeat(5_000)), time(piece.repeat(20_000))];
          if (much > 800 && much > 8 * little) { // once more: the machine may have been busy
            little = Math.max(little, time(piece.repeat(5_000)));
            much = Math.min(much, time(piece.repeat(20_000)));
          }
          if (much > 800 && much > 8 * little) slow.push([piece, little, much]);
        }
        return slow;
        """
    )
    assert slow == []


def test_coloured_code_is_the_same_code(page: Page, service: RunningService) -> None:
    page.open(service.http)
    code = (
        'def f(x: Cls) -> \'it\\\'s\':\n    # why 😀\n    return """a\n""" + `t` /* c */ 0x1F // 1.5e3 -- <b>&amp;\n'
    )
    found = page.module(
        """
        const {highlight} = await import("/test/highlight.js");
        const element = document.createElement("code");
        return ["python", "js", "sql", "sh", "json", "nothing"].map((name) => {
          highlight(element, args[0], name);
          return [element.textContent === args[0], element.querySelectorAll("span").length > 3];
        });
        """,
        code,
    )
    assert found == [[True, True]] * 5 + [[True, False]]


def test_live_text_is_drawn_at_most_twenty_times_a_second(page: Page, service: RunningService) -> None:
    page.open(service.http).chat_with("mara")
    page.js("""
      window.draws = 0;
      new MutationObserver((all) => { window.draws += all.some((m) => m.target.closest?.(".body")) ? 1 : 0; })
        .observe(document.querySelector(".rows"), {childList: true, subtree: true, characterData: true});
      window.began = performance.now();
    """)
    page.say("!long 300")
    page.wait_status("done")
    draws, seconds = page.js("return [window.draws, (performance.now() - window.began) / 1000]")
    assert 2 <= draws <= 20 * seconds + 4


def test_both_languages_have_all_words() -> None:
    words = (FILES / "words.js").read_text()
    tables = {
        name: set(re.findall(r"^  (\w+): [\"']", body, re.M))
        for name, body in re.findall(r"const (\w+) = \{\n(.*?)\n\};", words, re.S)
    }
    assert tables["EN"] == tables["ZH"]
    used = {key for file in FILES.glob("*.js") for key in re.findall(r"\bt\(\"(\w+)\"", file.read_text())}
    assert used <= tables["EN"]
    never_shown = {
        "too_deep",
        "hello_required",
        "hello_repeated",
        "version_unsupported",
        "request_id_reused",
        "method_not_allowed",
    }
    assert tables["ERRORS_ZH"] == set(ERRORS) - never_shown


def test_every_colour_can_be_read() -> None:
    css = (FILES / "page.css").read_text()
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#\w{6});", part))
        for part in css.split("@media (prefers-color-scheme: dark)")[:2]
    )

    def luminance(colour: str) -> float:
        parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    for tokens in (light, light | {k: v for k, v in dark.items() if k in light}):
        pairs = [
            (text, ground) for text in ("text", "muted") for ground in ("window", "surface", "sunken", "own", "code")
        ]
        pairs += [(text, ground) for text in ("accent", "danger", "ok", "warn") for ground in ("window", "surface")]
        pairs += [(token, "code") for token in ("keyword", "string", "number", "comment", "function", "class")]
        for text, ground in [*pairs, ("on-accent", "accent"), ("surface", "danger")]:
            high, low = sorted((luminance(tokens[text]), luminance(tokens[ground])), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)


def test_nothing_in_the_page_parses_html() -> None:
    for file in FILES.glob("*.js"):
        found = re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function",
            file.read_text(),
        )
        assert not found, (file.name, found)
    index = (FILES / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bstyle=|\bon\w+=|https?://", index)


def test_no_foreign_address_in_the_page_files() -> None:
    for file in [*FILES.glob("*.js"), *FILES.glob("*.css")]:
        for address in re.findall(r"https?://[\w.]+", file.read_text()):
            assert address == "http://www.w3.org", (file.name, address)
