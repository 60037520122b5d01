// A step of the Top Up dialog: the e-mail address that the invoice needs, saved among the settings.
import { getSettings, putSettings } from "./api.js";
import { fill, h } from "./dom.js";
import { t } from "./language.js";
import { failureNotice, working } from "./parts.js";
import { paymentTab } from "./payment-tab.js";

const ADDRESS = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;

/** `goOn` is called with the tab for the payment page once the address is saved; `back` leads to the amounts. */
export function emailStep({ app, dialog, forSomeoneElse, goOn, back }) {
  const email = h("input.input", { id: "billing-email", type: "email", name: "email", autocomplete: "email", maxlength: 320, "aria-describedby": "billing-email-hint billing-email-error" });
  const error = h("p.field-error", { id: "billing-email-error", role: "status" });
  const problem = h("div");
  const go = h("button.button.primary", { type: "submit", form: "billing-email-form", "data-key": "email-go" }, t("email.go"));

  async function submit(event) {
    event.preventDefault();
    if (go.getAttribute("aria-disabled")) return;
    if (!ADDRESS.test(email.value.trim())) return complain(t("settings.email.invalid"));
    complain("");
    const tab = forSomeoneElse ? null : paymentTab();
    const reset = working(go, t("settings.saving"));
    try {
      await save(email.value.trim());
      goOn(tab);
    } catch (failure) {
      tab?.forget();
      reset();
      if (!failure.kind) throw failure;
      if (failure.problem.field?.endsWith("email")) complain(t("settings.email.invalid"));
      else fill(problem, failureNotice(failure, app));
    }
  }

  function complain(words) {
    error.textContent = words;
    email.setAttribute("aria-invalid", String(words !== ""));
    if (words) email.focus();
  }

  dialog.show({
    title: t("email.title"),
    body: [problem, h("form", { id: "billing-email-form", novalidate: true, onsubmit: submit },
      h("div.field", {}, h("label", { for: "billing-email" }, t("settings.email")), email, h("p.hint", { id: "billing-email-hint" }, t("email.text")), error))],
    footer: [h("button.button", { type: "button", onclick: back }, t("back")), go],
    focus: email,
  });
}

/** Adds the address to what is there; once more when somebody else changed something else meanwhile. */
async function save(email, again = true) {
  const { billing, etag } = await getSettings();
  try {
    await putSettings({ billing: { ...billing, email } }, etag);
  } catch (failure) {
    if (failure.code !== "settings_changed" || !again) throw failure;
    await save(email, false);
  }
}
