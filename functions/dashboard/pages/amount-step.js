// The first step of the Top Up dialog: the amount, its price, and Pay Now.
import { parseAmount } from "./amount.js";
import { breakdown } from "./breakdown.js";
import { emailStep } from "./email-step.js";
import { fill, h } from "./dom.js";
import { money, number, t } from "./language.js";
import { draft } from "./memory.js";
import { failureNotice, noSubscribe, notice, skeleton, working } from "./parts.js";
import { paymentTab } from "./payment-tab.js";
import { prepared, purchase } from "./purchase.js";
import { liveQuote } from "./quote.js";
import { failedNotice } from "./settling.js";

const COMPLAINING_PAUSE_MS = 700;

/**
 * @param {{dialog: object, message?: string, created: Function, pending: Function, leave: Function}} flow
 * `created` gets the top-up and the tab for its payment page, `pending` the one that was open already, `leave` is called before signing in again.
 */
export function amountStep({ app, dialog, message, created, pending, leave }) {
  const kept = draft.read();
  const state = { choice: kept?.choice ?? null, text: kept?.text ?? "", busy: false, offline: false, priceChanged: false };
  const quotes = liveQuote(priceChanged);
  const choices = h("div.choices");
  const custom = customField();
  const price = breakdown();
  const notices = h("div.notices", {}, message && notice({ tone: "good", icon: "check", text: message, role: "status" }));
  const pay = h("button.button.primary", { type: "button", "data-key": "pay-now", onclick: () => buy(pay, false) }, t("dialog.pay"));
  const link = h("button.link-button", { type: "button", "data-key": "link-only", onclick: () => buy(link, true) }, t("dialog.link"));
  let complaining = null;
  let loading = null;

  function customField() {
    const input = h("input.input", {
      id: "amount", type: "text", inputmode: "numeric", autocomplete: "off", maxlength: 60, value: state.text,
      "aria-describedby": "amount-hint amount-error", oninput: typed, onblur: () => { if (state.text.trim()) complain(); },
      onkeydown: (event) => { if (event.key === "Enter") buy(pay, false); },
    });
    const hint = h("p.hint", { id: "amount-hint" });
    const error = h("p.field-error", { id: "amount-error", role: "status" });
    const element = h("div.field.custom", { hidden: true }, h("label", { for: "amount" }, t("dialog.custom.label")), input, hint, error);
    return { element, input, hint, error };
  }

  async function show() {
    if (!quotes.latest) fill(choices, skeleton("choice", "choice", "choice"));
    dialog.show({
      title: t("dialog.title"),
      body: [notices, h("p.lead", { id: "choices-label" }, t("dialog.lead")), choices, custom.element, price.element, h("p.hint", {}, t("dialog.elsewhere")), link],
      footer: [price.total, h("div.footer-buttons", {}, h("button.button", { type: "button", onclick: () => dialog.close() }, t("dialog.cancel")), pay)],
    });
    if (!quotes.latest) await load();
  }

  /** The limits, the presets and the first price; calls that come meanwhile share it. */
  function load() {
    loading ??= firstQuote().finally(() => { loading = null; });
    return loading;
  }

  async function firstQuote() {
    const quote = await quotes.now(undefined);
    if (!quote) return;
    fill(notices, message && [...notices.childNodes]);
    state.choice ??= quote.credits;
    drawChoices(quote);
    custom.hint.textContent = t("dialog.custom.hint", limitsInWords());
    pick(state.choice, { first: true });
  }

  function drawChoices({ presets }) {
    const group = h("div.presets", { role: "radiogroup", "aria-labelledby": "choices-label" },
      presets.map((credits) => option(credits, number(credits), t("quote.credits"))),
      option("custom", t("dialog.custom")));
    fill(choices, group);
    if (state.choice !== "custom" && !presets.includes(state.choice)) state.choice = presets[0];
  }

  function option(value, text, unit) {
    const radio = h("input", { type: "radio", name: "amount-choice", value: String(value), onchange: () => pick(value), onclick: (event) => pointed(value, event) });
    return h("label.choice", {}, radio, h("span.choice-text", {}, h("span.choice-amount", {}, text), unit && h("span.choice-unit", {}, " ", unit.toLowerCase())));
  }

  function pick(value, { first = false } = {}) {
    state.choice = value;
    const radio = choices.querySelector(`input[value="${value}"]`);
    if (radio) radio.checked = true;
    custom.element.hidden = value !== "custom";
    save();
    if (first && value !== "custom") radio?.focus({ preventScroll: true });
    if (value === "custom" && first) custom.input.focus();
    ask();
  }

  /** Whoever points at the custom amount wants to type; whoever comes by arrow keys may want to go on. */
  function pointed(value, event) {
    if (value === "custom" && event.detail > 0) setTimeout(() => custom.input.focus());
  }

  function typed() {
    state.text = custom.input.value;
    save();
    custom.error.textContent = "";
    custom.input.removeAttribute("aria-invalid");
    clearTimeout(complaining);
    if (state.text.trim()) complaining = setTimeout(complain, COMPLAINING_PAUSE_MS);
    ask({ typing: true });
  }

  /** Shows the price of what is chosen now, or none while it is not an amount. */
  function ask({ typing = false } = {}) {
    const { credits } = chosen();
    if (credits) return quotes.ask(credits, { typing });
    quotes.forget();
    price.show(null);
  }

  function chosen() {
    if (state.choice !== "custom") return { credits: state.choice };
    const { minimum_credits: minimum, maximum_credits: maximum } = quotes.latest ?? {};
    return parseAmount(state.text, { minimum: minimum ?? 1, maximum: maximum ?? Number.MAX_SAFE_INTEGER }, number);
  }

  function complain() {
    clearTimeout(complaining);
    const { reason } = chosen();
    const words = reason ? t(`amount.${reason}`, limitsInWords()) : "";
    if (custom.error.textContent !== words) custom.error.textContent = words;
    custom.input.setAttribute("aria-invalid", String(Boolean(reason)));
    return Boolean(reason);
  }

  function limitsInWords() {
    const { minimum_credits: minimum, maximum_credits: maximum, presets } = quotes.latest ?? {};
    return { minimum: number(minimum ?? 1000), maximum: number(maximum ?? 0), example: number(presets?.at(-1) ?? 1000) };
  }

  function priceChanged(now) {
    if (now.failure) {
      price.show(null);
      label();
      state.offline = now.failure.kind === "network";
      return showFailure(now.failure, tryPriceAgain);
    }
    price.show(now);
    label(now.quote);
    if (now.quote && quotes.latest && choices.contains(document.activeElement) === false) {
      dialog.say(t("quote.spoken", { credits: number(now.quote.credits), total: money(now.quote.total) }));
    }
  }

  function tryPriceAgain() {
    state.offline = false;
    fill(notices);
    quotes.latest ? ask() : load();
  }

  /** Once a price has changed, the button names the total that is on the screen. */
  function label(quote) {
    if (!state.busy) pay.replaceChildren(state.priceChanged && quote ? t("dialog.payNew", { total: money(quote.total) }) : t("dialog.pay"));
  }

  async function buy(button, forSomeoneElse, opened = null) {
    if (state.busy || (quotes.latest && refusedHere())) return opened?.forget();
    const tab = forSomeoneElse ? null : opened ?? paymentTab();
    const reset = begin(button);
    const stop = () => {
      tab?.forget();
      reset();
    };
    try {
      if (!quotes.latest) await load();
      if (!quotes.latest || refusedHere()) return stop();
      const quote = await quotes.now(chosen().credits);
      if (!quote) return stop();
      const topUp = await prepared(await purchase(quote));
      if (topUp.status === "failed") {
        stop();
        return notMade(topUp);
      }
      reset();
      created(topUp, tab);
    } catch (failure) {
      stop();
      refused(failure, { button, forSomeoneElse });
    }
  }

  function refusedHere() {
    const refused = state.choice === "custom" && complain();
    if (refused) custom.input.focus();
    return refused;
  }

  function begin(button) {
    state.busy = true;
    fill(notices);
    dialog.lock(true);
    dialog.say(t("dialog.paying"));
    const restore = working(button, t("dialog.paying"));
    return () => {
      state.busy = false;
      dialog.lock(false);
      restore();
      label(quotes.known(chosen().credits));
    };
  }

  function refused(failure, { button, forSomeoneElse }) {
    if (!failure.kind) throw failure;
    const { code, problem } = failure;
    if (code === "billing_email_required") return askForEmail(button, forSomeoneElse);
    if (code === "open_top_up_exists" && problem.open_top_up) return pending(problem.open_top_up);
    if (code === "price_changed" && problem.quote) return newPrice(problem.quote);
    if (code === "credits_below_minimum" || code === "credits_above_maximum") return limitsChanged();
    if (failure.kind === "permission") return fill(notices, noSubscribe({ role: "alert" }));
    showFailure(failure, () => buy(pay, false));
  }

  /** The invoice needs an address to go to; with it, paying goes on by itself. */
  function askForEmail(button, forSomeoneElse) {
    const goOn = (tab) => {
      show();
      buy(button, forSomeoneElse, tab);
    };
    emailStep({ app, dialog, forSomeoneElse, goOn, back: show });
  }

  /** This attempt is over without money; why is told, and paying again is another attempt. */
  function notMade(topUp) {
    fill(notices, failedNotice(topUp, { role: "alert" }));
    notices.scrollIntoView({ block: "nearest" });
    pay.focus();
  }

  function newPrice(quote) {
    state.priceChanged = true;
    quotes.replace(quote);
    const total = money(quote.total);
    fill(notices, notice({ tone: "low", icon: "info", text: t("price.changed", { total }), role: "alert" }));
    notices.scrollIntoView({ block: "nearest" });
    price.highlight();
    pay.focus();
  }

  async function limitsChanged() {
    quotes.forget();
    await load();
    complain();
  }

  function showFailure(failure, retry) {
    fill(notices, failureNotice(failure, app, { retry, saving: () => { save(); leave(); } }));
    notices.scrollIntoView({ block: "nearest" });
  }

  function save() {
    draft.write({ choice: state.choice, text: state.text });
  }

  /** Back online, what failed for that is tried again. */
  function wake() {
    if (state.offline) tryPriceAgain();
  }

  return { show, wake, stop: () => { quotes.forget(); clearTimeout(complaining); } };
}
