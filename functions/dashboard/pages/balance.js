// Billing > Balance: the credits, what they pay for, the open top-up, and the moment a payment arrives.
import { getBalance, getTopUp, listTopUps } from "./api.js";
import { balanceBanner, balanceCard, ratesCard } from "./balance-parts.js";
import { announce, fill, h } from "./dom.js";
import { number, t } from "./language.js";
import { awaiting, clearing, draft, paying } from "./memory.js";
import { openTopUpCard, paymentOf } from "./open-top-up.js";
import { failureNotice, notice, skeleton } from "./parts.js";
import { may } from "./session.js";
import { addingNotice, outcomeNotice, reviewNotice } from "./settling.js";
import { askAhead } from "./quote.js";
import { openTopUpDialog } from "./top-up-dialog.js";
import { usageSection } from "./usage.js";
import { watch } from "./watch.js";

/** As long as the number counts up. */
const ADDING_SHOWN_MS = 500;

export function balancePage(app) {
  const usage = usageSection();
  const slots = { failure: h("div"), news: h("div"), review: h("div"), banner: h("div"), balance: h("div"), open: h("div"), rates: h("div"), usage: usage.element };
  const element = h("div.stack", {}, Object.values(slots));
  const state = { balance: null, open: null, beginner: null, settling: false, dialog: null, stopped: false };
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
      if (gone && !outcome) paying.clear();
      await askWhetherNew(balance);
      if (state.stopped) return;
      Object.assign(state, { balance, open: balance.open_top_up });
      fill(slots.failure);
      if (outcome) settle(outcome);
      else draw();
      remember();
    } catch (failure) {
      if (!failure.kind) throw failure;
      if (!state.stopped) showFailure(failure);
    }
  }

  /** Nothing in the balance is no alarm for an organisation that has never bought anything. */
  async function askWhetherNew({ available_credits: available, level }) {
    if (state.beginner !== null || level !== "empty" || available < 0) return;
    const bought = await listTopUps({ status: "paid", limit: 1 }).catch(() => null);
    state.beginner = bought?.top_ups.length === 0;
  }

  /** What a person looks at is said here too, though nothing has to be done about it. */
  async function askForReviews() {
    const reviewed = await listTopUps({ status: "in_review", limit: 20 }).catch(() => null);
    const looked = (reviewed?.top_ups ?? []).filter(topUp => topUp.review);
    if (!state.stopped) fill(slots.review, looked.slice(0, 3).map(reviewNotice));
  }

  function remember() {
    if (state.open) awaiting.write({ id: state.open.id, available: state.balance.available_credits });
    else if (!state.settling) awaiting.clear();
  }

  /** The top-up that was open is not any more: tell what became of it, and show the credits arrive. */
  function settle(outcome) {
    const waiting = outcome.status === "requested" || outcome.status === "open";
    if (waiting) return draw();
    [paying, clearing, awaiting].forEach((slot) => slot.clear());
    state.dialog?.finished(outcome.id);
    if (outcome.status !== "paid") {
      fill(slots.news, outcomeNotice(outcome));
      return draw();
    }
    state.settling = true;
    state.beginner = false;
    fill(slots.news, addingNotice());
    announce(t("paid.adding"));
    draw({ from: state.balance.available_credits - outcome.credits });
    setTimeout(() => added(outcome), ADDING_SHOWN_MS);
  }

  function added(outcome) {
    state.settling = false;
    if (state.stopped) return;
    const words = t("paid.added", { credits: number(outcome.credits), balance: number(state.balance.available_credits) });
    fill(slots.news, notice({ tone: "good", icon: "check", text: words }));
    announce(words);
    draw();
  }

  /** `from` is the number that the credits count up from, where none is shown yet. */
  function draw({ from } = {}) {
    const payment = state.open && paymentOf(state.open);
    const next = JSON.stringify([state.balance, payment, state.settling]);
    if (next === drawn) return;
    drawn = next;
    const quiet = state.settling || payment;
    fill(slots.banner, quiet ? null : balanceBanner(state.balance, { beginner: state.beginner }));
    balanceCard(slots.balance, state.balance, { topUp, from, primary: !payment });
    fill(slots.open, state.open && openTopUpCard(state.open, { payment, changed, app }));
    fill(slots.rates, ratesCard(state.balance));
    usage.show(state.balance);
  }

  /** Somebody went to pay, or tried to cancel. */
  function changed(outcome) {
    if (outcome === "canceled") {
      [paying, clearing, awaiting].forEach((slot) => slot.clear());
      state.open = null;
      fill(slots.news, notice({ tone: "plain", icon: "check", text: t("cancel.done") }));
      announce(t("cancel.done"));
    } else if (state.open) draw();
    lookAgain();
  }

  function lookAgain() {
    return look().then(() => watcher.start());
  }

  function showFailure(failure) {
    const retry = () => { fill(slots.failure, skeleton("line")); lookAgain(); };
    const large = state.balance === null;
    if (large) [slots.banner, slots.balance, slots.open, slots.rates].forEach((slot) => fill(slot));
    fill(slots.failure, failureNotice(failure, app, { retry, large }));
  }

  function topUp() {
    if (state.dialog) return;
    fill(slots.news);
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
    if (state.stopped || !state.balance) return;
    askForReviews();
    if (draft.read()) topUp();
    else if (!state.open && may("billing:subscribe")) askAhead();
  }

  function wake() {
    state.dialog?.wake();
    lookAgain();
  }

  return { element, start, wake, stop: () => { state.stopped = true; watcher.stop(); } };
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
