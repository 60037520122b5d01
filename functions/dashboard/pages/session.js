// Who is signed in: takes the token that answers a sign-in this tab began, and keeps it for this tab only.
import { finishOidc, startOidc } from "./oidc.js";
import { address, currentPath, settings } from "./settings.js";

const TOKEN = "saldo.token";
const RETURN_TO = "saldo.return-to";
const STATE = "saldo.sign-in";
/** In the address that the platform's sign-in comes back to: what only this tab knows. */
const STATE_PARAMETER = "sign_in";

let token = sessionStorage.getItem(TOKEN);

/**
 * Takes the token off the address, and keeps it when it answers a sign-in that this tab began: anybody can make a link
 * with a token, and whoever followed it would pay for another organisation.
 * @returns {Promise<"nothing"|"taken"|"refused"|"failed">}
 */
export async function takeTokenFromAddress() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const query = new URLSearchParams(location.search);
  if (fragment.has("token")) return tokenOfPlatform(fragment.get("token"), query);
  if (settings.oidc && query.has("state") && (query.has("code") || query.has("error"))) return tokenOfIssuer(query);
  return "nothing";
}

function tokenOfPlatform(fresh, query) {
  const asked = sessionStorage.getItem(STATE);
  const answered = asked !== null && query.get(STATE_PARAMETER) === asked;
  sessionStorage.removeItem(STATE);
  query.delete(STATE_PARAMETER);
  const rest = query.size ? `?${query}` : "";
  show(answered ? placeToReturn(currentPath() + rest) : currentPath() + rest);
  if (!answered || token) return "refused";
  keep(fresh);
  return "taken";
}

async function tokenOfIssuer(query) {
  show(placeToReturn("/billing/balance"));
  if (token) return "refused";
  try {
    keep(await finishOidc(settings.oidc, query));
    return "taken";
  } catch {
    return "failed";
  }
}

/** Puts a path of ours into the address bar in place of what is there. */
function show(path) {
  history.replaceState(null, "", address(path));
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

/** Leaves for the configured sign-in, to come back to this place. */
export async function signIn() {
  const here = currentPath() === "/billing/sign-in" ? "/billing/balance" : currentPath() + location.search;
  token = null;
  sessionStorage.removeItem(TOKEN);
  sessionStorage.setItem(RETURN_TO, here);
  if (settings.oidc) {
    await startOidc(settings.oidc);
  } else if (settings.sign_in_url) {
    location.assign(platformsSignIn(here));
  } else if (settings.local_sign_in_url) {
    location.assign(address("/billing/sign-in"));
  }
}

function platformsSignIn(here) {
  const state = crypto.randomUUID();
  sessionStorage.setItem(STATE, state);
  const back = new URL(address(here), location.origin);
  back.searchParams.set(STATE_PARAMETER, state);
  const url = new URL(settings.sign_in_url, location.origin);
  url.searchParams.set("return_to", back.href);
  return url.href;
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

/** Whether the sign-in was asked for by a place below `path`. */
export function isReturningTo(path) {
  return (sessionStorage.getItem(RETURN_TO) ?? "").startsWith(path);
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
