// The open top-up: pay it, cancel it, or let someone else pay.
import { cancelTopUp } from "./api.js";
import { modal } from "./dialog.js";
import { announce, fill, h, icon } from "./dom.js";
import { age, dateAndTime, has, money, number, t } from "./language.js";
import { paying } from "./memory.js";
import { failureNotice, notice, spinner, webAddress, working } from "./parts.js";
import { may } from "./session.js";

/** `changed` is told "canceled" or "paid" after a try to cancel. */
export function openTopUpCard(topUp, { checking, changed, app }) {
  const url = webAddress(topUp.pay_url);
  const cancel = h("button.button", { type: "button", "data-key": "cancel-open", onclick: () => confirmCancel(topUp, app, changed) }, t("open.cancel"));
  const failed = topUp.payment_failure;
  return h("section.card.open-card", { "aria-labelledby": "open-title" },
    h("div.open-head", {},
      h("h2.card-title", { id: "open-title" }, t(url ? "open.title" : "open.preparing")),
      h("p.open-total", {}, money(topUp.total)),
      summary(topUp)),
    checking && h("p.checking", { role: "status" }, spinner(), t("open.checking")),
    failed && failureOfPayment(failed),
    !url && h("p.checking", { role: "status" }, spinner(), t("open.preparing.slow")),
    h("div.actions", {},
      url && payLink(topUp, t(failed ? "failure.tryAgain" : "open.pay"), "button.button.primary"),
      may("billing:subscribe") && cancel),
    url && shareRow(topUp));
}

function summary(topUp) {
  const parts = [t("open.credits", { credits: number(topUp.credits) }), t("open.age", { age: age(topUp.created_at) })];
  if (topUp.expires_at) parts.push(t("open.expires", { date: dateAndTime(topUp.expires_at) }));
  return h("p.muted.dotted", {}, parts.map((part) => h("span", {}, part)));
}

/** Codes that lead to the same advice share their words. */
const SAME_ADVICE = {
  withdrawal_count_limit_exceeded: "limit", card_velocity_exceeded: "limit",
  incorrect_cvc: "cvc", invalid_cvc: "cvc",
  incorrect_number: "number", invalid_number: "number",
  invalid_expiry_month: "expiry", invalid_expiry_year: "expiry",
  payment_intent_authentication_failure: "authentication_required",
  currency_not_supported: "unsupported", card_not_supported: "unsupported",
  processing_error: "later", issuer_not_available: "later",
};

function failureOfPayment({ code, detail }) {
  const advice = SAME_ADVICE[code] ?? code;
  const known = advice === "payment_failed" || has(`failure.${advice}`);
  return notice({
    tone: "strong",
    icon: "card",
    title: t("open.failed.title"),
    text: t(has(`failure.${advice}`) ? `failure.${advice}` : "failure.other"),
    detail: !known && detail && t("failure.said", { detail }),
    role: "alert",
  });
}

/** A real link to the payment page, remembered so that coming back is noticed. */
export function payLink(topUp, text, classes, label) {
  return h(`a.${classes}`, {
    href: webAddress(topUp.pay_url),
    rel: "noreferrer",
    "data-key": `pay-${topUp.id}`,
    "aria-label": label,
    onclick: () => paying.write({ id: topUp.id, at: Date.now() }),
  }, text);
}

/** Copy link and Share by WhatsApp, for whoever pays. */
export function shareRow(topUp) {
  const url = webAddress(topUp.pay_url);
  const copied = h("button.button.small", { type: "button", "data-key": "copy-link", onclick: copy }, icon("link"), t("open.copy"));
  const manual = h("div.manual");
  const message = t("open.whatsapp.text", { total: money(topUp.total), credits: number(topUp.credits), url });

  async function copy() {
    try {
      await navigator.clipboard.writeText(url);
      copied.replaceChildren(icon("check"), t("open.copied"));
      announce(t("open.copied"));
      setTimeout(() => copied.replaceChildren(icon("link"), t("open.copy")), 2500);
    } catch {
      fill(manual, h("p.muted", {}, t("open.copyFailed")), linkField(url));
      manual.querySelector("input").select();
    }
  }

  return h("div.share", {},
    h("p.muted", {}, t("open.share")),
    h("div.actions", {}, copied,
      h("a.button.small", { href: `https://wa.me/?text=${encodeURIComponent(message)}`, target: "_blank", rel: "noreferrer noopener" },
        icon("whatsapp"), t("open.whatsapp"), h("span.visually-hidden", {}, ` ${t("opensNewTab")}`))),
    manual);
}

export function linkField(url) {
  return h("input.input.link-field", { type: "text", readonly: true, value: url, "aria-label": t("link.label"), onfocus: (event) => event.target.select() });
}

/** Asks, cancels, and tells what came of it: "canceled", or "paid" when the money was faster. */
export function confirmCancel(topUp, app, done) {
  const dialog = modal({ narrow: true, onClose: () => outcome && done(outcome) });
  const problem = h("div");
  const yes = h("button.button.danger", { type: "button", "data-key": "cancel-yes", onclick: cancel }, t("cancel.yes"));
  const keep = h("button.button", { type: "button", onclick: () => dialog.close() }, t("cancel.keep"));
  const text = t("cancel.text", { credits: number(topUp.credits), total: money(topUp.total) });
  let outcome = null;

  async function cancel() {
    if (yes.getAttribute("aria-disabled")) return;
    const reset = working(yes, t("cancel.working"));
    dialog.lock(true);
    try {
      await cancelTopUp(topUp.id);
      outcome = "canceled";
    } catch (failure) {
      if (failure.code === "already_paid" || failure.code === "top_up_not_found") outcome = "paid";
      else if (failure.code === "payment_in_progress") {
        fill(problem, notice({ tone: "low", icon: "clock", text: t("cancel.inProgress"), role: "alert" }));
      } else fill(problem, failureNotice(failure, app));
    }
    reset();
    dialog.lock(false);
    if (outcome) dialog.close();
  }

  dialog.show({ title: t("cancel.title"), body: [h("p", {}, text), problem], footer: [keep, yes], focus: keep });
}
