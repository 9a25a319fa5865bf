// Text as it may be shown: without characters that deceive, and times as the reader's clock has them.

// C0 but tab and newline, DEL, C1; bidi embeddings, overrides, isolates; invisible marks and tags.
const DECEIVING =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

export const language = (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
const locale = language === "zh" ? "zh-CN" : navigator.language.toLowerCase().startsWith("en") ? navigator.language : "en";

// Text for a message: its lines kept.
export function clean(text) {
  return text.replace(/[\u2028\u2029]/g, "\n").replace(DECEIVING, "");
}

// Text for a label.
export function oneLine(text) {
  return clean(text.replace(/[\r\n\t\u2028\u2029]+/g, " ")).trim();
}

// Names in place of {{char}} and {{user}}, as `protocol/cards.py` has it.
export function fillIn(text, char, user) {
  return text.replace(/\{\{(char|user)\}\}|<(BOT|USER)>/gi, (_all, one, other) => ((one || other).toLowerCase() === "user" ? user : char));
}

export function codePoints(text) {
  let count = text.length;
  for (let i = 0; i + 1 < text.length; i++) {
    if ((text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      count--;
      i++;
    }
  }
  return count;
}

// The text after its first `count` code points.
export function afterCodePoints(text, count) {
  let i = 0;
  for (; count > 0 && i < text.length; count--) {
    i += text.codePointAt(i) > 0xffff ? 2 : 1;
  }
  return text.slice(i);
}

// A stored time ("YYYY-MM-DD HH:MM:SS", UTC); null if it is no time.
export function parseTime(utc) {
  const when = new Date(`${(utc || "").replace(" ", "T")}Z`);
  return Number.isNaN(when.getTime()) ? null : when;
}

export function nowUtc() {
  return new Date().toISOString().slice(0, 19).replace("T", " ");
}

const CLOCK = new Intl.DateTimeFormat(locale, { hour: language === "zh" ? "2-digit" : "numeric", minute: "2-digit", hour12: language === "zh" ? false : undefined });
const DAY = new Intl.DateTimeFormat(locale, { year: "numeric", month: "long", day: "numeric" });
const DAY_SHORT = new Intl.DateTimeFormat(locale, { month: "short", day: "numeric" });
const WEEKDAY = new Intl.DateTimeFormat(locale, { weekday: "short" });
const RELATIVE = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });

export function clock(utc) {
  const when = parseTime(utc);
  return when ? CLOCK.format(when) : "";
}

export function full(utc) {
  const when = parseTime(utc);
  return when ? `${DAY.format(when)} ${CLOCK.format(when)}` : "";
}

function daysAgo(when) {
  const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((midnight(new Date()) - midnight(when)) / 86_400_000);
}

// The day for a divider: today, yesterday, or the date.
export function day(utc) {
  const when = parseTime(utc);
  if (!when) return "";
  const ago = daysAgo(when);
  if (ago !== 0 && ago !== 1) return DAY.format(when);
  const words = RELATIVE.format(-ago, "day");
  return words[0].toLocaleUpperCase(locale) + words.slice(1);
}

// A short time for a list: the hour today, else the day.
export function shortTime(utc) {
  const when = parseTime(utc);
  if (!when) return "";
  const ago = daysAgo(when);
  if (ago <= 0) return CLOCK.format(when);
  return ago < 7 ? WEEKDAY.format(when) : DAY_SHORT.format(when);
}

// The first character that a reader would call one.
export function initial(name) {
  const line = oneLine(name);
  const first = Intl.Segmenter ? new Intl.Segmenter().segment(line)[Symbol.iterator]().next().value?.segment : [...line][0];
  return (first || "?").toLocaleUpperCase();
}

export function crc32(text) {
  let crc = -1;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ -1) >>> 0;
}

export function newId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
