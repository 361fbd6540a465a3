// How a value is edited, by its JSON Schema alone: the first kind that suits it. What consists of others is in
// `compound`. Every editor is made of {schema, value, id, label, named, described, change}, and gives an element.
// `named`: how it is called where no label stands beside it.

import { boxes, colors, group, list, union } from "./compound.js";
import { element } from "./element.js";
import { isChannels, isColor, isEach, isNumber, isWord, kinds } from "./schema.js";
import { NOT_GIVEN, plain } from "./words.js";

const KINDS = [
  { suits: isColor, make: color },
  { suits: isEach(isNumber), make: number },
  { suits: isWord, make: choice },
  { suits: (schema) => schema.anyOf, make: (given) => union(given, editorOf) },
  { suits: (schema) => schema.type === "boolean", make: check },
  { suits: (schema) => schema.type === "array" && schema.items.enum, make: boxes },
  { suits: (schema) => schema.type === "array" && isColor(schema.items), make: colors },
  { suits: (schema) => schema.type === "array" && isChannels(schema.items), make: colors },
  { suits: (schema) => schema.type === "array", make: (given) => list(given, editorOf) },
  { suits: (schema) => schema.type === "object", make: (given) => group(given, editorOf) },
  { suits: () => true, make: text },
];

export function editorOf(given) {
  return KINDS.find((kind) => kind.suits(given.schema)).make(given);
}

// A number, or one of several kinds of numbers, such as pixels and shares of them: bounds that all of them have.
function number({ schema, value, id, named, described, change }) {
  const variants = kinds(schema);
  const nothing = variants.length < (schema.anyOf?.length ?? 1);
  const lowest = Math.min(...variants.map((one) => one.minimum ?? one.exclusiveMinimum ?? -Infinity));
  const highest = Math.max(...variants.map((one) => one.maximum ?? one.exclusiveMaximum ?? Infinity));
  const input = element("input", {
    id,
    type: "number",
    inputmode: "decimal",
    "aria-label": named,
    "aria-describedby": described,
    step: variants.every((one) => one.type === "integer") ? 1 : "any",
    min: Number.isFinite(lowest) ? lowest : null,
    max: Number.isFinite(highest) ? highest : null,
    required: !nothing,
    placeholder: nothing ? NOT_GIVEN : null,
    oninput: () => {
      if (input.value !== "") change(Number(input.value));
      else if (nothing) change(null);
    },
  });
  input.value = value ?? "";
  return input;
}

function choice({ schema, value, id, named, described, change }) {
  const words = kinds(schema).flatMap((one) => one.enum);
  const nothing = Boolean(schema.anyOf);
  const options = words.map((word) => element("option", { value: word, selected: word === value }, plain(word)));
  if (nothing) options.unshift(element("option", { value: "", selected: value === null }, NOT_GIVEN));
  const turn = () => change(select.value || null);
  const select = element("select", { id, "aria-label": named, "aria-describedby": described, onchange: turn }, options);
  return select;
}

function check({ value, id, named, described, change }) {
  const turn = () => change(input.checked);
  const names = { id, "aria-label": named, "aria-describedby": described };
  const input = element("input", { ...names, type: "checkbox", onchange: turn });
  input.checked = value;
  return input;
}

function color({ value, id, named, described, change }) {
  const turn = () => change(input.value);
  const names = { id, "aria-label": named, "aria-describedby": described };
  const input = element("input", { ...names, type: "color", oninput: turn });
  input.value = value;
  return input;
}

function text({ schema, value, id, named, described, change }) {
  const input = element("input", {
    id,
    type: "text",
    "aria-label": named,
    "aria-describedby": described,
    pattern: schema.pattern ? schema.pattern.replace(/^\^(.*)\$$/s, "$1") : null,
    spellcheck: "false",
    autocomplete: "off",
    oninput: () => change(input.value),
  });
  input.value = value ?? "";
  return input;
}
