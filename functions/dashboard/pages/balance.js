// Billing > Balance: the credits, what they pay for, the open top-up, and the moment a payment arrives.
import { getBalance, getTopUp } from "./api.js";
import { balanceBanner, balanceCard, ratesCard } from "./balance-parts.js";
import { announce, fill, h } from "./dom.js";
import { number, t } from "./language.js";
import { awaiting, draft, paying } from "./memory.js";
import { openTopUpCard } from "./open-top-up.js";
import { failureNotice, notice, skeleton } from "./parts.js";
import { addingNotice, outcomeNotice } from "./settling.js";
import { openTopUpDialog } from "./top-up-dialog.js";
import { usageSection } from "./usage.js";
import { watch } from "./watch.js";

const CHECKING_MS = 20_000;
const ADDING_SHOWN_MS = 1400;

export function balancePage(app) {
  const usage = usageSection();
  const slots = { failure: h("div"), news: h("div"), banner: h("div"), balance: h("div"), open: h("div"), rates: h("div"), usage: usage.element };
  const element = h("div.stack", {}, Object.values(slots));
  const state = { balance: null, open: null, shown: null, settling: false, dialog: null, stopped: false };
  let looking = null;
  let drawn = "";

  const watcher = watch({ isNeeded: () => !state.stopped && state.open !== null, look });

  /** Looks once; calls that come meanwhile share it. */
  function look() {
    looking ??= lookNow().finally(() => { looking = null; });
    return looking;
  }

  async function lookNow() {
    try {
      const balance = await getBalance();
      const before = state.settling ? null : (state.open?.id ?? awaiting.read()?.id ?? paying.read()?.id);
      const gone = before && balance.open_top_up?.id !== before;
      const outcome = gone ? await outcomeOf(before) : null;
      const open = await detailed(balance.open_top_up);
      if (state.stopped) return;
      Object.assign(state, { balance, open });
      fill(slots.failure);
      if (outcome) await settle(outcome, balance);
      else draw();
      remember();
    } catch (failure) {
      if (!failure.kind) throw failure;
      if (!state.stopped) showFailure(failure);
    }
  }

  async function detailed(open) {
    if (!open) return null;
    return "payment_failure" in open ? open : { ...(await getTopUp(open.id)), ...open };
  }

  function remember() {
    if (state.open) awaiting.write({ id: state.open.id, available: state.balance.available_credits });
    else if (!state.settling) awaiting.clear();
  }

  /** The top-up that was open is not any more: tell what became of it, and show the credits arrive. */
  async function settle(outcome, balance) {
    const waiting = outcome.status === "requested" || outcome.status === "open";
    if (waiting) return draw();
    paying.clear();
    state.dialog?.finished(outcome.id);
    if (outcome.status !== "paid") {
      awaiting.clear();
      fill(slots.news, outcomeNotice(outcome));
      return draw();
    }
    state.settling = true;
    state.shown ??= awaiting.read()?.available ?? balance.available_credits - outcome.credits;
    fill(slots.news, addingNotice());
    announce(t("paid.adding"));
    draw();
    setTimeout(() => added(outcome), ADDING_SHOWN_MS);
  }

  async function added(outcome) {
    const balance = await getBalance().catch(() => state.balance);
    if (state.stopped) return;
    awaiting.clear();
    Object.assign(state, { balance, settling: false, shown: null });
    const words = t("paid.added", { credits: number(outcome.credits), balance: number(balance.available_credits) });
    fill(slots.news, notice({ tone: "good", icon: "check", text: words }));
    announce(words);
    draw();
  }

  function draw() {
    const shown = state.shown ?? state.balance.available_credits;
    const checking = Boolean(state.open) && isChecking(state.open);
    const next = JSON.stringify([state.balance, state.open, shown, checking]);
    if (next === drawn) return;
    drawn = next;
    fill(slots.banner, state.settling ? null : balanceBanner(state.balance));
    balanceCard(slots.balance, { ...state.balance, available_credits: shown }, topUp);
    fill(slots.open, state.open && openTopUpCard(state.open, { checking, changed: canceled, app }));
    fill(slots.rates, ratesCard(state.balance.rates, shown));
    usage.show(shown);
  }

  function canceled(outcome) {
    if (outcome === "canceled") {
      awaiting.clear();
      state.open = null;
      fill(slots.news, notice({ tone: "plain", icon: "check", text: t("cancel.done") }));
      announce(t("cancel.done"));
    }
    look();
  }

  function showFailure(failure) {
    const retry = () => { fill(slots.failure, skeleton("line")); look().then(() => watcher.start()); };
    const large = state.balance === null;
    if (large) [slots.banner, slots.balance, slots.open, slots.rates].forEach((slot) => fill(slot));
    fill(slots.failure, failureNotice(failure, app, { retry, large }));
  }

  function topUp() {
    if (state.dialog) return;
    fill(slots.news);
    const lookAgain = () => look().then(() => watcher.start());
    state.dialog = openTopUpDialog(app, {
      open: state.open,
      changed: lookAgain,
      closed: () => {
        state.dialog = null;
        lookAgain();
      },
    });
  }

  async function start() {
    fill(slots.balance, skeleton("hero", "card"));
    await look();
    watcher.start();
    if (!state.stopped && state.balance && draft.read()) topUp();
  }

  return {
    element,
    start,
    wake: () => look().then(() => watcher.start()),
    stop: () => { state.stopped = true; watcher.stop(); },
  };
}

/** The top-up that was open; null when this organisation has none of that id. */
async function outcomeOf(id) {
  try {
    return await getTopUp(id);
  } catch (failure) {
    if (failure.status === 404) return null;
    throw failure;
  }
}

/** Somebody left to pay this top-up a moment ago. */
function isChecking(open) {
  const left = paying.read();
  if (left?.id !== open.id || Date.parse(open.payment_failure?.at) > left.at) return false;
  if (!left.back) paying.write({ ...left, back: Date.now() });
  return Date.now() - (left.back ?? Date.now()) < CHECKING_MS;
}
