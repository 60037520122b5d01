// One organization: its balance over all shards, its settings, its latest top-ups, and what the staff did.
import { fill, h } from "./dom.js";
import { date, money, number, t } from "./language.js";
import { notice, skeleton, statusWord } from "./parts.js";
import { seeCustomer, seeOrganisation } from "./operate-api.js";
import { askToAct, changes } from "./operate-act.js";
import { code, facts, link, loader, operateFailure, place, section, table, topUpPath, when, wordsFor } from "./operate-parts.js";

const MOST = 1_000_000_000;

export function organisationPage(app) {
  const org = new URLSearchParams(location.search).get("org") ?? "";
  const content = h("div");
  const again = () => load({ quietly: true });
  // Made once, so that what was seen at Stripe stays while the rest is drawn anew.
  const stripe = atStripe(app, org, again);
  const load = loader(app, content, () => seeOrganisation(org), (seen) => drawn(app, seen, stripe, again));
  return { element: place(app, "/operate/organisation", h("h2.op-title", {}, org), content), start: load, wake: () => load({ quietly: true }) };
}

function drawn(app, seen, stripe, again) {
  const { organisation: org, shards, open_top_up: open, billing, operations } = seen;
  return h("div.stack", {},
    section(t("op.org.balance"),
      h("p.credits", {}, number(seen.credits)),
      shards.length > 1 && h("details", {}, h("summary", {}, t("op.org.shards", { count: number(shards.length) })),
        table(t("op.org.shards.title"), [t("op.org.shard"), t("op.org.credits"), t("op.org.pending")], shards.map((one) => [String(one.shard), number(one.credits), number(one.pending_debits)]))),
      facts([
        [t("op.org.slot"), open ? link(app, topUpPath(org, open), open, { "data-key": `slot-${open}` }) : t("op.org.slot.free")],
        [t("op.org.customer"), seen.customer && code(seen.customer)],
      ]),
      h("div.actions", {}, h("button.button", { type: "button", "data-key": "adjust", onclick: () => adjust(app, org, again) }, t("op.adjust")))),
    seen.customer && stripe,
    section(t("op.org.topUps"), topUps(app, org, seen.top_ups)),
    section(t("op.org.settings"), facts([
      ...Object.entries(billing).map(([name, value]) => [wordsFor("op.billing", name), value]),
      [t("op.org.version"), String(seen.settings_version)],
    ])),
    section(t("op.org.operations"), done(operations)));
}

function topUps(app, org, rows) {
  if (rows.length === 0) return h("p.muted", {}, t("op.org.topUps.none"));
  const columns = [t("op.topUp"), t("op.fact.status"), t("op.org.credits"), t("op.total"), t("op.made")];
  return table(t("op.org.topUps"), columns, rows.map(({ top_up: one, review }) => [
    link(app, topUpPath(org, one.id), one.invoice_number ?? one.id, { "data-key": `top-up-${one.id}` }),
    [statusWord(one.status), review && h("span.remark", {}, wordsFor("op.review", review.reason))],
    number(one.credits),
    money(one.total),
    date(one.created_at),
  ]));
}

function done(operations) {
  if (operations.length === 0) return h("p.muted", {}, t("op.org.operations.none"));
  return h("ol.op-log", {}, operations.map((one) => h("li", {},
    h("p", {}, h("strong", {}, wordsFor("op.action", one.action)), " · ", one.by, " · ", when(one.at)),
    h("p", {}, one.reason),
    h("details", {}, h("summary", {}, t("op.kept.changes")), h("p.muted", {}, code(one.about)), changes(one)))));
}

function adjust(app, org, again) {
  const credits = {
    name: "credits", kind: "number", label: t("op.adjust.credits"), hint: t("op.adjust.hint"), invalid: t("op.adjust.invalid"),
    read(typed) {
      const text = typed.trim().replace(/^[−–]/, "-").replace(/^\+/, "");
      const whole = /^-?\d{1,10}$/.test(text) ? Number(text) : 0;
      return whole !== 0 && Math.abs(whole) <= MOST ? whole : undefined;
    },
  };
  askToAct(app, { title: t("op.adjust.title", { org }), text: t("op.adjust.text"), label: t("op.adjust"), path: "adjustments", body: { org }, fields: [credits], done: again });
}

/** What Stripe keeps for the customer is asked for when somebody wants to know: it is a call of Stripe. */
function atStripe(app, org, again) {
  const slot = h("div");
  const look = h("button.button", { type: "button", "data-key": "look-at-stripe", onclick: load }, t("op.stripe.look"));

  async function load() {
    fill(slot, skeleton("line"));
    try {
      const { balance } = await seeCustomer(org);
      fill(slot, balance === null ? h("p", {}, t("op.stripe.never")) : shown(balance));
    } catch (failure) {
      if (!failure.kind) throw failure;
      fill(slot, operateFailure(failure, app, { retry: load }));
    }
  }

  function shown(balance) {
    if (balance.minor_units === 0) return h("p", {}, t("op.stripe.zero"));
    const owed = balance.minor_units > 0;
    const values = { amount: money({ ...balance, decimal: balance.decimal.replace("-", "") }) };
    const zero = h("button.button", { type: "button", "data-key": "zero-balance", onclick: () => askToAct(app, {
      title: t("op.stripe.do"), text: t(owed ? "op.stripe.do.debt" : "op.stripe.do.credit", values), label: t("op.stripe.do"), danger: true,
      path: `customers/${encodeURIComponent(org)}/zero-balance`,
      body: { expected_balance: { currency: balance.currency, minor_units: balance.minor_units } },
      done: () => { load(); again(); },
    }) }, t("op.stripe.do"));
    return notice({ tone: "low", icon: "warning", text: t(owed ? "op.stripe.debt" : "op.stripe.credit", values), actions: [zero] });
  }

  return section(t("op.stripe.title"), h("p.muted", {}, t("op.stripe.text")), slot, h("div.actions", {}, look));
}
