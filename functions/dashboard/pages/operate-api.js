// What the staff ask of the API.
import { call } from "./api.js";

const SHOWN = 20;
const below = (path) => `/v1/operate/${path}`;

export const search = (q, org) => call("GET", below(`search?${new URLSearchParams(org ? { q, org } : { q })}`));
export const seeOrganisation = (org) => call("GET", below(`organisations/${encodeURIComponent(org)}`));
export const seeTopUp = (org, id) => call("GET", below(`top-ups/${encodeURIComponent(id)}?${new URLSearchParams({ org })}`));
export const seeCustomer = (org) => call("GET", below(`customers/${encodeURIComponent(org)}`));
export const seeDeadLetters = () => call("GET", below("dead-letters"));

/** A page of the list `name`, behind `cursor`. */
export function listOf(name, cursor) {
  return call("GET", below(`${name}?${new URLSearchParams(cursor ? { limit: SHOWN, cursor } : { limit: SHOWN })}`));
}

/** Does something, once under `key`. */
export function act(path, body, key) {
  return call("POST", below(path), { body, headers: { "idempotency-key": key } });
}
