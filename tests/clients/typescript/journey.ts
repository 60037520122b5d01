// Buys credits and spends one, with the client that is generated from the description.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

import createClient from "openapi-fetch";

import type { components, paths } from "./saldo.js";

const url = process.env["SALDO_URL"];
const token = process.env["SALDO_TOKEN"];
assert(url && token, "SALDO_URL and SALDO_TOKEN say where and as whom");
const saldo = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });

type TopUp = components["schemas"]["TopUp"];

async function buy(credits: number): Promise<TopUp> {
  const quote = await saldo.GET("/v1/quote", { params: { query: { credits } } });
  assert(quote.data, JSON.stringify(quote.error));
  const { currency, minor_units } = quote.data.total;
  const bought = await saldo.POST("/v1/top-ups", {
    params: { header: { "Idempotency-Key": freshId() } },
    body: { credits, expected_total: { currency, minor_units } },
  });
  assert(bought.data, JSON.stringify(bought.error));
  assert.equal(bought.response.status, 201);
  assert.equal(bought.data.status, "open");
  return bought.data;
}

/** As a person does on the page: by transfer to a virtual account. */
async function pay(topUp: TopUp): Promise<void> {
  assert(topUp.pay_url, "an open top-up can be paid");
  const body = new URLSearchParams({ bank: "bri", action: "transfer" });
  const paid = await fetch(`${topUp.pay_url}/pay`, { method: "POST", body, redirect: "manual" });
  assert.equal(paid.status, 303);
}

async function creditsCome(credits: number): Promise<void> {
  for (let look = 0; look < 100; look += 1) {
    const balance = await saldo.GET("/v1/balance");
    assert(balance.data, JSON.stringify(balance.error));
    if (balance.data.available_credits === credits) return;
    await pause(100);
  }
  assert.fail("no credits have come");
}

function freshId(): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = 0x70 | (bytes[6]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  const digits = bytes.toString("hex");
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join("-");
}

await pay(await buy(1000));
await creditsCome(1000);

const path = { id: freshId() };
const message = { channel: "whatsapp", country: "ID", reference: "order 17" } as const;
const spent = await saldo.PUT("/v1/debits/{id}", { params: { path }, body: message });
assert.deepEqual(spent.data, { id: path.id, credits: 2, available_credits: 998 });
const another = await saldo.PUT("/v1/debits/{id}", { params: { path }, body: { channel: "sms" } });
assert(another.error && "code" in another.error, "another message of the same id is refused");
assert.equal(another.error.code, "debit_id_reused");
const reversed = await saldo.POST("/v1/debits/{id}/reverse", { params: { path } });
assert.equal(reversed.data?.credits, 2);
const first = { id: freshId() };
const next = { id: freshId() };
const held = await saldo.PUT("/v1/holds/{id}", { params: { path: first }, body: { channel: "email", units: 100, valid_for_seconds: 900 } });
assert.equal(held.data?.available_credits, 900);
assert(held.data?.valid_until, "it is a quota");
const settled = await saldo.PUT("/v1/holds/{id}", {
  params: { path: next },
  body: { channel: "email", units: 50, valid_for_seconds: 900, settles: { id: first.id, units: 30 } },
});
assert.deepEqual([settled.data?.settled?.captured, settled.data?.available_credits], [30, 920]);
const captured = await saldo.POST("/v1/holds/{id}/capture", { params: { path: next }, body: { units: 2, channel: "whatsapp" } });
assert.equal(captured.data?.captured_as?.channel, "whatsapp");
const back = await saldo.POST("/v1/holds/{id}/reverse", { params: { path: next } });
assert.equal(back.data?.credits, 4);
const header = { "Idempotency-Key": "order-17" };
for (const status of [201, 200]) {
  const keyed = await saldo.POST("/v1/debits", { params: { header }, body: { channel: "sms" } });
  assert.deepEqual([keyed.response.status, keyed.data?.available_credits], [status, 967]);
}
const entries = await saldo.GET("/v1/entries", { params: { query: { limit: 10 } }, headers: { Accept: "application/json" } });
assert(typeof entries.data === "object", JSON.stringify(entries.error));
assert.deepEqual(entries.data.entries.map((entry) => entry.kind), ["top_up", "debit", "reversal", "debit", "debit", "reversal", "debit"]);
console.log("all well");
