// A panel under a button: opens on click, closes on Esc, on a click elsewhere and when focus leaves.

import { h } from "./dom.js";

export class Popover {
  // `build(close)` makes the content anew at each opening.
  constructor(button, build, { label, kind = "" }) {
    this._button = button;
    this._build = build;
    this._panel = h("div", { class: `popover ${kind}`, role: "dialog", "aria-label": label, hidden: true, onkeydown: (event) => this._key(event) });
    this.element = h("div", { class: "anchor" }, button, this._panel);
    button.setAttribute("aria-expanded", "false");
    button.setAttribute("aria-haspopup", "dialog");
    button.addEventListener("click", () => (this.isOpen ? this.close() : this.open()));
    document.addEventListener("pointerdown", (event) => this.isOpen && !this.element.contains(event.target) && this.close(false));
    this._panel.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !this.element.contains(event.relatedTarget)) this.close(false);
    });
  }

  get isOpen() {
    return !this._panel.hidden;
  }

  open() {
    this.redraw();
    this._panel.hidden = false;
    this._button.setAttribute("aria-expanded", "true");
    this._panel.querySelector("input, button")?.focus();
  }

  close(giveFocusBack = true) {
    this._panel.hidden = true;
    this._panel.replaceChildren();
    this._button.setAttribute("aria-expanded", "false");
    if (giveFocusBack) this._button.focus();
  }

  redraw() {
    this._panel.replaceChildren(...this._build(() => this.close()));
  }

  _key(event) {
    if (event.key === "Escape") {
      event.stopPropagation();
      this.close();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      moveFocus(this._panel, event);
    }
  }
}

// Arrow keys go from one `.stop` to the next.
export function moveFocus(container, event) {
  const stops = [...container.querySelectorAll(".stop")];
  const at = stops.indexOf(document.activeElement);
  const next = stops[event.key === "ArrowDown" ? at + 1 : at < 0 ? stops.length - 1 : at - 1];
  if (next) {
    event.preventDefault();
    next.focus();
  }
}
