// Doing something: asks once, with what will happen and a reason, and shows what is kept of it.
import { modal } from "./dialog.js";
import { fill, h } from "./dom.js";
import { number, t } from "./language.js";
import { notice, working } from "./parts.js";
import { act } from "./operate-api.js";
import { facts, operateFailure, table, when, wordsFor } from "./operate-parts.js";

/**
 * @param {{title: string, text: string, label: string, danger?: boolean, path: string, body?: object, fields?: Field[], done?: () => void}} wish
 * A field is {name, label, hint?, kind: "number" | "text" | "choice" | "check", options?, invalid?, value?}; `read(typed)` gives
 * what is sent, or undefined when it does not fit; null leaves the member out.
 */
export function askToAct(app, { title, text, label, danger = false, path, body = {}, fields = [], done }) {
  let isDone = false;
  const dialog = modal({ onClose: () => { if (isDone) done?.(); } });
  const inputs = fields.map(field);
  const reason = field({ name: "reason", kind: "text", label: t("op.reason"), hint: t("op.reason.hint"), invalid: t("op.reason.missing"), maxlength: 500, read: (typed) => typed.trim() || undefined });
  const news = h("div");
  const go = h(`button.button.${danger ? "danger" : "primary"}`, { type: "submit", form: "act", "data-key": "act" }, label);
  const keep = h("button.button", { type: "button", "data-key": "keep", onclick: () => dialog.close() }, t("op.keep"));
  const form = h("form.act", { id: "act", novalidate: true, onsubmit: submit }, h("p", {}, text), inputs.map(({ element }) => element), reason.element, news);
  const attempt = { text: null, key: null };

  async function submit(event) {
    event.preventDefault();
    if (go.getAttribute("aria-disabled")) return;
    const all = [...inputs, reason];
    const wrong = all.filter((one) => !one.check());
    if (wrong.length > 0) return wrong[0].input.focus();
    const given = all.map(({ name, read }) => [name, read()]).filter(([, value]) => value !== null);
    const wish = { ...body, ...Object.fromEntries(given) };
    // The same wish keeps its key, so that trying again can't do it twice.
    if (attempt.text !== JSON.stringify(wish)) Object.assign(attempt, { text: JSON.stringify(wish), key: crypto.randomUUID() });
    fill(news);
    dialog.lock(true);
    const reset = working(go, t("op.acting"));
    try {
      const answer = await act(path, wish, attempt.key);
      isDone = true;
      dialog.lock(false);
      showDone(answer);
    } catch (failure) {
      dialog.lock(false);
      reset();
      if (!failure.kind) throw failure;
      fill(news, operateFailure(failure, app));
    }
  }

  function showDone(answer) {
    const close = h("button.button.primary", { type: "button", "data-key": "act-close", onclick: () => dialog.close() }, t("close"));
    const words = wordsFor("op.state", answer.after?.state ?? "done");
    dialog.show({ title, body: [notice({ tone: "good", icon: "check", text: words }), kept(answer)], footer: [close], focus: close });
    dialog.say(words);
  }

  dialog.show({ title, body: [form], footer: [h("div.footer-buttons", {}, keep, go)], focus: inputs[0]?.input ?? reason.input });
}

/** What is kept of something that was done. */
export function kept(operation) {
  return h("div.kept", {},
    facts([
      [t("op.kept.by"), operation.by],
      [t("op.kept.at"), when(operation.at)],
      [t("op.reason"), operation.reason],
      [t("op.kept.about"), operation.about],
      [t("op.kept.waiting"), operation.waiting !== undefined && number(operation.waiting)],
      [t("op.kept.id"), operation.id],
    ]),
    operation.before && changes(operation));
}

/** Before and after, each thing that either of the two names. */
export function changes({ before, after }) {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  if (names.length === 0) return null;
  const rows = names.map((name) => [wordsFor("op.fact", name), factWords(name, before[name]), h(before[name] === after[name] ? "span" : "strong", {}, factWords(name, after[name]) ?? "–")]);
  return table(t("op.kept.changes"), ["", t("op.kept.before"), t("op.kept.after")], rows);
}

const COUNTS = ["granted", "refunded", "disputed", "credits", "refund_credits"];

/** What is kept as the API's words and digits, as people read it. */
function factWords(name, value) {
  if (value === undefined) return null;
  if (name === "status") return wordsFor("status", value);
  if (name === "review") return wordsFor("op.review", value);
  if (name === "state") return wordsFor("op.stateIs", value);
  if (name === "refund_way") return wordsFor("op.way", value);
  return COUNTS.includes(name) && /^-?\d{1,15}$/.test(value) ? number(Number(value)) : value;
}

function field({ name, label, hint, kind, options = {}, invalid, value = "", maxlength, read }) {
  const id = `act-${name}`;
  const error = h("p.field-error", { id: `${id}-error`, role: "status" });
  const described = { id, name, "aria-describedby": hint ? `${id}-hint ${id}-error` : `${id}-error`, oninput: () => complain("") };
  const input = {
    check: () => h("input", { ...described, type: "checkbox" }),
    choice: () => h("select.input", described, Object.entries(options).map(([given, words]) => h("option", { value: given, selected: given === value }, words))),
    number: () => h("input.input", { ...described, type: "text", inputmode: "numeric", autocomplete: "off", value }),
    text: () => h("input.input", { ...described, type: "text", autocomplete: "off", maxlength, value }),
  }[kind]();
  const typed = () => (kind === "check" ? input.checked : input.value);

  function complain(words) {
    error.textContent = words;
    input.setAttribute("aria-invalid", String(words !== ""));
  }

  const labelled = kind === "check" ? h("label.check", {}, input, label) : [h("label", { for: id }, label), input];
  return {
    name,
    input,
    element: h("div.field", {}, labelled, hint && h("p.hint", { id: `${id}-hint` }, hint), error),
    read: () => read(typed()),
    check() {
      const fits = read(typed()) !== undefined;
      complain(fits ? "" : invalid);
      return fits;
    },
  };
}
