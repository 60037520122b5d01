// What this tab remembers across leaving: the payment someone went to make, and what was typed.

const AWAITING = "saldo.awaiting";
const PAYING = "saldo.paying";
const DRAFT = "saldo.draft";

/** The open top-up as last seen: {id, available}. */
export const awaiting = slot(AWAITING);
/** The top-up whose payment page was opened: {id, at}. */
export const paying = slot(PAYING);
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
