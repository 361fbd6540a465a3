// Light or dark: as the system has it, unless somebody has said otherwise. No module, and in the page's head: it is
// known before anything is painted.
"use strict";
(() => {
  const CHOICES = ["auto", "light", "dark"];
  const root = document.documentElement;

  function stored() {
    try {
      return localStorage.getItem("huemill.theme");
    } catch {
      return null; // the browser keeps nothing
    }
  }

  function store(choice) {
    try {
      localStorage.setItem("huemill.theme", choice);
    } catch {
      // It holds until the page is left.
    }
  }

  root.dataset.theme = CHOICES.includes(stored()) ? stored() : "auto";
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const name = () => {
      button.textContent = `Theme: ${root.dataset.theme}`;
    };
    name();
    button.addEventListener("click", () => {
      root.dataset.theme = CHOICES[(CHOICES.indexOf(root.dataset.theme) + 1) % CHOICES.length];
      store(root.dataset.theme);
      name();
    });
  });
})();
