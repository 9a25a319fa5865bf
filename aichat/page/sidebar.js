// The personas at the left; under 700 px a drawer.

import { avatar } from "./avatar.js";
import { h, icon, iconButton } from "./dom.js";
import { titleOf } from "./header.js";
import { moveFocus, Popover } from "./popover.js";
import { oneLine, shortTime } from "./text.js";
import { t } from "./words.js";

const NARROW = matchMedia("(max-width: 699px)");

export class Sidebar {
  constructor(desk, { newPersona, logOut }) {
    this._desk = desk;
    this._items = new Map(); // persona id -> {element, shown}
    this._search = h("input", {
      type: "search", class: "field stop", placeholder: t("search_personas"), "aria-label": t("search_personas"),
      oninput: () => this.draw(),
    });
    this._list = h("ul", { class: "personas" });
    this._nothing = h("p", { class: "muted nothing", text: t("no_match"), hidden: true });
    this._state = h("span", { class: "state", role: "status" }, h("span", { class: "dot" }), h("span"));
    this._server = h("span", { class: "server" });
    this._account = new Popover(iconButton("person", t("user"), () => {}), (close) => this._buildAccount(close), { label: t("user"), kind: "up" });
    this._logOut = logOut;
    const make = desk.can.personas && h("button", { type: "button", class: "entry stop new", onclick: () => (this.close(), newPersona()) }, icon("plus", 20), t("new_persona"));
    this._veil = h("div", { class: "veil", onclick: () => this.close() });
    this._nav = h(
      "nav", { class: "sidebar", "aria-label": t("personas"), onkeydown: (event) => this._key(event) },
      h("div", { class: "top" }, this._search, iconButton("close", t("close_menu"), () => this.close(), { class: "drawerbutton" })),
      h("div", { class: "list" }, this._list, this._nothing),
      make,
      desk.can.store ? "" : h("p", { class: "note" }, h("b", { text: t("bridge_test") }), h("span", { text: t("bridge_hint") })),
      h("footer", {}, this._state, this._server, desk.can.store ? this._account.element : ""),
    );
    this.elements = [this._nav, this._veil];
    NARROW.addEventListener("change", () => this.close());
    this.close();
    desk.on("personas conversations selected", () => this.draw());
    desk.on("link", () => this.drawState());
  }

  open() {
    document.body.classList.add("drawn");
    this._nav.inert = false;
    (this._list.querySelector("[aria-current]") || this._search).focus();
  }

  close() {
    document.body.classList.remove("drawn");
    this._nav.inert = NARROW.matches;
  }

  get isOpen() {
    return document.body.classList.contains("drawn");
  }

  draw() {
    const desk = this._desk;
    const wanted = this._search.value.trim().toLocaleLowerCase();
    const personas = desk.personas();
    const found = personas.filter((p) => oneLine(p.name).toLocaleLowerCase().includes(wanted));
    const kept = new Set(found.map((p) => p.id));
    for (const [id, { element }] of this._items) {
      if (kept.has(id)) continue;
      element.remove();
      this._items.delete(id);
    }
    let place = this._list.firstChild;
    for (const persona of found) {
      const element = this._item(persona);
      if (element === place) place = place.nextSibling;
      else this._list.insertBefore(element, place);
    }
    this._nothing.hidden = Boolean(found.length) || !personas.length;
  }

  _item(persona) {
    const desk = this._desk;
    const newest = desk.timeline.conversationsWith(persona.id)[0];
    const unread = desk.unreadWith(persona.id);
    const here = persona.id === desk.personaId;
    const subtitle = newest ? titleOf(newest) : "";
    const time = newest ? shortTime(newest.update_time || newest.create_time) : "";
    const owner = oneLine(persona.owner);
    const whose = (owner || persona.shared) && h("span", { class: "whose", title: owner && t("shared_by", { owner }) }, icon("people", 14), owner);
    const shown = JSON.stringify([persona.seq, persona.name, subtitle, time, unread, here]);
    const known = this._items.get(persona.id);
    if (known?.shown === shown) return known.element;
    const focused = known && document.activeElement === known.element.firstChild;
    const element = known?.element || h("li");
    const button = h(
      "button", { type: "button", class: "persona stop", "aria-current": here && "true", "data-persona": persona.id, onclick: () => (desk.selectPersona(persona.id), this.close()) },
      avatar(persona, 36),
      h("span", { class: "lines" }, h("span", { class: "nameline" }, h("span", { class: "name", text: oneLine(persona.name) }), whose), subtitle && h("span", { class: "subtitle", text: subtitle })),
      h("span", { class: "side" }, time && h("time", { text: time }), unread > 0 && h("span", { class: "badge", text: String(unread), "aria-label": t("unread", { n: unread }) })),
    );
    element.replaceChildren(button);
    if (focused) button.focus();
    this._items.set(persona.id, { element, shown });
    return element;
  }

  drawState() {
    const { state, session, link } = this._desk;
    const word = state === "greeting" || link.connecting ? "connecting" : state;
    this._state.className = `state ${word}`;
    this._state.lastChild.textContent = t(word);
    this._server.textContent = oneLine(this._desk.shownUser || session.server);
    this._account.element.hidden = !session.user || state === "refused";
  }

  _buildAccount(close) {
    const { shownUser, session } = this._desk;
    return [
      h("p", { class: "whoami", text: oneLine(session.user) }),
      h("button", { type: "button", class: "entry stop", onclick: () => (close(), this.close(), this._logOut()) }, t(shownUser ? "log_out" : "log_in_as")),
    ];
  }

  _key(event) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") moveFocus(this._nav, event);
    if (event.key === "Escape" && this.isOpen) {
      event.stopPropagation();
      this.close();
    }
  }
}
