// Elements without markup in strings: whatever comes from outside is text, never HTML.

const SVG = "http://www.w3.org/2000/svg";

/** Returns an element; `props` are attributes, functions of `on` are listeners, null is left out. */
export function el(tag, props = {}, ...children) {
  return filled(document.createElement(tag), props, children);
}

/** Returns an SVG element. */
export function svg(tag, props = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), props, children);
}

/** Returns the element of the page with this id. */
export function byId(id) {
  return document.getElementById(id);
}

function filled(node, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    } else {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/**
 * Makes buttons a list of tabs: one stop of the Tab key, arrows, Home and End between them.
 *
 * @param {HTMLElement} list the element that holds the buttons
 * @param {HTMLElement[]} buttons one a tab, with `aria-controls` set
 * @param {number} chosen which is open
 * @param {(index: number) => void} choose called when another is chosen
 */
export function tabs(list, buttons, chosen, choose) {
  list.setAttribute("role", "tablist");
  buttons.forEach((button, index) => {
    button.setAttribute("role", "tab");
    button.setAttribute("aria-selected", String(index === chosen));
    button.tabIndex = index === chosen ? 0 : -1;
    button.addEventListener("click", () => choose(index));
    button.addEventListener("keydown", (event) => {
      const last = buttons.length - 1;
      const to = {
        ArrowRight: index === last ? 0 : index + 1,
        ArrowDown: index === last ? 0 : index + 1,
        ArrowLeft: index === 0 ? last : index - 1,
        ArrowUp: index === 0 ? last : index - 1,
        Home: 0,
        End: last,
      }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      choose(to);
    });
  });
}
