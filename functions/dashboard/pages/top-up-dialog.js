// The Top Up dialog: choose and pay; or finish what is open; or hand the link to whoever pays.
import { amountStep } from "./amount-step.js";
import { modal } from "./dialog.js";
import { h, icon } from "./dom.js";
import { age, money, number, t } from "./language.js";
import { awaiting, draft } from "./memory.js";
import { confirmCancel, linkField, payLink, paymentOf, shareRow } from "./open-top-up.js";
import { noSubscribe, webAddress, working } from "./parts.js";
import { paymentTab } from "./payment-tab.js";
import { prepared } from "./purchase.js";
import { may } from "./session.js";

/**
 * @param {{open: object|null, changed: () => void, closed: () => void}} options the open top-up, if one is known;
 * `changed` is called when there is a new one
 * @returns {{finished: (id: string) => void, wake: () => void}} closes what speaks of a top-up that is not open any more;
 * tries again what failed while offline
 */
export function openTopUpDialog(app, { open, changed, closed }) {
  let leaving = false;
  let about = null;
  let step = null;
  const dialog = modal({
    onClose: () => {
      if (!leaving) draft.clear();
      step?.stop?.();
      closed();
    },
  });

  function choose(message) {
    about = null;
    step = amountStep({ app, dialog, message, created, pending, leave: () => { leaving = true; } });
    step.show();
  }

  /** One is open already: it is paid or canceled first. */
  function pending(topUp) {
    about = topUp.id;
    if (!open) changed();
    const payment = paymentOf(topUp);
    const url = webAddress(topUp.pay_url);
    const pay = url && payment !== "clearing" && payLink(topUp, t(payment ? "expected.again" : "pending.pay"), payment ? "button" : "button.primary", { left: () => dialog.close() });
    const wait = !url && h("button.button.primary", { type: "button", "data-key": "pending-wait", onclick: () => payWhenReady(topUp, wait) }, t("pending.pay"));
    const cancel = h("button.button", { type: "button", "data-key": "pending-cancel", onclick: () => confirmCancel(topUp, app, after) }, t("pending.cancel"));
    const after = (outcome) => (outcome === "canceled" ? choose(t("pending.canceled")) : dialog.close());
    awaiting.write({ id: topUp.id, available: awaiting.read()?.available ?? null });
    dialog.show({
      title: t(payment ? `${payment}.title` : "pending.title"),
      body: [h("p.lead", {}, t(payment ? `${payment}.text` : url ? "pending.text" : "open.preparing.slow")), summaryOf(topUp), url && !payment && shareRow(topUp)],
      footer: [cancel, pay, wait],
      focus: pay || wait || cancel,
    });
  }

  /** Its payment page is still being made. */
  async function payWhenReady(topUp, button) {
    const tab = paymentTab();
    working(button, t("dialog.paying"));
    created(await prepared(topUp), tab);
  }

  /** `tab` is the one that was opened for the payment page; null where somebody else pays. */
  function created(topUp, tab) {
    draft.clear();
    about = topUp.id;
    if (!webAddress(topUp.pay_url)) {
      tab?.forget();
      dialog.close();
    } else if (!tab) link(topUp);
    else if (tab.follow(topUp)) dialog.close();
    else ready(topUp);
    changed();
  }

  /** The browser opens no tab by itself: one more click does. */
  function ready(topUp) {
    const pay = payLink(topUp, t("expected.again"), "button.primary", { left: () => dialog.close() });
    dialog.show({ title: t("ready.title"), body: [h("p.lead", {}, t("ready.text")), summaryOf(topUp)], footer: [pay], focus: pay });
  }

  function link(topUp) {
    dialog.show({
      title: t("link.title"),
      body: [
        h("p.lead", {}, t("link.text", { total: money(topUp.total), credits: number(topUp.credits) })),
        linkField(webAddress(topUp.pay_url)),
        shareRow(topUp),
      ],
      footer: [h("button.button.primary", { type: "button", onclick: () => dialog.close() }, t("link.done"))],
    });
  }

  if (!may("billing:subscribe")) explainPermission(dialog);
  else if (open) pending(open);
  else choose();
  return { finished: (id) => { if (id === about) dialog.close(); }, wake: () => step?.wake() };
}

function summaryOf(topUp) {
  return h("div.pending", {}, h("span.pending-icon", {}, icon("receipt")),
    h("div", {}, h("p.pending-credits", {}, t("open.credits", { credits: number(topUp.credits) })), h("p.muted", {}, t("open.age", { age: age(topUp.created_at) }))),
    h("p.open-total", {}, money(topUp.total)));
}

function explainPermission(dialog) {
  dialog.show({
    title: t("noSubscribe.title"),
    body: [noSubscribe({ title: false })],
    footer: [h("button.button.primary", { type: "button", onclick: () => dialog.close() }, t("noSubscribe.ok"))],
  });
}
