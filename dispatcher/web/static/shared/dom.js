// Elements in one expression. Text is always set as text: nothing here ever parses HTML.

/**
 * An element with these attributes and children.
 * `on…` attributes are listeners, `true` is an attribute without a value, `false`, null and
 * undefined are left out, of attributes and of children.
 */
export function el(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

const ICONS = {
  back: "M15 5l-7 7 7 7",
  down: "M6 9l6 6 6-6",
  locate: "M12 2v4M12 18v4M2 12h4M18 12h4M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10",
  swap: "M8 20V5M4 9l4-4 4 4M16 4v15M12 15l4 4 4-4",
};

/** A small drawing beside a text that says the same. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("aria-hidden", "true");
  const path = drawing.appendChild(document.createElementNS(space, "path"));
  path.setAttribute("d", ICONS[name]);
  return drawing;
}

export const byId = (id) => document.getElementById(id);

/** Sets a text only where it differs, so that live regions and selections are left in peace. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Replaces the children, and gives the focus back to the element with the same id. */
export function refill(element, ...children) {
  const focused = element.contains(document.activeElement) ? document.activeElement.id : "";
  element.replaceChildren(...children.flat(3).filter(Boolean));
  if (focused) byId(focused)?.focus({ preventScroll: true });
}

/** Says it once to who listens to the page. The same text is not said again. */
export function announce(text) {
  const region = byId("announced");
  if (region) setText(region, text);
}
