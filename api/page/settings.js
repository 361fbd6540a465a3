// What is asked for: a preset, the method's own parameters, which pixels count, what comes out of it.

import { element } from "./element.js";
import { defaultOf, makeForm, show } from "./form.js";
import { PRESETS } from "./presets.js";
import { title } from "./words.js";

// Of a method's own parameters, as many as stand before the others: its schema begins with what matters most.
const FIRST = 2;
const NEAR_WHITE = { color: "#ffffff", tolerance: 5 };
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

// `schemas`: what /v1/algorithms answers. `acts`: start(), cancel(), draw(kind) a region, or the whole with null.
export function makeSettings(place, schemas, acts) {
  let params = { ...PRESETS[0].params };
  let [form, busy, moreOpen] = [null, false, false];

  const common = Object.keys(Object.values(schemas)[0].properties).filter(
    (name) => name !== "algorithm" && Object.values(schemas).every((schema) => schema.properties[name]),
  );
  const schema = () => schemas[params.algorithm];
  const valueOf = (name) => params[name] ?? defaultOf(schema().properties[name]);

  function change(name, value) {
    const { [name]: _, ...others } = params;
    const plain = same(value, schema().properties[name].default) && name !== "outputs";
    params = plain ? others : { ...others, [name]: value };
    mark();
  }

  // Another method keeps what both know.
  function take(algorithm) {
    const known = Object.entries(params).filter(([name]) => common.includes(name));
    params = { ...Object.fromEntries(known), algorithm };
    for (const name of schema().required ?? []) params[name] = presetValue(algorithm, name) ?? defaultOf(schema().properties[name]);
    draw();
  }

  const presets = PRESETS.filter(({ params: { algorithm } }) => schemas[algorithm]).map((preset) => {
    const choose = () => {
      const { region, exclude } = params;
      params = { ...preset.params, ...(region && { region }), ...(exclude && { exclude }) };
      draw();
    };
    return { ...preset, button: element("button", { type: "button", "aria-pressed": "false", onclick: choose }, preset.title) };
  });
  const method = element(
    "select",
    { id: "method", onchange: () => take(method.value) },
    Object.keys(schemas).map((name) => element("option", { value: name }, title(name))),
  );
  const meaning = element("p", { class: "help" });
  const own = element("div", { class: "fields" });
  const more = element("details", { class: "more", ontoggle: () => (moreOpen = more.open) });
  const white = element("input", { type: "checkbox", id: "near-white", onchange: () => {
    const others = valueOf("exclude").filter((one) => !same(one, NEAR_WHITE));
    const now = white.checked ? [...others, NEAR_WHITE] : others;
    change("exclude", now);
    form.set("exclude", now);
  } });
  const region = element("p", { class: "help", id: "region-words" });
  const regions = [["Box", "box"], ["Polygon", "polygon"], ["Whole picture", null]].map(([words, kind]) =>
    element("button", { type: "button", onclick: () => acts.draw(kind) }, words),
  );
  const outputs = element("div");
  const go = element("button", { class: "strong", type: "submit" }, "Find colours");
  const trouble = element("div");
  const fold = element("button", { type: "button", class: "fold", "aria-expanded": "false", onclick: () => open(!place.classList.contains("open")) }, "Settings");

  function open(now) {
    place.classList.toggle("open", now);
    fold.setAttribute("aria-expanded", String(now));
  }

  function draw() {
    const names = Object.keys(schema().properties);
    const ours = names.filter((name) => !common.includes(name) && name !== "algorithm");
    const shown = ["color_space", "outputs", ...ours.slice(0, FIRST)];
    const rest = [...ours.slice(FIRST), ...common.filter((name) => !shown.includes(name) && name !== "region")];
    form = makeForm(schema(), [...shown, ...rest], valueOf, change);
    method.value = params.algorithm;
    meaning.textContent = schema().description;
    own.replaceChildren(...form.elements(ours.slice(0, FIRST)), ...form.elements(["color_space"]));
    outputs.replaceChildren(...form.elements(["outputs"]));
    more.replaceChildren(element("summary", {}, "More"), ...form.elements(rest));
    more.open = moreOpen;
    mark();
  }

  function mark() {
    for (const preset of presets) preset.button.setAttribute("aria-pressed", String(same(sorted({ ...params, region: 0, exclude: 0 }), sorted({ ...preset.params, region: 0, exclude: 0 }))));
    white.checked = valueOf("exclude").some((one) => same(one, NEAR_WHITE));
    region.textContent = regionWords(params.region);
  }

  const submit = (event) => {
    event.preventDefault();
    if (busy) acts.cancel();
    else acts.start();
  };
  const panel = element(
    "form",
    { class: "panel", onsubmit: submit },
    element(
      "div",
      { class: "scrolled" },
      element("div", { class: "presets", role: "group", "aria-label": "Presets" }, presets.map((preset) => preset.button)),
      element("div", { class: "field" }, element("label", { for: "method" }, "Method"), method, meaning),
      own,
      element(
        "fieldset",
        {},
        element("legend", {}, "Which pixels"),
        element("label", { class: "check", for: "near-white" }, white, "Leave near-white out"),
        element("div", { class: "buttons", role: "group", "aria-label": "Region", "aria-describedby": "region-words" }, regions),
        region,
      ),
      outputs,
      more,
    ),
    element("div", { class: "go" }, trouble, fold, go),
  );
  // What is not valid must be seen for the browser to point at it.
  panel.addEventListener("invalid", (event) => show(event.target.closest(".field") ?? event.target), true);
  panel.addEventListener("keydown", (event) => event.key === "Escape" && open(false));
  place.replaceChildren(panel);
  draw();

  return {
    params: () => structuredClone(params),
    set: (given) => {
      params = { outputs: [], ...given };
      draw();
    },
    setRegion: (given) => change("region", given),
    busy: (now) => {
      busy = now;
      go.textContent = now ? "Cancel" : "Find colours";
      go.formNoValidate = now;
      panel.setAttribute("aria-busy", String(now));
    },
    allow: (now) => (go.disabled = !now),
    close: () => open(false),
    // What belongs to no field here is given back.
    mark: (errors) => form.mark(errors),
    trouble: (shown) => trouble.replaceChildren(...(shown ? [shown] : [])),
  };
}

const presetValue = (algorithm, name) => PRESETS.find((preset) => preset.params.algorithm === algorithm)?.params[name];

const sorted = (object) => Object.fromEntries(Object.entries(object).sort());

function regionWords(region) {
  if (!region) return "All of the picture counts.";
  const percent = (part) => `${Math.round(part * 100)} %`;
  if (region.polygon) return `A polygon of ${region.polygon.length} corners counts.`;
  const [left, top, right, bottom] = region.box.map((part) => (region.unit === "fraction" ? percent(part) : part));
  return `The box from ${left}, ${top} to ${right}, ${bottom} counts.`;
}
