// Everything that there is of a result, as files.

import { html } from "./dom.js";
import { count, size } from "../numbers.js";
import { leftOut } from "./quality.js";

// The palette's formats: `GET /v1/jobs/{id}/palette.{ext}`.
const PALETTES = [
  ["css", "CSS custom properties"], ["scss", "SCSS variables and a map"], ["tailwind.css", "Tailwind 4's @theme"],
  ["tokens.json", "W3C design tokens"], ["json", "names, hex codes, shares"], ["csv", "a table for spreadsheets"],
  ["svg", "the bar to scale"], ["gpl", "GIMP, Inkscape, Krita"], ["ase", "Adobe Swatch Exchange"],
  ["aco", "Photoshop swatches"],
];
const MANY = 24; // files of one kind, above which they are folded away

/** Lists of links that fetch a file through `api`, with the key where there is one, and save it. */
export function downloads(job, api, say, signal) {
  const { result, links } = job;
  const palette = PALETTES.map(([ending, what]) =>
    ({ name: `palette.${ending}`, what, href: `${links.self}/palette.${ending}` }));
  const files = result.artifacts.map((file) => ({
    name: file.name, what: `${file.description || file.media_type} ${size(file.bytes)}`, href: file.href,
  }));
  const isPicture = (file) => /\.(png|webp|avif|gif)$/.test(file.name);
  const link = (file) => item(file, fileName(job, file.name), api, say, signal);
  return html("div", { class: "downloads" },
    part("Palette", palette, link),
    part("Pictures", files.filter(isPicture), link),
    part("Data", files.filter((file) => !isPicture(file)), link),
    ...leftOut(result));
}

function part(title, files, link) {
  if (files.length === 0) return null;
  const list = html("ul", {}, ...files.map(link));
  const heading = html("h2", {}, title);
  if (files.length <= MANY) return html("section", {}, heading, list);
  return html("section", {}, heading, html("details", {}, html("summary", {}, `${count(files.length)} files`), list));
}

/** `photo-palette.css` of the image `photo.jpg`, as the service would call it. */
function fileName(job, name) {
  const stem = (job.image.filename ?? "").replace(/\.[^.]*$/, "").replace(/[<>:"|?*%/\\]/g, "_");
  return stem ? `${stem}-${name}` : name;
}

function item({ name, what, href }, saved, api, say, signal) {
  const link = html("a", { href, download: saved }, name);
  link.addEventListener("click", (event) => {
    event.preventDefault();
    save(href, saved, api, say, signal);
  }, { signal });
  return html("li", {}, link, " ", html("span", {}, what));
}

async function save(href, saved, api, say, signal) {
  let blob;
  try {
    blob = await api.blob(href);
  } catch (error) {
    say(`${saved} could not be fetched: ${error.message}`, true);
    return;
  }
  if (signal.aborted) return;
  const address = URL.createObjectURL(blob);
  html("a", { href: address, download: saved }).click();
  // The browser takes the address up after this turn.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  say(`Saved ${saved}`);
}
