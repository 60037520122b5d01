// One top-up: row, Stripe and ledger side by side, what can be done about it, and its whole trail.
import { h } from "./dom.js";
import { dateAndTime, money, number, t } from "./language.js";
import { notice, statusWord } from "./parts.js";
import { seeTopUp } from "./operate-api.js";
import { askToAct } from "./operate-act.js";
import { meaning, toDo } from "./operate-lists.js";
import { code, differing, facts, link, loader, organisationPath, place, section, table, when, wordsFor } from "./operate-parts.js";

const UNFINISHED = ["requested", "open"];

export function topUpPage(app) {
  const asked = new URLSearchParams(location.search);
  const [org, id] = [asked.get("org") ?? "", asked.get("id") ?? ""];
  const content = h("div");
  const load = loader(app, content, () => seeTopUp(org, id), (seen) => drawn(app, seen, () => load({ quietly: true })));
  const title = h("div", {}, h("h2.op-title", {}, id), h("p.muted", {}, t("op.of"), " ", link(app, organisationPath(org), org, { "data-key": `org-${org}` })));
  return { element: place(app, "/operate/top-up", title, content), start: load, wake: () => load({ quietly: true }) };
}

function drawn(app, seen, again) {
  const { row, ledger, differences, settling, trail } = seen;
  return h("div.stack", {},
    h("section.card.op-card", {},
      h("div.op-head", {}, h("h2.card-title", {}, t("op.topUp.what", { credits: number(row.top_up.credits), total: money(row.top_up.total) })), statusWord(row.top_up.status)),
      facts([
        [t("op.made"), [when(row.top_up.created_at), " · ", row.created_by]],
        [t("op.changed"), [row.changed_by, " · ", code(row.changed_for)]],
        [t("op.due"), when(row.due_at)],
        [t("op.fact.revision"), String(row.revision)],
        [t("op.settling"), wordsFor("op.settling", settling)],
      ]),
      h("div.actions", {}, acts(row).map((wish) => button(app, wish, again)))),
    row.review && doubt(row.review),
    section(t("op.sides"), differences.length > 0
      ? notice({ tone: "strong", icon: "warning", title: t("op.sides.differ", { count: number(differences.length) }), text: t("op.sides.differ.text") })
      : h("p.muted", {}, t("op.sides.agree")), sides(seen)),
    section(t("op.ledger"), entries(ledger)),
    section(t("op.trail"), steps(trail)));
}

function doubt(review) {
  return notice({ tone: "low", icon: "warning", title: wordsFor("op.review", review.reason), text: meaning(review), detail: `${t("op.toDo")} ${toDo(review)}` });
}

/** What can be done with a row as it is; the API has the last word. */
function acts({ organisation: org, top_up: one, review }) {
  const path = `top-ups/${encodeURIComponent(one.id)}`;
  const values = { credits: number(one.credits), total: money(one.total) };
  const all = [{ name: "settle", path: `${path}/settle`, body: { org } }];
  if (one.status === "open") all.push({ name: "extend", path: `${path}/extend`, body: { org }, fields: [daysField()] });
  if (UNFINISHED.includes(one.status)) all.push({ name: "void", path: `${path}/void`, body: { org }, danger: true });
  if (review) {
    all.push({ name: "releasePaid", path: `${path}/release`, body: { org, as: "paid" } });
    all.push({ name: "releaseNothing", path: `${path}/release`, body: { org, as: "nothing" }, danger: true });
  }
  if (one.status === "paid") all.push({ name: "refund", path: `${path}/refund`, body: { org }, danger: true, fields: refundFields() });
  return all.map((wish) => ({ ...wish, values }));
}

function daysField() {
  return {
    name: "days", kind: "number", label: t("op.extend.days"), hint: t("op.extend.days.hint"), invalid: t("op.extend.days.invalid"),
    read: (typed) => (/^([1-9]|[12]\d|30)$/.test(typed.trim()) ? Number(typed.trim()) : undefined),
  };
}

/** How much, and in which way; a box that is not ticked is left out. */
function refundFields() {
  const ticked = (typed) => typed || null;
  return [
    {
      name: "credits", kind: "number", label: t("op.refund.credits"), hint: t("op.refund.credits.hint"), invalid: t("op.refund.credits.invalid"),
      read(typed) {
        const text = typed.trim();
        if (text === "") return "all";
        return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
      },
    },
    { name: "override", kind: "check", label: t("op.refund.override"), read: ticked },
    { name: "out_of_band", kind: "check", label: t("op.refund.outOfBand"), read: ticked },
  ];
}

function button(app, { name, values, ...wish }, again) {
  const words = { title: t(`op.${name}`), text: t(`op.${name}.text`, values), label: t(`op.${name}`) };
  return h("button.button", { type: "button", "data-key": name, onclick: () => askToAct(app, { ...words, ...wish, done: again }) }, t(`op.${name}`));
}

/** What is compared: its name, how each side says it. What the API found to differ is marked at the side that says otherwise. */
function sides({ row, stripe, ledger, differences }) {
  const one = row.top_up;
  const sum = (...kinds) => ledger.filter(({ kind }) => kinds.includes(kind)).reduce((total, { credits }) => total + credits, 0);
  const lines = [
    ["status", statusWord(one.status), stripe && wordsFor("op.invoice", stripe.status)],
    ["invoice", row.invoice && code(row.invoice), stripe && code(stripe.invoice)],
    ["number", one.invoice_number, stripe?.number],
    ["total", money(one.total), stripe && money(stripe.total)],
    ["currency", one.total.currency, stripe?.total.currency],
    ["amount_paid", null, stripe && money(stripe.amount_paid)],
    ["customer", row.customer && code(row.customer), stripe?.customer && code(stripe.customer)],
    ["organisation", row.organisation, stripe?.organisation],
    ["top_up", code(one.id), stripe?.top_up && code(stripe.top_up)],
    ["paid_at", one.paid_at && dateAndTime(one.paid_at), stripe?.paid_at && dateAndTime(stripe.paid_at)],
    ["returned", returnedByRow(one), stripe && returnedByStripe(stripe)],
    ["granted", number(row.posted.granted), null, number(sum("top_up"))],
    ["refunded", number(row.posted.refunded), null, number(0 - sum("refund", "refund_undone"))],
    ["disputed", number(row.posted.disputed), null, number(0 - sum("dispute", "dispute_undone"))],
  ];
  const marked = (side, name, value) => (differences.some((found) => found.side === side && found.what === name) ? differing(value) : value);
  const rows = lines.map(([name, ours, theirs, booked]) => [wordsFor("op.fact", name), ours, marked("stripe", name, theirs), marked("ledger", name, booked)]);
  return table(t("op.sides"), [t("op.sides.what"), t("op.sides.row"), "Stripe", t("op.sides.ledger")], rows);
}

function returnedByRow({ refunded, disputed }) {
  const parts = [refunded?.money && money(refunded.money), disputed?.money && money(disputed.money)].filter(Boolean);
  return parts.join(" + ") || null;
}

function returnedByStripe({ refunds, disputes, credit_notes: notes }) {
  const told = (all, kind, word) => all.map((one) => h("p", {}, wordsFor("op.returned", kind), " ", money(one.amount), word(one) && ` (${word(one)})`));
  const parts = [
    ...told(refunds, "refund", ({ state }) => wordsFor("op.refundState", state)),
    ...told(disputes, "dispute", ({ status }) => status.replaceAll("_", " ")),
    ...told(notes, "creditNote", ({ voided }) => voided && t("op.returned.voided")),
  ];
  return parts.length > 0 ? parts : null;
}

function entries(ledger) {
  if (ledger.length === 0) return h("p.muted", {}, t("op.ledger.none"));
  const columns = [t("op.ledger.at"), t("op.ledger.kind"), t("op.org.credits"), t("op.ledger.cause"), t("op.kept.by")];
  return table(t("op.ledger"), columns, ledger.map((one) => [when(one.booked_at), wordsFor("op.entry", one.kind), number(one.credits), code(one.cause), one.actor]));
}

function steps({ steps: all, begins_later: beginsLater, found_unchanged: unchanged }) {
  return [
    beginsLater && h("p.muted", {}, t("op.trail.beginsLater")),
    all.length === 0 && h("p.muted", {}, t("op.trail.none")),
    h("ol.op-log", {}, all.map(step)),
    unchanged && h("p.muted", {}, t("op.trail.unchanged", { times: number(unchanged.times), at: dateAndTime(unchanged.last_at) })),
  ];
}

function step({ at, what, credits, reason, actor, cause, event, requests, row }) {
  const moved = credits !== null && t("op.trail.credits", { credits: number(credits) });
  const why = reason && String(credits) !== reason && reason;
  return h("li", {},
    h("p", {}, h("strong", {}, wordsFor("op.step", what)), " · ", when(at)),
    h("p.muted", {}, [actor, cause !== actor && cause, event, moved, why].filter(Boolean).join(" · ")),
    h("p.muted", {}, t("op.trail.row", { revision: number(row.revision) }), " ", statusWord(row.status)),
    requests.length > 0 && h("ul.op-requests", {}, requests.map((asked) => h("li", {}, code(asked.call), " ", wordsFor("op.answer", asked.answer), asked.request && [" ", code(asked.request)]))));
}
