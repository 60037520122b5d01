// Who is signed in: takes the token from the platform's sign-in and keeps it for this tab only.
import { finishOidc, startOidc } from "./oidc.js";

const TOKEN = "saldo.token";
const RETURN_TO = "saldo.return-to";

export const settings = JSON.parse(document.querySelector('meta[name="saldo-settings"]').content);

let token = sessionStorage.getItem(TOKEN);

/** Takes a token that came with the address (`#token=…` or an OIDC code) and takes it off the address bar. */
export async function takeTokenFromAddress() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  if (fragment.has("token")) {
    keep(fragment.get("token"));
    history.replaceState(null, "", placeToReturn(location.pathname + location.search));
  }
  const query = new URLSearchParams(location.search);
  if (settings.oidc && query.has("state") && (query.has("code") || query.has("error"))) {
    const fresh = await finishOidc(settings.oidc, query);
    history.replaceState(null, "", placeToReturn("/billing/balance"));
    keep(fresh);
  }
}

export function currentToken() {
  return token;
}

export function keep(fresh) {
  token = fresh;
  sessionStorage.setItem(TOKEN, fresh);
}

export function signOut() {
  token = null;
  sessionStorage.clear();
}

/** Leaves for the configured sign-in, to come back to this place. False when none is configured. */
export async function signIn() {
  const here = location.pathname === "/billing/sign-in" ? "/billing/balance" : location.pathname + location.search;
  sessionStorage.removeItem(TOKEN);
  sessionStorage.setItem(RETURN_TO, here);
  if (settings.oidc) {
    await startOidc(settings.oidc);
  } else if (settings.sign_in_url) {
    const url = new URL(settings.sign_in_url, location.origin);
    url.searchParams.set("return_to", location.origin + here);
    location.assign(url.href);
  } else if (settings.local_sign_in_url) {
    location.assign("/billing/sign-in");
  }
}

export function canSignIn() {
  return Boolean(settings.oidc || settings.sign_in_url || settings.local_sign_in_url);
}

/** The place that asked for the sign-in, once; only a path of ours. */
export function placeToReturn(otherwise) {
  const place = sessionStorage.getItem(RETURN_TO);
  sessionStorage.removeItem(RETURN_TO);
  return place && /^\/(?![/\\])/.test(place) ? place : otherwise;
}

/** What the token says, for display only: the server checks the token and decides. */
export function claims() {
  try {
    const payload = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) ?? {};
  } catch {
    return {};
  }
}

export function organisation() {
  const name = claims()[settings.org_claim];
  return typeof name === "string" ? name : "";
}

/** True when the token grants it, or when the token can't be read here: then the server's answer tells. */
export function may(permission) {
  const granted = claims()[settings.permissions_claim];
  if (granted === undefined) return true;
  const list = Array.isArray(granted) ? granted : String(granted).split(/\s+/);
  return list.includes(permission);
}
