// The Top Up dialog: choose and pay; or finish what is open; or hand the link to whoever pays.
import { amountStep } from "./amount-step.js";
import { modal } from "./dialog.js";
import { h, icon } from "./dom.js";
import { age, money, number, t } from "./language.js";
import { awaiting, draft, paying } from "./memory.js";
import { confirmCancel, linkField, payLink, shareRow } from "./open-top-up.js";
import { notice, webAddress } from "./parts.js";
import { prepared } from "./purchase.js";
import { may, organisation } from "./session.js";

/**
 * @param {{open: object|null, changed: () => void, closed: () => void}} options the open top-up, if one is known;
 * `changed` is called when there is a new one
 * @returns {{finished: (id: string) => void}} closes what speaks of a top-up that is not open any more
 */
export function openTopUpDialog(app, { open, changed, closed }) {
  let leaving = false;
  let about = null;
  const dialog = modal({
    onClose: () => {
      if (!leaving) draft.clear();
      step?.stop?.();
      closed();
    },
  });
  let step = null;

  function choose(message) {
    about = null;
    step = amountStep({ app, dialog, message, created, pending, leave: () => { leaving = true; } });
    step.show();
  }

  /** One is open already: it is paid or canceled first. */
  function pending(topUp) {
    about = topUp.id;
    const pay = h("button.button.primary", { type: "button", onclick: () => goToPayment(topUp, pay) }, t("pending.pay"));
    const link = webAddress(topUp.pay_url) ? payLink(topUp, t("pending.pay"), "button.primary") : pay;
    const cancel = h("button.button", { type: "button", "data-key": "pending-cancel", onclick: () => confirmCancel(topUp, app, after) }, t("pending.cancel"));
    const after = (outcome) => (outcome === "canceled" ? choose(t("pending.canceled")) : dialog.close());
    awaiting.write({ id: topUp.id, available: awaiting.read()?.available ?? null });
    dialog.show({
      title: t("pending.title"),
      body: [h("p.lead", {}, t("pending.text")), summaryOf(topUp), webAddress(topUp.pay_url) && shareRow(topUp)],
      footer: [cancel, link],
      focus: link,
    });
  }

  async function goToPayment(topUp) {
    const ready = await prepared(topUp).catch(() => topUp);
    if (webAddress(ready.pay_url)) follow(ready);
    else dialog.close();
  }

  function created(topUp, { forSomeoneElse }) {
    draft.clear();
    about = topUp.id;
    changed();
    if (!webAddress(topUp.pay_url)) return dialog.close();
    if (!forSomeoneElse) return follow(topUp);
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

  function follow(topUp) {
    paying.write({ id: topUp.id, at: Date.now() });
    dialog.say(t("dialog.going"));
    addEventListener("pageshow", () => dialog.close(), { once: true });
    location.assign(webAddress(topUp.pay_url));
  }

  if (!may("billing:subscribe")) explainPermission(dialog);
  else if (open) pending(open);
  else choose();
  return { finished: (id) => { if (id === about) dialog.close(); } };
}

function summaryOf(topUp) {
  return h("div.pending", {}, h("span.pending-icon", {}, icon("receipt")),
    h("div", {}, h("p.pending-credits", {}, t("open.credits", { credits: number(topUp.credits) })), h("p.muted", {}, t("open.age", { age: age(topUp.created_at) }))),
    h("p.open-total", {}, money(topUp.total)));
}

export function explainPermission(dialog) {
  dialog.show({
    title: t("noSubscribe.title"),
    body: [notice({ tone: "plain", icon: "lock", text: t("noSubscribe.text", { org: organisation() || t("yourOrg") }) })],
    footer: [h("button.button.primary", { type: "button", onclick: () => dialog.close() }, t("noSubscribe.ok"))],
  });
}
