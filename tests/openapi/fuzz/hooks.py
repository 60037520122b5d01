"""What only the running system knows, put into the requests that fit the description."""

import itertools
import json
import os
import re
import secrets
import time
import urllib.error
import urllib.request

import schemathesis
from schemathesis import GenerationMode

turns = itertools.count()
debited = []
held = []


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    amend = AMENDED.get(case.operation.definition.raw.get("operationId"))
    if amend:
        amend(case)


@schemathesis.hook
def after_call(context, case, response):
    made = {"debit": debited, "debitByKey": debited, "hold": held}.get(case.operation.definition.raw.get("operationId"))
    if response.status_code == 201 and made is not None:
        made.append(response.json()["id"])


def debit(case):
    case.path_parameters["id"] = fresh_id()
    shorten(case.body)


def debit_by_key(case):
    """Mostly under a key of its own."""
    if next(turns) % 4:
        case.headers["Idempotency-Key"] = fresh_id()
    shorten(case.body)


def debit_batch(case):
    for message in case.body["debits"]:
        message["id"] = fresh_id()
        shorten(message)


def reverse_debit(case):
    if debited:
        case.path_parameters["id"] = debited[next(turns) % len(debited)]


def whole(body, *members):
    """83.0 is an integer in JSON Schema and none here."""
    for member in members:
        if isinstance(body.get(member), float):
            body[member] = int(body[member])


def adjust(case):
    whole(case.body, "credits")


def hold(case):
    """A quota as often as not, and now and then one that reports what was used of another."""
    debit(case)
    whole(case.body, "units", "max_credits", "expires_in_seconds", "valid_for_seconds")
    if case.body.get("valid_for_seconds") is not None:
        case.body.pop("expires_in_seconds", None)
    settles = case.body.get("settles")
    if settles:
        whole(settles, "units")
        if held:
            settles["id"] = held[next(turns) % len(held)]


def with_hold(case):
    """Of one that was made a moment ago, mostly."""
    if held:
        case.path_parameters["id"] = held[next(turns) % len(held)]
    if isinstance(case.body, dict):
        whole(case.body, "units", "expires_in_seconds")


def capture_hold(case):
    """What was sent otherwise is said with its units, which a type cannot tell."""
    with_hold(case)
    other = isinstance(case.body, dict) and any(case.body.get(name) is not None for name in ("channel", "class", "country"))
    if other and case.body.get("units") is None:
        case.body["units"] = 1


def set_budget(case):
    whole(case.body, "limit")
    case.body["name"] = in_bytes(case.body["name"], 64)
    if "reference_prefix" in case.body["by"]:
        case.body["by"]["reference_prefix"] = in_bytes(case.body["by"]["reference_prefix"], 128)


def extend(case):
    whole(case.body, "days")


def zero_balance(case):
    whole(case.body["expected_balance"], "minor_units")


def create_top_up(case):
    """With today's price and a key of its own."""
    if next(turns) % 4:
        case.headers["Idempotency-Key"] = fresh_id()
    whole(case.body, "credits")
    total = case.body["expected_total"]
    whole(total, "minor_units")
    try:
        total.update(json.load(ask(f"/v1/quote?credits={case.body['credits']}"))["total"])
    except urllib.error.HTTPError:
        pass  # As many are not sold, which creating has to say as well.


def change_settings(case):
    case.headers["If-Match"] = ask("/v1/settings").headers["ETag"]


def list_entries(case):
    if next(turns) % 2:
        case.headers["Accept"] = "text/csv"


def get_usage(case):
    """Of a month or of days on end, and not of both."""
    list_entries(case)
    query = case.query
    if next(turns) % 3 or "from" not in query:
        query.pop("from", None), query.pop("to", None)
    else:
        query.pop("month", None)
        query["to"] = query["from"]


def get_asset(case):
    names = re.findall(r'/assets/([^"]+)"', ask("/").read().decode())
    case.path_parameters["file"] = names[next(turns) % len(names)]


AMENDED = {
    "adjust": adjust,
    "extendTopUp": extend,
    "refundTopUp": adjust,
    "zeroBalance": zero_balance,
    "debit": debit,
    "debitByKey": debit_by_key,
    "debitBatch": debit_batch,
    "hold": hold,
    "captureHold": capture_hold,
    "releaseHold": with_hold,
    "extendHold": with_hold,
    "getHold": with_hold,
    "reverseHold": with_hold,
    "setBudget": set_budget,
    "reverseDebit": reverse_debit,
    "createTopUp": create_top_up,
    "changeSettings": change_settings,
    "listEntries": list_entries,
    "getUsage": get_usage,
    "getAsset": get_asset,
}


def fresh_id():
    """A UUIDv7 of this moment."""
    digits = f"{int(time.time() * 1000):012x}7{secrets.randbits(12):03x}{8 + secrets.randbits(2):x}{secrets.randbits(60):015x}"
    return "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])


def shorten(message):
    """A reference is limited in bytes, which a schema cannot say."""
    whole(message, "units", "max_credits")
    if message.get("reference"):
        message["reference"] = in_bytes(message["reference"], 128)


def in_bytes(text, most):
    return text.encode(errors="ignore")[:most].decode(errors="ignore") or "x"


def ask(path):
    headers = {"Authorization": f"Bearer {os.environ['SALDO_TOKEN']}"}
    return urllib.request.urlopen(urllib.request.Request(os.environ["SALDO_URL"] + path, headers=headers))
