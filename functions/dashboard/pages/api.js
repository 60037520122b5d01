// Saldo's API: answers, or one kind of failure with what to do about it.
import { currentToken } from "./session.js";
import { address, currentPath } from "./settings.js";

const PATIENCE_MS = 25_000;

/**
 * kind: "session" (sign in again), "permission", "network" (retry), "problem" (the server said no: see status and code).
 */
export class ApiFailure extends Error {
  constructor(kind, status = 0, problem = {}, retryAfterSecs = 0) {
    super(kind);
    Object.assign(this, { kind, status, problem, code: problem.code, retryAfterSecs });
  }

  /** Whether it came too soon after others: the same request may be sent after `retryAfterSecs`. */
  get tooMany() {
    return this.status === 429;
  }

  /** Whether the same request may be sent again: nobody knows if it was carried out. */
  get unclear() {
    return this.kind === "network" || this.status >= 500 || this.tooMany;
  }
}

export const getSettings = () => call("GET", "/v1/settings", { tagged: true });
export const putSettings = (settings, etag) => call("PUT", "/v1/settings", { body: settings, headers: { "if-match": etag }, tagged: true });
export const getBudgets = () => call("GET", "/v1/budgets");
export const putBudget = (id, terms) => call("PUT", `/v1/budgets/${encodeURIComponent(id)}`, { body: terms });
export const deleteBudget = (id) => call("DELETE", `/v1/budgets/${encodeURIComponent(id)}`);
export const getUsage = (month) => call("GET", `/v1/usage?month=${month}`);
export const getUsageOf = (query) => call("GET", `/v1/usage?${new URLSearchParams(query)}`);
export const getStatement = (month) => call("GET", `/v1/statements/${month}`);
export const getQuote = (credits) => call("GET", credits ? `/v1/quote?credits=${credits}` : "/v1/quote");
export const getTopUp = (id) => call("GET", `/v1/top-ups/${encodeURIComponent(id)}`);
export const getTrail = (id) => call("GET", `/v1/top-ups/${encodeURIComponent(id)}/trail`);
export const cancelTopUp = (id) => call("POST", `/v1/top-ups/${encodeURIComponent(id)}/cancel`);

export function getBalance() {
  const answer = first ?? call("GET", "/v1/balance");
  first = null;
  return answer;
}

export function createTopUp(body, idempotencyKey) {
  return call("POST", "/v1/top-ups", { body, headers: { "idempotency-key": idempotencyKey } });
}

export function listTopUps({ status, cursor, limit = 20 }) {
  const query = new URLSearchParams({ limit });
  if (status) query.set("status", status);
  if (cursor) query.set("cursor", cursor);
  return call("GET", `/v1/top-ups?${query}`);
}

/** A part of a list such as "entries" as CSV, from `cursor` on; `next` is where the rest begins, or null. */
export async function getCsv(list, asked, cursor) {
  const query = new URLSearchParams(asked);
  if (cursor) query.set("cursor", cursor);
  const answer = await send("GET", `/v1/${list}?${query}`, undefined, { accept: "text/csv" });
  if (!answer.ok) throw failureOf(answer, await answer.json().catch(() => ({})));
  const csv = await answer.blob().catch(() => { throw new ApiFailure("network"); });
  const [, link] = /<([^>]*)>; rel="next"/.exec(answer.headers.get("link") ?? "") ?? [];
  const next = link ? new URL(link, answer.url).searchParams.get("cursor") : null;
  return { csv, next, isFinal: answer.headers.get("saldo-final") === "true", finalFrom: answer.headers.get("saldo-final-from") };
}

/** The content of the answer; with `tagged` also the version that it names, as `etag`. */
export async function call(method, path, { body, headers = {}, tagged = false } = {}) {
  const answer = await send(method, path, body, headers);
  const content = await answer.json().catch(() => null);
  if (answer.ok && content !== null) return tagged ? { ...content, etag: answer.headers.get("etag") } : content;
  throw failureOf(answer, content ?? {});
}

function failureOf({ ok, status, headers }, problem) {
  if (status === 401) return new ApiFailure("session", 401, problem);
  if (status === 403) return new ApiFailure("permission", 403, problem);
  return new ApiFailure("problem", ok ? 502 : status, problem, Number(headers.get("retry-after")) || 0);
}

async function send(method, path, body, headers) {
  if (!currentToken()) throw new ApiFailure("session", 401);
  try {
    return await fetch(address(path), {
      method,
      headers: {
        accept: "application/json",
        ...headers,
        authorization: `Bearer ${currentToken()}`,
        ...(body ? { "content-type": "application/json" } : {}),
      },
      body: body && JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    throw new ApiFailure("network");
  }
}

/** The balance for the page that most visits begin with, asked for before the rest of the pages has run. */
let first = currentToken() && ["/", "/billing", "/billing/balance"].includes(currentPath()) ? call("GET", "/v1/balance") : null;
first?.catch(() => {}); // whoever asks for it is told
