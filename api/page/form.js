// A form for parameters, made from their JSON Schema: labels, help, bounds and defaults are the service's.

import { editorOf } from "./editors.js";
import { coded, element, freshId } from "./element.js";
import { isCheck, isCompound } from "./schema.js";
import { NOT_GIVEN, title } from "./words.js";

const CONTROLS = "input, select, textarea";

// Fields of the parameters `names`. `changed` hears (name, value). The errors of a refused request are `mark`ed where
// they belong; it gives back those that belong to no field here.
export function makeForm(schema, names, valueOf, changed) {
  const fields = new Map(names.map((name) => [name, fieldOf(name, schema.properties[name], valueOf(name), changed)]));
  return {
    elements: (some = names) => some.map((name) => fields.get(name).element),
    set: (name, value) => fields.get(name)?.set(value),
    mark: (errors) => {
      for (const field of fields.values()) field.mark("");
      return errors.filter(({ pointer, message }) => !fields.get(pointer?.split("/")[1])?.mark(message));
    },
  };
}

function fieldOf(name, schema, value, changed) {
  const [id, label] = [freshId(name), title(name)];
  const help = element("p", { id: `${id}-help`, class: "help" }, coded(helpOf(schema)));
  const wrong = element("p", { id: `${id}-wrong`, class: "wrong" });
  const words = isCompound(schema) ? element("span", { class: "label" }, label) : element("label", { for: id }, label);
  const editor = (now) => {
    const change = (given) => {
      mark("");
      changed(name, given);
    };
    return editorOf({ schema, value: now, id, label, described: `${id}-wrong ${id}-help`, change });
  };
  let made = editor(value);
  const [kind, both] = isCheck(schema) ? ["field checked", [made, words]] : ["field", [words, made]];
  const field = element("div", { class: kind, "data-name": name }, both, wrong, help);
  const mark = (message) => {
    wrong.textContent = message && `${label} ${message}.`;
    for (const control of field.querySelectorAll(CONTROLS)) control.ariaInvalid = message ? "true" : null;
    if (message) show(field);
    return true;
  };
  const set = (now) => {
    const other = editor(now);
    made.replaceWith(other);
    made = other;
  };
  return { element: field, mark, set };
}

// `null` is called here as the field calls it.
const helpOf = ({ description = "" }) => description.replaceAll(/\bnull:/g, `${NOT_GIVEN}:`);

// Bring a field to light, whatever is folded around it.
export function show(field) {
  field.closest("details")?.setAttribute("open", "");
  field.dispatchEvent(new Event("reveal", { bubbles: true })); // the panel around unfolds itself
  field.querySelector(CONTROLS)?.focus();
}
