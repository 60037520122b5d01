"""Drives the Stripe stand-in with Stripe's SDK: drive.py API_BASE WEBHOOK_PORT WEBHOOK_SECRET."""

import queue
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import stripe

API_BASE, WEBHOOK_PORT, WEBHOOK_SECRET = sys.argv[1], int(sys.argv[2]), sys.argv[3]
deliveries = queue.Queue()


class Endpoint(BaseHTTPRequestHandler):
    """Hands every delivery to the main thread and acknowledges it."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        deliveries.put((body, self.headers["Stripe-Signature"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def refused(kind, call, **expected):
    """Checks that a call raises this error, with these attributes."""
    try:
        call()
    except kind as error:
        for name, value in expected.items():
            assert getattr(error, name) == value, (name, getattr(error, name), value)
        return error
    raise AssertionError(f"{kind.__name__} was expected")


def draft(customer, currency, unit_amount, tax=None):
    invoice = stripe.Invoice.create(
        customer=customer, currency=currency, collection_method="send_invoice", days_until_due=3, auto_advance=False,
        discounts="", pending_invoice_items_behavior="exclude", metadata={"top_up_id": "top_1"},
        automatic_tax={"enabled": False}, description="Saldo top-up", footer="Thank you", issuer={"type": "self"},
    )
    line = {
        "description": "1,000 credits", "quantity": 1000,
        "price_data": {"currency": currency, "unit_amount": unit_amount, "product_data": {"name": "Credits"}},
    }
    if tax:
        rate = {"display_name": "PPN", "percentage": 11, "inclusive": False, "country": "ID"}
        line["tax_amounts"] = [{"amount": tax, "taxable_amount": unit_amount * 1000, "tax_rate_data": rate}]
    return stripe.Invoice.add_lines(invoice.id, lines=[line])


def main():
    stripe.api_base, stripe.api_key, stripe.max_network_retries = API_BASE, "sk_test_saldo", 0
    server = HTTPServer(("127.0.0.1", WEBHOOK_PORT), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    assert stripe.Balance.retrieve().livemode is False
    customer = stripe.Customer.create(name="Acme", email="billing@acme.example", metadata={"org": "acme"})
    assert stripe.Customer.modify(customer.id, metadata={"plan": "a"}).metadata.to_dict() == {"org": "acme", "plan": "a"}
    repeated = [stripe.Customer.create(name="Once", idempotency_key="once").id for _ in range(2)]
    assert repeated[0] == repeated[1]
    refused(stripe.IdempotencyError, lambda: stripe.Customer.create(name="Twice", idempotency_key="once"))
    refused(stripe.AuthenticationError, lambda: stripe.Customer.list(api_key="sk_live_1"), http_status=401)
    refused(stripe.InvalidRequestError, lambda: stripe.Customer.retrieve("cus_x"), code="resource_missing")
    refused(stripe.InvalidRequestError, lambda: stripe.Customer.create(nick="A"), code="parameter_unknown", param="nick")

    # Rupiah: two decimals, tax, paid after a card was declined.
    invoice = draft(customer.id, "idr", 25_000, tax=2_750_000)
    assert (invoice.total, invoice.subtotal, invoice.status) == (27_750_000, 25_000_000, "draft")
    refused(stripe.InvalidRequestError, lambda: stripe.Invoice.void_invoice(invoice.id), http_status=400)
    invoice = stripe.Invoice.finalize_invoice(invoice.id)
    assert invoice.status == "open" and invoice.hosted_invoice_url and invoice.invoice_pdf and invoice.number
    poor = "pm_card_chargeDeclinedInsufficientFunds"
    declined = refused(stripe.CardError, lambda: stripe.Invoice.pay(invoice.id, payment_method=poor), code="card_declined")
    assert declined.error.decline_code == "insufficient_funds"
    invoice = stripe.Invoice.pay(
        invoice.id, payment_method="pm_card_visa", expand=["payments.data.payment.payment_intent"]
    )
    payment = invoice.payments.data[0]
    assert (invoice.status, invoice.amount_paid, payment.status) == ("paid", 27_750_000, "paid")
    assert payment.payment.payment_intent.status == "succeeded"
    found = stripe.InvoicePayment.list(
        payment={"type": "payment_intent", "payment_intent": payment.payment.payment_intent.id}
    )
    assert [each.invoice for each in found.data] == [invoice.id]
    charge = stripe.Charge.retrieve(payment.payment.payment_intent.latest_charge)
    assert charge.paid and charge.amount == 27_750_000

    # Dollars: voided, deleted, marked, paid out of band.
    voided = stripe.Invoice.finalize_invoice(draft(customer.id, "usd", 2).id)
    assert stripe.Invoice.void_invoice(voided.id).status == "void"
    gone = draft(customer.id, "usd", 2)
    assert stripe.Invoice.delete(gone.id).deleted
    refused(stripe.InvalidRequestError, lambda: stripe.Invoice.retrieve(gone.id), http_status=404)
    marked = stripe.Invoice.finalize_invoice(draft(customer.id, "usd", 2).id)
    assert stripe.Invoice.mark_uncollectible(marked.id).status == "uncollectible"
    outside = stripe.Invoice.finalize_invoice(draft(customer.id, "usd", 2).id)
    assert stripe.Invoice.pay(outside.id, paid_out_of_band=True).status == "paid"

    # Lists page by themselves.
    listed = [each.id for each in stripe.Invoice.list(customer=customer.id, limit=2).auto_paging_iter()]
    assert listed == [outside.id, marked.id, voided.id, invoice.id], listed
    recent = stripe.Invoice.list(customer=customer.id, status="paid", created={"gte": invoice.created})
    assert [each.id for each in recent] == [outside.id, invoice.id]
    lines = stripe.Invoice.list_lines(invoice.id)
    assert [line.amount for line in lines.data] == [25_000_000]
    assert any(event.type == "invoice.finalized" for event in stripe.Event.list(limit=100).auto_paging_iter())

    # The SDK accepts the signatures, and refuses a forged body.
    wanted = {
        "invoice.paid": 2, "invoice.payment_failed": 1, "invoice.voided": 1, "invoice.marked_uncollectible": 1,
        "invoice_payment.paid": 1,
    }
    seen = {}
    while seen != wanted:
        body, signature = deliveries.get(timeout=10)
        event = stripe.Webhook.construct_event(body, signature, WEBHOOK_SECRET)
        assert event.data.object.object in ("invoice", "invoice_payment") and event.livemode is False
        seen[event.type] = seen.get(event.type, 0) + 1
        assert seen[event.type] <= wanted.get(event.type, 0), seen
        refused(
            stripe.SignatureVerificationError,
            lambda: stripe.Webhook.construct_event(body + b" ", signature, WEBHOOK_SECRET),
        )
    print("all well")


main()
