// What waits for a person, and what comparing the books found.
import { h } from "./dom.js";
import { date, money, number, t } from "./language.js";
import { statusWord } from "./parts.js";
import { askToAct } from "./operate-act.js";
import { code, facts, link, list, organisationPath, place, table, topUpPath, when, wordsFor } from "./operate-parts.js";

export function reviewsPage(app) {
  const all = list(app, "reviews", { empty: { title: t("op.reviews.none"), text: t("op.reviews.none.text") }, draw: (rows) => rows.map((row) => review(app, row)) });
  return { element: place(app, "/operate/reviews", h("p.muted", {}, t("op.reviews.text")), all.element), start: all.load };
}

function review(app, { organisation, top_up: one, review: doubt }) {
  return h("section.card.op-card", {},
    h("h2.card-title", {}, wordsFor("op.review", doubt.reason)),
    h("p", {}, meaning(doubt)),
    h("p", {}, h("strong", {}, t("op.toDo")), " ", toDo(doubt)),
    facts([
      [t("op.topUp"), link(app, topUpPath(organisation, one.id), one.invoice_number ?? one.id, { "data-key": `top-up-${one.id}` })],
      [t("op.organisation"), link(app, organisationPath(organisation), organisation)],
      [t("op.fact.status"), statusWord(one.status)],
      [t("op.org.credits"), number(one.credits)],
      [t("op.total"), money(one.total)],
      [t("op.since"), when(doubt.since)],
    ]));
}

/** What a reason means; one that is not known here is told as the API tells it. */
export function meaning({ reason, means }) {
  return told(`op.means.${reason}`, means);
}

export function toDo({ reason, to_do: todo }) {
  return told(`op.toDo.${reason}`, todo);
}

function told(key, otherwise) {
  const words = t(key);
  return words === key ? otherwise : words;
}

export function adjustmentsPage(app) {
  const all = list(app, "adjustments", {
    empty: { title: t("op.adjustments.none"), text: t("op.adjustments.none.text") },
    draw: (rows, load) => rows.map((row) => adjustment(app, row, () => load({ quietly: true }))),
  });
  return { element: place(app, "/operate/adjustments", h("p.muted", {}, t("op.adjustments.text")), all.element), start: all.load };
}

function adjustment(app, one, again) {
  const values = { credits: number(Math.abs(one.credits)), org: one.organisation };
  const approve = () => askToAct(app, {
    title: t("op.approve.title"), text: t(one.credits < 0 ? "op.approve.less" : "op.approve.more", values), label: t("op.approve"),
    path: `adjustments/${encodeURIComponent(one.id)}/approve`, body: { org: one.organisation }, done: again,
  });
  return h("section.card.op-card", {},
    h("h2.card-title", {}, t(one.credits < 0 ? "op.adjustments.less" : "op.adjustments.more", values)),
    facts([
      [t("op.organisation"), link(app, organisationPath(one.organisation), one.organisation)],
      [t("op.kept.by"), one.by],
      [t("op.kept.at"), when(one.at)],
      [t("op.reason"), one.reason],
    ]),
    h("div.actions", {}, h("button.button.primary", { type: "button", "data-key": `approve-${one.id}`, "aria-label": t("op.approve.of", values), onclick: approve }, t("op.approve"))));
}

const VERDICTS = { clean: "paid", repaired: "wait", needs_a_person: "failed" };
const COUNTS = ["organisations", "invoices", "events", "entries", "closings", "moving", "failed", "repaired", "for_a_person", "drift"];

export function reconciliationsPage(app) {
  const all = list(app, "reconciliations", { empty: { title: t("op.reconciliations.none"), text: t("op.reconciliations.none.text") }, draw: (reports) => reports.map((report) => reported(app, report)) });
  return { element: place(app, "/operate/reconciliations", h("p.muted", {}, t("op.reconciliations.text")), all.element), start: all.load };
}

function reported(app, report) {
  const found = report.repaired + report.for_a_person;
  return h("section.card.op-card", {},
    h("div.op-head", {}, h("h2.card-title", {}, when(report.began)), h(`span.status.${VERDICTS[report.verdict] ?? "off"}`, {}, wordsFor("op.verdict", report.verdict))),
    h("p.muted", {}, t("op.report.looked", { orgs: number(report.organisations), invoices: number(report.invoices), events: number(report.events), entries: number(report.entries) })),
    !report.complete && h("p", {}, t("op.report.notAll")),
    report.failed > 0 && h("p", {}, t("op.report.notCompared", { count: number(report.failed) })),
    report.differences.map((one) => difference(app, one)),
    found > report.differences.length && h("p.muted", {}, t("op.report.more", { count: number(found - report.differences.length) })),
    h("details", {}, h("summary", {}, t("op.report.counts")), facts(COUNTS.map((name) => [wordsFor("op.report", name), number(report[name])]))));
}

function difference(app, { kind, org, subject, ours, theirs, outcome }) {
  const about = org && /^top_[0-9a-f]+$/.test(subject) ? link(app, topUpPath(org, subject), subject) : code(subject);
  return h("div.op-difference", {},
    h("p", {}, h("strong", {}, wordsFor("op.difference", kind)), " ", h(`span.status.${outcome === "repaired" ? "wait" : "failed"}`, {}, wordsFor("op.outcome", outcome))),
    h("p", {}, org && [link(app, organisationPath(org), org), " · "], about),
    table(t("op.sides"), [t("op.ours"), t("op.theirs")], [[ours, theirs]]));
}
