// Puts the page together: the link that index.html names, the desk, and the screens around them.

import { Composer } from "./composer.js";
import { Desk } from "./desk.js";
import { ask, askLink, editPersona } from "./dialogs.js";
import { h, iconButton } from "./dom.js";
import { Header } from "./header.js";
import { BridgeLink } from "./link_bridge.js";
import { ServerLink } from "./link_server.js";
import { LoginForm } from "./login.js";
import { Messages } from "./messages.js";
import { Sidebar } from "./sidebar.js";
import { language } from "./text.js";
import { explain, t } from "./words.js";

const OFFLINE_LINE_MS = 500; // a shorter break is not worth a word
const NOTICE_MS = 8_000;

const html = document.documentElement;
html.lang = language === "zh" ? "zh-CN" : "en";

const link = html.dataset.link === "bridge" ? new BridgeLink(html.dataset.root) : new ServerLink(html.dataset.root);
const desk = new Desk(link);

const edit = async (persona) => {
  const ack = await editPersona(desk, persona);
  if (ack?.persona_id && !persona) desk.selectPersona(ack.persona_id);
};
const composer = new Composer(desk, { onSent: () => messages.toEnd() });
const messages = new Messages(desk, {
  takeBack: (requestId) => composer.putBack(desk.discard(requestId)),
  newPersona: () => edit(null),
  onSaid: () => composer.focus(),
});
// Words that were not sent are not lost without a question.
const logOut = async () => {
  const n = desk.session.outbox.size;
  const question = { title: t("log_out_question"), text: t("log_out_text", { n }), verb: t("log_out"), danger: true };
  if (!n || (await ask(question))) desk.logOut();
};
const sidebar = new Sidebar(desk, { newPersona: () => edit(null), logOut });
const header = new Header(desk, { openDrawer: () => sidebar.open(), editPersona: edit });

// the thin line about the connection

const lineWords = h("span", { role: "status" });
const lineMore = h("span", { "aria-hidden": "true" });
const lineButton = h("button", { type: "button", class: "quiet", text: t("try_now"), onclick: () => link.tryNow() });
const line = h("div", { class: "line", hidden: true }, lineWords, lineMore, lineButton);
let lineTimer = 0;

function drawLine() {
  const away = desk.timeline.personasKnown && (desk.state === "offline" || desk.state === "greeting");
  const never = !desk.timeline.personasKnown && desk.state === "offline" && link.secondsLeft > 0;
  if (!away && !never) {
    clearInterval(lineTimer);
    lineTimer = 0;
    line.hidden = true;
    lineWords.textContent = "";
    return;
  }
  if (!lineTimer) lineTimer = setInterval(drawLine, OFFLINE_LINE_MS);
  else line.hidden = false;
  const n = link.secondsLeft;
  if (lineWords.textContent !== t("lost")) lineWords.textContent = t("lost"); // said once, not with every second
  lineMore.textContent = n ? t("next_try", { n }) : t("trying");
  lineButton.hidden = !n;
}

// who one is

const loginPlace = h("section", { class: "token", hidden: true });
let loginForm = null;

function drawLogin() {
  const asks = desk.state === "refused" || Boolean(loginForm && link.isTrying);
  if (asks && loginForm) {
    if (!link.isTrying) loginForm.refused();
    return;
  }
  if (asks === Boolean(loginForm)) return;
  loginForm = asks ? new LoginForm(link) : null;
  loginPlace.hidden = !asks;
  loginPlace.replaceChildren(...(asks ? [loginForm.element] : []));
  document.body.classList.toggle("refused", asks);
  if (asks) loginForm.focus();
  else composer.focus();
}

// words that belong to no place

const notices = h("div", { class: "notices", role: "status", "aria-live": "polite" });

function notice(words) {
  const close = () => note.remove();
  const note = h("div", { class: "notice" }, h("span", { text: words }), iconButton("close", t("close"), close));
  notices.append(note);
  setTimeout(close, NOTICE_MS);
}

desk.on("link", () => {
  drawLine();
  drawLogin();
});
desk.on("notice", (failure) => notice(explain(failure)));
desk.on("returned", (text, failure) => {
  composer.putBack(text);
  notice(`${explain(failure)} ${t("returned")}`);
});

const main = h("main", {}, header.element, line, messages.element, composer.element, loginPlace);
document.body.append(...sidebar.elements, main, notices);

// Links in answers ask first, with whichever button they are clicked.
for (const kind of ["click", "auxclick"]) {
  document.addEventListener(kind, (event) => {
    const anchor = event.target instanceof Element && event.target.closest("a.link");
    if (!anchor || event.button === 2) return;
    event.preventDefault();
    askLink(anchor.href);
  });
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.isComposing && event.keyCode !== 229 && !event.defaultPrevented) desk.stop();
});

header.draw();
messages.draw();
composer.draw();
sidebar.drawState();
link.start();
