// Builds elements. Text only ever goes in as text: nothing in this page parses HTML.

const SVG = "http://www.w3.org/2000/svg";

// Strokes on a 20 x 20 grid; `fill` draws the shape solid.
const ICONS = {
  menu: ["M3 5.5h14M3 10h14M3 14.5h14"],
  plus: ["M10 4v12M4 10h12"],
  search: ["M8.8 14a5.2 5.2 0 1 0 0-10.4 5.2 5.2 0 0 0 0 10.4Z", "M12.7 12.7 16.5 16.5"],
  send: ["M10 16V4.5", "M5 9.2l5-5 5 5"],
  stop: ["fill", "M6 4.8h8c.7 0 1.2.5 1.2 1.2v8c0 .7-.5 1.2-1.2 1.2H6c-.7 0-1.2-.5-1.2-1.2V6c0-.7.5-1.2 1.2-1.2Z"],
  copy: ["M7.5 7.5h8v8.6h-8z", "M12.5 7.4V4h-8v8.5h2.9"],
  check: ["M4.5 10.5l3.6 3.6 7.4-8"],
  retry: ["M15.8 9.2A6 6 0 1 0 14.6 14", "M16 5v4.3h-4.3"],
  more: ["fill", "M4.8 8.7a1.3 1.3 0 1 1 0 2.6 1.3 1.3 0 0 1 0-2.6Zm5.2 0a1.3 1.3 0 1 1 0 2.6 1.3 1.3 0 0 1 0-2.6Zm5.2 0a1.3 1.3 0 1 1 0 2.6 1.3 1.3 0 0 1 0-2.6Z"],
  edit: ["M4 16l.8-3.4 8.2-8.2 2.6 2.6-8.2 8.2L4 16Z", "M11.3 6.1l2.6 2.6"],
  trash: ["M4 6h12", "M8 6V4h4v2", "M5.5 6l.7 10h7.6l.7-10", "M8.5 8.8v4.6M11.5 8.8v4.6"],
  chevron: ["M6 8l4 4 4-4"],
  down: ["M10 4v11.5", "M5 10.7l5 5 5-5"],
  close: ["M5 5l10 10M15 5L5 15"],
  compose: ["M15.8 10.5v4.3c0 .7-.5 1.2-1.2 1.2H5.2c-.7 0-1.2-.5-1.2-1.2V5.4c0-.7.5-1.2 1.2-1.2h4.3", "M9 11l.5-2.2 6-6 1.7 1.7-6 6L9 11Z"],
  person: ["M10 10.2a3.3 3.3 0 1 0 0-6.6 3.3 3.3 0 0 0 0 6.6Z", "M3.8 16.8a6.2 6.2 0 0 1 12.4 0"],
  people: ["M7.5 10a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6Z", "M2 16a5.5 5.5 0 0 1 11 0", "M13 4.6a2.8 2.8 0 0 1 0 5.2", "M15 11.4a5.5 5.5 0 0 1 3 4.6"],
  image: ["M3.5 4.5h13v11h-13z", "M4 14l4-4.2 3 3 2-2 3 3", "M12.6 7.6h.1"],
};

export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function icon(name, size = 20) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 20 20", width: size, height: size, "aria-hidden": "true" })) {
    svg.setAttribute(key, value);
  }
  const [first, ...rest] = ICONS[name];
  const solid = first === "fill";
  svg.setAttribute("class", solid ? "icon solid" : "icon");
  for (const d of solid ? rest : [first, ...rest]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

// A button with an icon; its name is read aloud and shown as a tooltip.
export function iconButton(name, label, onclick, more = {}) {
  const { class: extra = "", ...props } = more;
  return h("button", { type: "button", class: `iconbutton ${extra}`, "aria-label": label, title: label, onclick, ...props }, icon(name));
}

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Over plain HTTP from another machine there is no clipboard API.
    const area = h("textarea", { class: "offscreen", value: text, readonly: true });
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}

// Show a tick in place of an icon button's icon for a moment.
export function showDone(button) {
  button.replaceChildren(icon("check"));
  button.classList.add("done");
  setTimeout(() => {
    button.replaceChildren(icon(button.dataset.icon || "copy"));
    button.classList.remove("done");
  }, 1500);
}
