"""Money that comes back, through Stripe's SDK and the buttons of the stand-in's first page: returns.py API_BASE."""

import sys
import urllib.parse
import urllib.request

import stripe

API_BASE = sys.argv[1]


def refused(kind, call, **expected):
    try:
        call()
    except kind as error:
        for name, value in expected.items():
            assert getattr(error, name) == value, (name, getattr(error, name), value)
        return error
    raise AssertionError(f"{kind.__name__} was expected")


def press(button, charge):
    """A button of the first page, as staff press it."""
    page = urllib.request.urlopen(API_BASE + "/").read().decode()
    assert f'value="{charge}"' in page and f'value="{button}"' in page, button
    form = urllib.parse.urlencode({"action": button, "charge": charge}).encode()
    urllib.request.urlopen(API_BASE + "/", form)


def paid(customer, unit_amount=10, quantity=1000, method="pm_card_visa"):
    """A paid invoice of dollars, its payment intent and its charge."""
    invoice = stripe.Invoice.create(
        customer=customer, currency="usd", collection_method="send_invoice", days_until_due=3, discounts="",
    )
    product = {"currency": "usd", "unit_amount": unit_amount, "product_data": {"name": "Credits"}}
    rate = {"display_name": "VAT", "percentage": 10, "inclusive": False}
    subtotal = unit_amount * quantity
    tax = [{"amount": subtotal // 10, "taxable_amount": subtotal, "tax_rate_data": rate}]
    stripe.Invoice.add_lines(invoice.id, lines=[{"quantity": quantity, "price_data": product, "tax_amounts": tax}])
    stripe.Invoice.finalize_invoice(invoice.id)
    invoice = stripe.Invoice.pay(invoice.id, payment_method=method, expand=["payments.data.payment.payment_intent"])
    intent = invoice.payments.data[0].payment.payment_intent
    return invoice, intent.id, intent.latest_charge


def types_since(mark, *types):
    return [event.type for event in reversed(stripe.Event.list(types=list(types), created={"gte": mark}).data)]


def refunds(customer):
    invoice, intent, charge = paid(customer)
    total = invoice.total
    one = stripe.Refund.create(payment_intent=intent, amount=1000, reason="requested_by_customer", metadata={"_why": "x"})
    assert (one.status, one.amount, one.charge, one.payment_intent) == ("succeeded", 1000, charge, intent)
    assert one.metadata.to_dict() == {"_why": "x"}, "keys that begin with an underscore are the seller's own"
    entry = stripe.BalanceTransaction.retrieve(one.balance_transaction)
    assert (entry.type, entry.amount) == ("refund", -1000)
    seen = stripe.Charge.retrieve(charge)
    assert (seen.amount_refunded, seen.refunded) == (1000, False)
    too_much = lambda: stripe.Refund.create(charge=charge, amount=total)
    refused(stripe.InvalidRequestError, too_much, code="amount_too_large", http_status=400)
    rest = stripe.Refund.create(charge=charge)
    assert rest.amount == total - 1000 and stripe.Charge.retrieve(charge).refunded
    again = lambda: stripe.Refund.create(charge=charge)
    refused(stripe.InvalidRequestError, again, code="charge_already_refunded")
    refused(stripe.InvalidRequestError, lambda: stripe.Refund.create(charge="ch_x"), code="resource_missing", param="charge")
    refused(stripe.InvalidRequestError, lambda: stripe.Refund.create(), code=None)
    refused(stripe.InvalidRequestError, lambda: stripe.Refund.cancel(one.id), http_status=400)
    assert [each.id for each in stripe.Refund.list(payment_intent=intent).auto_paging_iter()] == [rest.id, one.id]
    found = stripe.InvoicePayment.list(payment={"type": "payment_intent", "payment_intent": intent})
    assert [each.invoice for each in found.data] == [invoice.id], "a refund leads back to its invoice"

    press("fail_refund", charge)
    failed = stripe.Refund.retrieve(rest.id, expand=["failure_balance_transaction"])
    assert (failed.status, failed.failure_balance_transaction.amount) == ("failed", rest.amount)
    assert stripe.Refund.create(charge=charge).amount == rest.amount, "what failed can be refunded anew"
    assert stripe.Charge.retrieve(charge, expand=["refunds"]).refunds.data[-1].id == one.id


def disputes(customer):
    for ending, amounts in [("win", [-11_000, 11_000]), ("lose", [-11_000])]:
        _, intent, charge = paid(customer)
        press("dispute", charge)
        [dispute] = stripe.Dispute.list(payment_intent=intent).data
        assert (dispute.status, dispute.amount, dispute.charge) == ("needs_response", 11_000, charge)
        refused(stripe.InvalidRequestError, lambda: stripe.Refund.create(charge=charge), code="charge_disputed")
        press(ending, charge)
        dispute = stripe.Dispute.retrieve(dispute.id)
        assert dispute.status == {"win": "won", "lose": "lost"}[ending]
        assert [each.amount for each in dispute.balance_transactions] == amounts
        assert stripe.Charge.retrieve(charge).disputed
    _, _, charge = paid(customer)
    press("dispute", charge)
    dispute = stripe.Dispute.list(charge=charge).data[0]
    dispute = stripe.Dispute.modify(dispute.id, evidence={"uncategorized_text": "They were sent."}, submit=True)
    assert (dispute.status, dispute.evidence_details.submission_count) == ("under_review", 1)
    assert stripe.Dispute.close(dispute.id).status == "lost"


def credit_notes(customer):
    invoice, intent, charge = paid(customer)
    line = invoice.lines.data[0].id
    half = [{"type": "invoice_line_item", "invoice_line_item": line, "quantity": 500}]
    wrong = lambda: stripe.CreditNote.create(invoice=invoice.id, lines=half, refund_amount=5000)
    refused(stripe.InvalidRequestError, wrong, http_status=400)
    note = stripe.CreditNote.create(
        invoice=invoice.id, lines=half, refund_amount=5000, credit_amount=400, out_of_band_amount=100,
        reason="order_change", memo="Half of it", email_type="none",
    )
    assert (note.amount, note.subtotal, note.total_taxes[0].amount) == (5500, 5000, 500)
    assert (note.status, note.type, note.post_payment_amount, note.out_of_band_amount) == ("issued", "post_payment", 5500, 100)
    assert note.number == f"{invoice.number}-CN-01"
    assert urllib.request.urlopen(note.pdf).read().startswith(b"%PDF")
    assert stripe.Refund.retrieve(note.refunds[0].refund).amount == note.refunds[0].amount_refunded == 5000
    assert stripe.Customer.retrieve(customer).balance == -400
    assert stripe.Invoice.retrieve(invoice.id).post_payment_credit_notes_amount == 5500
    refused(stripe.InvalidRequestError, lambda: stripe.CreditNote.void_credit_note(note.id), http_status=400)

    refund = stripe.Refund.create(payment_intent=intent, amount=1100)
    linked = stripe.CreditNote.create(invoice=invoice.id, amount=1100, refunds=[{"refund": refund.id}])
    assert linked.refunds[0].refund == refund.id and len(stripe.Refund.list(charge=charge).data) == 2
    listed = [each.id for each in stripe.CreditNote.list(invoice=invoice.id).auto_paging_iter()]
    assert listed == [linked.id, note.id]

    other = stripe.Customer.create(name="Other", email="other@acme.example").id
    opened = stripe.Invoice.create(
        customer=other, currency="usd", collection_method="send_invoice", days_until_due=3, discounts="",
    )
    stripe.Invoice.add_lines(opened.id, lines=[{"amount": 3000, "description": "Credits"}])
    stripe.Invoice.finalize_invoice(opened.id)
    before = stripe.CreditNote.create(invoice=opened.id, amount=1000)
    seen = stripe.Invoice.retrieve(opened.id)
    assert (before.type, seen.amount_remaining, seen.total) == ("pre_payment", 2000, 3000)
    assert stripe.CreditNote.void_credit_note(before.id).status == "void"
    assert stripe.Invoice.retrieve(opened.id).amount_remaining == 3000


def main():
    stripe.api_base, stripe.api_key, stripe.max_network_retries = API_BASE, "sk_test_saldo", 0
    customer = stripe.Customer.create(
        name="Acme", email="billing@acme.example", tax_id_data=[{"type": "id_npwp", "value": "012345678901234"}],
    ).id
    mark = stripe.Customer.retrieve(customer).created
    refunds(customer)
    told = types_since(mark, "refund.created", "refund.updated", "refund.failed", "charge.refunded")
    assert told[:2] == ["refund.created", "charge.refunded"], told
    assert told.count("refund.failed") == 1 and told.count("refund.updated") == 1, told
    disputes(customer)
    told = types_since(mark, "charge.dispute.created", "charge.dispute.closed", "charge.dispute.funds_withdrawn",
                       "charge.dispute.funds_reinstated")
    assert {kind: told.count(kind) for kind in told} == {
        "charge.dispute.created": 3, "charge.dispute.funds_withdrawn": 3, "charge.dispute.closed": 3,
        "charge.dispute.funds_reinstated": 1,
    }, told
    credit_notes(customer)
    told = types_since(mark, "credit_note.created", "credit_note.voided")
    assert told == ["credit_note.created"] * 3 + ["credit_note.voided"], told
    print("all well")


main()
