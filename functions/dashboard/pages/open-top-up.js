// The open top-up: pay it, wait for its payment, cancel it, or let someone else pay.
import { cancelTopUp } from "./api.js";
import { adviceOn } from "./declines.js";
import { modal } from "./dialog.js";
import { announce, fill, h, icon } from "./dom.js";
import { age, dateAndTime, money, number, t } from "./language.js";
import { clearing, paying } from "./memory.js";
import { failureNotice, notice, spinner, webAddress, working } from "./parts.js";
import { failedAt, goesToPay } from "./payment-tab.js";
import { may } from "./session.js";

/** After so long without money, whoever went to pay has probably not paid. */
const EXPECTED_MS = 600_000;

/**
 * "clearing" when a payment is on its way (one that is not paid yet, or one that kept the top-up from being canceled),
 * "expected" when somebody went to pay and nothing speaks against it, otherwise null.
 */
export function paymentOf(topUp) {
  if (topUp.payment || speaksOf(clearing.read(), topUp)) return "clearing";
  const left = paying.read();
  return speaksOf(left, topUp) && Date.now() - left.at < EXPECTED_MS ? "expected" : null;
}

/** Whether what is remembered is of this top-up, and no payment was refused since. */
function speaksOf(kept, topUp) {
  return kept?.id === topUp.id && kept.failedAt === failedAt(topUp);
}

/** `changed` is told "canceled", "paid" or "clearing" after a try to cancel, and "paying" when somebody goes to pay. */
export function openTopUpCard(topUp, { payment, changed, app }) {
  const url = webAddress(topUp.pay_url);
  const cancel = h("button.button", { type: "button", "data-key": "cancel-open", onclick: () => confirmCancel(topUp, app, changed) }, t("open.cancel"));
  const failed = payment ? null : topUp.payment_failure;
  const title = payment ? `${payment}.title` : url ? "open.title" : "open.preparing";
  return h("section.card.open-card", { "aria-labelledby": "open-title" },
    h("div.open-head", {},
      h("h2.card-title", { id: "open-title" }, t(title)),
      h("p.open-total", {}, money(topUp.total)),
      summary(topUp)),
    payment && h("p.checking", { role: "status" }, spinner(), h("span", {}, t(`${payment}.text`))),
    failed && failureOfPayment(failed),
    !url && h("p.checking", { role: "status" }, spinner(), t("open.preparing.slow")),
    h("div.actions", {},
      url && payment !== "clearing" && payAction(topUp, payment, { failed, left: () => changed("paying") }),
      may("billing:subscribe") && cancel),
    url && !payment && shareRow(topUp));
}

/** Paying is offered once; whoever is paying already only gets the way back to the payment page. */
function payAction(topUp, payment, { failed, left }) {
  if (payment) return payLink(topUp, t("expected.again"), "button", { left });
  return payLink(topUp, t(failed ? "failure.tryAgain" : "open.pay"), "button.primary", { left });
}

function summary(topUp) {
  const parts = [t("open.credits", { credits: number(topUp.credits) }), t("open.age", { age: age(topUp.created_at) })];
  if (topUp.expires_at) parts.push(t("open.expires", { date: dateAndTime(topUp.expires_at) }));
  return h("p.muted.dotted", {}, parts.map((part) => h("span", {}, part)));
}

function failureOfPayment(failure) {
  const { text, said } = adviceOn(failure);
  return notice({ tone: "strong", icon: "card", title: t("open.failed.title"), text, detail: said, role: "alert" });
}

/** A real link to the payment page in a tab of its own; `left` is called when somebody follows it. */
export function payLink(topUp, text, classes, { label, left } = {}) {
  return h(`a.${classes}`, {
    href: webAddress(topUp.pay_url),
    target: "_blank",
    rel: "noreferrer noopener",
    "data-key": `pay-${topUp.id}`,
    "aria-label": `${label ?? text} ${t("opensNewTab")}`,
    onclick: () => {
      goesToPay(topUp);
      setTimeout(() => left?.());
    },
  }, text, icon("external"));
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

/** Asks, cancels, and tells what came of it: "canceled", "paid" when the money was faster, "clearing" when it is on its way. */
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
        clearing.write({ id: topUp.id, failedAt: failedAt(topUp) });
        outcome = "clearing";
        yes.hidden = true;
        keep.replaceChildren(t("close"));
        fill(problem, notice({ tone: "info", icon: "clock", text: t("cancel.inProgress"), role: "alert" }));
      } else fill(problem, failureNotice(failure, app));
    }
    reset();
    dialog.lock(false);
    if (outcome && outcome !== "clearing") dialog.close();
  }

  dialog.show({ title: t("cancel.title"), body: [h("p", {}, text), problem], footer: [keep, yes], focus: keep });
}
