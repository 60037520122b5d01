//! Money that went back, as the pages tell of it: with the real API, from the payment on.
use saldo_adapters::clock::Clock;
use saldo_stripe_stand_in::{DisputeKind, DisputeStep, Method, RefundStep};
use serde_json::{Value, json};

use super::page::{Page, Reader};
use super::stack::{Person, elsewhere, stack, top_up_elsewhere};
use crate::support::system;

/// Somebody who may also spend, so that credits are gone when their money comes back.
fn person(organisation: &'static str) -> Person {
    Person::of(organisation).who_may("billing:view,billing:subscribe,credits:spend")
}

/// A top-up of 1000 credits that was paid by card; gives its invoice.
fn paid_by_card(page: &Page) -> String {
    let top_up = top_up_elsewhere(page, 1000);
    let invoices = stack().saldo.stand_in().invoices();
    let invoice = invoices.iter().find(|invoice| invoice["metadata"]["top_up_id"] == top_up["id"]).unwrap();
    let invoice = invoice["id"].as_str().unwrap().to_owned();
    stack().saldo.stand_in().pay(&invoice, Method::Card).unwrap();
    page.wait_for(&until("/v1/balance", "available_credits === 1000"));
    invoice
}

/// Whether what the API answers is so by now.
fn until(path: &str, so: &str) -> String {
    format!(
        "(window.untouchedFetch ?? fetch)('{path}', {{ headers: {{
            authorization: 'Bearer ' + sessionStorage.getItem('saldo.token') }} }}).then(a => a.json()).then(it => it.{so})"
    )
}

#[test]
fn history_says_what_was_refunded_and_disputed_and_which_credits_went_with_it() {
    let words = [
        (
            Reader::ENGLISH,
            "returned-en",
            [
                "Rp 69,375 refunded, 250 credits taken back",
                "A bank asks about Rp 277,500; no credits were taken",
                "Rp 277,500 lost in a dispute, 1,000 credits taken back",
            ],
        ),
        (
            Reader::INDONESIAN.on_a_phone(),
            "returned-id",
            [
                "Rp 69.375 di-refund, 250 kredit ditarik kembali",
                "Bank menanyakan Rp 277.500; tidak ada kredit yang ditarik",
                "Rp 277.500 hilang karena sengketa, 1.000 kredit ditarik kembali",
            ],
        ),
    ];
    for (reader, organisation, [refunded, asked, lost]) in words {
        let Some(page) = stack().page(reader, person(organisation), "/billing/history") else { return };
        let invoice = paid_by_card(&page);
        let stripe = stack().saldo.stand_in();
        let refund = stripe.refund(&invoice, Some(6_937_500)).unwrap();
        page.wait_for(&until("/v1/balance", "available_credits === 750"));
        page.go(&stack().url("/billing/history"));
        page.sees(refunded);
        stripe.step_refund(&refund, RefundStep::Fail).unwrap();
        page.wait_for(&until("/v1/balance", "available_credits === 1000"));
        let dispute = stripe.dispute(&invoice, DisputeKind::Inquiry, None).unwrap();
        page.wait_for(&until("/v1/top-ups", "top_ups[0].disputed?.status === 'inquiry'"));
        page.go(&stack().url("/billing/history"));
        page.sees(asked);
        for step in [DisputeStep::Escalate, DisputeStep::Respond, DisputeStep::Lose] {
            stripe.step_dispute(&dispute, step).unwrap();
        }
        page.wait_for(&until("/v1/top-ups", "top_ups[0].disputed?.status === 'lost'"));
        page.go(&stack().url("/billing/history"));
        page.sees(lost);
    }
}

#[test]
fn the_balance_page_says_what_is_owed_and_the_next_top_up_pays_it() {
    for (reader, organisation, owed) in [
        (Reader::ENGLISH, "owing-en", "3 credits are owed"),
        (Reader::INDONESIAN.on_a_phone(), "owing-id", "3 kredit terutang"),
    ] {
        let Some(page) = stack().page(reader, person(organisation), "/billing/balance") else { return };
        let invoice = paid_by_card(&page);
        let path = format!("/v1/debits/{}", system::debit_id(&Clock::system(), 0));
        let debited = elsewhere(&page, "PUT", &path, &json!({"channel": "sms"}));
        assert_eq!(debited["available_credits"], 997, "{debited}");
        stack().saldo.stand_in().refund(&invoice, None).unwrap();
        page.wait_for(&until("/v1/balance", "owed === 3"));
        page.go(&stack().url("/billing/balance"));
        page.sees(owed);
        let again = top_up_elsewhere(&page, 1000);
        let invoices = stack().saldo.stand_in().invoices();
        let again = invoices.iter().find(|one| one["metadata"]["top_up_id"] == again["id"]).unwrap();
        stack().saldo.stand_in().pay(again["id"].as_str().unwrap(), Method::Card).unwrap();
        page.wait_for(&until("/v1/balance", "available_credits === 997"));
        page.go(&stack().url("/billing/balance"));
        page.wait_for("document.querySelector('[data-credits]')?.dataset.credits === '997'");
        assert_eq!(
            page.eval("document.querySelector('main .notice.strong')"),
            Value::Null,
            "nothing is owed"
        );
    }
}
