// Starts the pages: takes the token, shows the frame and the page behind the address.
import { balancePage } from "./balance.js";
import { announce, fill, h } from "./dom.js";
import { drawFrame } from "./frame.js";
import { currentLanguage, t } from "./language.js";
import { pageOf } from "./later.js";
import { notice } from "./parts.js";
import { canSignIn, claims, currentToken, may, placeToReturn, signIn, signOut, takeTokenFromAddress } from "./session.js";
import { address, currentPath, settings } from "./settings.js";
import { onWake } from "./watch.js";

const operate = async () => {
  const loaded = await import("./operate.js");
  await loaded.part.styled;
  return loaded;
};
const operatePage = (name) => (app) => (mayOperate() ? pageOf(operate, name, app) : staffOnly());
const rest = () => import("./rest.js");
const restPage = (name) => (app) => pageOf(rest, name, app);
/** Long enough for the Balance and what it asks for to come first. */
const REST_MS = 3000;

const PAGES = {
  "/": { title: "page.balance", open: balancePage },
  "/billing": { title: "page.balance", open: balancePage },
  "/billing/balance": { title: "page.balance", open: balancePage },
  "/billing/history": { title: "page.history", open: restPage("history") },
  "/billing/statements": { title: "page.statements", open: restPage("statements") },
  "/billing/usage": { title: "page.usage", open: restPage("usage") },
  "/billing/budgets": { title: "page.budgets", open: restPage("budgets") },
  "/billing/settings": { title: "page.settings", open: restPage("settings") },
  "/billing/sign-in": { title: "page.signIn", open: restPage("signIn") },
  "/operate": { title: "page.operate", open: operatePage("search") },
  "/operate/organisation": { title: "page.operate", open: operatePage("organisation") },
  "/operate/top-up": { title: "page.operate", open: operatePage("topUp") },
  "/operate/reviews": { title: "page.operate", open: operatePage("reviews") },
  "/operate/adjustments": { title: "page.operate", open: operatePage("adjustments") },
  "/operate/reconciliations": { title: "page.operate", open: operatePage("reconciliations") },
  "/operate/dead-letters": { title: "page.operate", open: operatePage("deadLetters") },
};

const app = { navigate, signIn, signOut: endSession, changeLanguage: show };
let page = null;

function show() {
  page?.stop?.();
  page = null;
  const path = currentPath();
  const route = PAGES[path] ?? PAGES["/"];
  document.documentElement.lang = currentLanguage();
  document.title = `${t(route.title)} · ${settings.product_name}`;
  const place = drawFrame(app, path);
  page = needsSignIn(path) ? signInNeeded() : route.open(app);
  fill(place, page.element);
  page.start?.();
  showConnection();
}

function navigate(path) {
  history.pushState(null, "", address(path));
  show();
  scrollTo(0, 0);
  document.getElementById("main").focus({ preventScroll: true });
  announce(document.title);
}

function needsSignIn(path) {
  return !currentToken() && !(path === "/billing/sign-in" && settings.local_sign_in_url);
}

function signInNeeded() {
  const again = Object.keys(claims()).length > 0 || location.search.includes("error=");
  return {
    element: notice({
      tone: "plain",
      icon: "lock",
      title: t(again ? "session.title" : "session.none.title"),
      text: t(again ? "session.text" : canSignIn() ? "session.none.text" : "session.none.platform"),
      actions: [canSignIn() && h("button.button.primary", { type: "button", onclick: signIn }, t("session.signIn"))],
      large: true,
    }),
  };
}

/** Whoever is no staff is told so, and nothing is loaded or asked for. */
function mayOperate() {
  return settings.permissions_claim in claims() && may("billing:operate");
}

function staffOnly() {
  return { element: notice({ tone: "plain", icon: "lock", title: t("operate.staffOnly.title"), text: t("operate.staffOnly.text"), large: true }) };
}

function endSession() {
  signOut();
  location.assign(address(settings.local_sign_in_url ? "/billing/sign-in" : "/"));
}

function showConnection() {
  const bar = document.getElementById("connection");
  if (!bar) return;
  fill(bar, navigator.onLine ? null : notice({ tone: "low", icon: "offline", title: t("offline.title"), text: t("offline.text") }));
}

/** What came of a token in the address, where that is worth a word. */
function tell(outcome) {
  if (outcome !== "refused" && outcome !== "failed") return;
  const words = t(`session.${outcome}`);
  document.getElementById("main").prepend(notice({ tone: "info", icon: "lock", text: words }));
  announce(words);
}

function hasToken() {
  return new URLSearchParams(location.hash.slice(1)).has("token");
}

async function arrive() {
  const outcome = await takeTokenFromAddress();
  if (currentPath() === "/") history.replaceState(null, "", address(placeToReturn("/billing/balance")));
  show();
  tell(outcome);
}

let isBroken = false;

/** Whatever goes wrong in a page, there are words and a way on. */
function broken(event) {
  if (isBroken) return;
  isBroken = true;
  const words = notice({
    tone: "strong",
    icon: "alert",
    title: t("broken.title"),
    text: t("broken.text"),
    actions: [h("button.button", { type: "button", "data-key": "reload", onclick: () => location.reload() }, t("broken.reload"))],
    role: "alert",
    large: true,
  });
  console.error(event.reason ?? event.error);
  page?.stop?.();
  document.querySelectorAll("dialog").forEach((dialog) => dialog.remove());
  fill(document.getElementById("main") ?? document.getElementById("app"), words);
}

addEventListener("error", broken);
addEventListener("unhandledrejection", broken);
addEventListener("popstate", () => { if (!hasToken()) show(); });
addEventListener("hashchange", () => { if (hasToken()) arrive(); });
addEventListener("online", showConnection);
addEventListener("offline", showConnection);
onWake(() => page?.wake?.());
arrive();
setTimeout(() => rest().catch(() => {}), REST_MS);
