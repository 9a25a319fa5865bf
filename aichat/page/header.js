// Above the messages: who one talks with, which conversation it is, and what can be done with both.

import { avatar } from "./avatar.js";
import { ask, askText } from "./dialogs.js";
import { h, icon, iconButton } from "./dom.js";
import { Popover } from "./popover.js";
import { oneLine, shortTime } from "./text.js";
import { t } from "./words.js";

export class Header {
  constructor(desk, { openDrawer, editPersona }) {
    this._desk = desk;
    this._editPersona = editPersona;
    this._face = "";
    this._avatar = h("span", { class: "face" });
    this._name = h("span", { class: "name" });
    this._model = h("span", { class: "modelname" });
    this._title = h("span", { class: "title" });
    const historyButton = h("button", { type: "button", class: "history", title: t("conversations") }, this._title, icon("chevron", 16));
    this._history = new Popover(historyButton, (close) => this._buildHistory(close), { label: t("conversations"), kind: "wide" });
    const more = iconButton("more", t("more"), () => {});
    this._more = new Popover(more, (close) => this._buildMore(close), { label: t("more"), kind: "right" });
    this.element = h(
      "header", { class: "header" },
      iconButton("menu", t("open_menu"), openDrawer, { class: "drawerbutton" }),
      this._avatar,
      h("div", { class: "who" }, h("h1", {}, this._name, this._model), this._history.element),
      iconButton("compose", t("new_conversation"), () => desk.selectConversation(null), { class: "newbutton" }),
      this._more.element,
    );
    desk.on("selected personas conversations", () => this.draw());
  }

  draw() {
    const { persona, conversation } = this._desk;
    this.element.classList.toggle("blank", !persona);
    const face = persona ? `${persona.id} ${persona.seq}` : "";
    if (face !== this._face && persona) {
      this._face = face;
      this._avatar.replaceChildren(avatar(persona, 36));
      this._name.textContent = this._name.title = oneLine(persona.name);
      this._model.textContent = oneLine(persona.model);
    }
    const title = conversation ? titleOf(conversation) : t("new_conversation");
    this._title.textContent = title;
    document.title = persona ? `${oneLine(persona.name)} · aichat` : "aichat";
    if (this._history.isOpen) this._drawList();
  }

  _buildHistory(close) {
    this._search = h("input", {
      type: "search", class: "field stop", placeholder: t("search_conversations"), "aria-label": t("search_conversations"),
      oninput: () => this._drawList(),
    });
    const fresh = h("button", { type: "button", class: "entry stop fresh", onclick: () => (close(), this._desk.selectConversation(null)) }, icon("plus", 16), t("new_conversation"));
    this._list = h("ul", { class: "entries", onkeydown: (event) => event.key === "Delete" && event.target.nextSibling?.nextSibling?.click() });
    this._close = close;
    this._drawList();
    return [this._search, fresh, this._list];
  }

  _drawList() {
    const wanted = this._search.value.trim().toLocaleLowerCase();
    const all = this._desk.conversations();
    const found = all.filter((c) => titleOf(c).toLocaleLowerCase().includes(wanted));
    const none = h("li", { class: "muted nothing", text: t(all.length ? "no_match" : "no_conversations") });
    this._list.replaceChildren(...(found.length ? found.map((c) => this._entry(c)) : [none]));
  }

  _entry(conversation) {
    const here = conversation.id === this._desk.conversationId;
    const go = () => (this._close(), this._desk.selectConversation(conversation.id));
    return h(
      "li", { class: "entryrow" },
      h(
        "button", { type: "button", class: "entry stop", "aria-current": here && "true", onclick: go },
        h("span", { class: "title", text: titleOf(conversation) }),
        this._desk.unread.has(conversation.id) && h("span", { class: "dot" }),
        h("time", { text: shortTime(conversation.update_time || conversation.create_time) }),
      ),
      iconButton("edit", t("rename"), () => this._rename(conversation)),
      iconButton("trash", t("delete_conversation"), () => this._delete(conversation)),
    );
  }

  _buildMore(close) {
    const { persona, conversation } = this._desk;
    const owner = oneLine(persona.owner);
    const entry = (name, words, act, kind = "", disabled = false) =>
      h("button", { type: "button", class: `entry stop ${kind}`, disabled, onclick: () => (close(), act()) }, icon(name, 16), words);
    return [
      conversation && entry("edit", t("rename_conversation"), () => this._rename(conversation)),
      conversation && entry("trash", t("delete_conversation"), () => this._delete(conversation), "danger"),
      this._desk.can.personas && conversation && h("hr"),
      this._desk.can.personas && entry("edit", t("edit_persona"), () => this._editPersona(persona), "", Boolean(owner)),
      this._desk.can.personas && entry("trash", t("delete_persona"), () => deletePersona(this._desk, persona), "danger", Boolean(owner)),
      owner && h("p", { class: "whoami", text: t("whose", { owner }) }),
      !conversation && !this._desk.can.personas && entry("compose", t("new_conversation"), () => this._desk.selectConversation(null)),
    ].filter(Boolean);
  }

  async _rename(conversation) {
    this._history.close(false);
    const title = await askText({ title: t("rename_conversation"), label: t("title"), value: conversation.title, verb: t("rename"), most: 200 });
    if (title) this._desk.renameConversation(conversation.id, title);
  }

  async _delete(conversation) {
    this._history.close(false);
    const text = t("delete_conversation_text", { title: titleOf(conversation) });
    if (await ask({ title: t("delete_conversation_question"), text, verb: t("delete"), danger: true })) {
      this._desk.deleteConversation(conversation.id);
    }
  }
}

export async function deletePersona(desk, persona) {
  const name = oneLine(persona.name);
  const title = t("delete_persona_question", { name });
  if (await ask({ title, text: t("delete_persona_text", { name }), verb: t("delete"), danger: true })) desk.deletePersona(persona.id);
}

export function titleOf(conversation) {
  return oneLine(conversation.title) || t("new_conversation");
}

