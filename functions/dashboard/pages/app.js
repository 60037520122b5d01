// Starts the pages: takes the token, shows the frame and the page behind the address.
import { balancePage } from "./balance.js";
import { announce, fill, h } from "./dom.js";
import { drawFrame } from "./frame.js";
import { historyPage } from "./history.js";
import { currentLanguage, t } from "./language.js";
import { notice } from "./parts.js";
import { canSignIn, claims, currentToken, placeToReturn, settings, signIn, signOut, takeTokenFromAddress } from "./session.js";
import { signInPage } from "./sign-in.js";
import { onWake } from "./watch.js";

const PAGES = {
  "/": { title: "page.balance", open: balancePage },
  "/billing": { title: "page.balance", open: balancePage },
  "/billing/balance": { title: "page.balance", open: balancePage },
  "/billing/history": { title: "page.history", open: historyPage },
  "/billing/sign-in": { title: "page.signIn", open: signInPage },
};

const app = { navigate, signIn: leaveForSignIn, signOut: endSession, changeLanguage: show };
let page = null;

function show() {
  page?.stop?.();
  page = null;
  const path = location.pathname;
  const route = PAGES[path] ?? PAGES["/"];
  document.documentElement.lang = currentLanguage();
  document.title = `${t(route.title)} · Saldo`;
  const place = drawFrame(app, path);
  page = needsSignIn(path) ? signInNeeded() : route.open(app);
  fill(place, page.element);
  page.start?.();
}

function navigate(path) {
  history.pushState(null, "", path);
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
  const button = canSignIn() && h("button.button.primary", { type: "button", onclick: leaveForSignIn }, t("session.signIn"));
  return {
    element: notice({
      tone: "plain",
      icon: "lock",
      title: t(again ? "session.title" : "session.none.title"),
      text: t(again ? "session.text" : "session.none.text"),
      actions: [button],
      large: true,
    }),
  };
}

async function leaveForSignIn() {
  await signIn();
}

function endSession() {
  signOut();
  location.assign(settings.local_sign_in_url ? "/billing/sign-in" : "/");
}

function showConnection() {
  const bar = document.getElementById("connection");
  if (!bar) return;
  fill(bar, navigator.onLine ? null : notice({ tone: "low", icon: "offline", title: t("offline.title"), text: t("offline.text") }));
}

async function start() {
  let failed = false;
  await takeTokenFromAddress().catch(() => { failed = true; });
  if (location.pathname === "/") history.replaceState(null, "", placeToReturn("/billing/balance"));
  show();
  if (failed) announce(t("session.failed"));
  addEventListener("popstate", show);
  addEventListener("hashchange", () => takeTokenFromAddress().then(show));
  addEventListener("online", showConnection);
  addEventListener("offline", showConnection);
  onWake(() => page?.wake?.());
  showConnection();
}

start();
