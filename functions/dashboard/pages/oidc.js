// OpenID Connect authorization code flow with PKCE.
import { address } from "./settings.js";

const PENDING = "saldo.oidc";

/** @param {{authorize_url: string, client_id: string, scope: string}} oidc */
export async function startOidc(oidc) {
  const pending = { state: random(), verifier: random() };
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  const url = new URL(oidc.authorize_url);
  const challenge = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(pending.verifier));
  const parameters = {
    response_type: "code",
    client_id: oidc.client_id,
    redirect_uri: redirectUri(),
    scope: oidc.scope,
    state: pending.state,
    code_challenge: base64Url(new Uint8Array(challenge)),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  location.assign(url.href);
}

/** Exchanges the code for an access token; throws when the state is not ours or the issuer refuses. */
export async function finishOidc(oidc, query) {
  const pending = JSON.parse(sessionStorage.getItem(PENDING) ?? "null");
  sessionStorage.removeItem(PENDING);
  if (!pending || pending.state !== query.get("state") || !query.has("code")) throw new Error("sign-in refused");
  const body = new URLSearchParams({
    grant_type: "authorization_code",
    code: query.get("code"),
    redirect_uri: redirectUri(),
    client_id: oidc.client_id,
    code_verifier: pending.verifier,
  });
  const answer = await fetch(oidc.token_url, { method: "POST", body });
  if (!answer.ok) throw new Error("sign-in refused");
  const { access_token: token } = await answer.json();
  if (typeof token !== "string") throw new Error("sign-in refused");
  return token;
}

function redirectUri() {
  return location.origin + address("/billing");
}

function random() {
  return base64Url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64Url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
