// Who one is: a name and a password, or in their place a token. What the main place shows when the server refuses.

import { h } from "./dom.js";
import { oneLine } from "./text.js";
import { explain, t } from "./words.js";

// Named as browsers expect it, so that their own password store can fill it in.
const LOGIN_FIELDS = [
  ["user_name", { name: "username", autocomplete: "username", maxlength: 100 }],
  ["password", { name: "password", type: "password", autocomplete: "current-password", maxlength: 200 }],
];

export class LoginForm {
  constructor(link) {
    this._link = link;
    this._kind = link.can.store ? "login" : "secret";
    this._tried = Boolean(link.session.token);
    this._name = "";
    this.element = h("form", { novalidate: true, onsubmit: (event) => (event.preventDefault(), this._submit()) });
    this._build();
    this._say();
  }

  focus() {
    const fields = [...this.element.querySelectorAll("input")];
    (fields.find((field) => !field.value) || fields[0]).focus();
  }

  // The server refused: say why, keep the name, forget the rest.
  refused() {
    this._go.disabled = false;
    this._go.textContent = this._verb;
    for (const field of this.element.querySelectorAll("input")) {
      field.disabled = false;
      if (field.type === "password") field.value = "";
    }
    this._say();
    this.focus();
  }

  get _verb() {
    return t(this._kind === "login" ? "log_in" : "connect");
  }

  _build() {
    const fields = this._kind === "login" ? LOGIN_FIELDS : [[this._kind, { name: "token", type: "password", autocomplete: "off", maxlength: 200 }]];
    this._words = h("p", { class: "danger words", role: "alert" });
    this._go = h("button", { type: "submit", class: "button primary wide", text: this._verb });
    const other = { login: "token", token: "login" }[this._kind];
    this.element.replaceChildren(
      h("h2", { text: t(`${this._kind}_title`) }),
      h("p", { class: "muted", text: t(`${this._kind}_hint`, { server: location.host }) }),
      ...fields.map(([words, more]) =>
        h("label", { class: "labelled" }, h("span", { text: t(words) }), h("input", { class: "field", spellcheck: "false", autocapitalize: "off", ...more })),
      ),
      this._words, this._go,
      ...(other ? [h("button", { type: "button", class: "quiet", text: t(`use_${other}`), onclick: () => this._switch(other) })] : []),
    );
    if (this._kind === "login") this.element.elements.username.value = this._name;
  }

  _switch(kind) {
    this._name = this.element.elements.username?.value ?? this._name;
    this._kind = kind;
    this._build();
    this.focus();
  }

  _say() {
    const { refusal, refusalCode } = this._link.session;
    const wrong = this._by === "login" && refusalCode === "unauthorized";
    this._words.textContent = !this._tried || !refusal ? "" : wrong ? t("wrong_login") : oneLine(explain({ code: refusalCode, message: refusal }));
  }

  _submit() {
    const { username, password, token } = this.element.elements;
    const [name, secret] = [username?.value.trim(), (token?.value ?? password.value)];
    if ((username && !name) || !secret.trim()) {
      this.focus();
      return;
    }
    this._tried = true;
    this._by = this._kind;
    this._words.textContent = "";
    this._go.disabled = true;
    this._go.textContent = t("one_moment");
    for (const field of this.element.querySelectorAll("input")) field.disabled = true;
    if (username) this._link.logIn(name, secret);
    else this._link.useToken(secret.trim());
  }
}
