//! The keys of the functions: their mode, and what each may do, tried on objects that do not exist.
//!
//! Stripe answers 403 to a key that may not, and 404 where only the object is missing, so that nothing is changed. That it
//! looks at the permission first is unproven (`permission-before-object` in docs/unproven.md), and is tried on what no key may do.

use super::report::{Finding, Report};
use super::settings::{Settings, is_live};
use crate::obstacle::Obstacle;
use crate::stripe_http::{Answer, Http};

/// A permission by Stripe's name, by the name in its dashboard, and a call that needs just this one.
const PROBES: [(&str, &str, Call); 17] = [
    ("rak_customer_write", "Customers: write", Call::Post("/customers/cus_SaldoDoctor")),
    ("rak_invoice_write", "Invoices: write", Call::Post("/invoices/in_SaldoDoctor/void")),
    ("rak_invoice_read", "Invoices: read", Call::Get("/invoices/in_SaldoDoctor")),
    ("rak_invoice_item_write", "Invoice items: write", Call::Post("/invoiceitems/ii_SaldoDoctor")),
    ("rak_plan_write", "Prices: write", Call::Post("/prices/price_SaldoDoctor")),
    ("rak_product_write", "Products: write", Call::Post("/products/prod_SaldoDoctor")),
    ("rak_product_read", "Products: read", Call::Get("/products/prod_SaldoDoctor")),
    ("rak_tax_rate_write", "Tax rates: write", Call::Post("/tax_rates/txr_SaldoDoctor")),
    ("rak_invoice_payment_read", "Invoice payments: read", Call::Get("/invoice_payments/inpay_SaldoDoctor")),
    ("rak_payment_intent_read", "Payment intents: read", Call::Get("/payment_intents/pi_SaldoDoctor")),
    ("rak_charge_read", "Charges and refunds: read", Call::Get("/charges/ch_SaldoDoctor")),
    ("rak_dispute_read", "Disputes: read", Call::Get("/disputes/dp_SaldoDoctor")),
    ("rak_credit_note_read", "Credit notes: read", Call::Get("/credit_notes/cn_SaldoDoctor")),
    ("rak_credit_note_write", "Credit notes: write", Call::Post("/credit_notes/cn_SaldoDoctor")),
    ("rak_event_read", "Events: read", Call::Get("/events/evt_SaldoDoctor")),
    ("rak_charge_write", "Charges and refunds: write", Call::Post("/refunds/re_SaldoDoctor")),
    (
        "rak_payment_intent_write",
        "Payment intents: write",
        Call::Post("/payment_intents/pi_SaldoDoctor/cancel"),
    ),
];

#[derive(Clone, Copy)]
enum Call {
    Get(&'static str),
    Post(&'static str),
}

/// Whether each key is of the mode that the deployment is configured for.
pub(super) fn modes(settings: &Settings, report: &mut Report) {
    let mode = |live: bool| if live { "live" } else { "test" };
    let configured = mode(settings.livemode);
    for (name, key) in [("write_key", &settings.write_key), ("read_key", &settings.read_key)] {
        let (what, seen) = (format!("{name}: mode"), mode(is_live(key)));
        report.add(if seen == configured {
            Finding::right(what, seen)
        } else {
            let advice = format!("StripeLivemode says {configured}: take a {configured} key, or set it anew");
            Finding::to_mend(what, seen, advice)
        });
    }
}

/// Whether a key may do each of these.
pub(super) async fn permissions(http: &Http, name: &str, needed: &[&str], report: &mut Report) {
    for permission in needed {
        let Some((_, words, call)) = PROBES.iter().find(|(known, _, _)| known == permission) else {
            let what = format!("{name}: {permission}");
            report.add(Finding::not_looked_at(what, "no call is known that needs it alone", ""));
            continue;
        };
        let what = format!("{name}: {words}");
        report.add(match tried(http, *call).await {
            Err(obstacle) => Finding::not_looked_at(what, obstacle, "try again"),
            Ok(answer) => match answer.status {
                200 | 404 => Finding::right(what, "may"),
                401 => Finding::to_mend(
                    what,
                    "Stripe knows no such key",
                    format!("put a key that is not rolled or expired into {name}"),
                ),
                403 => Finding::to_mend(what, "may not", format!("give {name} {words} ({permission})")),
                _ => Finding::not_looked_at(
                    what,
                    answer.refusal(),
                    "look the refusal up in Stripe's request log",
                ),
            },
        });
    }
}

/// Whether the keys may do nothing that no function asks: the read key change customers, the write key take payments.
pub(super) async fn no_more_than_needed(write: &Http, read: &Http, report: &mut Report) {
    let controls =
        [("read_key", read, "rak_customer_write"), ("write_key", write, "rak_payment_intent_write")];
    for (name, http, permission) in controls {
        let Some((_, words, call)) = PROBES.iter().find(|(known, _, _)| *known == permission) else {
            continue;
        };
        let what = format!("{name}: not {words}");
        report.add(match tried(http, *call).await {
            Err(obstacle) => Finding::not_looked_at(what, obstacle, "try again"),
            Ok(answer) if answer.status == 403 => Finding::right(what, "may not"),
            Ok(answer) if [200, 404].contains(&answer.status) => Finding::to_mend(
                what,
                "may, or Stripe looks for the object first",
                "make it a restricted key without this; if it is one, nothing above proves a permission: run check-stripe",
            ),
            Ok(answer) => Finding::not_looked_at(what, answer.refusal(), "see the rows of this key"),
        });
    }
}

async fn tried(http: &Http, call: Call) -> Result<Answer, Obstacle> {
    match call {
        Call::Get(path) => http.get(path).await,
        Call::Post(path) => http.post(path, &[]).await,
    }
}

#[cfg(test)]
mod tests {
    use saldo_adapters::stripe::{OPERATE_KEY, READ_KEY, WRITE_KEY, WRITE_KEY_WITH_PRODUCT};

    use super::*;

    #[test]
    fn each_permission_of_a_key_can_be_tried() {
        for needed in [&WRITE_KEY[..], &WRITE_KEY_WITH_PRODUCT, &OPERATE_KEY, &READ_KEY].concat() {
            assert!(PROBES.iter().any(|(known, _, _)| *known == needed), "{needed}");
        }
    }
}
