// One message on the screen: own words as a bubble, an answer as a document.

import { avatar } from "./avatar.js";
import { copyText, h, iconButton, showDone } from "./dom.js";
import { MarkdownView } from "./markdown.js";
import { clean, clock, full, oneLine } from "./text.js";
import { canContinue } from "./timeline.js";
import { explain, t } from "./words.js";

const PATIENCE_MS = 2_000; // nothing waits longer without words

function timeNode(utc) {
  return h("time", { datetime: utc ? `${utc.replace(" ", "T")}Z` : false, title: full(utc), text: clock(utc) });
}

function copyButton(text) {
  const button = iconButton("copy", t("copy"), async () => (await copyText(text())) && showDone(button));
  return button;
}

export class DayRow {
  constructor(words) {
    this.element = h("div", { class: "day", role: "separator" }, h("span", { text: words }));
  }

  update() {}
}

export class OwnRow {
  constructor(desk, takeBack) {
    this._desk = desk;
    this._takeBack = takeBack;
    this._shown = "";
    this._bubble = h("div", { class: "bubble", dir: "auto" });
    this._meta = h("div", { class: "meta" });
    this.element = h("article", { class: "row own" }, this._bubble, this._meta);
  }

  // A stored message, or a draft {requestId, content, state, failure}.
  update(item) {
    const shown = JSON.stringify([item.state, item.failure, item.content.length, item.send_time]);
    if (shown === this._shown) return;
    this._shown = shown;
    this._bubble.textContent = clean(item.content);
    this.element.classList.toggle("pending", Boolean(item.state));
    this.element.classList.toggle("refused", item.state === "failed");
    this.element.dataset.state = item.state || "sent";
    this.element.setAttribute("aria-label", [t("you"), clock(item.send_time)].filter(Boolean).join(", "));
    this._meta.replaceChildren(...(item.state ? this._draftMeta(item) : [copyButton(() => item.content), timeNode(item.send_time)]));
  }

  _draftMeta({ requestId, state, failure }) {
    const back = h("button", { type: "button", class: "quiet", text: t("take_back"), onclick: () => this._takeBack(requestId) });
    switch (state) {
      case "failed":
        return [
          h("span", { class: "danger", role: "alert", text: `${t("not_sent")} ${explain(failure)}` }),
          h("button", { type: "button", class: "quiet", text: t("try_again"), onclick: () => this._desk.retry(requestId) }),
          back,
        ];
      case "queued":
        return [h("span", { text: t("queued") }), back];
      case "waiting":
        return [h("span", { text: t("waiting_line") }), back];
      default:
        return [h("span", { class: "soon", text: t("sending") })];
    }
  }
}

export class AnswerRow {
  constructor(desk) {
    this._desk = desk;
    this._message = null;
    this._shown = "";
    this._face = "";
    this._since = performance.now();
    this._timer = 0;
    this._place = 0; // as which it waits in line
    this._avatar = h("span");
    this._name = h("span", { class: "name" });
    this._time = h("span");
    this._summary = h("span");
    this._thoughts = h("div", { class: "markdown" });
    this._reasoning = h("details", { class: "reasoning", hidden: true, ontoggle: () => this._showThoughts() }, h("summary", {}, this._summary), this._thoughts);
    this._body = h("div", { class: "markdown body", dir: "auto" });
    this._waiting = h("p", { class: "waiting", hidden: true }, h("span", { class: "dots" }, h("i"), h("i"), h("i")), h("span", { class: "words" }));
    this._trouble = h("div", { class: "trouble", hidden: true });
    this._actions = h("div", { class: "actions" });
    this._caret = h("span", { class: "caret", "aria-hidden": "true" });
    this._view = new MarkdownView(this._body);
    this._thoughtView = new MarkdownView(this._thoughts);
    this.element = h(
      "article", { class: "row answer" },
      this._avatar,
      h(
        "div", { class: "said" },
        h("div", { class: "byline" }, this._name, this._time),
        this._reasoning, this._body, this._waiting, this._trouble, this._actions,
      ),
    );
  }

  // Draw a message; `isLast` says whether it can be answered anew.
  update(message, isLast) {
    const persona = this._desk.persona;
    const face = persona ? `${persona.id} ${persona.seq}` : "";
    if (face !== this._face && persona) {
      this._face = face;
      this._avatar.replaceChildren(avatar(persona, 28));
      this._name.textContent = oneLine(persona.name);
      this.element.setAttribute("aria-label", [oneLine(persona.name), clock(message.send_time)].join(", "));
    }
    if (this._message && this._message.status !== "running") this._since = performance.now();
    const shown = `${message.seq} ${message.status} ${isLast}`;
    this._message = message;
    if (shown !== this._shown) {
      this._shown = shown;
      this._time.replaceChildren(timeNode(message.send_time));
      this.element.dataset.status = message.status;
      this.element.setAttribute("aria-busy", String(message.status === "running"));
      this._showTrouble(message, isLast);
      this._showActions(message, isLast);
    }
    this.grow(message);
  }

  // Only the text is new.
  grow(message) {
    this._message = message;
    const running = message.status === "running";
    this._caret.remove();
    this._view.update(message.content);
    this._showReasoning(message, running);
    this._place = running ? this._desk.placeInLine(message) : 0;
    const waiting = running && (!message.content || this._place > 0);
    this._waiting.hidden = !waiting;
    if (running && message.content) this._placeCaret();
    if (waiting && !this._timer) this._timer = setInterval(() => this._wait(), 1_000);
    if (waiting) this._wait();
    else this.leave();
  }

  // No longer on the screen.
  leave() {
    clearInterval(this._timer);
    this._timer = 0;
  }

  get text() {
    return this._body.textContent;
  }

  _wait() {
    const waited = performance.now() - this._since;
    const place = this._place === 1 ? t("next_in_line") : this._place ? t("in_line", { n: this._place }) : "";
    const late = waited >= PATIENCE_MS && !this._message.reasoning && t("waiting", { n: Math.round(waited / 1000) });
    this._waiting.lastChild.textContent = place || late || "";
  }

  _showReasoning(message, running) {
    this._reasoning.hidden = !message.reasoning;
    if (!message.reasoning) return;
    const thinking = running && !message.content;
    const seconds = Math.max(1, Math.round(message.reasoning_ms / 1000));
    this._summary.textContent = thinking ? t("thinking") : message.reasoning_ms ? t("thought_for", { n: seconds }) : t("thought");
    this._showThoughts();
  }

  _showThoughts() {
    if (this._reasoning.open) this._thoughtView.update(this._message.reasoning);
  }

  _placeCaret() {
    let place = this._body;
    while (place.lastElementChild && !["BR", "A", "SPAN", "TABLE"].includes(place.lastElementChild.nodeName)) {
      const last = place.lastChild;
      if (last !== place.lastElementChild && last.textContent.trim()) break; // text follows
      place = place.lastElementChild;
    }
    place.append(this._caret);
  }

  _showTrouble(message, isLast) {
    const { status, failure } = message;
    const words = { stopped: t("stopped"), interrupted: t("interrupted"), failed: t("failed") }[status];
    this._trouble.hidden = !words;
    if (!words) return;
    const why = failure && status !== "stopped" && explain(failure);
    const verb = (text, act) => h("button", { type: "button", class: "button small", text, onclick: act });
    const goOn = isLast && canContinue(message) && verb(t("go_on"), () => this._desk.goOn());
    const again = isLast && verb(status === "stopped" ? t("regenerate") : t("try_again"), () => this._desk.regenerate());
    this._trouble.className = `trouble ${status}`;
    this._trouble.replaceChildren(
      h("span", {}, h("b", { text: words }), why && why !== words ? ` ${why}` : ""),
      ...[goOn, again].filter(Boolean),
    );
  }

  _showActions(message, isLast) {
    const buttons = [];
    if (message.status !== "running" && message.content) buttons.push(copyButton(() => this._message.content));
    if (message.status === "done" && isLast) buttons.push(iconButton("retry", t("regenerate"), () => this._desk.regenerate()));
    this._actions.replaceChildren(...buttons, message.model ? h("span", { class: "model", text: oneLine(message.model) }) : "");
  }
}
