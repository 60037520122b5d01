//! A top-up of 1000 credits and its invoice, for tests of the rules.

use crate::{
    Actor, Author, Cause, Currency, Deployment, Entitlement, Evidence, InvoiceLink, InvoiceStatus, Limits,
    OrgId, Payment, PaymentKind, Policy, PriceList, Status, Timestamp, TopUp, TopUpId,
};

pub(crate) const POLICY: Policy = Policy { accept_out_of_band: false, review_working_days: 2 };

/// A provider that takes whole hundreds up to a limit.
pub(crate) const LIMITS: Limits =
    Limits { payable_step: |_| 100, smallest_amount: |_| 1, largest_amount: |_| 999_999_999_999 };

pub(crate) fn now() -> Timestamp {
    Timestamp::parse("2026-11-23T10:00:00Z").unwrap()
}

pub(crate) fn worker() -> Author {
    Author { actor: Actor::System, cause: Cause::Event("evt_1".to_owned()) }
}

pub(crate) fn top_up(status: Status) -> TopUp {
    let list = PriceList::from_json(
        r#"{"version":"v1","default_currency":"IDR","currencies":{"IDR":{"unit_price":25000,"tax_percent":"11",
        "minimum_credits":1000,"maximum_credits":100000,"presets":[1000],"low_below":200}}}"#,
        LIMITS,
    );
    let purchase = list.unwrap().quote(Currency::IDR, None).unwrap().purchase;
    let org = OrgId::parse("acme").unwrap();
    let mut top_up = TopUp::requested(TopUpId::new(now()), org, purchase, &Actor::System, now(), 72 * 3600);
    top_up.payer = Some("cus_1".to_owned());
    top_up.invoice = Some(link("in_1"));
    top_up.status = status;
    if status == Status::Paid {
        top_up.payment = Some("pi_1".to_owned());
        top_up.posted = Entitlement { granted: top_up.purchase.credits, ..Entitlement::default() };
    }
    if !status.is_unfinished() {
        top_up.due_at = None;
    }
    top_up
}

pub(crate) fn link(id: &str) -> InvoiceLink {
    InvoiceLink { id: id.to_owned(), number: None, pay_url: None, pdf: None }
}

pub(crate) fn invoice(of: &TopUp, status: InvoiceStatus) -> Evidence {
    let paid = status == InvoiceStatus::Paid;
    let total = of.purchase.total.minor_units;
    Evidence {
        invoice: link("in_1"),
        currency: Currency::IDR,
        total,
        amount_due: total,
        amount_paid: if paid { total } else { 0 },
        amount_overpaid: 0,
        from_balance: 0,
        payer: Some("cus_1".to_owned()),
        right_mode: true,
        deployment: Deployment::Ours,
        top_up: Some(of.id.clone()),
        org: Some(of.org.clone()),
        paid_at: paid.then(now),
        payments: vec![Payment { kind: PaymentKind::ThroughProvider, paid, id: Some("pi_1".to_owned()) }],
        returned: None,
        failure: None,
        status,
    }
}
