// Round avatars: the persona's picture, or its initial on a colour that stays the same.

import { h } from "./dom.js";
import { crc32, initial } from "./text.js";

const GROUNDS = 8; // as in page.css
const EDGE = 256;
const BASE64_MOST = 200_000; // as the protocol has it
const FILE_MOST = 30_000_000;
const BASE64 = /^[A-Za-z0-9+/\s]*={0,2}\s*$/;

// The picture's type by its first bytes; "" if it is none that a page may show (SVG could carry a script).
function sniff(base64) {
  let head = "";
  try {
    head = atob(base64.slice(0, 24));
  } catch {
    return "";
  }
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "image/png";
  if (head.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (head.startsWith("GIF87a") || head.startsWith("GIF89a")) return "image/gif";
  if (head.startsWith("RIFF") && head.slice(8, 12) === "WEBP") return "image/webp";
  return "";
}

function dataUrl(avatar) {
  if (!avatar || !BASE64.test(avatar)) return "";
  const compact = avatar.replace(/\s/g, "");
  const kind = sniff(compact);
  return kind && `data:${kind};base64,${compact}`;
}

export function avatar(persona, size) {
  const letter = h("span", { class: `initial ground-${crc32(persona.id) % GROUNDS}`, text: initial(persona.name) });
  const box = h("span", { class: `avatar size-${size}`, "aria-hidden": "true" }, letter);
  const src = dataUrl(persona.avatar);
  if (src) {
    const image = h("img", { alt: "", src, draggable: "false", onerror: () => image.replaceWith(letter) });
    box.replaceChildren(image);
  }
  return box;
}

// A picked file as the protocol carries it: base64 of a square of at most 256 x 256. Throws if it is no picture.
export async function readPicture(file) {
  if (file.size > FILE_MOST) throw new Error("too large");
  const bitmap = await createImageBitmap(file);
  const side = Math.min(bitmap.width, bitmap.height);
  const edge = Math.min(side, EDGE);
  const canvas = h("canvas", { width: edge, height: edge });
  const left = (bitmap.width - side) / 2;
  const top = (bitmap.height - side) / 2;
  canvas.getContext("2d").drawImage(bitmap, left, top, side, side, 0, 0, edge, edge);
  bitmap.close();
  const png = canvas.toDataURL("image/png").split(",")[1];
  return png.length <= BASE64_MOST ? png : canvas.toDataURL("image/jpeg", 0.9).split(",")[1];
}
