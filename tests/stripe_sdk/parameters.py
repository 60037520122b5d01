"""Each parameter that Stripe's SDK knows is either taken or refused as not supported, never as unknown: parameters.py API_BASE."""

import importlib
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

API_BASE = sys.argv[1]


def post(path, form):
    headers = {"Authorization": "Bearer sk_test_parameters"}
    request = urllib.request.Request(API_BASE + path, urllib.parse.urlencode(form).encode(), headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


def known(module, name):
    hints = getattr(importlib.import_module(f"stripe.params._{module}"), name).__annotations__
    own = {"api_key", "idempotency_key", "stripe_account", "stripe_context", "stripe_version", "max_network_retries",
           "additional_headers", "content_type", "headers"}
    return sorted(set(hints) - own)


def is_unknown(path, form, name):
    error = post(path, {**form, name: "x"}).get("error", {})
    unknown = error.get("code") == "parameter_unknown" and error.get("param") == name
    return unknown and "not supported by the stand-in" not in error["message"]


def main():
    customer = post("/v1/customers", {"email": "a@acme.example"})["id"]
    draft = {"customer": customer, "collection_method": "send_invoice", "days_until_due": 3, "currency": "usd"}
    invoice, unpaid = [post("/v1/invoices", draft)["id"] for _ in range(2)]
    for each in [invoice, unpaid]:
        post(f"/v1/invoices/{each}/add_lines", {"lines[0][amount]": 100_000})
        post(f"/v1/invoices/{each}/finalize", {})
    paid = post(f"/v1/invoices/{invoice}/pay", {"payment_method": "pm_card_visa", "expand[]": "payments.data.payment.payment_intent"})
    charge = paid["payments"]["data"][0]["payment"]["payment_intent"]["latest_charge"]
    amount = {"amount": 100, "currency": "usd"}
    checked = 0
    for path, form, module, name in [
        ("/v1/customers", {}, "customer_create_params", "CustomerCreateParams"),
        (f"/v1/customers/{customer}", {}, "customer_modify_params", "CustomerModifyParams"),
        ("/v1/invoices", draft, "invoice_create_params", "InvoiceCreateParams"),
        (f"/v1/invoices/{unpaid}/pay", {"payment_method": "pm_card_chargeDeclined"}, "invoice_pay_params", "InvoicePayParams"),
        ("/v1/invoiceitems", {"customer": customer, **amount}, "invoice_item_create_params", "InvoiceItemCreateParams"),
        ("/v1/products", {"name": "A"}, "product_create_params", "ProductCreateParams"),
        ("/v1/tax_rates", {"display_name": "A", "percentage": 1, "inclusive": "false"}, "tax_rate_create_params",
         "TaxRateCreateParams"),
        ("/v1/refunds", {"charge": charge, "amount": 1}, "refund_create_params", "RefundCreateParams"),
        ("/v1/credit_notes", {"invoice": invoice, "amount": 1, "out_of_band_amount": 1}, "credit_note_create_params",
         "CreditNoteCreateParams"),
        ("/v1/payment_intents", {**amount, "confirm": "true", "payment_method": "pm_card_visa"},
         "payment_intent_create_params", "PaymentIntentCreateParams"),
    ]:
        names = known(module, name)
        assert is_unknown(path, form, "nonsense"), f"{path}: nonsense is taken"
        unknown = [each for each in names if is_unknown(path, form, each)]
        assert not unknown, f"{path}: {unknown}"
        checked += len(names)
    print(f"{checked} parameters of Stripe's are taken or refused by name")
    print("all well")


main()
