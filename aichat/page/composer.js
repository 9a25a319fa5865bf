// Where one types. Enter sends, Shift+Enter is a new line; what is typed stays with its conversation.

import { h, icon, iconButton } from "./dom.js";
import { codePoints, oneLine } from "./text.js";
import { t } from "./words.js";

const LINES_MOST = 8;
const CONTENT_MOST = 200_000;
const TOUCH = matchMedia("(hover: none) and (pointer: coarse)");

export class Composer {
  constructor(desk, { onSent }) {
    this._desk = desk;
    this._onSent = onSent;
    this._typed = new Map(); // place -> text
    this._place = "";
    this._area = h("textarea", {
      rows: "1", class: "typing", dir: "auto", enterkeyhint: TOUCH.matches ? "enter" : "send", autocomplete: "off",
      oninput: () => this._changed(), onkeydown: (event) => this._key(event),
    });
    this._stop = iconButton("stop", t("stop"), () => desk.stop(), { class: "stopbutton" });
    this._send = h("button", { type: "submit", class: "iconbutton sendbutton", "aria-label": t("send"), title: t("send") }, icon("send"));
    this._words = h("p", { class: "words danger", role: "alert" });
    this.element = h(
      "form", { class: "composer", onsubmit: (event) => (event.preventDefault(), this._submit()) },
      h("div", { class: "box", onclick: (event) => event.target === event.currentTarget && this.focus() }, this._area, this._stop, this._send),
      this._words,
    );
    desk.on("selected", (began) => this._selected(began));
    desk.on("personas messages", () => this.draw());
    desk.on("user", () => {
      this._typed.clear();
      this._area.value = "";
      this._changed();
    });
    addEventListener("resize", () => this._fit());
  }

  focus() {
    if (!TOUCH.matches) this._area.focus();
  }

  // Put words back where they were typed.
  putBack(text) {
    this._area.value = [text, this._area.value].filter(Boolean).join("\n");
    this._changed();
    this._area.focus();
  }

  draw() {
    const { persona } = this._desk;
    const open = this._desk.canChat;
    const words = !persona ? "" : open ? t("message_to", { name: oneLine(persona.name) }) : t("no_longer_shared", { owner: oneLine(persona.owner) });
    this._area.readOnly = !open;
    const wasHidden = this.element.hidden;
    this.element.hidden = !persona;
    if (wasHidden && persona) this._fit();
    this._area.placeholder = words;
    this._area.setAttribute("aria-label", words);
    const running = Boolean(this._desk.running());
    const text = Boolean(this._area.value.trim());
    this._stop.hidden = !running;
    this._send.hidden = running && !text;
    this._send.disabled = !text || !open;
  }

  _selected(began) {
    const place = `${this._desk.personaId}/${this._desk.conversationId ?? ""}`;
    if (!began) {
      this._typed.set(this._place, this._area.value);
      this._area.value = this._typed.get(place) || "";
    }
    this._place = place;
    this._changed();
    if (!began) this.focus();
  }

  _changed() {
    this._words.textContent = "";
    this.draw();
    this._fit();
  }

  _fit() {
    const area = this._area;
    if (this.element.hidden) return;
    const { lineHeight, paddingTop } = getComputedStyle(area);
    const most = Math.round(parseFloat(lineHeight) * LINES_MOST + 2 * parseFloat(paddingTop));
    area.style.height = "auto";
    const wanted = area.scrollHeight;
    area.style.height = `${Math.min(wanted, most)}px`;
    area.style.overflowY = wanted > most ? "auto" : "hidden";
  }

  _key(event) {
    // While an input method is composing, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229 || TOUCH.matches) return;
    event.preventDefault();
    this._submit();
  }

  _submit() {
    const text = this._area.value;
    if (!text.trim() || !this._desk.canChat) return;
    const size = codePoints(text);
    if (size > CONTENT_MOST) {
      this._words.textContent = t("too_long", { n: size.toLocaleString() });
      return;
    }
    this._area.value = "";
    this._changed();
    this._desk.post(text);
    this._onSent();
  }
}
