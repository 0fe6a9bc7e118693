// The theme: the system's, unless the button said otherwise. Runs before the page is drawn.
"use strict";

(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  function kept() {
    try {
      return localStorage.getItem("mien-theme");
    } catch {
      return null; // storage is switched off: follow the system
    }
  }

  function keep(theme) {
    try {
      localStorage.setItem("mien-theme", theme);
    } catch {
      // it lasts until the page is left
    }
  }

  function isDark() {
    return root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
  }

  const wanted = kept();
  if (wanted === "dark" || wanted === "light") root.dataset.theme = wanted;

  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const show = () => button.setAttribute("aria-pressed", String(isDark()));
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      keep(root.dataset.theme);
      show();
    });
    system.addEventListener("change", show);
    show();
  });
})();
