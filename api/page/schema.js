// What a JSON Schema says of a value.

const COLOR = "^#[0-9a-fA-F]{6}$";
export const isNull = (schema) => schema.type === "null";
export const isNumber = (schema) => schema.type === "integer" || schema.type === "number";

// Its kinds of values, null aside.
export const kinds = (schema) => (schema.anyOf ?? [schema]).filter((kind) => !isNull(kind));

export const isColor = (schema) => kinds(schema)[0].pattern === COLOR;

// A colour as [r, g, b] alone, each up to 255.
export const isChannels = ({ type, items, minItems, maxItems }) =>
  type === "array" && items.maximum === 255 && minItems === 3 && maxItems === 3;

export const isEach = (test) => (schema) => kinds(schema).every(test);
export const isWord = isEach((kind) => kind.enum);

// Whether its label stands beside it, and not above it.
export const isCheck = (schema) => schema.type === "boolean";

// Whether it is edited by several controls, which its label names as a group.
export function isCompound(schema) {
  const simple = isColor(schema) || isEach(isNumber)(schema) || isWord(schema);
  return ["array", "object"].includes(schema.type) || (Boolean(schema.anyOf) && !simple);
}

// A plain value to begin with, for what has no default.
export function firstValue(schema) {
  const [kind] = kinds(schema);
  if (schema.default !== undefined && schema.default !== null) return schema.default;
  if (kind.const !== undefined) return kind.const;
  if (kind.examples) return kind.examples[0];
  if (kind.pattern === COLOR) return "#808080";
  if (kind.enum) return kind.enum[0];
  if (isNumber(kind)) return kind.minimum ?? 1;
  if (kind.type === "array") return [];
  if (kind.type !== "object") return "";
  return Object.fromEntries((kind.required ?? []).map((name) => [name, firstValue(kind.properties[name])]));
}
