// Billing > Budgets: what may be spent in a day or a month, and what was.
import { deleteBudget, getBudgets, putBudget } from "./api.js";
import { channelName, knowNames } from "./channels.js";
import { announce, fill, h } from "./dom.js";
import { number, percent, t } from "./language.js";
import { failureNotice, noSubscribe, notice, skeleton, working } from "./parts.js";
import { may } from "./session.js";

/** The ways to count, each as the API names it. */
const BY = ["meter", "key", "reference_prefix"];

export function budgetsPage(app) {
  const content = h("div");
  const element = h("div.stack", {}, content);
  const editable = may("billing:subscribe");
  const state = { known: null, stopped: false };
  const news = h("div.notices");
  const list = h("div.stack");
  const place = h("div");

  async function start() {
    fill(content, skeleton("card", "card"));
    try {
      take(await named(getBudgets()));
    } catch (failure) {
      if (!failure.kind) throw failure;
      fill(content, failureNotice(failure, app, { retry: start, large: true }));
      return;
    }
    if (state.stopped) return;
    fill(content, h("section.stack", { "aria-labelledby": "budgets-title" },
      h("div", {}, h("h2.card-title", { id: "budgets-title" }, t("budgets.title")), h("p.muted", {}, t("budgets.text"))),
      news, list, place, !editable && noSubscribe({ title: false })));
    offer();
  }

  function take(known) {
    state.known = known;
    const cards = known.budgets.map(card);
    fill(list, cards.length > 0 ? cards : h("p.card.budget-none", {}, t("budgets.none")));
  }

  function card(budget) {
    const { id, name, spent, limit } = budget;
    const part = t("budgets.spent", { spent: number(spent), limit: number(limit), part: percent(Math.floor((spent / limit) * 100)) });
    const change = h("button.button", { type: "button", "data-key": `change-${id}`, "aria-label": `${t("budgets.change")}: ${name}`, onclick: () => form(budget) }, t("budgets.change"));
    const actions = h("div.row-actions", {}, change, remover(budget));
    return h("section.card.budget", { "aria-label": name },
      h("div.budget-head", {}, h("h3", {}, name), h(`span.status.${tone(budget)}`, {}, t(`budgets.${budget.limiting}`))),
      h("p.muted", {}, counts(budget)),
      h(`progress.budget-bar.${tone(budget)}`, { max: limit, value: Math.min(spent, limit), "aria-label": name }),
      h("p", {}, part),
      h("p.hint", {}, t(`budgets.ends.${budget.period}`)),
      editable && actions);
  }

  /** Asks once more before it is deleted. */
  function remover(budget) {
    const box = h("span.row-actions");
    const ask = () => {
      const sure = h("button.button", { type: "button", "data-key": "delete-sure", onclick: () => remove(budget, sure) }, t("budgets.deleteSure"));
      fill(box, sure, h("button.quiet", { type: "button", onclick: () => offerDelete().focus() }, t("budgets.keep")));
      sure.focus();
    };
    const offerDelete = () => {
      const button = h("button.quiet", { type: "button", "data-key": `delete-${budget.id}`, "aria-label": `${t("budgets.delete")}: ${budget.name}`, onclick: ask }, t("budgets.delete"));
      fill(box, button);
      return button;
    };
    offerDelete();
    return box;
  }

  async function remove(budget, button) {
    if (button.getAttribute("aria-disabled")) return;
    const reset = working(button, t("budgets.deleting"));
    try {
      take(await deleteBudget(budget.id));
      offer()?.focus();
      told("budgets.deleted");
    } catch (failure) {
      reset();
      if (!failure.kind) throw failure;
      fill(news, failureNotice(failure, app));
    }
  }

  /** The button that opens an empty form, where one more may be made. */
  function offer() {
    if (!editable) return null;
    const { budgets, most } = state.known;
    if (budgets.length >= most) return void fill(place, h("p.hint", {}, t("budgets.most", { most })));
    const button = h("button.button.primary", { type: "button", "data-key": "new-budget", onclick: () => form(null) }, t("budgets.new"));
    fill(place, button);
    return button;
  }

  function form(budget) {
    fill(news);
    const inputs = {};
    const field = (name, input) => {
      inputs[name] = input;
      return h("div.field", {}, h("label", { for: `budget-${name}` }, t(`budgets.${name}`)), input);
    };
    const text = (name, value, attributes = {}) => field(name, h("input.input", { id: `budget-${name}`, type: "text", autocomplete: "off", required: true, value, ...attributes }));
    const choice = (name, options, value) => field(name, h("select.input", { id: `budget-${name}` },
      options.map((option) => h("option", { value: option, selected: option === value }, t(`budgets.${name}.${option}`)))));
    const way = budget ? Object.keys(budget.by)[0] : "meter";
    const save = h("button.button.primary", { type: "submit", "data-key": "save-budget" }, t("budgets.save"));
    const cancel = h("button.quiet", { type: "button", onclick: () => offer()?.focus() }, t("budgets.cancel"));
    const error = h("p.field-error", { role: "alert" });
    fill(place, h("form.card.settings", { novalidate: true, "aria-labelledby": "budget-form", onsubmit: (event) => submit(event, budget, inputs, save, error) },
      h("h3", { id: "budget-form" }, t(budget ? "budgets.change" : "budgets.new")),
      text("name", budget?.name ?? "", { maxlength: 64 }),
      choice("by", BY, way),
      text("what", budget?.by[way] ?? "", { maxlength: 255, "aria-describedby": "budget-what-hint" }),
      h("p.hint", { id: "budget-what-hint" }, t("budgets.what.hint")),
      choice("period", ["day", "month"], budget?.period ?? "month"),
      text("limit", budget ? String(budget.limit) : "", { inputmode: "numeric", maxlength: 13 }),
      choice("limiting", ["hard", "soft"], budget?.limiting ?? "hard"),
      error, h("div.actions", {}, save, cancel)));
    inputs.name.focus();
  }

  async function submit(event, budget, inputs, save, error) {
    event.preventDefault();
    if (save.getAttribute("aria-disabled")) return;
    error.textContent = "";
    for (const input of Object.values(inputs)) input.removeAttribute("aria-invalid");
    const value = (name) => inputs[name].value.trim();
    const limit = /^[0-9]{1,13}$/.test(value("limit")) ? Number(value("limit")) : 0;
    const body = { name: value("name"), by: { [value("by")]: value("what") }, period: value("period"), limit, limiting: value("limiting") };
    const reset = working(save, t("settings.saving"));
    try {
      await putBudget(budget?.id ?? newId(), body);
      take(await named(getBudgets()));
      offer()?.focus();
      told("budgets.saved");
    } catch (failure) {
      reset();
      if (!failure.kind) throw failure;
      const field = failure.problem.field?.split(".")[0];
      const name = failure.problem.field?.startsWith("by.") ? "what" : field;
      if (!(name in inputs)) return fill(news, failureNotice(failure, app));
      const { channels } = failure.problem;
      error.textContent = channels ? t("budgets.what.notSold", { channels: channels.join(", ") }) : t(`budgets.${name}.invalid`);
      inputs[name].setAttribute("aria-invalid", "true");
      inputs[name].focus();
    }
  }

  function told(words) {
    fill(news, notice({ tone: "good", icon: "check", text: t(words) }));
    announce(t(words));
  }

  return { element, start, wake: () => state.known ?? start(), stop: () => { state.stopped = true; } };
}

/** With the names of the channels that are counted. */
async function named(asked) {
  const known = await asked;
  await knowNames(known.budgets.map(({ by }) => by.meter).filter(Boolean));
  return known;
}

/** Only addresses name it; people read its name. */
function newId() {
  return crypto.randomUUID().replaceAll("-", "");
}

function counts({ by, period }) {
  const [way, what] = Object.entries(by)[0];
  return t(`budgets.counts.${way}.${period}`, { what: way === "meter" ? channelName(what) : what });
}

function tone({ spent, limit }) {
  if (spent >= limit) return "failed";
  return spent * 10 >= limit * 8 ? "wait" : "paid";
}
