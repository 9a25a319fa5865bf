// Dialogs: one question each, verbs on the buttons, Esc and Enter do what one expects.

import { avatar, readPicture } from "./avatar.js";
import { h } from "./dom.js";
import { explain, t } from "./words.js";

const STARTERS = 3;

// Show a dialog -> when it closes, what `finish` was given (null for Esc and Cancel).
function show(build, kind = "") {
  return new Promise((resolve) => {
    let answer = null;
    const finish = (value) => {
      answer = value;
      dialog.close();
    };
    const dialog = h("dialog", { class: `dialog ${kind}` });
    dialog.append(...build(finish));
    dialog.setAttribute("aria-labelledby", "dialogtitle");
    dialog.addEventListener("keydown", (event) => event.stopPropagation());
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

const heading = (text) => h("h2", { id: "dialogtitle", text });
const cancelButton = (finish) => h("button", { type: "button", class: "button", text: t("cancel"), onclick: () => finish(null) });

function form(onsubmit, ...children) {
  return h("form", { novalidate: true, onsubmit: (event) => (event.preventDefault(), onsubmit()) }, ...children);
}

// A question with one verb -> whether it was chosen.
export function ask({ title, text, verb, danger }) {
  return show((finish) => [
    form(
      () => finish(true),
      heading(title),
      h("p", { class: "muted", text }),
      h("div", { class: "buttons" }, cancelButton(finish), h("button", { type: "submit", class: `button primary ${danger ? "danger" : ""}`, text: verb, autofocus: true })),
    ),
  ]).then(Boolean);
}

export function askText({ title, label, value, verb, most }) {
  return show((finish) => {
    const input = h("input", { class: "field", value, maxlength: most, autofocus: true, onfocus: () => input.select() });
    return [
      form(
        () => input.value.trim() && finish(input.value.trim()),
        heading(title),
        h("label", { class: "labelled" }, h("span", { text: label }), input),
        h("div", { class: "buttons" }, cancelButton(finish), h("button", { type: "submit", class: "button primary", text: verb })),
      ),
    ];
  });
}

export function askLink(href) {
  return show((finish) => [
    heading(t("open_link")),
    h("p", { class: "muted", text: t("open_link_text") }),
    h("p", { class: "address", text: href }),
    h(
      "div", { class: "buttons" },
      cancelButton(finish),
      h("a", { href, target: "_blank", rel: "noopener noreferrer", class: "button primary", text: t("open"), autofocus: true, onclick: () => setTimeout(() => finish(true)) }),
    ),
  ]);
}

function labelled(words, hint, control) {
  return h("label", { class: "labelled" }, h("span", {}, words, hint && h("small", { text: hint })), control);
}

// Make a persona (null) or change one. Closes when the server has it; what it refuses is said here.
export function editPersona(desk, persona) {
  const ends = [];
  return show((finish) => {
    const was = persona || { id: "new", name: "", prompt: "", avatar: "", greeting: "", model: "", starters: [], shared: false };
    let picture = was.avatar;
    let requestId = "";
    const name = h("input", { class: "field", name: "name", value: was.name, maxlength: 100, autocomplete: "off", autofocus: true, oninput: () => showFace() });
    const prompt = h("textarea", { class: "field", name: "prompt", rows: 5, maxlength: 32_768, value: was.prompt });
    const greeting = h("textarea", { class: "field", name: "greeting", rows: 2, maxlength: 8_000, value: was.greeting });
    const model = h("input", { class: "field", name: "model", value: was.model, maxlength: 200, autocomplete: "off" });
    const count = Math.max(STARTERS, was.starters.length);
    const starters = Array.from({ length: count }, (_, i) =>
      h("input", { class: "field", name: `starter${i + 1}`, value: was.starters[i] || "", maxlength: 200, autocomplete: "off", "aria-label": t("starter", { n: i + 1 }), placeholder: t("starter", { n: i + 1 }) }),
    );
    const shared = h("input", { type: "checkbox", name: "shared" });
    shared.checked = Boolean(was.shared);
    const words = h("p", { class: "danger words", role: "alert" });
    const face = h("span");
    const file = h("input", { type: "file", class: "offscreen", accept: "image/png,image/jpeg,image/gif,image/webp", tabindex: "-1", onchange: () => pick() });
    const choose = h("button", { type: "button", class: "button small", text: t("choose_picture"), onclick: () => file.click() });
    const remove = h("button", { type: "button", class: "button small", text: t("remove_picture"), onclick: () => ((picture = ""), showFace()) });
    const save = h("button", { type: "submit", class: "button primary", text: persona ? t("save") : t("create") });

    const showFace = () => {
      face.replaceChildren(avatar({ id: was.id, name: name.value, avatar: picture }, 64));
      remove.hidden = !picture;
    };
    const pick = async () => {
      try {
        picture = await readPicture(file.files[0]);
        words.textContent = "";
      } catch {
        words.textContent = t("bad_picture");
      }
      file.value = "";
      showFace();
    };
    const submit = () => {
      if (!name.value.trim()) {
        words.textContent = t("name_needed");
        name.focus();
        return;
      }
      const config = {
        name: name.value.trim(), prompt: prompt.value, avatar: picture, greeting: greeting.value, model: model.value.trim(),
        starters: starters.map((field) => field.value.trim()).filter(Boolean), shared: shared.checked,
      };
      const changed = Object.fromEntries(Object.entries(config).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(was[key])));
      if (persona && !Object.keys(changed).length) {
        finish(null);
        return;
      }
      save.disabled = true;
      save.textContent = t("saving");
      words.textContent = "";
      requestId = desk.savePersona(persona?.id, persona ? changed : config);
    };
    const refused = (id, failure) => {
      if (!requestId || id !== requestId) return;
      words.textContent = explain(failure);
      save.disabled = false;
      save.textContent = persona ? t("save") : t("create");
    };
    ends.push(desk.on("acknowledged", (id, ack) => requestId && id === requestId && finish(ack)), desk.on("refused", refused));
    showFace();
    return [
      form(
        submit,
        heading(persona ? t("edit_persona") : t("new_persona")),
        h(
          "div", { class: "fields" },
          h("div", { class: "facerow" }, face, labelled(t("name"), "", name)),
          h("div", { class: "picturerow" }, choose, remove, file),
          labelled(t("prompt"), t("prompt_hint"), prompt),
          labelled(t("greeting"), t("greeting_hint"), greeting),
          h("fieldset", { class: "labelled" }, h("legend", { text: t("starters") }), ...starters),
          labelled(t("model"), t("model_hint"), model),
          h("label", { class: "check" }, shared, h("span", {}, t("share"), h("small", { text: t("share_hint") }))),
        ),
        words,
        h("div", { class: "buttons" }, cancelButton(finish), save),
      ),
    ];
  }, "editor").finally(() => ends.forEach((end) => end()));
}
