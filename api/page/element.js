// Elements, made of plain values. Text becomes text and never markup: no name from a file or the service can be more.

// `element("button", {class: "plain", onclick: go, disabled: true}, "Go")`. Attributes that are null or false are left
// out, functions become listeners, children that are null are passed over.
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

// The same for drawings.
export function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (isThere(value)) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter(isThere));
  return made;
}

const isThere = (value) => value !== null && value !== undefined && value !== false;

// `words` between backticks as code.
export function coded(text) {
  return text.split("`").map((part, place) => (place % 2 ? element("code", {}, part) : part));
}

let made = 0;

// An id that nothing else on the page has.
export function freshId(word) {
  made += 1;
  return `${word}-${made}`;
}

// Tell it to who listens instead of looking.
export function say(words) {
  document.getElementById("said").textContent = words;
}
