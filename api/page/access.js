// The key, where the service wants one: asked for when it does, kept until the tab is closed, never in an address.

import { coded, element, freshId } from "./element.js";

const NAME = "huemill.key";
const KEY = "\\s*[!-~]+\\s*";
let key = stored();
let asking = null;

// What a request carries; nothing where no key was asked for.
export function keyFields() {
  return key ? { Authorization: `Bearer ${key}` } : {};
}

// Ask for a key, since the service refused the one that was `used`, for `reason`. False where none was given. However
// many requests were refused, it is asked for once.
export function askForKey(reason, used) {
  if (used.Authorization !== keyFields().Authorization) return Promise.resolve(true);
  asking ??= askOnce(reason).finally(() => {
    asking = null;
  });
  return asking;
}

function askOnce(reason) {
  const id = freshId("key");
  // Not a password that browsers should offer to keep for good.
  const secret = { id, type: "password", autocomplete: "off", spellcheck: "false" };
  // What no request can carry would have the browser refuse all of them, from then on.
  const input = element("input", { ...secret, required: true, pattern: KEY, title: "Letters, digits, signs" });
  const cancel = element("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  const form = element(
    "form",
    { method: "dialog" },
    element("h2", {}, "A key is needed"),
    element("p", { id: `${id}-why` }, coded(reason)),
    element("label", { for: id }, "Key"),
    input,
    element("p", { class: "quiet" }, "It is kept until this tab is closed, and sent to this service alone."),
    element("p", { class: "buttons" }, element("button", { class: "strong", value: "use" }, "Use it"), cancel),
  );
  const dialog = element("dialog", { "aria-label": "A key is needed", "aria-describedby": `${id}-why` }, form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const given = dialog.returnValue === "use" ? input.value.trim() : "";
      if (given) store(given);
      dialog.remove();
      resolve(Boolean(given));
    });
  });
}

function stored() {
  try {
    return sessionStorage.getItem(NAME);
  } catch {
    return null;
  }
}

function store(given) {
  key = given;
  try {
    sessionStorage.setItem(NAME, given);
  } catch {
    // Then it lasts as long as the page.
  }
}
