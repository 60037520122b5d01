// Billing > Settings: whom invoices name and where they go.
import { getSettings, putSettings } from "./api.js";
import { announce, fill, h } from "./dom.js";
import { LANGUAGES, t } from "./language.js";
import { failureNotice, noSubscribe, notice, skeleton, working } from "./parts.js";
import { may } from "./session.js";

/** The fields in the order of the form, each with how a browser may fill it in. */
const FIELDS = {
  name: { autocomplete: "organization", maxlength: 150 },
  email: { type: "email", autocomplete: "email", maxlength: 320 },
  phone: { type: "tel", autocomplete: "tel", maxlength: 20 },
  address: { autocomplete: "street-address", maxlength: 500, rows: 3 },
  tax_id: { autocomplete: "off", maxlength: 30 },
  language: { options: LANGUAGES },
};

export function settingsPage(app) {
  const content = h("div");
  const element = h("div.stack", {}, content);
  const editable = may("billing:subscribe");
  const state = { saved: null, etag: null, stopped: false };
  const news = h("div.notices");
  const inputs = {};
  const errors = {};
  const save = h("button.button.primary", { type: "submit", "data-key": "save-settings" }, t("settings.save"));

  async function start() {
    fill(content, skeleton("card", "card"));
    await load();
  }

  async function load() {
    try {
      take(await getSettings());
      if (state.stopped) return;
      draw();
    } catch (failure) {
      if (!failure.kind) throw failure;
      fill(content, failureNotice(failure, app, { retry: start, large: true }));
    }
  }

  function take({ billing, etag }) {
    Object.assign(state, { saved: billing, etag });
  }

  function draw() {
    const fields = Object.keys(FIELDS).map(field);
    fill(content, h("form.card.settings", { novalidate: true, onsubmit: submit, "aria-labelledby": "settings-title" },
      h("div", {}, h("h2.card-title", { id: "settings-title" }, t("settings.title")), h("p.muted", {}, t("settings.text"))),
      news, fields,
      editable ? h("div.actions", {}, save) : noSubscribe({ title: false })));
  }

  function field(name) {
    const { options, rows, ...attributes } = FIELDS[name];
    const id = `settings-${name}`;
    const common = { id, name, disabled: !editable, "aria-describedby": `${id}-hint ${id}-error`, oninput: () => complain(name, "") };
    const value = state.saved[name] ?? "";
    if (options) inputs[name] = choice(common, options, value);
    else inputs[name] = h(rows ? "textarea.input" : "input.input", { type: "text", ...(rows && { type: null, rows }), ...attributes, ...common, value });
    errors[name] = h("p.field-error", { id: `${id}-error`, role: "status" });
    return h("div.field", {}, h("label", { for: id }, t(`settings.${name}`)), inputs[name], h("p.hint", { id: `${id}-hint` }, t(`settings.${name}.hint`)), errors[name]);
  }

  function choice(attributes, options, value) {
    const choices = { "": t("settings.language.none"), ...options };
    return h("select.input", attributes, Object.entries(choices).map(([code, words]) => h("option", { value: code, selected: code === value }, words)));
  }

  /** What stands in the form; an empty field is none. */
  function typed() {
    return Object.fromEntries(Object.keys(FIELDS).map((name) => [name, inputs[name].value.trim() || null]));
  }

  async function submit(event) {
    event.preventDefault();
    if (save.getAttribute("aria-disabled")) return;
    fill(news);
    const reset = working(save, t("settings.saving"));
    try {
      take(await putSettings({ billing: typed() }, state.etag));
      reset();
      Object.keys(FIELDS).forEach((name) => { inputs[name].value = state.saved[name] ?? ""; });
      fill(news, notice({ tone: "good", icon: "check", text: t("settings.saved") }));
      announce(t("settings.saved"));
    } catch (failure) {
      reset();
      if (!failure.kind) throw failure;
      if (failure.code === "settings_changed") await changedElsewhere();
      else refused(failure);
    }
  }

  function refused(failure) {
    const name = failure.problem.field?.split(".").at(-1);
    if (!(name in inputs)) return fill(news, failureNotice(failure, app));
    complain(name, t(`settings.${name}.invalid`));
    inputs[name].focus();
  }

  function complain(name, words) {
    errors[name].textContent = words;
    inputs[name].setAttribute("aria-invalid", String(words !== ""));
  }

  /** Theirs where this person changed nothing; what was typed here stays, to be looked at and saved again. */
  async function changedElsewhere() {
    const before = state.saved;
    const mine = typed();
    try {
      take(await getSettings());
    } catch (failure) {
      if (!failure.kind) throw failure;
      return fill(news, failureNotice(failure, app));
    }
    for (const name of Object.keys(FIELDS)) {
      if (mine[name] === (before[name] ?? null)) inputs[name].value = state.saved[name] ?? "";
    }
    fill(news, notice({ tone: "low", icon: "info", title: t("settings.changed.title"), text: t("settings.changed.text"), role: "alert" }));
    save.focus();
  }

  function wake() {
    if (!state.saved) start();
  }

  return { element, start, wake, stop: () => { state.stopped = true; } };
}
