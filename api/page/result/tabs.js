// A row of tabs: arrows move along it, and a panel is made when it is first shown.

import { button, freshId, html } from "./dom.js";
import { unshown } from "./missing.js";

/**
 * `entries` are [name, make], `make()` giving the panel's element or a promise of one. Returns the element.
 * After WAI-ARIA's pattern of tabs that are chosen as they are moved to.
 */
export function tabs(label, entries, signal) {
  const list = html("div", { role: "tablist", "aria-label": label, class: "tablist" });
  const whole = html("div", { class: "tabs" }, list);
  const made = entries.map(([name, make]) => tab(name, make, whole, signal));
  list.append(...made.map((each) => each.handle));
  const choose = (chosen) => made.forEach((each) => each.show(each === chosen));
  made.forEach((each) => each.handle.addEventListener("click", () => choose(each), { signal }));
  list.addEventListener("keydown", (event) => {
    const to = moved(event.key, made.findIndex((each) => each.handle === document.activeElement), made.length);
    if (to === null) return;
    event.preventDefault();
    choose(made[to]);
    made[to].handle.focus();
  }, { signal });
  choose(made[0]);
  return whole;
}

function moved(key, from, length) {
  const to = { ArrowRight: from + 1, ArrowLeft: from - 1, Home: 0, End: length - 1 }[key];
  return to === undefined || from < 0 ? null : (to + length) % length;
}

function tab(name, make, whole, signal) {
  const [handleId, panelId] = [freshId("tab"), freshId("panel")];
  const handle = html("button", { type: "button", role: "tab", id: handleId, "aria-controls": panelId }, name);
  const names = { role: "tabpanel", id: panelId, "aria-labelledby": handleId };
  const panel = html("div", { ...names, tabindex: 0, class: "tabpanel" });
  whole.append(panel);
  let begun = false;
  return {
    handle,
    show(chosen) {
      handle.setAttribute("aria-selected", chosen);
      handle.tabIndex = chosen ? 0 : -1;
      panel.hidden = !chosen;
      if (!chosen || begun) return;
      begun = true;
      fill(panel, make, signal);
    },
  };
}

async function fill(panel, make, signal) {
  panel.setAttribute("aria-busy", "true");
  try {
    panel.replaceChildren(await make());
  } catch (error) {
    if (error.name === "AbortError") return;
    const again = () => {
      panel.focus();
      fill(panel, make, signal);
    };
    panel.replaceChildren(unshown(error), button("Try again", again, signal));
  } finally {
    panel.removeAttribute("aria-busy");
  }
}
