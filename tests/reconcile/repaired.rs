//! What the rules of money would set right is set right, told, and told no more.
use saldo_credits::Balances;
use saldo_domain::{
    Channel, Counting, Credits, DebitId, Details, OrgId, Reservation, ReservedDebit, ShardId, Stamp,
};
use saldo_local::Saldo;
use saldo_stripe_stand_in::Method;
use serde_json::{Value, json};

use super::books_with_a_wrong::{Books, with, without};
use crate::support::books;
use crate::support::system::{self, TOTAL};

const REPAIRED: &str = "repaired";
const PERSON: &str = "for_a_person";

/// What is due is found by what is told of it, and everything is right afterwards.
async fn is_repaired(acme: &Books, planted: &str, kind: &str) -> Value {
    let report = acme.finds(planted, &[(kind, REPAIRED)]).await;
    assert_eq!(report["verdict"], "repaired", "{planted}");
    let second = acme.run().await;
    assert_eq!(second["verdict"], "clean", "{planted}: {second:#}");
    books::prove_always(&acme.saldo, planted).await;
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_never_came_is_healed_by_the_events() {
    let acme = Books::start("{}").await;
    let (id, invoice) = system::open_top_up(&acme.saldo, "globex").await;
    acme.saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    let soon = system::reconcile(&acme.saldo, &acme.saldo.world(), false).await;
    assert_eq!(soon["verdict"], "clean", "it may still be on its way: {soon}");
    assert_eq!(system::top_up(&acme.saldo, "globex", &id).await.1["status"], "open");
    acme.clock.advance(1800);
    let report = system::reconcile(&acme.saldo, &acme.saldo.world(), false).await;
    assert_eq!((&report["verdict"], &report["repaired"]), (&json!("repaired"), &json!(1)), "{report}");
    assert_eq!(report["differences"][0]["kind"], "paid_unheard", "{report}");
    assert_eq!(system::balance(&acme.saldo, "globex").await.1["available_credits"], 1000);
    acme.clock.advance(1800);
    let report = system::reconcile(&acme.saldo, &acme.saldo.world(), false).await;
    assert_eq!(report["verdict"], "clean", "{report}");
    books::prove_at_rest(&acme.saldo, "after the events").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_event_tells_any_more_is_healed_by_the_invoices() {
    let acme = Books::start("{}").await;
    let (_, invoice) = system::open_top_up(&acme.saldo, "globex").await;
    acme.saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    // Events are listed for thirty days, invoices are compared for forty.
    acme.clock.advance(35 * 86_400);
    let report = is_repaired(&acme, "paid long ago", "paid_unheard").await;
    assert_eq!(report["events"], 0, "{report}");
    books::prove_at_rest(&acme.saldo, "after the invoices").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_to_an_invoice_unheard_is_heard() {
    let acme = Books::start("{}").await;
    let (_, invoice) = system::open_top_up(&acme.saldo, "voided").await;
    stripe(&acme.saldo, &format!("/v1/invoices/{invoice}/void")).await;
    acme.clock.advance(3600);
    is_repaired(&acme, "an invoice that staff voided", "end_unheard").await;
    let (_, invoice) = system::open_top_up(&acme.saldo, "refused").await;
    let _ = acme.saldo.stand_in().start_bank_transfer(&invoice);
    let _ = acme.saldo.stand_in().finish_bank_transfer(&invoice, false);
    acme.clock.advance(3600);
    is_repaired(&acme, "a payment that was refused", "refusal_unheard").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_went_back_unheard_takes_its_credits_along() {
    let acme = Books::start("{}").await;
    let invoices = acme.saldo.stand_in().invoices();
    let invoice = invoices[0]["id"].as_str().unwrap();
    acme.saldo.stand_in().refund(invoice, Some(TOTAL / 4)).unwrap();
    acme.clock.advance(3600);
    is_repaired(&acme, "a refund unheard", "return_unheard").await;
    let balance = system::balance(&acme.saldo, "acme").await.1;
    assert_eq!(balance["available_credits"], 1000 - 9 - 250, "{balance}");
    // Long after its event is gone, the invoice still tells.
    acme.saldo.stand_in().refund(invoice, Some(TOTAL / 4)).unwrap();
    acme.clock.advance(35 * 86_400);
    is_repaired(&acme, "a refund that no event tells of", "return_unheard").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_edited_moves_no_credits_though_stripe_says_that_it_was_paid() {
    let acme = Books::start("{}").await;
    let (row, balance) = (acme.item("TOPUP#"), acme.item("BALANCE"));
    let credits = books::number(&balance, "credits");
    let number = super::books_with_a_wrong::number;
    let edited = [
        ("granted nothing", without(row.clone(), "granted"), &["granted", "status"][..]),
        ("granted less", with(row.clone(), "granted", number(1)), &["granted"]),
        ("disputed", with(row.clone(), "disputed", number(7)), &["disputed"]),
        ("refunded", with(row.clone(), "refunded", number(7)), &["refunded"]),
    ];
    for (name, edited, kinds) in edited {
        acme.put(&edited).await;
        acme.clock.advance(86_400);
        let expected: Vec<_> = kinds.iter().map(|kind| (*kind, PERSON)).collect();
        acme.finds(name, &expected).await;
        let now = acme.item_now("BALANCE").await;
        assert_eq!(books::number(&now, "credits"), credits, "{name}: nothing is given or taken for it");
        acme.restore().await;
    }
    acme.clock.advance(86_400);
    assert_eq!(acme.run().await["verdict"], "clean");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debit_left_half_done_by_an_organisation_that_nobody_looks_at_is_finished() {
    let acme = Books::start("{}").await;
    let store = acme.saldo.world().store(&acme.saldo.env_of("spend")).unwrap();
    let (org, now) = (OrgId::parse("acme").unwrap(), acme.clock.now());
    let id = DebitId::parse(&system::debit_id(&acme.clock, 0)).unwrap();
    let code = Stamp::code(Credits(5), Channel::EMAIL, &Details::default()).unwrap();
    let debits = vec![ReservedDebit { id, credits: Credits(5), code }];
    let (acknowledged, unsharded, epoch) = (Vec::new(), true, 0);
    let reservation =
        Reservation { debits, acknowledged, unsharded, epoch, counting: Counting::default(), at: now };
    store.reserve(&org, ShardId::MAIN, &reservation).await.unwrap();
    assert_eq!(acme.run().await["verdict"], "clean", "whoever reserved it may still live");
    acme.clock.advance(120);
    let report = is_repaired(&acme, "a debit half done", "half_done").await;
    assert_eq!(report["differences"][0]["subject"], id.to_string());
    assert_eq!(report["drift"], 0, "the balance was right all the time");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stripe_says_and_no_rule_decides_is_for_a_person() {
    let acme = Books::start("{}").await;
    let (id, invoice) = system::open_top_up(&acme.saldo, "globex").await;
    let items = acme.items().await;
    let of_globex: Vec<_> = items.iter().filter(|item| books::text(item, "pk") == "ORG#globex").collect();
    let row = of_globex.iter().find(|item| books::text(item, "sk").contains(&id)).unwrap();
    acme.clock.advance(3600);
    // The row names an invoice that Stripe does not know.
    acme.put(&with((*row).clone(), "invoice", super::books_with_a_wrong::text("in_0nowhere"))).await;
    acme.finds("an invoice that is not there", &[("in_review", PERSON)]).await;
    acme.put(row).await;
    // Paid by hand, without money.
    stripe(&acme.saldo, &format!("/v1/invoices/{invoice}/pay?paid_out_of_band=true")).await;
    acme.clock.advance(3600);
    acme.finds("paid without money", &[("in_review", PERSON)]).await;
    acme.finds("and still waiting", &[("in_review", PERSON)]).await;
    acme.restore().await;
    for item in &of_globex {
        acme.delete(item).await;
    }
    acme.finds("an invoice that nobody ordered", &[("invoice_without_row", PERSON)]).await;
}

async fn stripe(saldo: &Saldo, path: &str) {
    let (path, form) = path.split_once('?').unwrap_or((path, ""));
    let client = crate::support::client::Client::new(saldo.stripe_url());
    let headers = [
        ("authorization", "Bearer sk_test_staff"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("stripe-version", "2026-10-28.endive"),
    ];
    let answer = client.send("POST", path, &headers, form.to_owned()).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
}
