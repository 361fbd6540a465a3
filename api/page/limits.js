// What can be told of a file before it is sent: the limits come from the service, and so do the words.

import { Problem, json } from "./api.js";
import { count } from "./numbers.js";

let limits = null;

const UNREADABLE =
  "The browser cannot read this: it is a folder, or a file that was moved or changed since. Choose it again.";

const EMPTY = "The file is empty: there is no picture in it. Choose another one.";

// A Problem where the browser itself cannot read it. Sent, it would look as if the service were away.
export async function unreadable(file) {
  if (file.size === 0) return new Problem("unreadable", EMPTY);
  try {
    await file.slice(0, 1).arrayBuffer();
    return null;
  } catch {
    return new Problem("unreadable", UNREADABLE);
  }
}

// What the service would refuse, as a Problem; null where it has to look itself. `seen`: width and height, or null
// where the browser cannot show the file.
export async function refusal(file, seen) {
  try {
    limits ??= await json("v1/limits");
    const found = excess(file, seen, limits);
    if (!found) return null;
    const { meaning, remedy } = await json(`v1/errors/${found.code}`);
    return new Problem(found.code, `${meaning} ${found.figures} ${remedy}`);
  } catch (error) {
    if (error instanceof Problem) return null; // who cannot be asked will not take it either, and says so then
    throw error;
  }
}

function excess(file, seen, { bytes, pixels, side, formats }) {
  if (isOther(file, seen, formats)) {
    const names = formats.map((format) => format.name).join(", ");
    return { code: "unsupported_image", figures: `This is ${file.type}; ${names} are read.` };
  }
  if (file.size > bytes) {
    return { code: "upload_too_large", figures: `It has ${count(file.size)} bytes, the limit is ${count(bytes)}.` };
  }
  if (seen && seen.width * seen.height > pixels) {
    const has = `${count(seen.width)} x ${count(seen.height)} pixels`;
    return { code: "image_too_large", figures: `It has ${has}, the limit is ${count(pixels)} in all.` };
  }
  if (seen && Math.max(seen.width, seen.height) > side) {
    const has = `${count(seen.width)} x ${count(seen.height)} pixels`;
    return { code: "image_too_large", figures: `It has ${has}, the limit is ${count(side)} a side.` };
  }
  return null;
}

// Browsers tell types by names' endings, each by a list of its own: what one calls no image is none, and what it can
// show and the service does not list is one of another kind. All else the service tells by the bytes.
function isOther({ type }, seen, formats) {
  if (!type || formats.some((format) => format.media_type === type)) return false;
  return Boolean(seen) || !type.startsWith("image/") || type === "image/svg+xml";
}
