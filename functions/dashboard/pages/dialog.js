// A modal dialog on the browser's own: it keeps the focus inside and gives it back when it closes; Back closes it too.
import { fill, h, icon } from "./dom.js";
import { t } from "./language.js";

let count = 0;
/** The dialogs that are open, the upper ones last. */
const open = [];
/** Whether the entry of the browser's history that stands for the open dialogs is being taken back. */
let leavingEntry = false;

/**
 * @param {{onClose?: () => void, narrow?: boolean}} options
 * @returns what shows a step (title, body, footer), locks it while something must finish, and closes it
 */
export function modal({ onClose, narrow = false } = {}) {
  count += 1;
  const titleId = `dialog-title-${count}`;
  const title = h("h2", { id: titleId, tabindex: "-1" });
  const body = h("div.dialog-body");
  const footer = h("div.dialog-footer");
  const status = h("div.visually-hidden", { role: "status", "aria-live": "polite" });
  const closer = h("button.icon-button", { type: "button", "aria-label": t("close"), onclick: () => close() }, icon("close"));
  const element = h(`dialog.dialog${narrow ? ".narrow" : ""}`, { "aria-labelledby": titleId },
    h("div.dialog-head", {}, title, closer), body, footer, status);
  const layer = { close, isOpen: () => element.open };
  const opener = document.activeElement;
  let locked = false;

  element.addEventListener("cancel", (event) => { if (locked) event.preventDefault(); });
  element.addEventListener("keydown", (event) => { if (event.key === "Escape" && locked) event.preventDefault(); });
  element.addEventListener("close", () => {
    element.remove();
    leave(layer);
    const target = opener?.isConnected ? opener : document.querySelector(`[data-key="${opener?.dataset?.key}"]`);
    (target ?? document.getElementById("main")).focus({ preventScroll: true });
    onClose?.();
  });

  function close() {
    if (!locked && element.open) element.close();
  }

  return {
    element,
    close,
    show(step) {
      title.textContent = step.title;
      fill(body, step.body);
      fill(footer, step.footer);
      if (!element.isConnected) document.body.append(element);
      if (!element.open) {
        enter(layer);
        element.showModal();
      }
      (step.focus ?? title).focus({ preventScroll: true });
    },
    lock(isLocked) {
      locked = isLocked;
      closer.setAttribute("aria-disabled", String(isLocked));
    },
    say(text) {
      status.textContent = text;
    },
  };
}

function enter(layer) {
  open.push(layer);
  document.documentElement.classList.add("behind-dialog");
  keepEntry();
}

function leave(layer) {
  open.splice(open.indexOf(layer), 1);
  if (open.length > 0) return;
  document.documentElement.classList.remove("behind-dialog");
  if (!hasEntry()) return;
  leavingEntry = true;
  history.back();
}

function hasEntry() {
  return history.state?.dialog === true;
}

function keepEntry() {
  if (!hasEntry() && !leavingEntry) history.pushState({ dialog: true }, "");
}

/** Back closes the upper dialog; one that is locked, or another one under it, keeps an entry for the next Back. */
addEventListener("popstate", (event) => {
  if (!leavingEntry && open.length === 0) return;
  event.stopImmediatePropagation();
  if (!leavingEntry) open.at(-1).close();
  leavingEntry = false;
  if (open.some((layer) => layer.isOpen())) keepEntry();
});

/** How much of the window a keyboard on the screen covers, for browsers that lay it over the page. */
function fitToKeyboard() {
  const { height, offsetTop, scale } = visualViewport;
  const covered = scale > 1.01 ? 0 : Math.max(0, innerHeight - height - offsetTop);
  document.documentElement.style.setProperty("--covered", `${covered}px`);
}

visualViewport?.addEventListener("resize", fitToKeyboard);
visualViewport?.addEventListener("scroll", fitToKeyboard);
