// Builds elements; text from anywhere becomes text, never markup.

/**
 * `h("button.primary", { type: "button", onclick: pay }, "Pay")`. Attributes that are null, undefined or false are left out.
 */
export function h(tagAndClasses, attributes = {}, ...children) {
  const [tag, ...classes] = tagAndClasses.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Puts `children` into `slot`; a focused part that comes again (same `data-key`) keeps the focus. */
export function fill(slot, ...children) {
  const key = slot.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  slot.replaceChildren(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  if (key) slot.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

/** Tells a screen reader; the text is set a moment later so that the same words are read again. */
export function announce(text) {
  const region = document.getElementById("announcer");
  region.textContent = "";
  setTimeout(() => { region.textContent = text; }, 60);
}

/** An icon of `icons`, 24 units square, drawn with the text's colour and hidden from screen readers. */
export function icon(name, classes = "") {
  return svg("svg", { viewBox: "0 0 24 24", class: `icon ${classes}`.trim(), "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
}

export function hasIcon(name) {
  return Object.hasOwn(ICONS, name ?? "");
}

/** An element of a drawing. */
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.flat(3));
  return element;
}

const ICONS = {
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  check: "M5 12.5l4.5 4.5L19 7.5",
  email: "M4 6.5h16a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1v-9a1 1 0 0 1 1-1zM3.5 7.5L12 13l8.5-5.5",
  whatsapp: "M4 20l1.3-4A8 8 0 1 1 8.2 19L4 20zM9 8.8c-.4 3 3 6.2 6 6l.6-1.7-1.9-.9-1 .9c-1-.4-1.7-1.2-2.2-2.2l.9-1-.8-1.8L9 8.8z",
  sms: "M5 5h14a1.5 1.5 0 0 1 1.5 1.5v8A1.5 1.5 0 0 1 19 16h-7l-4.5 3.5V16H5a1.5 1.5 0 0 1-1.5-1.5v-8A1.5 1.5 0 0 1 5 5zM8 10.5h.01M12 10.5h.01M16 10.5h.01",
  message: "M5 5h14a1.5 1.5 0 0 1 1.5 1.5v8A1.5 1.5 0 0 1 19 16h-7l-4.5 3.5V16H5a1.5 1.5 0 0 1-1.5-1.5v-8A1.5 1.5 0 0 1 5 5z",
  phone: "M6.5 4.5h3l1.5 4-2 1.5a10 10 0 0 0 5 5l1.5-2 4 1.5v3a1.5 1.5 0 0 1-1.6 1.5A14.5 14.5 0 0 1 5 6.1a1.5 1.5 0 0 1 1.5-1.6z",
  spark: "M12 4l1.8 5.2L19 11l-5.2 1.8L12 18l-1.8-5.2L5 11l5.2-1.8L12 4zM18.5 16.5v4M16.5 18.5h4",
  meter: "M4.5 17a8 8 0 1 1 15 0M12 15l3.5-5M4.5 17h15",
  warning: "M12 4.5l8.5 15h-17l8.5-15zM12 10v4.5M12 17.2h.01",
  info: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM12 11v5M12 8h.01",
  clock: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM12 7.5V12l3 2",
  link: "M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1",
  external: "M14 5h5v5M19 5l-8 8M17 14v4a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1h4",
  download: "M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 19.5h14",
  receipt: "M6 3.5h12v17l-2.4-1.6-1.8 1.6-1.8-1.6-1.8 1.6-1.8-1.6L6 20.5v-17zM9.5 8.5h5M9.5 12.5h5",
  lock: "M6.5 10.5h11a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1h-11a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1zM8.5 10.5V8a3.5 3.5 0 0 1 7 0v2.5",
  offline: "M4 4l16 16M8.5 16a5 5 0 0 1 6.3-.6M5.5 12.8a9 9 0 0 1 4-2.2M14 10.3a9 9 0 0 1 4.5 2.5M3 9.5a13 13 0 0 1 4-2.5M11.5 6a13 13 0 0 1 9.5 3.5M12 19h.01",
  alert: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM12 7.5v5M12 16h.01",
  card: "M4 5.5h16a1 1 0 0 1 1 1v11a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1v-11a1 1 0 0 1 1-1zM3 10h18M6.5 15h3",
};
