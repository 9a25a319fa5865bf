// Colours code: comments, strings, numbers, keywords, calls and classes of the common languages, by one linear scan.

import { h } from "./dom.js";

const MOST = 50_000; // longer code stays plain

const words = (text) => new Set(text.split(" "));
const C_LIKE = words(
  "abstract as async await auto bool boolean break byte case catch char class const constexpr continue default defer delete do double " +
    "else enum export extends extern false final finally float fn for foreach from func function get go goto if impl implements import in " +
    "instanceof int interface internal is let long loop match mod module mut namespace new nil null nullptr of operator override package " +
    "private protected pub public range readonly ref return select self set short signed sizeof static string struct super switch this " +
    "throw throws trait true try type typedef typeof undefined union unsafe unsigned use using val var virtual void volatile when where " +
    "while with yield",
);
const PYTHON = words(
  "and as assert async await break case class continue def del elif else except False finally for from global if import in is lambda " +
    "match None nonlocal not or pass raise return self True try while with yield",
);
const SHELL = words("if then else elif fi for while until do done case esac in function select return exit local export set unset echo cd source");
const SQL = words(
  "add all alter and as asc begin between by case check column commit constraint create cross default delete desc distinct drop else end " +
    "exists foreign from full group having if in index inner insert into is join key left like limit not null offset on or order outer " +
    "primary references returning right rollback select set table then transaction union unique update using values view when where with",
);
const DATA = words("true false null yes no on off");

const SLASHES = /\/\/[^\n]*|\/\*[^]*?(?:\*\/|$)/y;
const HASH = /#[^\n]*/y;
const DASHES = /--[^\n]*|\/\*[^]*?(?:\*\/|$)/y;
const QUOTED = /"(?:[^"\\\n]|\\[^])*"?|'(?:[^'\\\n]|\\[^])*'?|`(?:[^`\\]|\\[^])*`?/y;
const PYTHON_QUOTED = /"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:[^"\\\n]|\\[^])*"?|'(?:[^'\\\n]|\\[^])*'?/y;
const NUMBER = /(?:0[xXbBoO][\da-fA-F_]+|\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?)[a-zA-Z%]*/y;
const WORD = /[\p{L}_$][\p{L}\p{N}_$]*/uy;
const OTHER = /[^\p{L}\p{N}_$"'`#/-]+|[^]/uy;

const LANGUAGES = {};
function language(names, keywords, comment, quoted = QUOTED, more = {}) {
  for (const name of names.split(" ")) LANGUAGES[name] = { keywords, comment, quoted, ...more };
}
language("c h cpp c++ cc cs csharp java js javascript jsx ts typescript tsx go rust rs swift kotlin kt scala dart php zig", C_LIKE, SLASHES);
language("css scss less json5 jsonc", DATA, SLASHES);
language("python py python3", PYTHON, HASH, PYTHON_QUOTED);
language("sh bash zsh shell console fish dockerfile make makefile", SHELL, HASH);
language("ruby rb perl r elixir julia nix", C_LIKE, HASH);
language("yaml yml toml ini conf json properties env", DATA, HASH);
language("sql sqlite postgres postgresql mysql", SQL, DASHES, QUOTED, { anyCase: true });
language("lua haskell hs elm", C_LIKE, DASHES);

// Fill an element with the code, coloured if its language is known.
export function highlight(element, code, name) {
  const rules = code.length <= MOST ? LANGUAGES[name.toLowerCase()] : null;
  if (!rules) {
    element.textContent = code;
    return;
  }
  const nodes = [];
  let plain = "";
  const colour = (kind, text) => {
    if (plain) nodes.push(plain);
    plain = "";
    nodes.push(h("span", { class: kind, text }));
  };
  const at = (pattern, i) => {
    pattern.lastIndex = i;
    return pattern.exec(code)?.[0];
  };
  for (let i = 0; i < code.length; ) {
    let found;
    if ((found = at(rules.comment, i))) colour("tok-comment", found);
    else if ((found = at(rules.quoted, i))) colour("tok-string", found);
    else if ((found = at(NUMBER, i))) colour("tok-number", found);
    else if ((found = at(WORD, i))) {
      if (rules.keywords.has(rules.anyCase ? found.toLowerCase() : found)) colour("tok-keyword", found);
      else if (code[i + found.length] === "(") colour("tok-function", found);
      else if (rules.keywords !== DATA && rules.keywords !== SQL && /^[A-Z]\w*[a-z]/.test(found)) colour("tok-class", found);
      else plain += found;
    } else plain += found = at(OTHER, i);
    i += found.length;
  }
  element.replaceChildren(...nodes, plain);
}
