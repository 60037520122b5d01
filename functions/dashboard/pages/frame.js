// The frame around every page: name, organisation, language, and the Billing pages.
import { fill, h } from "./dom.js";
import { LANGUAGES, chooseLanguage, currentLanguage, t } from "./language.js";
import { canSignIn, currentToken, organisation } from "./session.js";
import { address, settings } from "./settings.js";

const TABS = { "/billing/balance": "page.balance", "/billing/history": "page.history", "/billing/statements": "page.statements", "/billing/usage": "page.usage", "/billing/budgets": "page.budgets", "/billing/settings": "page.settings" };

/** Below it lie the pages of the staff, whose places come with their script. */
const STAFF = "/operate";

/** Draws the frame and returns the place for the page's content. */
export function drawFrame(app, path) {
  const content = h("div");
  const main = h("main", { id: "main", tabindex: "-1" }, headingOf(app, path), content);
  fill(
    document.getElementById("app"),
    h("a.skip", { href: "#main", onclick: skipTo(main) }, t("nav.skip")),
    header(app, path.startsWith(STAFF) ? STAFF : "/billing/balance"),
    h("div.frame", {}, h("div", { id: "connection", role: "status" }), main),
  );
  return content;
}

function headingOf(app, path) {
  if (path === "/billing/sign-in") return null;
  return path.startsWith(STAFF) ? h("div.heading", {}, h("h1", {}, t("page.operate"))) : heading(app, path);
}

function header(app, home) {
  const name = currentToken() ? organisation() : "";
  return h("header.top", {}, h("div.top-inner", {},
    h("a.brand", { href: address(home), onclick: follow(app, home) }, mark(), h("span.brand-name", {}, settings.product_name)),
    h("div.top-end", {},
      name && h("span.org", { title: name }, h("span.avatar", { "aria-hidden": "true" }, name.slice(0, 1).toUpperCase()), h("span.org-name", {}, name)),
      languages(app),
      currentToken() && canSignIn() && h("button.quiet.small", { type: "button", onclick: app.signOut }, t("nav.signOut")),
    )));
}

function mark() {
  return h("span.mark", { "aria-hidden": "true" }, settings.product_name.slice(0, 1).toUpperCase());
}

function languages(app) {
  const choose = (code) => () => {
    chooseLanguage(code);
    app.changeLanguage();
    document.querySelector(`[data-key="language-${code}"]`)?.focus();
  };
  return h("div.segments", { role: "group", "aria-label": t("nav.language") }, Object.entries(LANGUAGES).map(([code, name]) =>
    h("button", {
      type: "button",
      "aria-pressed": String(code === currentLanguage()),
      "aria-label": `${code.toUpperCase()}, ${name}`,
      lang: code,
      "data-key": `language-${code}`,
      onclick: choose(code),
    }, code.toUpperCase())));
}

function heading(app, path) {
  const open = path in TABS ? path : "/billing/balance";
  const tab = ([to, key]) => h("a", { href: address(to), "aria-current": to === open && "page", onclick: follow(app, to) }, t(key));
  return h("div.heading", {},
    h("h1", {}, t("page.billing")),
    h("nav.tabs", { "aria-label": t("nav.label") }, Object.entries(TABS).map(tab)));
}

/** Follows a link inside the page; with a modifier key the browser does what it always does. */
export function follow(app, path) {
  return (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    app.navigate(path);
  };
}

function skipTo(main) {
  return (event) => {
    event.preventDefault();
    main.focus();
  };
}
