// Finding an organization, a top-up or a debit by what one has at hand.
import { announce, fill, h } from "./dom.js";
import { dateAndTime, has, number, t } from "./language.js";
import { notice, skeleton } from "./parts.js";
import { address } from "./settings.js";
import { search } from "./operate-api.js";
import { link, operateFailure, organisationPath, place, topUpPath } from "./operate-parts.js";

export function searchPage(app) {
  const asked = new URLSearchParams(location.search);
  const q = h("input.input", { id: "q", type: "search", autocomplete: "off", spellcheck: "false", maxlength: 254, "data-key": "q", value: asked.get("q") ?? "", "aria-describedby": "q-hint" });
  const org = h("input.input", { id: "q-org", autocomplete: "off", spellcheck: "false", maxlength: 128, "data-key": "q-org", value: asked.get("org") ?? "", "aria-describedby": "q-org-hint" });
  const outcome = h("div");
  const form = h("form.card.op-search", { role: "search", onsubmit: submit, novalidate: true },
    h("div.field", {}, h("label", { for: "q" }, t("op.search.label")), q, h("p.hint", { id: "q-hint" }, t("op.search.hint"))),
    h("div.field", {}, h("label", { for: "q-org" }, t("op.search.org")), org, h("p.hint", { id: "q-org-hint" }, t("op.search.org.hint"))),
    h("div.actions", {}, h("button.button.primary", { type: "submit", "data-key": "find" }, t("op.search.go"))));
  let turn = 0;

  function submit(event) {
    event.preventDefault();
    const query = { q: q.value.trim(), ...(org.value.trim() && { org: org.value.trim() }) };
    if (!query.q) return q.focus();
    history.replaceState(null, "", address(`/operate?${new URLSearchParams(query)}`));
    find(query);
  }

  async function find(query) {
    const mine = (turn += 1);
    fill(outcome, skeleton("row", "row"));
    try {
      const found = await search(query.q, query.org);
      if (mine !== turn) return;
      fill(outcome, results(app, found));
      announce(t("op.shown", { count: number(found.results.length) }));
    } catch (failure) {
      if (!failure.kind) throw failure;
      if (mine === turn) fill(outcome, operateFailure(failure, app, { retry: () => find(query) }));
    }
  }

  function start() {
    q.focus({ preventScroll: true });
    if (asked.get("q")) find({ q: asked.get("q"), org: asked.get("org") ?? undefined });
  }

  return { element: place(app, "/operate", form, outcome), start };
}

function results(app, { q, results: all, read }) {
  const lookedAt = read && h("p.muted", {}, t("op.search.read", { count: number(read.entries), back: dateAndTime(read.back_to) }));
  if (all.length === 0) {
    return [notice({ tone: "plain", icon: "info", title: t("op.search.none", { q }), text: t("op.search.none.text") }), lookedAt];
  }
  return [h("ul.op-results", { "aria-label": t("op.search.results") }, all.map((one) => h("li.card", {}, result(app, one)))), lookedAt];
}

function result(app, { kind, organisation, top_up: topUp, debit }) {
  const org = link(app, organisationPath(organisation), organisation, { "data-key": `org-${organisation}` });
  if (kind === "top_up") return [h("p.label", {}, t("op.kind.top_up")), link(app, topUpPath(organisation, topUp), topUp, { "data-key": `top-up-${topUp}` }), h("p.muted", {}, t("op.of"), " ", org)];
  if (kind === "debit") {
    const values = { credits: number(debit.credits), channel: debit.channel, at: dateAndTime(debit.at) };
    const words = debit.hold ? t("op.hold", { ...values, held: number(debit.held), state: has(`op.hold.${debit.hold}`) ? t(`op.hold.${debit.hold}`) : debit.hold }) : t(debit.reversed ? "op.debit.reversed" : "op.debit", values);
    return [h("p.label", {}, t(debit.hold ? "op.kind.hold" : "op.kind.debit")), h("p", {}, h("code", {}, debit.id)), h("p", {}, words), h("p.muted", {}, t("op.of"), " ", org)];
  }
  return [h("p.label", {}, t("op.kind.organisation")), org];
}
