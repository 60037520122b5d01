//! Which function asks what of Stripe, and what its key needs for that: the page about deploying says just this.
use std::collections::{BTreeMap, BTreeSet};

use saldo_adapters::clock::Clock;
use saldo_adapters::stripe::{OPERATE_KEY, READ_KEY, WRITE_KEY};
use saldo_local::Saldo;
use saldo_stripe_stand_in::{DisputeKind, Method};

use crate::operate::staff::{Deed, Staff, at_stripe, does, from_stripe};
use crate::support::client::Client;
use crate::support::proxy::{Fault, Kind, Proxy};
use crate::support::system::{self, message};

/// Calls of Stripe with the permissions that each needs, by function.
type Asked = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

struct Scene {
    saldo: Saldo,
    clock: Clock,
    asked: Asked,
}

impl Scene {
    /// What a function asked just now.
    fn note(&mut self, function: &str) {
        let known = self.asked.entry(function.to_owned()).or_default();
        for (call, needs) in self.saldo.stand_in().take_needs() {
            known.entry(call).or_default().extend(needs);
        }
    }

    async fn creates(&mut self, org: &str, key: &str, fault: Option<Fault>) {
        let proxy = Proxy::start(&self.saldo, fault).await;
        let _ = proxy.run(system::create(&self.saldo, &proxy.world, org, key)).await;
        self.note("create-top-up");
    }

    async fn cancels(&mut self, org: &str) {
        let slot = system::balance(&self.saldo, org).await.1["open_top_up"]["id"].clone();
        let id = match slot.as_str() {
            Some(id) => id.to_owned(),
            None => holder_of(&self.saldo, org).await,
        };
        assert_eq!(system::cancel(&self.saldo, &self.saldo.world(), org, &id).await.0, 200, "{org}");
        self.note("cancel-top-up");
    }

    /// The staff look for a paid invoice by all names that its money has.
    async fn looks(&mut self) {
        self.creates("looked-at", "first", None).await;
        let saldo = &self.saldo;
        let invoice = newest_invoice(saldo);
        saldo.stand_in().pay(&invoice, Method::Card).unwrap();
        let seen = from_stripe(saldo, &format!("/v1/invoices/{invoice}")).await;
        let payments = from_stripe(saldo, &format!("/v1/invoice_payments?invoice={invoice}")).await;
        let payment = payments["data"][0]["payment"]["payment_intent"].as_str().unwrap();
        let intent = from_stripe(saldo, &format!("/v1/payment_intents/{payment}")).await;
        let form = format!("invoice={invoice}&amount=100&out_of_band_amount=100");
        let note = at_stripe(saldo, "/v1/credit_notes", &form).await;
        let refund = saldo.stand_in().refund(payment, Some(100)).unwrap();
        let dispute = saldo.stand_in().dispute(payment, DisputeKind::Chargeback, Some(100)).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let names = [
            text(&seen["metadata"]["top_up_id"]),
            text(&seen["customer"]),
            text(&intent["latest_charge"]),
            text(&note["id"]),
            payment.to_owned(),
            refund,
            dispute,
            "billing@example.test".to_owned(),
        ];
        let staff = Staff::of(saldo, "ana").await;
        let path = format!("/v1/customers/{}/balance_transactions", text(&seen["customer"]));
        at_stripe(saldo, &path, "amount=-500&currency=idr").await;
        saldo.stand_in().take_needs();
        for name in names {
            assert!(!staff.finds(&name).await.is_empty(), "{name}");
        }
        let id = text(&seen["metadata"]["top_up_id"]);
        let org = text(&seen["metadata"]["org_id"]);
        staff.see(&format!("top-ups/{id}?org={org}")).await;
        staff.see(&format!("customers/{org}")).await;
        let balance = serde_json::json!({"currency": "IDR", "minor_units": -500});
        let body = serde_json::json!({"reason": "a credit of before", "expected_balance": balance});
        let path = format!("customers/{org}/zero-balance");
        let deed = Deed { by: "ana", path: &path, key: "zero", body };
        assert_eq!(does(saldo, &saldo.world(), &deed).await.0, 201);
        self.note("operate");
    }

    /// The staff give money back, once to the end, and once no further than the credits.
    async fn gives_back(&mut self) {
        let org = "given-back";
        self.creates(org, "first", None).await;
        let top_up = holder_of(&self.saldo, org).await;
        let invoice = newest_invoice(&self.saldo);
        self.saldo.stand_in().pay(&invoice, Method::Card).unwrap();
        let paid = [message("invoice.paid", &invoice)];
        assert!(system::work(&self.saldo, &self.saldo.world(), &paid).await.is_empty());
        self.note("credit-worker");
        let path = format!("top-ups/{top_up}/refund");
        let body = serde_json::json!({"org": org, "credits": 10, "reason": "the payer asked for it"});
        let deed = |key| Deed { by: "ana", path: &path, key, body: body.clone() };
        let (status, done) = does(&self.saldo, &self.saldo.world(), &deed("one")).await;
        assert_eq!(status, 201, "{done}");
        let proxy = Proxy::start(&self.saldo, Some(Fault { at: NOTED, kind: Kind::CrashBefore })).await;
        let _ = proxy.run(does(&self.saldo, &proxy.world, &deed("two"))).await;
        self.note("operate");
        self.cleans_up(400).await;
    }

    async fn cleans_up(&mut self, after_secs: i64) {
        self.clock.advance(after_secs);
        assert_eq!(system::cleanup(&self.saldo, &self.saldo.world()).await["failed"], 0);
        self.note("cleanup");
    }
}

/// Which call of a refund makes its credit note.
const NOTED: usize = 12;

/// Where a first creation is cut off: behind the draft, and behind the row that names it.
const DRAFTED: usize = 6;
const NAMED: usize = 9;

#[tokio::test(flavor = "multi_thread")]
async fn each_function_asks_of_stripe_what_the_page_about_deploying_says() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    let mut scene = Scene { saldo, clock, asked: Asked::new() };
    let cut = |at, kind| Some(Fault { at, kind });

    scene.creates("acme", "first", None).await;
    scene.creates("acme", "second", None).await;
    scene.cancels("acme").await;
    let world = scene.saldo.world();
    assert_eq!(system::change_settings(&scene.saldo, &world, "acme", 0, "PT Acme").await.0, 200);
    scene.creates("acme", "third", None).await;
    scene.creates("line-refused", "first", cut(NAMED, Kind::Refused)).await;
    scene.creates("kept", "first", cut(DRAFTED - 1, Kind::KeptAfter)).await;
    scene.creates("drafted", "first", cut(NAMED, Kind::CrashBefore)).await;
    scene.cancels("drafted").await;
    scene.creates("spare", "first", cut(DRAFTED, Kind::CrashBefore)).await;
    scene.creates("left", "first", cut(NAMED, Kind::CrashBefore)).await;
    scene.creates("clearing", "first", None).await;
    let invoice = newest_invoice(&scene.saldo);
    scene.saldo.stand_in().start_bank_transfer(&invoice).unwrap();
    let clearing = system::balance(&scene.saldo, "clearing").await.1["open_top_up"]["id"].clone();
    let id = clearing.as_str().unwrap();
    assert_eq!(system::cancel(&scene.saldo, &scene.saldo.world(), "clearing", id).await.0, 409);
    scene.note("cancel-top-up");
    scene.saldo.stand_in().finish_bank_transfer(&invoice, false).unwrap();
    scene.cleans_up(3600).await;
    scene.cleans_up(80 * 3600).await;

    scene.creates("paying", "first", None).await;
    let invoice = newest_invoice(&scene.saldo);
    scene.saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    let paid = [message("invoice.paid", &invoice)];
    assert!(system::work(&scene.saldo, &scene.saldo.world(), &paid).await.is_empty());
    scene.saldo.stand_in().refund(&invoice, None).unwrap();
    let refunded = system::heard(&scene.saldo, "refund.created").await;
    assert!(system::work(&scene.saldo, &scene.saldo.world(), &refunded).await.is_empty());
    scene.note("credit-worker");
    scene.clock.advance(3600);
    system::reconcile(&scene.saldo, &scene.saldo.world(), true).await;
    scene.note("reconcile");

    Box::pin(scene.looks()).await;
    Box::pin(scene.gives_back()).await;

    let (told, keys) = told();
    assert_eq!(scene.asked, told, "what was asked, and what the page says");
    let write = [&WRITE_KEY[..], &OPERATE_KEY].concat();
    for (key, permissions) in [("write_key", &write[..]), ("read_key", &READ_KEY[..])] {
        let functions =
            keys.iter().filter(|(_, one)| *one == key).map(|(function, _)| &scene.asked[function]);
        let needed: BTreeSet<&str> =
            functions.flat_map(BTreeMap::values).flatten().map(String::as_str).collect();
        assert_eq!(needed, widest(permissions), "{key}");
    }
}

fn newest_invoice(saldo: &Saldo) -> String {
    saldo.stand_in().invoices().last().unwrap()["id"].as_str().unwrap().to_owned()
}

/// The permissions, and the reading that a writing one includes where that is asked for too.
fn widest<'a>(permissions: &[&'a str]) -> BTreeSet<&'a str> {
    let reading = |write, read| permissions.contains(&write).then_some(read);
    let invoices = reading("rak_invoice_write", "rak_invoice_read");
    let customers = reading("rak_customer_write", "rak_customer_read");
    let charges = reading("rak_charge_write", "rak_charge_read");
    let notes = reading("rak_credit_note_write", "rak_credit_note_read");
    permissions.iter().copied().chain(invoices).chain(customers).chain(charges).chain(notes).collect()
}

/// The table of the page: rows `| function | key | call | permissions |`, where an empty cell is the one above.
fn told() -> (Asked, BTreeMap<String, String>) {
    let page = include_str!("../../docs/deploy.md");
    let (mut asked, mut keys) = (Asked::new(), BTreeMap::new());
    let (_, table) = page.split_once("| function | key | asks | needs |\n|---|---|---|---|\n").unwrap();
    let mut function = String::new();
    for line in table.lines().take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> =
            line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let [name, key, call, needs] = cells[..] else { panic!("{line}") };
        if !name.is_empty() {
            name.clone_into(&mut function);
            keys.insert(function.clone(), key.to_owned());
        }
        let needs = needs.split(", ").map(|name| name.trim_matches('`').to_owned()).collect();
        asked.entry(function.clone()).or_default().insert(call.to_owned(), needs);
    }
    (asked, keys)
}

/// The top-up that holds the slot though it cannot be paid yet.
async fn holder_of(saldo: &Saldo, org: &str) -> String {
    let token = saldo.token(org, &["billing:view"], None).unwrap();
    let answer = Client::new(saldo.api_url()).with_token(token).get("/v1/top-ups").await.json();
    answer["top_ups"][0]["id"].as_str().unwrap().to_owned()
}
