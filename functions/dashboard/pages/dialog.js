// A modal dialog on the browser's own: it keeps the focus inside and gives it back when it closes.
import { fill, h, icon } from "./dom.js";
import { t } from "./language.js";

let count = 0;

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
  const opener = document.activeElement;
  let locked = false;

  element.addEventListener("cancel", (event) => { if (locked) event.preventDefault(); });
  element.addEventListener("keydown", (event) => { if (event.key === "Escape" && locked) event.preventDefault(); });
  element.addEventListener("close", () => {
    element.remove();
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
      if (!element.open) element.showModal();
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
