// A small Markdown renderer that builds nodes and never parses HTML: what a model writes stays text.
//
// Blocks are found line by line and know nothing of what stood before them, so a text that grows is parsed again from
// its last blocks only, and blocks whose source did not change keep their nodes. Every step is linear in the text;
// nesting is bounded.

import { copyText, h, iconButton, showDone } from "./dom.js";
import { highlight } from "./highlight.js";
import { inline } from "./markdown_inline.js";
import { clean } from "./text.js";
import { t } from "./words.js";

const DEEPEST = 8;

const FENCE = /^( {0,3})(`{3,}|~{3,})(.*)$/;
const HEADING = /^ {0,3}(#{1,6})(?:[ \t]|$)/;
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const QUOTE = /^ {0,3}>/;
const ITEM = /^([ \t]*)([-*+]|\d{1,9}[.)])(?:[ \t]|$)/;

const isBlank = (line) => !/\S/.test(line);
const indentOf = (line) => {
  let width = 0;
  for (const c of line) {
    if (c === " ") width += 1;
    else if (c === "\t") width += 4 - (width % 4);
    else break;
  }
  return width;
};

function fenceAt(line) {
  const found = FENCE.exec(line);
  if (!found || (found[2][0] === "`" && found[3].includes("`"))) return null;
  return { indent: found[1].length, mark: found[2], info: found[3].trim() };
}

function itemAt(line) {
  const found = ITEM.exec(line);
  if (!found || RULE.test(line)) return null;
  const rest = line.slice(found[0].length);
  const number = parseInt(found[2], 10);
  return {
    indent: indentOf(found[1]),
    width: indentOf(found[1]) + found[2].length + 1,
    ordered: !Number.isNaN(number),
    number,
    first: rest,
  };
}

// Whether a line ends the paragraph before it.
function interrupts(line, depth) {
  if (fenceAt(line) || HEADING.test(line) || RULE.test(line)) return true;
  if (depth >= DEEPEST) return false;
  if (QUOTE.test(line)) return true;
  const item = itemAt(line);
  return Boolean(item && item.first.trim() && (!item.ordered || item.number === 1));
}

function cells(line) {
  let row = line.trim();
  if (row.startsWith("|")) row = row.slice(1);
  if (row.endsWith("|") && !row.endsWith("\\|")) row = row.slice(0, -1);
  const found = [""];
  let code = false;
  for (let i = 0; i < row.length; i++) {
    if (row[i] === "\\" && row[i + 1] === "|") {
      found[found.length - 1] += "|";
      i++;
    } else if (row[i] === "|" && !code) {
      found.push("");
    } else {
      if (row[i] === "`") code = !code;
      found[found.length - 1] += row[i];
    }
  }
  return found.map((cell) => cell.trim());
}

// The alignments that a table's second line gives; null if it is no such line.
function alignments(line) {
  if (!line || !line.includes("-") || !/^[\s|:-]*$/.test(line)) return null;
  const found = cells(line);
  if (!found.every((cell) => /^:?-+:?$/.test(cell))) return null;
  return found.map((cell) => (cell.endsWith(":") ? (cell.startsWith(":") ? "center" : "end") : "start"));
}

// Lines -> blocks {kind, from, to, ...}, `from` and `to` being line numbers.
function parse(lines, depth) {
  const blocks = [];
  let i = 0;
  while (i < lines.length) {
    if (isBlank(lines[i])) {
      i++;
      continue;
    }
    const block = blockAt(lines, i, depth);
    blocks.push({ ...block, from: i });
    i = block.to;
  }
  return blocks;
}

function blockAt(lines, i, depth) {
  const line = lines[i];
  const fence = fenceAt(line);
  if (fence) return codeBlock(lines, i, fence);
  const heading = HEADING.exec(line);
  if (heading) return { kind: "heading", level: heading[1].length, text: headingText(line.slice(heading[0].length)), to: i + 1 };
  if (RULE.test(line)) return { kind: "rule", to: i + 1 };
  if (depth < DEEPEST) {
    if (QUOTE.test(line)) return quote(lines, i, depth);
    const item = itemAt(line);
    if (item) return list(lines, i, item, depth);
  }
  const aligned = line.includes("|") ? alignments(lines[i + 1]) : null;
  if (aligned && cells(line).length === aligned.length) return table(lines, i, aligned);
  let end = i + 1;
  while (end < lines.length && !isBlank(lines[end]) && !interrupts(lines[end], depth)) {
    if (lines[end].includes("|") && alignments(lines[end + 1]) && cells(lines[end]).length > 1) break;
    end++;
  }
  return { kind: "paragraph", text: lines.slice(i, end).map((l) => l.trim()).join("\n"), to: end };
}

function headingText(text) {
  let end = text.trimEnd().length;
  let bare = end;
  while (bare > 0 && text[bare - 1] === "#") bare--;
  if (bare < end && (bare === 0 || /\s/.test(text[bare - 1]))) end = bare;
  return text.slice(0, end).trim();
}

function codeBlock(lines, i, fence) {
  const body = [];
  let end = i + 1;
  for (; end < lines.length; end++) {
    const close = fenceAt(lines[end]);
    if (close && !close.info && close.mark[0] === fence.mark[0] && close.mark.length >= fence.mark.length) break;
    let line = lines[end];
    for (let strip = fence.indent; strip > 0 && line.startsWith(" "); strip--) line = line.slice(1);
    body.push(line);
  }
  const closed = end < lines.length;
  return { kind: "code", language: fence.info.split(/[\s{]/)[0], text: body.join("\n"), closed, to: closed ? end + 1 : end };
}

function quote(lines, i, depth) {
  const body = [];
  let end = i;
  while (end < lines.length && QUOTE.test(lines[end])) body.push(lines[end++].replace(/^ {0,3}> ?/, ""));
  return { kind: "quote", blocks: parse(body, depth + 1), to: end };
}

function list(lines, i, first, depth) {
  const items = [];
  let loose = false;
  let end = i;
  for (let item = first; item; ) {
    const body = [item.first];
    let blank = false;
    let next = null;
    for (end += 1; end < lines.length; end++) {
      const line = lines[end];
      if (isBlank(line)) {
        blank = true;
        body.push("");
        continue;
      }
      const indent = indentOf(line);
      const inside = indent >= Math.min(item.width, item.indent + 2);
      if (!inside) {
        next = itemAt(line);
        if (next && (next.ordered !== first.ordered || next.indent >= item.width)) next = null;
        if (next || blank || interrupts(line, depth)) break;
      }
      if (blank && inside) loose = loose || !itemAt(line);
      blank = false;
      body.push(unindent(line, Math.min(indent, item.width)));
    }
    while (body.length && isBlank(body.at(-1))) body.pop();
    if (next && blank) loose = true;
    items.push({ number: item.number, blocks: parse(body, depth + 1) });
    item = next;
  }
  while (end > i + 1 && isBlank(lines[end - 1])) end--;
  return { kind: "list", ordered: first.ordered, start: first.number, loose, items, to: end };
}

function unindent(line, width) {
  let i = 0;
  let column = 0;
  while (column < width && (line[i] === " " || line[i] === "\t")) {
    column += line[i] === "\t" ? 4 - (column % 4) : 1;
    i++;
  }
  return line.slice(i);
}

function table(lines, i, aligned) {
  const rows = [];
  let end = i + 2;
  while (end < lines.length && lines[end].includes("|") && !isBlank(lines[end])) rows.push(cells(lines[end++]));
  return { kind: "table", aligned, head: cells(lines[i]), rows, to: end };
}

// blocks -> nodes

function build(block) {
  switch (block.kind) {
    case "heading":
      return h(`h${Math.min(6, block.level + 2)}`, { class: `h${Math.min(4, block.level)}` }, inline(block.text));
    case "rule":
      return h("hr");
    case "code":
      return buildCode(block);
    case "quote":
      return h("blockquote", {}, ...block.blocks.map(build));
    case "list":
      return buildList(block);
    case "table":
      return buildTable(block);
    default:
      return h("p", {}, inline(block.text));
  }
}

function buildCode(block) {
  const code = h("code");
  fillCode(code, block);
  const copy = iconButton("copy", t("copy_code"), async () => (await copyText(code.textContent)) && showDone(copy));
  return h(
    "figure", { class: "code" },
    h("figcaption", {}, h("span", { text: block.language || t("code") }), copy),
    h("pre", { tabindex: "0" }, code),
  );
}

// Code is coloured when it is whole.
function fillCode(code, { closed, text, language }) {
  if (closed) highlight(code, text, language);
  else code.textContent = text;
}

function buildList(block) {
  const items = block.items.map(({ blocks }) => {
    const item = h("li");
    blocks.forEach((inner, index) => {
      const task = index === 0 && inner.kind === "paragraph" && /^\[([ xX])\] /.exec(inner.text);
      if (task) {
        item.className = "task";
        item.append(h("span", { class: "box", text: task[1] === " " ? "☐" : "☑" }));
        inner = { ...inner, text: inner.text.slice(4) };
      }
      if (inner.kind === "paragraph" && !block.loose) item.append(inline(inner.text));
      else item.append(build(inner));
    });
    return item;
  });
  const start = block.ordered && block.start !== 1 ? { start: block.start } : {};
  return h(block.ordered ? "ol" : "ul", { class: block.loose ? "loose" : false, ...start }, ...items);
}

function buildTable({ aligned, head, rows }) {
  const row = (tag, texts) =>
    h("tr", {}, ...aligned.map((side, i) => h(tag, { class: side === "start" ? false : side }, inline(texts[i] ?? ""))));
  return h(
    "div", { class: "table", tabindex: "0" },
    h("table", {}, h("thead", {}, row("th", head)), h("tbody", {}, ...rows.map((texts) => row("td", texts)))),
  );
}

// Shows one text in an element, and shows it cheaply again when it has grown.
export class MarkdownView {
  constructor(element) {
    this.element = element;
    this._text = "";
    this._kept = 0; // where the blocks in `_tail` begin in the text
    this._tail = []; // the last blocks, which more text could still change: {source, node, kind}
  }

  update(raw) {
    const text = clean(raw);
    if (text === this._text) return;
    if (!text.startsWith(this._text)) {
      this.element.replaceChildren();
      this._kept = 0;
      this._tail = [];
    }
    this._text = text;
    const lines = text.slice(this._kept).split("\n");
    const starts = [];
    let at = this._kept;
    for (const line of lines) {
      starts.push(at);
      at += line.length + 1;
    }
    const fresh = parse(lines, 0).map((block) => ({
      block, line: block.from, start: starts[block.from], source: text.slice(starts[block.from], starts[block.to] ?? text.length),
    }));
    this._draw(fresh);
    // The last line may still turn into something else, and then belong to the block before it.
    let open = fresh.length - 1;
    while (open > 0 && fresh[open].line >= lines.length - 1) open--;
    this._tail = fresh.slice(Math.max(0, open));
    if (this._tail.length) this._kept = this._tail[0].start;
  }

  _draw(fresh) {
    const old = this._tail;
    let same = 0;
    while (same < old.length && same < fresh.length && old[same].source === fresh[same].source) {
      fresh[same].node = old[same].node;
      same++;
    }
    const [was, is] = [old[same], fresh[same]];
    if (was && is && was.block.kind === "code" && is.block.kind === "code" && was.block.language === is.block.language) {
      fillCode(was.node.querySelector("code"), is.block); // keeps its scroll position and its button
      is.node = was.node;
      same++;
    }
    for (const { node } of old.slice(same)) node.remove();
    for (const item of fresh.slice(same)) {
      item.node = build(item.block);
      this.element.append(item.node);
    }
  }
}
