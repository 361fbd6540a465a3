// Editors of what consists of other values. `editorOf` makes those of the parts.

import { element, freshId } from "./element.js";
import { firstValue, isChannels, isCheck } from "./schema.js";
import { NOT_GIVEN, plain, title } from "./words.js";

// One of several kinds of value: which, and its editor.
export function union({ schema, value, label, described, change }, editorOf) {
  const part = element("div", { class: "part" });
  const draw = (variant, inside) => {
    const given = { schema: variant, value: inside, id: freshId("part"), label, named: label, described, change };
    const isPlain = variant.type === "null" || variant.const !== undefined;
    part.replaceChildren(...(isPlain ? [] : [editorOf(given)]));
  };
  const chosen = schema.anyOf.findIndex((variant) => isOf(variant, value));
  const optionOf = (variant, place) =>
    element("option", { value: place, selected: place === chosen }, nameOf(variant));
  const turn = () => {
    const variant = schema.anyOf[select.value];
    const first = variant.type === "null" ? null : firstFor(variant, schema);
    draw(variant, first);
    change(first);
  };
  const select = element("select", { "aria-label": `${label}: kind`, onchange: turn }, schema.anyOf.map(optionOf));
  draw(schema.anyOf[chosen], value);
  return grouped("union", label, select, part);
}

const grouped = (kind, label, ...parts) => element("div", { class: kind, role: "group", "aria-label": label }, parts);

const firstFor = (variant, schema) => (isOf(variant, schema.default) ? schema.default : firstValue(variant));

function isOf(variant, value) {
  if (variant.const !== undefined) return value === variant.const;
  if (value === null || value === undefined) return variant.type === "null";
  if (variant.type === "integer" || variant.type === "number") return typeof value === "number";
  if (variant.type === "array") return Array.isArray(value);
  return typeof value === variant.type;
}

function nameOf(variant) {
  if (variant.const !== undefined) return plain(variant.const);
  if (variant.type === "null") return NOT_GIVEN;
  if (variant.title) return variant.title.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
  return { array: "a list", object: "in detail" }[variant.type] ?? "a number";
}

// Any of some words.
export function boxes({ schema, value, label, change }) {
  const chosen = new Set(value);
  const boxOf = (word) => {
    const turn = () => {
      if (input.checked) chosen.add(word);
      else chosen.delete(word);
      change(schema.items.enum.filter((one) => chosen.has(one)));
    };
    const input = element("input", { type: "checkbox", onchange: turn });
    input.checked = chosen.has(word);
    return element("label", { class: "check" }, input, title(word));
  };
  return grouped("boxes", label, schema.items.enum.map(boxOf));
}

// A list of colours. Several can be pasted at once, out of any text that has them.
export function colors({ schema, value, label, described, change }) {
  const well = (hex, place) => {
    const turn = () => {
      hexes[place] = input.value;
      shown.value = hexes.join(" ");
      told();
    };
    const input = element("input", { type: "color", "aria-label": `${label} ${place + 1}`, oninput: turn });
    input.value = hex;
    return input;
  };
  const draw = () => wells.replaceChildren(...hexes.map(well));
  const read = () => {
    hexes = (shown.value.match(/#[0-9a-f]{6}\b/gi) ?? []).map((hex) => hex.toLowerCase()).slice(0, schema.maxItems);
    draw();
    told();
  };
  const told = () => change(isChannels(schema.items) ? hexes.map(channelsOf) : [...hexes]);
  let hexes = value.map(hexOf);
  const wells = element("div", { class: "wells" });
  const shown = element("textarea", {
    rows: 2,
    spellcheck: "false",
    placeholder: "#rrggbb #rrggbb …",
    "aria-label": `${label} as text`,
    "aria-describedby": described,
    required: Boolean(schema.minItems),
    oninput: read,
  });
  shown.value = hexes.join(" ");
  draw();
  return grouped("colors", label, wells, shown);
}

function hexOf(color) {
  if (typeof color === "string") return color;
  return `#${color.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;
}

const channelsOf = (hex) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));

// Any number of values of one kind.
export function list({ schema, value, label, change }, editorOf) {
  let items = [...value];
  const rows = element("div", { class: "rows" });
  const append = () => told([...items, firstValue(schema.items)], true);
  const add = element("button", { type: "button", onclick: append }, "Add");
  const row = (item, place) => {
    const name = `${label} ${place + 1}`;
    const changed = (now) => told(items.map((old, other) => (other === place ? now : old)));
    const remove = () => told(items.filter((_, other) => other !== place), true);
    const attributes = { type: "button", class: "plain", "aria-label": `Remove ${name}`, onclick: remove };
    const given = { schema: schema.items, value: item, id: freshId("item"), label: name, named: name };
    const editor = editorOf({ ...given, change: changed });
    return element("div", { class: "row" }, editor, element("button", attributes, "×"));
  };
  const draw = () => {
    rows.replaceChildren(...items.map(row));
    add.disabled = items.length >= (schema.maxItems ?? Infinity);
  };
  const told = (now, anew = false) => {
    items = now;
    if (anew) draw();
    change(items);
  };
  draw();
  return grouped("list", label, rows, add);
}

// Values by name.
export function group({ schema, value, label, change }, editorOf) {
  const values = { ...value };
  const partOf = ([name, part]) => {
    const id = freshId(name);
    const words = element("label", { for: id }, title(name));
    const changed = (now) => {
      values[name] = now;
      change({ ...values });
    };
    const given = { schema: part, value: values[name] ?? firstValue(part), id };
    const editor = editorOf({ ...given, label: `${label}: ${title(name)}`, change: changed });
    if (isCheck(part)) return element("div", { class: "check" }, editor, words);
    return element("div", { class: "part" }, words, editor);
  };
  return grouped("group", label, Object.entries(schema.properties).map(partOf));
}
