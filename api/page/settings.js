// What is asked for: a preset, the method's own parameters, which pixels count, what comes out of it.

import { coded, element } from "./element.js";
import { makeForm, show } from "./form.js";
import { NEAR_WHITE, Parameters, same } from "./parameters.js";
import { makePixels } from "./pixels.js";
import { PRESETS } from "./presets.js";
import { methodName } from "./words.js";

// As many of a method's own parameters stand before the others.
const FIRST = 2;
// Common ones that have a place of their own; a region is drawn.
const ELSEWHERE = ["color_space", "outputs", "region"];

// `acts`: start(), cancel(), draw(kind) a region, or none with null. It is filled as soon as it `know`s the methods.
export function makeSettings(place, acts) {
  const parameters = new Parameters();
  const places = { own: element("div"), outputs: element("div"), more: element("div") };
  const meaning = element("p", { class: "help" });
  const presets = makePresets(parameters, () => draw());
  const choose = () => {
    parameters.take(method.value);
    draw();
  };
  const method = element("select", { id: "method", onchange: choose });
  const pixels = makePixels({ draw: acts.draw, leaveWhite });
  let form = null;

  function draw() {
    if (!parameters.schemas) return;
    const [first, rest] = [parameters.own.slice(0, FIRST), parameters.own.slice(FIRST)];
    const others = parameters.common.filter((name) => !ELSEWHERE.includes(name) && parameters.isOpen(name));
    const names = [...first, "color_space", "outputs", ...rest, ...others];
    form = makeForm(parameters.schema, names, (name) => parameters.valueOf(name), change);
    method.value = parameters.values.algorithm;
    meaning.replaceChildren(...coded(parameters.schema.description));
    places.own.replaceChildren(...form.elements([...first, "color_space"]));
    places.outputs.replaceChildren(...form.elements(["outputs"]));
    places.more.replaceChildren(...form.elements([...rest, ...others]));
    mark();
  }

  function change(name, value) {
    const before = parameters.values.outputs;
    parameters.set(name, value);
    const { outputs } = parameters.values;
    if (name !== "outputs" && !same(outputs, before)) form.set("outputs", parameters.valueOf("outputs"));
    mark();
  }

  function mark() {
    presets.mark();
    pixels.show(parameters.values.region, parameters.valueOf("exclude").some((one) => same(one, NEAR_WHITE)));
  }

  function leaveWhite(now) {
    const others = parameters.valueOf("exclude").filter((one) => !same(one, NEAR_WHITE));
    change("exclude", now ? [...others, NEAR_WHITE] : others);
    form.set("exclude", parameters.valueOf("exclude"));
  }

  const panel = makePanel(place, acts, [
    presets.element,
    element("div", { class: "field" }, element("label", { for: "method" }, "Method"), method, meaning),
    places.own,
    pixels.element,
    places.outputs,
    element("details", { class: "more" }, element("summary", {}, "More"), places.more),
  ]);
  return {
    ...panel,
    // `schemas`: what /v1/algorithms answers.
    know: (schemas) => {
      const optionOf = ([name, schema]) => element("option", { value: name }, methodName(schema));
      method.replaceChildren(...Object.entries(schemas).map(optionOf));
      parameters.schemas = schemas;
      draw();
    },
    params: () => structuredClone(parameters.values),
    set: (values) => {
      parameters.replace(values);
      draw();
    },
    setRegion: (region) => form && change("region", region ?? undefined),
    // The errors of a refused request; what belongs to no field here is given back.
    mark: (errors) => (form ? form.mark(errors) : errors),
  };
}

function makePresets(parameters, changed) {
  const buttons = PRESETS.map((preset) => {
    const use = () => {
      parameters.use(preset);
      changed();
    };
    return element("button", { type: "button", onclick: use }, preset.title);
  });
  const mark = () => {
    for (const [place, button] of buttons.entries()) {
      button.setAttribute("aria-pressed", String(parameters.isOf(PRESETS[place])));
    }
  };
  return { element: element("div", { class: "presets", role: "group", "aria-label": "Presets" }, buttons), mark };
}

// The panel around the fields: where one starts and cancels, and what folds it on a phone.
function makePanel(place, acts, fields) {
  const cancel = (event) => {
    if (!busy) return;
    event.preventDefault(); // at once it may be the button that starts again
    // The second half of a double click was meant for what stood there before.
    if (event.detail < 2) acts.cancel();
  };
  const go = element("button", { class: "strong", type: "submit", onclick: cancel }, "Find colours");
  const turn = () => open(!place.classList.contains("open"));
  const fold = element("button", { type: "button", class: "fold", onclick: turn }, "Settings");
  const open = (now) => {
    place.classList.toggle("open", now);
    fold.setAttribute("aria-expanded", String(now));
  };
  open(false);
  let busy = false;
  const submit = (event) => {
    event.preventDefault();
    if (!busy) acts.start();
  };
  const panel = element(
    "form",
    { class: "panel", onsubmit: submit },
    element("div", { class: "scrolled" }, fields),
    element("div", { class: "go" }, fold, go),
  );
  // What is not valid must be seen for the browser to point at it.
  panel.addEventListener("reveal", () => open(true));
  panel.addEventListener("invalid", (event) => show(event.target.closest(".field")), true);
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    open(false);
    fold.focus(); // where there is a sheet; else it is not shown, and keeps no focus
  });
  place.replaceChildren(panel);
  return {
    close: () => open(false),
    allow: (now) => {
      go.disabled = !now;
    },
    busy: (now) => {
      busy = now;
      go.textContent = now ? "Cancel" : "Find colours";
      // Enter in a field starts; it must not cancel.
      go.type = now ? "button" : "submit";
    },
  };
}
