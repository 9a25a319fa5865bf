// The messages of the shown conversation: draws what changed, and keeps the reader's place.

import { avatar } from "./avatar.js";
import { h, icon } from "./dom.js";
import { MarkdownView } from "./markdown.js";
import { AnswerRow, DayRow, OwnRow } from "./rows.js";
import { day, fillIn, oneLine } from "./text.js";
import { t } from "./words.js";

const NEAR_PX = 48; // this close to the end counts as being there
const OLDER_PX = 600;

export class Messages {
  constructor(desk, { takeBack, newPersona, onSaid }) {
    this._desk = desk;
    this._takeBack = takeBack;
    this._newPersona = newPersona;
    this._onSaid = onSaid;
    this._rows = new Map(); // key -> row
    this._following = true;
    this._top = 0;
    this._news = false;
    this._older = h("p", { class: "older", text: t("loading_older"), hidden: true });
    this._list = h("div", { class: "rows", role: "log", "aria-live": "off" });
    this._empty = h("div", { class: "empty", hidden: true });
    this._column = h("div", { class: "column" }, this._older, this._list, this._empty);
    this._scroller = h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": t("messages"), onscroll: () => this._scrolled() }, this._column);
    this._pill = h("button", { type: "button", class: "pill", "aria-label": t("to_newest"), onclick: () => this.toEnd() }, icon("down", 16), h("span"));
    this._spoken = h("div", { class: "offscreen", role: "status", "aria-live": "polite" });
    this.element = h("section", { class: "messages" }, this._scroller, this._pill, this._spoken);
    new ResizeObserver(() => this._following && this._stick()).observe(this._column);
    new ResizeObserver(() => this._following && this._stick()).observe(this._scroller);
    desk.on("selected", (began) => this._selected(began));
    desk.on("messages personas", () => this.draw());
    desk.on("live", (messageId) => this._grew(messageId));
    desk.on("link", () => this._desk.state !== "live" || this.draw());
    desk.on("answered", (message) => this._speak(message));
  }

  toEnd() {
    this._following = true;
    this._top = 0;
    this._stick();
  }

  draw() {
    const desk = this._desk;
    const messages = desk.messages();
    const items = [];
    let today = "";
    const dayOf = (item) => {
      const words = item.send_time ? day(item.send_time) : today;
      if (words && words !== today) items.push({ key: `d:${words}`, words });
      today = words;
    };
    for (const message of messages) {
      dayOf(message);
      const own = message.sender_type === 0;
      items.push({ key: own && message.request_id ? `r:${message.request_id}` : `m:${message.id}`, message, own });
    }
    const drafts = desk.drafts();
    for (const draft of drafts) items.push({ key: `r:${draft.requestId}`, message: draft, own: true });
    const last = drafts.length || !desk.canChat ? null : messages.at(-1);

    const before = this._following ? null : this._anchor();
    this._reconcile(items, last);
    this._showEmpty(items.length === 0);
    this._older.hidden = !desk.hasOlder();
    if (before) this._restore(before);
    else if (this._following) this._stick();
    this._showPill();
    this._wantOlder();
  }

  _reconcile(items, last) {
    const wanted = new Set(items.map((item) => item.key));
    for (const [key, row] of this._rows) {
      if (wanted.has(key)) continue;
      row.leave?.();
      row.element.remove();
      this._rows.delete(key);
    }
    let place = this._list.firstChild;
    for (const { key, message, own, words } of items) {
      let row = this._rows.get(key);
      if (!row) {
        row = words ? new DayRow(words) : own ? new OwnRow(this._desk, this._takeBack) : new AnswerRow(this._desk);
        this._rows.set(key, row);
        if (!this._following && message) this._news = true;
      }
      row.update(message, message === last);
      if (row.element === place) place = place.nextSibling;
      else this._list.insertBefore(row.element, place);
    }
  }

  _selected(began) {
    if (!began) {
      for (const row of this._rows.values()) row.leave?.();
      this._rows.clear();
      this._list.replaceChildren();
    }
    this._following = true;
    this._top = 0;
    this._news = false;
    this.draw();
  }

  _grew(messageId) {
    const message = this._desk.timeline.message(this._desk.conversationId, messageId);
    const row = message && this._rows.get(`m:${messageId}`);
    if (!row) return;
    row.grow(message);
    if (this._following) this._stick();
    else this._news = true;
    this._showPill();
  }

  _speak(message) {
    const name = oneLine(this._desk.persona?.name || "");
    setTimeout(() => {
      const text = this._rows.get(`m:${message.id}`)?.text || "";
      this._spoken.textContent = t("answered", { name, text: text.slice(0, 1_000) });
    }, 50);
  }

  // what stands there when there is nothing

  _showEmpty(isEmpty) {
    const desk = this._desk;
    this._empty.hidden = !isEmpty;
    const persona = desk.persona;
    const state = !isEmpty ? "" : !desk.isKnown ? "connecting" : !persona ? "none" : desk.isLoaded() ? `${persona.id} ${persona.seq}` : desk.state === "live" ? "loading" : "unloaded";
    if (state === this._emptyState) return;
    this._emptyState = state;
    if (!isEmpty) this._empty.replaceChildren();
    else if (state === "connecting") this._empty.replaceChildren(h("p", { class: "muted late", text: t("connecting") }));
    else if (state === "loading") this._empty.replaceChildren(h("p", { class: "muted late", text: t("loading") }));
    else if (state === "unloaded") this._empty.replaceChildren(h("p", { class: "muted", text: t("not_loaded") }));
    else if (state === "none") this._empty.replaceChildren(...this._noPersonas());
    else this._empty.replaceChildren(...this._welcome(persona));
  }

  _noPersonas() {
    const button = h("button", { type: "button", class: "button primary", text: t("new_persona"), onclick: this._newPersona });
    return [
      h("h2", { text: t("no_personas") }),
      h("p", { class: "muted", text: t(this._desk.can.personas ? "no_personas_hint" : "no_personas_bridge") }),
      this._desk.can.personas ? button : "",
    ];
  }

  _welcome(persona) {
    const greeting = h("div", { class: "markdown greeting", dir: "auto" });
    const filled = (text) => fillIn(text, oneLine(persona.name), oneLine(this._desk.session.user || "user"));
    new MarkdownView(greeting).update(filled(persona.greeting) || t("hello"));
    const starters = persona.starters.length ? persona.starters.map(filled) : [t("starter_1"), t("starter_2"), t("starter_3")];
    const ask = (text) => () => {
      this._desk.post(text);
      this._onSaid();
    };
    return [
      avatar(persona, 64),
      h("h2", { text: oneLine(persona.name) }),
      greeting,
      h("ul", { class: "starters" }, ...starters.map((text) => h("li", {}, h("button", { type: "button", class: "starter", text: oneLine(text), onclick: ask(text) })))),
    ];
  }

  // the reader's place

  _scrolled() {
    const top = this._scroller.scrollTop;
    if (this._distance() <= NEAR_PX) this._following = true;
    else if (this._hasScrolledUp()) this._following = false;
    if (this._following) this._news = false;
    this._top = top;
    this._showPill();
    this._wantOlder();
  }

  _distance() {
    const { scrollHeight, scrollTop, clientHeight } = this._scroller;
    return scrollHeight - scrollTop - clientHeight;
  }

  // Only the reader scrolls up.
  _hasScrolledUp() {
    return this._scroller.scrollTop < this._top - 1 && this._distance() > NEAR_PX;
  }

  _stick() {
    if (this._hasScrolledUp()) { // and the event that says so is still to come
      this._following = false;
      return;
    }
    this._scroller.scrollTop = this._scroller.scrollHeight;
    this._top = this._scroller.scrollTop;
  }

  // The first message in sight, and where it stands: older ones that come in above must not move it.
  _anchor() {
    const edge = this._scroller.getBoundingClientRect().top;
    const row = [...this._list.querySelectorAll(".row")].find((child) => child.getBoundingClientRect().bottom > edge);
    return row ? { row, top: row.getBoundingClientRect().top } : null;
  }

  _restore({ row, top }) {
    if (row.isConnected) this._scroller.scrollTop += row.getBoundingClientRect().top - top;
    this._top = this._scroller.scrollTop;
  }

  _showPill() {
    const away = !this._following && this._distance() > NEAR_PX;
    this._pill.classList.toggle("shown", away);
    this._pill.tabIndex = away ? 0 : -1;
    this._pill.lastChild.textContent = this._news ? t("new_below") : "";
  }

  _wantOlder() {
    if (this._desk.hasOlder() && this._scroller.scrollTop < OLDER_PX) {
      if (this._scroller.scrollTop < OLDER_PX && this._distance() > NEAR_PX) this._following = false;
      this._desk.loadOlder();
    }
  }
}
