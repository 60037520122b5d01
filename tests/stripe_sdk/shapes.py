"""Holds what the stand-in answers against the classes of Stripe's SDK: no field invented, none missing, no unknown word."""

import importlib
import json
import pathlib
import typing

from stripe._object_classes import OBJECT_CLASSES

# What the SDK leaves untyped: the contents are the seller's own.
OPEN = {"metadata", "payment_method_options", "amount_details"}
# Absent here, since only an account with the feature behind them has them.
MAY_LACK = {("account", "settings")}
# The fields of Stripe's own published fixtures (stripe/openapi, fixtures3.json, MIT): where there is nothing to say they are
# null, and not absent. The SDK's classes do not tell the two apart.
PRESENT = json.loads(pathlib.Path(__file__).with_name("present.json").read_text())


def class_of(name):
    module, cls = OBJECT_CLASSES[name]
    return getattr(importlib.import_module(module), cls)


def differences(answer):
    """Every difference between an object as JSON and the SDK's class for it, and for those inside it."""
    name = answer["object"]
    if name == "list":
        return [each for item in answer["data"] for each in differences(item)]
    if answer.get("deleted"):
        return []
    if name not in OBJECT_CLASSES:
        return [f"{name}: the SDK has no such object"]
    absent = [f"{name}.{field}: absent" for field in PRESENT.get(name, []) if field not in answer]
    return absent + compare(answer, class_of(name), name)


def compare(value, cls, path):
    hints, inner = cls.__annotations__, cls._inner_class_types
    known = {field for field in hints if not field.startswith("_") and field != "OBJECT_NAME"}
    found = [f"{path}.{field}: invented" for field in value if field not in known]
    for field in sorted(known):
        where = f"{path}.{field}"
        if field not in value:
            optional = type(None) in typing.get_args(hints[field])
            if not optional and (path, field) not in MAY_LACK:
                found.append(f"{where}: missing")
            continue
        found += check(value[field], hints[field], inner.get(field), where)
    return found


def check(value, hint, inner, where):
    name = where.rsplit(".", 1)[-1]
    if value is None:
        optional = type(None) in typing.get_args(hint)
        return [] if optional else [f"{where}: null"]
    if name in OPEN:
        return []
    if isinstance(value, list):
        return [each for item in value for each in check_item(item, inner, where)]
    found = words(value, hint, where)
    return found + check_item(value, inner, where)


def check_item(value, inner, where):
    if not isinstance(value, dict):
        return []
    if isinstance(value.get("object"), str):
        return differences(value)
    return compare(value, inner, where) if inner else []


def words(value, hint, where):
    """Of a field with fixed words, one that is not among them."""
    allowed = []
    for part in [hint, *typing.get_args(hint)]:
        if typing.get_origin(part) is typing.Literal:
            allowed += typing.get_args(part)
    if not allowed or not isinstance(value, str) or value in allowed:
        return []
    return [f"{where}: {value!r} is none of {allowed}"]


def planted():
    """The check finds what is planted, so that its silence means something."""
    refund = {field: None for field in PRESENT["refund"]}
    refund |= {"object": "refund", "id": "re_1", "amount": 1, "created": 1, "currency": "idr"}
    assert differences(refund) == []
    for change, said in [
        ({"colour": "red"}, "refund.colour: invented"),
        ({"reason": "regret"}, "refund.reason: 'regret' is none of"),
        ({"amount": None}, "refund.amount: null"),
        ({"next_action": {"typ": "x"}}, "refund.next_action.typ: invented"),
    ]:
        assert any(each.startswith(said) for each in differences({**refund, **change})), said
    without = lambda name: {key: refund[key] for key in refund if key != name}
    assert "refund.amount: missing" in differences(without("amount"))
    assert differences(without("reason")) == ["refund.reason: absent"]


def main(base):
    import urllib.request

    def get(path):
        request = urllib.request.Request(base + path, headers={"Authorization": "Bearer sk_test_shapes"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def pages(path):
        separator, after = "&" if "?" in path else "?", ""
        while True:
            page = get(f"{path}{separator}limit=100{after}")
            yield from page["data"]
            if not page["has_more"]:
                return
            after = f"&starting_after={page['data'][-1]['id']}"

    planted()
    lists = [
        "customers", "products", "tax_rates", "invoiceitems", "invoices", "invoice_payments", "payment_intents", "charges",
        "balance_transactions", "refunds", "credit_notes", "disputes", "radar/early_fraud_warnings", "webhook_endpoints",
        "events",
    ]
    seen = {kind: list(pages(f"/v1/{kind}")) for kind in lists}
    assert all(seen.values()), [kind for kind in lists if not seen[kind]]
    objects = [get("/v1/account"), get("/v1/balance")] + [each for kind in lists for each in seen[kind]]
    for customer in seen["customers"]:
        for kind in ["tax_ids", "balance_transactions"]:
            objects += pages(f"/v1/customers/{customer['id']}/{kind}")
    for invoice in seen["invoices"]:
        objects += pages(f"/v1/invoices/{invoice['id']}/lines")
        for line in invoice["lines"]["data"]:
            objects.append(get(f"/v1/prices/{line['pricing']['price_details']['price']}"))
        objects.append(get(f"/v1/invoices/{invoice['id']}?expand[]=payments.data.payment.payment_intent"))
    found = sorted({each for answer in objects for each in differences(answer)})
    assert not found, "\n".join(found)
    kinds = {each["object"] for each in objects}
    print(f"{len(objects)} answers of {len(kinds)} kinds, each as the SDK knows it")
    print("all well")


if __name__ == "__main__":
    import sys

    main(sys.argv[1])
