// The local sign-in: asks the configured URL for a token with chosen claims.
import { fill, h } from "./dom.js";
import { t } from "./language.js";
import { notice, working } from "./parts.js";
import { isReturningTo, keep, placeToReturn } from "./session.js";
import { settings } from "./settings.js";

/** What the API takes for an organisation: an identity provider that sends no id often sends one of these words. */
const ORGANISATION = /^(?!(?:null|undefined)$)[A-Za-z0-9\-_.:@|]{1,128}$/;

export function signInPage(app) {
  const org = h("input.input", { id: "org", name: "org", value: "acme", autocomplete: "organization", required: true, "aria-describedby": "org-error" });
  const orgError = h("p.field-error", { id: "org-error", "aria-live": "polite" });
  const view = checkbox("view", t("signIn.view"));
  const subscribe = checkbox("subscribe", t("signIn.subscribe"));
  const operate = checkbox("operate", t("signIn.operate"), isReturningTo("/operate"));
  const currency = h("select.input", { id: "currency" }, ["IDR", "USD"].map((code) => h("option", { value: code }, code)));
  const problem = h("div", { "aria-live": "assertive" });
  const button = h("button.button.primary.wide", { type: "submit" }, t("signIn.go"));

  async function submit(event) {
    event.preventDefault();
    if (button.getAttribute("aria-disabled")) return;
    const fits = ORGANISATION.test(org.value.trim());
    orgError.textContent = fits ? "" : t("signIn.org.invalid");
    org.setAttribute("aria-invalid", String(!fits));
    if (!fits) return org.focus();
    const reset = working(button, t("signIn.going"));
    const permissions = [view.box.checked && "billing:view", subscribe.box.checked && "billing:subscribe", operate.box.checked && "billing:operate"].filter(Boolean);
    try {
      keep(await tokenFor({ org: org.value.trim(), permissions: permissions.join(","), currency: currency.value }));
      app.navigate(placeToReturn("/billing/balance"));
    } catch {
      reset();
      fill(problem, notice({ tone: "strong", icon: "alert", text: t("session.failed") }));
    }
  }

  const element = h("form.card.sign-in", { novalidate: true, onsubmit: submit },
    h("h1", {}, t("signIn.title")),
    h("p.muted", {}, t("signIn.text")),
    problem,
    h("div.field", {}, h("label", { for: "org" }, t("signIn.org")), org, orgError),
    h("fieldset.field", {}, h("legend", {}, t("signIn.permissions")), view.label, subscribe.label, operate.label),
    h("div.field", {}, h("label", { for: "currency" }, t("signIn.currency")), currency),
    button);
  return { element };
}

function checkbox(name, text, checked = true) {
  const box = h("input", { type: "checkbox", name, checked });
  return { box, label: h("label.check", {}, box, text) };
}

async function tokenFor(claims) {
  const url = new URL(settings.local_sign_in_url, location.origin);
  for (const [name, value] of Object.entries(claims)) url.searchParams.set(name, value);
  const answer = await fetch(url);
  const { token } = await answer.json();
  if (!answer.ok || typeof token !== "string") throw new Error("no token");
  return token;
}
