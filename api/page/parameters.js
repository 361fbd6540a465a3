// The parameters that are asked for: those alone that differ from the service's own defaults.

import { outputsOf, PRESETS } from "./presets.js";
import { firstValue } from "./schema.js";

export const NEAR_WHITE = { color: "#ffffff", tolerance: 5 };
// Which pixels count is a matter of the picture: it stays when a preset is chosen.
const OF_PICTURE = ["region", "exclude"];

const sorted = (object) => JSON.stringify(Object.entries(object).sort());
export const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

// Whether nobody but the page has asked for these outputs.
function isChosenFor(algorithm, outputs) {
  const presets = PRESETS.filter(({ params }) => params.algorithm === algorithm).map(({ params }) => params.outputs);
  return [outputsOf(algorithm), ...presets].some((chosen) => same(chosen, outputs));
}

export class Parameters {
  constructor() {
    this.schemas = null; // by method, as /v1/algorithms answers them
    this.values = { ...PRESETS[0].params };
  }

  // Those of every method.
  get common() {
    const all = Object.values(this.schemas);
    const isCommon = (name) => name !== "algorithm" && all.every((schema) => schema.properties[name]);
    return Object.keys(all[0].properties).filter(isCommon);
  }

  get schema() {
    return this.schemas[this.values.algorithm];
  }

  // The method's own, in the schema's order: what matters most stands first.
  get own() {
    return Object.keys(this.schema.properties).filter((name) => name !== "algorithm" && !this.common.includes(name));
  }

  // Whether there is anything to choose.
  isOpen(name) {
    return this.schema.properties[name].const === undefined;
  }

  valueOf(name) {
    const { default: usual } = this.schema.properties[name];
    return this.values[name] ?? (usual === undefined ? firstValue(this.schema.properties[name]) : usual);
  }

  set(name, value) {
    const { [name]: _, ...others } = this.values;
    const usual = value === undefined || same(value, this.schema.properties[name]?.default);
    this.values = usual ? others : { ...others, [name]: value };
    if (typeof value === "number" && this.#hasOutputsFor(name)) this.values.outputs = outputsOf(this.values.algorithm);
  }

  // Whether the outputs are a preset's that has another value than a number for `name`: they would show the choice.
  #hasOutputsFor(name) {
    const { algorithm, outputs } = this.values;
    const isIt = ({ params }) => params.algorithm === algorithm && name in params && same(params.outputs, outputs);
    return PRESETS.some(isIt);
  }

  // Those of a job, which names all of them.
  replace(values) {
    this.values = { algorithm: values.algorithm };
    for (const [name, value] of Object.entries(values)) if (name !== "algorithm") this.set(name, value);
  }

  // Another method keeps what all of them know; outputs that a preset chose are chosen anew.
  take(algorithm) {
    const { algorithm: before, outputs } = this.values;
    const known = Object.entries(this.values).filter(([name]) => this.common.includes(name));
    this.values = { ...Object.fromEntries(known), algorithm };
    if (isChosenFor(before, outputs)) this.values.outputs = outputsOf(algorithm);
    const preset = PRESETS.find(({ params }) => params.algorithm === algorithm)?.params;
    for (const name of this.schema.required ?? []) this.values[name] = preset?.[name] ?? this.valueOf(name);
  }

  use(preset) {
    const kept = Object.entries(this.values).filter(([name]) => OF_PICTURE.includes(name));
    this.values = { ...preset.params, ...Object.fromEntries(kept) };
  }

  // Whether they are a preset's, for whichever pixels.
  isOf(preset) {
    const kept = Object.entries(this.values).filter(([name]) => !OF_PICTURE.includes(name));
    return sorted(Object.fromEntries(kept)) === sorted(preset.params);
  }
}
