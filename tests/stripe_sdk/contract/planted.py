"""Plants differences in exchanges that are right, and demands that each is found: planted.py RECORDING…

A recording of the product's main journeys has every exchange that is needed here.
"""

import copy
import json
import sys

from checker import Contract
from known import KNOWN
from recording import exchanges
from routes import Routes

INVOICES = "/v1/invoices"


def asked(method, path, /, **changes):
    """A request of the product to be altered: `body`, `query` by (from, to), anything else as it is given."""
    return "request", method, path, changes


def answered(method, path, change, status=200):
    """An answer to be altered by `change`, which takes its JSON."""
    return "answer", method, path, (change, status)


def put(*path_and_value):
    *path, name, value = path_and_value

    def change(answer):
        inside(answer, path)[name] = value

    return change


def drop(*path):
    def change(answer):
        del inside(answer, path[:-1])[path[-1]]

    return change


def inside(answer, path):
    for step in path:
        answer = answer[step]
    return answer


ADD, NEW, ONE = f"{INVOICES}/{{invoice}}/add_lines", INVOICES, f"{INVOICES}/{{invoice}}"
LINE = "lines[0][price_data][currency]=idr"
FIRST_PAYMENT = ("payments", "data", 0)

PLANTED = {
    f"request POST {ADD} lines[][colour]: invented parameter": asked("POST", ADD, body=(LINE, f"{LINE}&lines[0][colour]=red")),
    f"request POST {NEW} colour: invented parameter": asked("POST", NEW, body=("currency=", "colour=red&currency=")),
    f"request GET {NEW} colour: invented parameter": asked("GET", NEW, query=("limit=", "colour=red&limit=")),
    f"request POST {ADD} lines[][unit_amount]: invented parameter": asked("POST", ADD, body=("[price_data][unit_amount]", "[unit_amount]")),
    f"request POST {ADD} lines: wrong nesting: an object is not taken here": asked("POST", ADD, body=("lines[0]", "lines")),
    f"request POST {ADD} lines: wrong nesting: 'all' where an object or a list is taken": asked("POST", ADD, replaced="lines=all"),
    f"request POST {NEW} metadata: wrong nesting: its values are texts": asked("POST", NEW, body=("metadata[org_id]", "metadata[org_id][x]")),
    f"request POST {NEW} currency: wrong nesting: a list is not taken here": asked("POST", NEW, body=("currency=", "currency[]=")),
    f"request POST {ADD} lines[][price_data][currency]: missing required parameter": asked("POST", ADD, body=(LINE, "")),
    f"request POST {ADD} lines: missing required parameter": asked("POST", ADD, replaced="expand[0]=lines"),
    f"request POST {NEW} collection_method: unknown value 'by_pigeon'": asked("POST", NEW, body=("=send_invoice", "=by_pigeon")),
    f"request POST {NEW} days_until_due: wrong type: 'soon'": asked("POST", NEW, body=("days_until_due=3", "days_until_due=soon")),
    f"request POST {NEW} auto_advance: wrong type: 'no'": asked("POST", NEW, body=("auto_advance=false", "auto_advance=no")),
    f"request GET {ONE} expand[]: 'payments.who' names nothing that can be expanded": asked("GET", ONE, query=("payments.data.payment.payment_intent", "payments.who")),
    "request POST /v1/invoices/in_1/finalise: Stripe has no such path": asked("POST", f"{ONE}/finalize", path="/v1/invoices/in_1/finalise"),
    "request GET /v1/invoices/in_1/finalize: Stripe has no such path": asked("POST", f"{ONE}/finalize", method="GET", path="/v1/invoices/in_1/finalize"),
    f"request POST {NEW} Stripe-Version: is '2019-01-01', not '2026-09-30.endive'": asked("POST", NEW, version="2019-01-01"),
    f"request POST {NEW} Idempotency-Key: is missing: the request cannot be repeated": asked("POST", NEW, idempotent=False),
    "answer Invoice.colour: invented field": answered("GET", ONE, put("colour", "red")),
    "answer InvoicePayment.Payment.colour: invented field": answered("GET", ONE, put(*FIRST_PAYMENT, "payment", "colour", "red")),
    "answer PaymentIntent.colour: invented field": answered("GET", ONE, put(*FIRST_PAYMENT, "payment", "payment_intent", "colour", 1)),
    "answer list.colour: invented field": answered("GET", ONE, put("lines", "colour", 1)),
    "answer Invoice.total: missing field": answered("GET", ONE, drop("total")),
    "answer InvoiceLineItem.amount: missing field": answered("GET", ONE, drop("lines", "data", 0, "amount")),
    "answer list.has_more: missing field": answered("GET", ONE, drop("lines", "has_more")),
    "answer Invoice.total: wrong type: '27750000'": answered("GET", ONE, put("total", "27750000")),
    "answer Invoice.livemode: wrong type: 0": answered("GET", ONE, put("livemode", 0)),
    "answer Invoice.lines: wrong type: a list": answered("GET", ONE, put("lines", [])),
    "answer Invoice.customer: wrong type: an object 'charge'": answered("GET", ONE, put("customer", {"object": "charge"})),
    "answer Invoice.total: null, and never null at Stripe": answered("GET", ONE, put("total", None)),
    "answer Invoice.status: unknown value 'settling'": answered("GET", ONE, put("status", "settling")),
    f"answer GET {ONE}: wrong type: an object 'bill'": answered("GET", ONE, put("object", "bill")),
    "answer Invoice.total: a deleted object has id, object and deleted only": answered("DELETE", ONE, put("total", 1)),
    "answer Event.Data.object: no object of Stripe is a 'bill'": answered("GET", "/v1/events", put("data", 0, "data", "object", "object", "bill")),
    "answer Customer.colour: invented field": answered("GET", "/v1/customers", put("data", 0, "colour", 1)),
    "answer ErrorObject.colour: invented field": answered("POST", ADD, put("error", "colour", 1), status=400),
    "answer ErrorObject.type: unknown value 'bad_luck'": answered("POST", ADD, put("error", "type", "bad_luck"), status=400),
    "answer error answer: has the shape of no error of Stripe": answered("POST", ADD, put("message", "no"), status=400),
}

REFUSED = {"error": {"type": "invalid_request_error", "message": "No such invoice", "code": "resource_missing"}}


def main():
    routes = Routes()
    recorded = list(exchanges(sys.argv[1:]))
    for expected, (side, method, path, change) in PLANTED.items():
        right = chosen(routes, recorded, side, method, path, change)
        assert found(routes, right) == set(), (expected, found(routes, right))
        wrong = copy.deepcopy(right)
        alter(wrong, side, change)
        assert found(routes, wrong) == {expected}, f"expected {expected!r}, found {found(routes, wrong)}"
    print(f"{len(PLANTED)} planted differences found")


def chosen(routes, recorded, side, method, path, change):
    """The first exchange of this call that has what is altered."""
    for exchange in recorded:
        route = routes.of(exchange["method"], exchange["path"])
        if str(route) != f"{method} {path}" or exchange["status"] != 200:
            continue
        exchange = copy.deepcopy(exchange)
        if side == "request" and exchange["user_agent"].startswith("Saldo/") and alterable(exchange, change):
            return exchange
        if side == "answer" and change[1] != 200:
            return {**exchange, "status": change[1], "answer": json.dumps(REFUSED)}
        if side == "answer":
            try:
                change[0](json.loads(exchange["answer"]))
            except (KeyError, IndexError, TypeError):
                continue
            return exchange
    raise AssertionError(f"no exchange {method} {path} to alter with {change}")


def alterable(exchange, changes):
    return all(change[0] in exchange[name] for name, change in changes.items() if isinstance(change, tuple))


def alter(exchange, side, change):
    if side == "answer":
        answer = json.loads(exchange["answer"])
        change[0](answer)
        exchange["answer"] = json.dumps(answer)
        return
    for name, new in change.items():
        if isinstance(new, tuple):
            exchange[name] = exchange[name].replace(*new)
        elif name == "replaced":
            exchange["body"] = new
        else:
            exchange[name] = new


def found(routes, exchange):
    contract = Contract(routes)
    contract.check(exchange)
    return set(contract.found) - set(KNOWN)


main()
