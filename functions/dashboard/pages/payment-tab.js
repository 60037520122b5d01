// The payment page in a tab of its own, so that this one stays where the credits arrive.
import { t } from "./language.js";
import { paying } from "./memory.js";
import { webAddress } from "./parts.js";

/** Long enough for answers that need no payment page, short enough for browsers that let a click open a tab only soon. */
const OPENS_AFTER_MS = 600;

/**
 * Called in a click, before it is known whether there will be anything to pay.
 * @returns `follow` leads to the payment page of a top-up, and tells whether a tab could be opened; `forget` when there
 * is none
 */
export function paymentTab() {
  let tab = null;
  const timer = setTimeout(open, OPENS_AFTER_MS);

  function open() {
    tab ??= window.open("about:blank");
    if (!tab) return;
    const { document: page } = tab;
    page.documentElement.style.colorScheme = "light dark";
    page.title = t("dialog.paying");
    page.body.append(t("dialog.paying"));
    Object.assign(page.body.style, { font: "1.1rem/1.5 system-ui, sans-serif", padding: "2rem", textAlign: "center" });
  }

  return {
    follow(topUp) {
      clearTimeout(timer);
      if (!tab) open();
      if (!tab || tab.closed) return false;
      goesToPay(topUp);
      tab.opener = null;
      tab.location.replace(webAddress(topUp.pay_url));
      return true;
    },
    forget() {
      clearTimeout(timer);
      tab?.close();
    },
  };
}

/** Remembers that somebody went to pay this top-up, so that the payment is expected. */
export function goesToPay(topUp) {
  paying.write({ id: topUp.id, at: Date.now(), failedAt: failedAt(topUp) });
}

/** When its last payment was refused, or null. */
export function failedAt(topUp) {
  return topUp.payment_failure?.at ?? null;
}
