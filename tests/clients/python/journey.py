"""Buys credits and spends one, with the client that is generated from the description."""

import os
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request

from saldo_client.api.balance import get_balance, list_entries
from saldo_client.api.buying import create_top_up, get_quote
from saldo_client.api.spending import capture_hold, debit, debit_by_key, hold, reverse_debit, reverse_hold
from saldo_client.client import AuthenticatedClient
from saldo_client.models import (
    Balance,
    Capture,
    DebitIdReusedProblem,
    Debited,
    Entries,
    Held,
    Hold,
    HoldOrder,
    Message,
    Quote,
    Reversed,
    Settles,
    TopUp,
    TopUpOrder,
    TopUpOrderExpectedTotal,
    TopUpStatus,
)


def main() -> None:
    saldo = AuthenticatedClient(base_url=os.environ["SALDO_URL"], token=os.environ["SALDO_TOKEN"])
    pay(buy(saldo, 1000))
    credits_come(saldo, 1000)

    id = fresh_id()
    message = Message(channel="whatsapp", country="ID", reference="order 17")
    spent = debit.sync(id, client=saldo, body=message)
    assert isinstance(spent, Debited) and (spent.credits_, spent.available_credits) == (2, 998), spent
    another = debit.sync(id, client=saldo, body=Message(channel="sms"))
    assert isinstance(another, DebitIdReusedProblem), another
    reversed = reverse_debit.sync(id, client=saldo)
    assert isinstance(reversed, Reversed) and reversed.credits_ == 2, reversed
    first, second = fresh_id(), fresh_id()
    held = hold.sync(first, client=saldo, body=HoldOrder(channel="email", units=100, valid_for_seconds=900))
    assert isinstance(held, Held) and held.available_credits == 900 and held.valid_until, held
    order = HoldOrder(channel="email", units=50, valid_for_seconds=900, settles=Settles(id=first, units=30))
    settled = hold.sync(second, client=saldo, body=order)
    assert isinstance(settled, Held) and settled.settled and settled.settled.captured == 30, settled
    captured = capture_hold.sync(second, client=saldo, body=Capture(units=2, channel="whatsapp"))
    assert isinstance(captured, Hold) and captured.captured == 4, captured
    back = reverse_hold.sync(second, client=saldo)
    assert isinstance(back, Reversed) and back.credits_ == 4, back
    for _ in range(2):
        keyed = debit_by_key.sync(client=saldo, body=Message(channel="sms"), idempotency_key="order-17")
        assert isinstance(keyed, Debited) and keyed.available_credits == 967, keyed
    entries = list_entries.sync(client=saldo, limit=10)
    assert isinstance(entries, Entries), entries
    assert [entry.kind.value for entry in entries.entries] == ["top_up", "debit", "reversal", "debit", "debit", "reversal", "debit"], entries
    print("all well")


def buy(saldo: AuthenticatedClient, credits: int) -> TopUp:
    quote = get_quote.sync(client=saldo, credits_=credits)
    assert isinstance(quote, Quote), quote
    total = TopUpOrderExpectedTotal(currency=quote.total.currency, minor_units=quote.total.minor_units)
    order = TopUpOrder(credits_=credits, expected_total=total)
    top_up = create_top_up.sync(client=saldo, body=order, idempotency_key=fresh_id())
    assert isinstance(top_up, TopUp) and top_up.status == TopUpStatus.OPEN, top_up
    return top_up


def pay(top_up: TopUp) -> None:
    """As a person does on the page: by transfer to a virtual account."""
    form = urllib.parse.urlencode({"bank": "bri", "action": "transfer"}).encode()
    with urllib.request.urlopen(f"{top_up.pay_url}/pay", form) as paid:
        assert paid.status == 200, paid.status


def credits_come(saldo: AuthenticatedClient, credits: int) -> None:
    for _ in range(100):
        balance = get_balance.sync(client=saldo)
        assert isinstance(balance, Balance), balance
        if balance.available_credits == credits:
            return
        time.sleep(0.1)
    raise AssertionError("no credits have come")


def fresh_id() -> str:
    """A UUIDv7 of this moment."""
    random = secrets.randbits(74)
    digits = f"{int(time.time() * 1000):012x}7{random >> 62:03x}{8 + (random >> 60) % 4:x}{random % 2**60:015x}"
    return "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])


main()
