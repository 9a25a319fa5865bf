// The inline half of the Markdown renderer: one run of text -> nodes. Linear in its length, whatever it contains.
//
// Entries are literal texts, finished nodes and delimiters. Matching delimiters only notes which tags open and close
// at an entry; one last pass walks the entries with a stack of open elements and builds the nodes.

import { h, icon } from "./dom.js";

const DEEPEST = 16; // tags nested deeper stay text: a browser lays out by recursion
const URL_MOST = 2_000;

const PUNCTUATION = /[\p{P}\p{S}]/u;
const SPACE = /\s/;
const CJK = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff00-\uffef]/u;
const ESCAPABLE = /[!-/:-@[-`{-~]/;
const ENTITY = /&(?:amp|lt|gt|quot|apos|nbsp|#39);/y;
const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0", "#39": "'" };
const BREAK = /<br ?\/?>/iy;
const AUTOLINK = /<(https?:\/\/[^\s<>]{1,2000})>/iy;
const BARE_URL = /https?:\/\/[^\s<>[\]"'`\u3000-\u303f\uff00-\uffef\u4e00-\u9fff“”‘’]{1,2000}/iy;
const SPECIAL = /[\\`*_~[\]!<&\n]|https?:\/\//gi;

// The address as the browser will open it; null if it is not plain http or https.
export function webAddress(text) {
  if (!/^https?:\/\//i.test(text)) return null;
  try {
    return new URL(text).href;
  } catch {
    return null;
  }
}

function linkNode(href, text) {
  return h("a", { href, target: "_blank", rel: "noopener noreferrer", class: "link", ...(text === undefined ? {} : { text }) });
}

// Positions of every run of backticks, so that a code span finds its end without searching the rest again and again.
class Backticks {
  constructor(text) {
    this._byLength = new Map();
    for (let i = text.indexOf("`"); i >= 0; i = text.indexOf("`", i)) {
      const from = i;
      while (text[i] === "`") i++;
      if (!this._byLength.has(i - from)) this._byLength.set(i - from, { at: [], next: 0 });
      this._byLength.get(i - from).at.push(from);
    }
  }

  // Where the next run of exactly this length begins, after `from`; -1 if there is none.
  next(length, from) {
    const runs = this._byLength.get(length);
    if (!runs) return -1;
    while (runs.next < runs.at.length && runs.at[runs.next] < from) runs.next++;
    return runs.at[runs.next] ?? -1;
  }
}

class Inline {
  constructor(text) {
    this.text = text;
    this.entries = [];
    this.delimiters = null; // the newest of a doubly linked list
    this.brackets = [];
    this.noLinksBelow = 0; // brackets under this index surround a link already
    this.backticks = new Backticks(text);
  }

  parse() {
    const { text } = this;
    let at = 0;
    while (at < text.length) {
      SPECIAL.lastIndex = at;
      const found = SPECIAL.exec(text);
      const next = found ? found.index : text.length;
      if (next > at) this.literal(text.slice(at, next));
      at = next < text.length ? this.special(next) : next;
    }
    this.matchEmphasis(null);
    return this.build();
  }

  literal(text) {
    this.entries.push({ text });
  }

  node(node) {
    this.entries.push({ node });
  }

  // What begins with the special character at `i` -> where to go on.
  special(i) {
    const { text } = this;
    const c = text[i];
    switch (c) {
      case "\\":
        if (text[i + 1] === "\n") return this.lineBreak(i + 2);
        if (i + 1 < text.length && ESCAPABLE.test(text[i + 1])) {
          this.literal(text[i + 1]);
          return i + 2;
        }
        break;
      case "\n":
        return this.lineBreak(i + 1);
      case "`":
        return this.codeSpan(i);
      case "*":
      case "_":
      case "~":
        return this.delimiterRun(i);
      case "[":
        this.brackets.push({ entry: this.entries.length, below: this.delimiters, image: false });
        break;
      case "!":
        if (text[i + 1] === "[") {
          this.brackets.push({ entry: this.entries.length, below: this.delimiters, image: true });
          this.literal("![");
          return i + 2;
        }
        break;
      case "]":
        return this.closeBracket(i);
      case "&": {
        ENTITY.lastIndex = i;
        const entity = ENTITY.exec(text);
        if (entity) {
          this.literal(ENTITIES[entity[0].slice(1, -1)]);
          return ENTITY.lastIndex;
        }
        break;
      }
      case "<": {
        BREAK.lastIndex = AUTOLINK.lastIndex = i;
        if (BREAK.test(text)) return this.lineBreak(BREAK.lastIndex);
        const link = AUTOLINK.exec(text);
        const href = link && webAddress(link[1]);
        if (href) {
          this.entries.push({ href, text: link[1] });
          return AUTOLINK.lastIndex;
        }
        break;
      }
      default:
        return this.bareUrl(i);
    }
    this.literal(c);
    return i + 1;
  }

  lineBreak(next) {
    this.node(h("br"));
    return next;
  }

  codeSpan(i) {
    const { text } = this;
    let end = i;
    while (text[end] === "`") end++;
    const close = this.backticks.next(end - i, end);
    if (close < 0) {
      this.literal(text.slice(i, end));
      return end;
    }
    let code = text.slice(end, close).replace(/\n/g, " ");
    if (code.length > 2 && code.startsWith(" ") && code.endsWith(" ") && code.trim()) code = code.slice(1, -1);
    this.node(h("code", { text: code }));
    return close + end - i;
  }

  bareUrl(i) {
    const { text } = this;
    BARE_URL.lastIndex = i;
    const found = i > 0 && /[\p{L}\p{N}]/u.test(text[i - 1]) && !CJK.test(text[i - 1]) ? null : BARE_URL.exec(text);
    if (!found) {
      this.literal(text[i]);
      return i + 1;
    }
    let url = found[0];
    let open = 0;
    for (const c of url) open += c === "(" ? 1 : c === ")" ? -1 : 0;
    for (;;) { // punctuation behind an address belongs to the sentence
      const last = url.at(-1);
      if (last === ")" && open < 0) open++;
      else if (!".,;:!?*_~]".includes(last)) break;
      url = url.slice(0, -1);
    }
    const href = webAddress(url);
    if (href) this.entries.push({ href, text: url });
    else this.literal(url);
    return i + url.length;
  }

  delimiterRun(i) {
    const { text } = this;
    const char = text[i];
    let end = i;
    while (text[end] === char) end++;
    const before = i > 0 ? [...text.slice(Math.max(0, i - 2), i)].at(-1) : " ";
    const after = end < text.length ? String.fromCodePoint(text.codePointAt(end)) : " ";
    const spaceBefore = SPACE.test(before);
    const spaceAfter = SPACE.test(after);
    const punctBefore = PUNCTUATION.test(before);
    const punctAfter = PUNCTUATION.test(after);
    // CommonMark's rules; a CJK neighbour counts as a boundary, since Chinese sets no spaces around emphasis.
    const left = !spaceAfter && (!punctAfter || spaceBefore || punctBefore || CJK.test(before));
    const right = !spaceBefore && (!punctBefore || spaceAfter || punctAfter || CJK.test(after));
    let canOpen = left;
    let canClose = right;
    if (char === "_") {
      canOpen = left && (!right || punctBefore);
      canClose = right && (!left || punctAfter);
    }
    if (char === "~" && end - i !== 2) canOpen = canClose = false;
    const entry = { char, left: end - i, size: end - i, canOpen, canClose, opens: [], closes: [], prev: this.delimiters, next: null };
    this.entries.push(entry);
    if (canOpen || canClose) {
      if (this.delimiters) this.delimiters.next = entry;
      this.delimiters = entry;
    }
    return end;
  }

  // CommonMark's "process emphasis" down to, not including, the delimiter `bottom`.
  matchEmphasis(bottom) {
    const floors = new Map();
    let closer = this.delimiters;
    while (closer && closer.prev !== bottom) closer = closer.prev;
    while (closer) {
      if (!closer.canClose) {
        closer = closer.next;
        continue;
      }
      const key = `${closer.char}${closer.canOpen}${closer.size % 3}`;
      const floor = floors.has(key) ? floors.get(key) : bottom;
      let opener = closer.prev;
      while (opener && opener !== bottom && opener !== floor && !this.fit(opener, closer)) opener = opener.prev;
      if (!opener || opener === bottom || opener === floor) {
        floors.set(key, closer.prev);
        const next = closer.next;
        if (!closer.canOpen) this.unlink(closer);
        closer = next;
        continue;
      }
      const width = closer.char === "~" ? 2 : opener.left >= 2 && closer.left >= 2 ? 2 : 1;
      const tag = closer.char === "~" ? "del" : width === 2 ? "strong" : "em";
      opener.opens.push(() => h(tag));
      closer.closes.push(tag);
      opener.left -= width;
      closer.left -= width;
      opener.next = closer; // what stood between them matches nothing any more
      closer.prev = opener;
      if (!opener.left) this.unlink(opener);
      if (!closer.left) {
        const next = closer.next;
        this.unlink(closer);
        closer = next;
      }
    }
    this.delimiters = bottom;
    if (bottom) bottom.next = null;
  }

  fit(opener, closer) {
    if (opener.char !== closer.char || !opener.canOpen) return false;
    const odd = (opener.canClose || closer.canOpen) && (opener.size + closer.size) % 3 === 0;
    return !odd || (opener.size % 3 === 0 && closer.size % 3 === 0);
  }

  unlink(entry) {
    if (entry.prev) entry.prev.next = entry.next;
    if (entry.next) entry.next.prev = entry.prev;
    else if (this.delimiters === entry) this.delimiters = entry.prev;
  }

  closeBracket(i) {
    const bracket = this.brackets.pop();
    const usable = bracket && (bracket.image || this.brackets.length >= this.noLinksBelow);
    this.noLinksBelow = Math.min(this.noLinksBelow, this.brackets.length);
    const target = usable && this.text[i + 1] === "(" ? this.destination(i + 2) : null;
    if (!target) {
      this.literal("]");
      return i + 1;
    }
    const href = webAddress(target.url);
    const opener = this.entries[bracket.entry];
    this.matchEmphasis(bracket.below);
    opener.text = "";
    if (bracket.image) {
      // A picture would tell its server who reads this: show what it is, and where.
      opener.opens = [() => h("span", { class: "picture" }, icon("image", 16))];
      this.entries.push({ text: "", closes: ["span"] });
      this.literal(" ");
      if (href) this.entries.push({ href, text: target.url });
      else this.literal(target.url);
    } else if (href) {
      opener.opens = [() => linkNode(href)];
      this.entries.push({ text: "", closes: ["a"] });
      this.noLinksBelow = this.brackets.length;
    } else {
      this.literal(target.url ? ` (${target.url})` : "");
    }
    return target.end;
  }

  // `url "title")` from `i` on -> the url and where the parenthesis ends; null if it is something else.
  destination(i) {
    const { text } = this;
    const limit = Math.min(text.length, i + URL_MOST);
    while (i < limit && (text[i] === " " || text[i] === "\n")) i++;
    let url = "";
    if (text[i] === "<") {
      const from = ++i;
      while (i < limit && text[i] !== ">" && text[i] !== "\n") i++;
      if (text[i] !== ">") return null;
      url = text.slice(from, i++);
    } else {
      const from = i;
      let depth = 0;
      for (; i < limit && !SPACE.test(text[i]); i++) {
        if (text[i] === "(" && ++depth > 4) return null;
        if (text[i] === ")" && depth-- === 0) break;
      }
      url = text.slice(from, i);
    }
    while (i < limit && SPACE.test(text[i])) i++;
    const quote = text[i];
    if (quote === '"' || quote === "'") {
      const close = text.slice(i + 1, limit).indexOf(quote);
      if (close < 0) return null;
      i += close + 2;
      while (i < limit && SPACE.test(text[i])) i++;
    }
    return i < limit && text[i] === ")" ? { url, end: i + 1 } : null;
  }

  build() {
    const top = document.createDocumentFragment();
    const stack = [top];
    const tags = [];
    let links = 0;
    const add = (node) => stack.at(-1).append(node);
    for (const entry of this.entries) {
      if (entry.node) add(entry.node);
      if (entry.href) add(links ? entry.text : linkNode(entry.href, entry.text));
      else if (entry.text) add(entry.text);
      for (const tag of entry.closes ?? []) {
        if (tags.pop() === "a") links--;
        const done = stack.pop();
        if (tag === "span" && stack.length && done.lastChild?.nodeName === "svg") done.append("image");
      }
      if (entry.left) add(entry.char.repeat(entry.left));
      for (const open of (entry.opens ?? []).reverse()) {
        const element = open();
        if (stack.length <= DEEPEST) {
          add(element);
          stack.push(element);
        } else {
          stack.push(stack.at(-1));
        }
        tags.push(element.localName);
        if (element.localName === "a") links++;
      }
    }
    return top;
  }
}

export function inline(text) {
  return text.search(SPECIAL) < 0 ? document.createTextNode(text) : new Inline(text).parse();
}
