// What this tab remembers across leaving: the payment someone went to make, and what was typed.

const AWAITING = "saldo.awaiting";
const PAYING = "saldo.paying";
const CLEARING = "saldo.clearing";
const DRAFT = "saldo.draft";

/** The open top-up as last seen: {id, available}. */
export const awaiting = slot(AWAITING);
/** The top-up whose payment page was opened: {id, at, failedAt}, the last being the refused payment known by then. */
export const paying = slot(PAYING);
/** The top-up that could not be canceled because a payment is on its way: {id, failedAt}. */
export const clearing = slot(CLEARING);
/** The open dialog: {choice, text}. */
export const draft = slot(DRAFT);

function slot(name) {
  return {
    read() {
      try { return JSON.parse(sessionStorage.getItem(name) ?? "null"); } catch { return null; }
    },
    write: (value) => sessionStorage.setItem(name, JSON.stringify(value)),
    clear: () => sessionStorage.removeItem(name),
  };
}
