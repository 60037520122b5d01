//! Money that the staff give back: credits go first, the money after, each once, whoever hears of it when.
use std::sync::Arc;

use saldo_adapters::clock::Clock;
use saldo_adapters::world::World;
use saldo_local::Saldo;
use saldo_stripe_stand_in::{DisputeKind, Method, RefundPlan, RefundStep};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::staff::{Deed, Staff, does, from_stripe};
use crate::support::books;
use crate::support::each_call::{Organisation, each_call_goes_wrong};
use crate::support::proxy::{Fault, Kind, Proxy};
use crate::support::system::{self, TOTAL};
use crate::support::told::told;

/// An organisation that paid 1000 credits by card.
struct Payer<'a> {
    saldo: &'a Saldo,
    org: String,
    id: String,
    invoice: String,
}

impl Payer<'_> {
    async fn by_card<'a>(saldo: &'a Saldo, org: &str) -> Payer<'a> {
        let (id, invoice) = system::open_top_up(saldo, org).await;
        saldo.stand_in().pay(&invoice, Method::Card).unwrap();
        let told = [system::message("invoice.paid", &invoice)];
        assert!(system::work(saldo, &saldo.world(), &told).await.is_empty());
        Payer { saldo, org: org.to_owned(), id, invoice }
    }

    fn body(&self, credits: &Value) -> Value {
        json!({"org": self.org, "credits": credits, "reason": "the payer asked for it"})
    }

    async fn refund(&self, key: &str, body: Value) -> (u16, Value) {
        self.refund_over(&self.saldo.world(), key, body).await
    }

    /// 300 credits under the key `one`: they are taken, and whoever would ask Stripe dies.
    async fn refund_is_cut_off(&self) {
        let proxy = Proxy::start(self.saldo, Some(Fault { at: NOTE, kind: Kind::CrashBefore })).await;
        let _ = proxy.run(self.refund_over(&proxy.world, "one", self.body(&json!(300)))).await;
    }

    fn refund_over(
        &self,
        world: &World,
        key: &str,
        body: Value,
    ) -> impl Future<Output = (u16, Value)> + use<> {
        let path = format!("top-ups/{}/refund", self.id);
        does(self.saldo, world, &Deed { by: "ana", path: &path, key, body })
    }

    /// Available credits less what is owed.
    async fn credits(&self) -> i64 {
        let balance = system::balance(self.saldo, &self.org).await.1;
        balance["available_credits"].as_i64().unwrap() - balance["owed"].as_i64().unwrap_or(0)
    }

    /// Refunds and credit notes at Stripe, by amount.
    async fn at_stripe(&self) -> (Vec<i64>, Vec<i64>) {
        let amounts = |list: &Value| {
            let all = list["data"].as_array().unwrap().iter();
            all.map(|one| one["amount"].as_i64().unwrap()).collect::<Vec<_>>()
        };
        let payments =
            from_stripe(self.saldo, &format!("/v1/invoice_payments?invoice={}", self.invoice)).await;
        let payment = payments["data"][0]["payment"]["payment_intent"].as_str().unwrap();
        let refunds = from_stripe(self.saldo, &format!("/v1/refunds?payment_intent={payment}")).await;
        let notes = from_stripe(self.saldo, &format!("/v1/credit_notes?invoice={}", self.invoice)).await;
        (amounts(&refunds), amounts(&notes))
    }

    /// The kinds and credits of all entries but the first, which granted, oldest first.
    async fn entries(&self) -> Vec<(String, i64)> {
        let seen = self.side_by_side().await;
        let all = seen["ledger"].as_array().unwrap().iter();
        let entry =
            |one: &Value| (one["kind"].as_str().unwrap().to_owned(), one["credits"].as_i64().unwrap());
        all.map(entry).filter(|(kind, _)| kind != "top_up").collect()
    }

    async fn side_by_side(&self) -> Value {
        let staff = Staff::of(self.saldo, "ana").await;
        staff.see(&format!("top-ups/{}?org={}", self.id, self.org)).await
    }

    async fn operations(&self) -> Vec<Value> {
        let seen = Staff::of(self.saldo, "ana").await.see(&format!("organisations/{}", self.org)).await;
        seen["operations"].as_array().unwrap().clone()
    }

    async fn spends(&self, clock: &Clock, times: usize) {
        for _ in 0..times {
            let id = system::debit_id(clock, 0);
            let sms = json!({"channel": "sms"});
            assert_eq!(system::debit(self.saldo, &self.saldo.world(), &self.org, &id, &sms).await.0, 201);
        }
    }
}

fn entry(kind: &str, credits: i64) -> (String, i64) {
    (kind.to_owned(), credits)
}

fn money(answer: &Value) -> i64 {
    answer["after"]["refund_money"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_takes_its_credits_and_gives_the_money_back_with_a_credit_note_once() {
    let saldo = system::start(&Clock::system()).await;
    let payer = Payer::by_card(&saldo, "acme").await;
    let (status, done) = payer.refund("one", payer.body(&json!("all"))).await;
    assert_eq!(
        (status, &done["action"], &done["about"]),
        (201, &json!("refund"), &json!(payer.id)),
        "{done}"
    );
    assert_eq!((&done["after"]["refund_credits"], money(&done)), (&json!("1000"), TOTAL), "{done}");
    assert_eq!(payer.at_stripe().await, (vec![TOTAL], vec![TOTAL]));
    assert_eq!(payer.credits().await, 0);
    assert_eq!(payer.entries().await, [entry("refund", -1000)]);
    let note =
        from_stripe(&saldo, &format!("/v1/credit_notes?invoice={}", payer.invoice)).await["data"][0].clone();
    assert_eq!(note["metadata"]["saldo_refund"], done["id"], "{note}");
    assert_eq!(note["metadata"]["top_up_id"], payer.id.as_str(), "{note}");
    assert_eq!(payer.refund("one", payer.body(&json!("all"))).await, (200, done.clone()), "the same again");
    for other in [
        payer.body(&json!(1000)),
        json!({"org": "acme", "credits": "all", "reason": "another"}),
        json!({"org": "acme", "credits": "all", "reason": "the payer asked for it", "override": true}),
        json!({"org": "acme", "credits": "all", "reason": "the payer asked for it", "out_of_band": true}),
    ] {
        let (status, problem) = payer.refund("one", other).await;
        assert_eq!((status, &problem["code"]), (422, &json!("idempotency_key_reused")), "{problem}");
    }
    let (status, problem) = payer.refund("two", payer.body(&json!("all"))).await;
    assert_eq!((status, &problem["code"]), (409, &json!("not_refundable")), "nothing is left: {problem}");
    system::hear_all(&saldo).await;
    system::hear_all(&saldo).await;
    assert_eq!((payer.entries().await.len(), payer.credits().await), (1, 0), "its events post nothing");
    let seen = payer.side_by_side().await;
    assert_eq!((&seen["settling"], &seen["differences"]), (&json!("nothing"), &json!([])), "{seen}");
    assert_eq!(payer.operations().await, [done]);
    let shown = system::top_up(&saldo, "acme", &payer.id).await.1;
    assert_eq!(shown["refunded"]["credits"], 1000, "{shown}");
    assert_eq!(shown["refunded"]["money"]["minor_units"], TOTAL, "{shown}");
    let [shown] = &shown["credit_notes"].as_array().unwrap()[..] else { panic!("one note: {shown}") };
    assert_eq!((&shown["number"], &shown["pdf"]), (&note["number"], &note["pdf"]), "{shown}");
    assert_eq!(shown["money"]["minor_units"], TOTAL, "{shown}");
    books::prove_at_rest(&saldo, "refunded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_refund_is_remembered_for_ever() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    let payer = Payer::by_card(&saldo, "acme").await;
    let (_, done) = payer.refund("one", payer.body(&json!(10))).await;
    clock.advance(400 * 86_400);
    assert_eq!(payer.refund("one", payer.body(&json!(10))).await, (200, done));
    let keys = books::items(&saldo).await;
    let keys = keys.iter().filter(|item| books::text(item, "pk").starts_with("OPERATOR#"));
    assert!(keys.clone().count() == 1 && keys.clone().all(|key| !key.contains_key("ttl")));
    assert_eq!(payer.at_stripe().await.0.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_a_payment_add_up_to_all_of_it_and_each_has_its_whole_rupiah() {
    let saldo = system::start(&Clock::system()).await;
    let payer = Payer::by_card(&saldo, "acme").await;
    let (mut given, mut left) = (0, 1000);
    for (key, credits) in [("a", 1), ("b", 333), ("c", 7), ("d", 659)] {
        let (status, done) = payer.refund(key, payer.body(&json!(credits))).await;
        assert_eq!(status, 201, "{done}");
        assert_eq!(money(&done) % 100, 0, "{done}");
        (given, left) = (given + money(&done), left - credits);
        assert_eq!(payer.credits().await, left);
        system::hear_all(&saldo).await;
        assert_eq!(payer.credits().await, left, "and what Stripe tells says the same");
    }
    assert_eq!((given, left), (TOTAL, 0));
    let (refunds, notes) = payer.at_stripe().await;
    assert_eq!((refunds.iter().sum::<i64>(), refunds.len(), notes), (TOTAL, 4, refunds));
    books::prove_at_rest(&saldo, "refunded in parts").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spent_credits_are_given_back_only_when_somebody_says_so_and_are_owed_then() {
    for shards in ["{}", r#"{"acme":3}"#] {
        let clock = Clock::system();
        let saldo = system::start_with(&clock, &[("Shards", shards)]).await;
        let payer = Payer::by_card(&saldo, "acme").await;
        payer.spends(&clock, 10).await;
        let (status, problem) = payer.refund("one", payer.body(&json!(971))).await;
        assert_eq!((status, &problem["code"]), (402, &json!("insufficient_credits")), "{shards}: {problem}");
        assert_eq!((&problem["credits"], &problem["available_credits"]), (&json!(971), &json!(970)));
        assert_eq!(payer.at_stripe().await, (vec![], vec![]), "nothing was asked of Stripe");
        let (status, done) = payer.refund("one-more", payer.body(&json!("all"))).await;
        assert_eq!((status, &done["after"]["refund_credits"]), (201, &json!("970")), "{shards}: {done}");
        assert_eq!(payer.credits().await, 0, "{shards}: all that was unspent, on whichever shard");
        let mut body = payer.body(&json!("all"));
        body["override"] = json!(true);
        let (status, done) = payer.refund("anyway", body).await;
        assert_eq!((status, &done["after"]["refund_credits"]), (201, &json!("30")), "{shards}: {done}");
        assert_eq!(done["after"]["also_spent"], "true", "{done}");
        assert_eq!(payer.credits().await, -30, "{shards}: it is owed");
        assert_eq!(payer.at_stripe().await.0.iter().sum::<i64>(), TOTAL);
        system::hear_all(&saldo).await;
        assert_eq!(payer.credits().await, -30);
        books::prove_at_rest(&saldo, "given back and owed").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn out_of_band_stripe_keeps_only_the_document() {
    let saldo = system::start(&Clock::system()).await;
    let payer = Payer::by_card(&saldo, "acme").await;
    let mut body = payer.body(&json!(400));
    body["out_of_band"] = json!(true);
    let (status, done) = payer.refund("one", body.clone()).await;
    assert_eq!((status, &done["after"]["refund_way"]), (201, &json!("out_of_band")), "{done}");
    let (refunds, notes) = payer.at_stripe().await;
    assert_eq!((refunds, notes), (vec![], vec![money(&done)]));
    system::hear_all(&saldo).await;
    assert_eq!((payer.credits().await, payer.entries().await), (600, vec![entry("refund", -400)]));
    assert_eq!(payer.refund("one", body).await, (200, done));
    books::prove_at_rest(&saldo, "out of band").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bank_transfer_is_refunded_through_stripe_as_its_payer_says_where_to() {
    let saldo = system::start(&Clock::system()).await;
    let invoice = system::with_credits(&saldo, "acme").await;
    let id = saldo.stand_in().invoices()[0]["metadata"]["top_up_id"].as_str().unwrap().to_owned();
    let payer = Payer { saldo: &saldo, org: "acme".to_owned(), id, invoice };
    let (status, done) = payer.refund("one", payer.body(&json!("all"))).await;
    assert_eq!((status, payer.credits().await), (201, 0), "{done}");
    let events = saldo.stand_in().events();
    let refund = events.iter().find(|event| event["type"] == "refund.created").unwrap();
    assert_eq!(refund["data"]["object"]["status"], "requires_action", "{refund}");
    let id = refund["data"]["object"]["id"].as_str().unwrap();
    saldo.stand_in().step_refund(id, RefundStep::Cancel).unwrap();
    system::hear_all(&saldo).await;
    assert_eq!(payer.credits().await, 1000, "nobody said where to, and the credits are theirs again");
    assert_eq!(payer.entries().await, [entry("refund", -1000), entry("refund_undone", 1000)]);
    books::prove_at_rest(&saldo, "canceled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_stripe_refuses_gives_its_credits_again_and_is_refused_for_good() {
    let saldo = system::start(&Clock::system()).await;
    let payer = Payer::by_card(&saldo, "acme").await;
    saldo.stand_in().plan_refund(RefundPlan::BalanceInsufficient);
    let (status, problem) = payer.refund("one", payer.body(&json!(250))).await;
    assert_eq!((status, &problem["code"]), (409, &json!("refund_refused")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("balance_insufficient"), "{problem}");
    assert_eq!((payer.credits().await, payer.at_stripe().await), (1000, (vec![], vec![])));
    assert_eq!(payer.entries().await, [entry("refund", -250), entry("refund_undone", 250)]);
    let (status, again) = payer.refund("one", payer.body(&json!(250))).await;
    assert_eq!((status, again), (409, problem), "the same again, although Stripe would do it now");
    let kept = payer.operations().await;
    let kept: Vec<_> = kept.iter().map(|one| one["action"].as_str().unwrap()).collect();
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(kept.contains(&"refund") && kept.contains(&"undo_refund"), "{kept:?}");
    assert_eq!(payer.refund("two", payer.body(&json!(250))).await.0, 201);
    assert_eq!(payer.credits().await, 750);
    // A charge that the payer's bank took cannot be refunded.
    saldo.stand_in().dispute(&payer.invoice, DisputeKind::Chargeback, None).unwrap();
    let (status, problem) = payer.refund("three", payer.body(&json!(100))).await;
    assert_eq!(
        (status, &problem["code"]),
        (409, &json!("not_refundable")),
        "the dispute is seen first: {problem}"
    );
    system::hear_all(&saldo).await;
    assert_eq!(payer.credits().await, 0);
    books::prove_at_rest(&saldo, "refused").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_fails_days_later_brings_its_credits_again() {
    let saldo = system::start(&Clock::system()).await;
    let payer = Payer::by_card(&saldo, "acme").await;
    assert_eq!(payer.refund("one", payer.body(&json!(250))).await.0, 201);
    let events = saldo.stand_in().events();
    let refund = events.iter().find(|event| event["type"] == "refund.created").unwrap();
    let refund = refund["data"]["object"]["id"].as_str().unwrap();
    saldo.stand_in().step_refund(refund, RefundStep::Fail).unwrap();
    let ((), lines) = told(system::hear_all(&saldo)).await;
    assert_eq!(alarms(&lines), ["refund_failed"], "somebody is called, once: {lines:?}");
    assert_eq!(payer.credits().await, 1000);
    assert_eq!(payer.entries().await, [entry("refund", -250), entry("refund_undone", 250)]);
    books::prove_at_rest(&saldo, "failed").await;
}

/// Whoever asked for it is gone by then.
#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_is_refused_when_nobody_waits_for_it_calls_somebody() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    let payer = Payer::by_card(&saldo, "acme").await;
    payer.refund_is_cut_off().await;
    clock.advance(400);
    saldo.stand_in().plan_refund(RefundPlan::BalanceInsufficient);
    let (run, lines) = told(system::cleanup(&saldo, &saldo.world())).await;
    assert_eq!(run["failed"], 1, "{run}");
    assert_eq!(alarms(&lines), ["refund_failed"], "{lines:?}");
    let line = lines.iter().find(|line| line["alarm"] == "refund_failed").unwrap();
    assert_eq!((&line["org"], &line["top_up"]), (&json!("acme"), &json!(payer.id)), "{line}");
    assert_eq!(payer.credits().await, 1000);
    books::prove_at_rest(&saldo, "refused in cleanup").await;
}

fn alarms(lines: &[Value]) -> Vec<&str> {
    lines.iter().filter_map(|line| line["alarm"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_refund_is_told() {
    let saldo = system::start(&Clock::system()).await;
    let payer = Payer::by_card(&saldo, "acme").await;
    let body = |credits: Value| payer.body(&credits);
    let with = |name: &str, value: Value| {
        let mut body = payer.body(&json!(1));
        body[name] = value;
        body
    };
    for (at, (body, status, code)) in [
        (body(json!(0)), 400, "invalid_request"),
        (body(json!(-5)), 400, "invalid_request"),
        (body(json!(1.5)), 400, "invalid_request"),
        (body(json!("some")), 400, "invalid_request"),
        (body(Value::Null), 400, "invalid_request"),
        (with("override", json!("yes")), 400, "invalid_request"),
        (with("out_of_band", json!(1)), 400, "invalid_request"),
        (with("reason", json!(" ")), 400, "invalid_request"),
        (body(json!(1001)), 409, "not_refundable"),
        (with("org", json!("rival")), 404, "top_up_not_found"),
    ]
    .into_iter()
    .enumerate()
    {
        let (was, problem) = payer.refund(&format!("bad-{at}"), body.clone()).await;
        assert_eq!((was, problem["code"].as_str()), (status, Some(code)), "{body}: {problem}");
    }
    let (open, _) = system::open_top_up(&saldo, "globex").await;
    let path = format!("top-ups/{open}/refund");
    let body = json!({"org": "globex", "credits": "all", "reason": "x"});
    let deed = Deed { by: "ana", path: &path, key: "open", body };
    let (status, problem) = does(&saldo, &saldo.world(), &deed).await;
    assert_eq!((status, &problem["code"]), (409, &json!("not_refundable")), "{problem}");
    books::prove_at_rest(&saldo, "nothing happened").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_whose_events_come_before_its_answer_is_posted_once_and_its_repeat_is_its_answer() {
    let saldo = system::start(&Clock::system()).await;
    let payer = Payer::by_card(&saldo, "acme").await;
    assert_eq!(payer.refund("one", payer.body(&json!(10))).await.0, 201);
    let proxy = Proxy::start(&saldo, Some(Fault { at: NOTE, kind: Kind::CrashAfter })).await;
    let _ = proxy.run(payer.refund_over(&proxy.world, "two", payer.body(&json!(100)))).await;
    assert_eq!(payer.at_stripe().await.0.len(), 2, "it was made, and nobody noted it");
    assert_eq!(payer.credits().await, 890);
    for kind in ["refund.created", "charge.refunded", "credit_note.created"] {
        let told = system::heard(&saldo, kind).await;
        assert!(system::work(&saldo, &saldo.world(), &told).await.is_empty());
        assert_eq!((payer.credits().await, payer.entries().await.len()), (890, 2), "{kind}");
    }
    let (status, done) = payer.refund("two", payer.body(&json!(100))).await;
    assert_eq!((status, &done["after"]["refund_credits"]), (200, &json!("100")), "{done}");
    assert_eq!(payer.at_stripe().await.0.len(), 2);
    books::prove_at_rest(&saldo, "heard first").await;
}

/// The place of the request that makes the note among all calls of a refund.
const NOTE: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_is_made_once_whatever_fails() {
    let saldo = Arc::new(system::start(&Clock::system()).await);
    let body = |org: &str| json!({"org": org, "credits": 300, "reason": "the payer asked for it"});
    let calls = each_call_goes_wrong(
        &saldo,
        async |org: Organisation| {
            system::with_credits(&org.saldo, &org.name).await;
            let id = of(&org.saldo, &org.name);
            (org, format!("top-ups/{id}/refund"))
        },
        |world, (org, path)| {
            does(&org.saldo, world, &Deed { by: "ana", path, key: &org.name, body: body(&org.name) })
        },
        async |(org, path)| {
            let deed = Deed { by: "ana", path: &path, key: &org.name, body: body(&org.name) };
            let (status, done) = does(&org.saldo, &org.saldo.world(), &deed).await;
            assert!([200, 201].contains(&status), "{}: {status} {done}", org.name);
            assert_eq!(org.credits().await, 700, "{}", org.name);
            assert_eq!(notes_of(&org.saldo, &org.name).await, 1, "{}", org.name);
        },
    )
    .await;
    assert!(calls > NOTE, "{calls}");
    books::prove_always(&saldo, "after refunding").await;
}

/// Stripe fails, before or behind its effect, and says so again for a day; or refuses.
#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_stripe_keeps_failing_at_is_made_once_under_another_key() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    for kind in [Kind::KeptBefore, Kind::KeptAfter, Kind::Refused] {
        let payer = Payer::by_card(&saldo, &format!("org-{kind:?}").to_lowercase()).await;
        let proxy = Proxy::start(&saldo, Some(Fault { at: NOTE, kind })).await;
        let body = payer.body(&json!(300));
        let first = payer.refund_over(&proxy.world, &payer.org, body.clone()).await;
        let (status, notes) = match kind {
            Kind::Refused => (409, 0),
            Kind::KeptAfter => (201, 1),
            _ => (503, 0),
        };
        assert_eq!(first.0, status, "{kind:?}: {}", first.1);
        assert_eq!(notes_of(&saldo, &payer.org).await, notes, "{kind:?}");
        let again = payer.refund_over(&proxy.world, &payer.org, body.clone()).await;
        let (status, notes, credits) = if kind == Kind::Refused { (409, 0, 1000) } else { (200, 1, 700) };
        assert_eq!(again.0, status, "{kind:?}: {}", again.1);
        assert_eq!((notes_of(&saldo, &payer.org).await, payer.credits().await), (notes, credits), "{kind:?}");
    }
    books::prove_at_rest(&saldo, "after kept failures").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_was_cut_off_is_brought_to_its_end_by_cleanup_or_by_settling() {
    for by_cleanup in [true, false] {
        let clock = Clock::system();
        let saldo = system::start(&clock).await;
        let payer = Payer::by_card(&saldo, "acme").await;
        payer.refund_is_cut_off().await;
        assert_eq!((payer.credits().await, payer.at_stripe().await.1), (700, vec![]), "credits go first");
        let (status, problem) = payer.refund("other", payer.body(&json!(300))).await;
        assert_eq!((status, &problem["code"]), (409, &json!("not_refundable")), "one at a time: {problem}");
        if by_cleanup {
            assert_eq!(system::cleanup(&saldo, &saldo.world()).await["checked"], 0, "not yet");
            clock.advance(400);
            let run = system::cleanup(&saldo, &saldo.world()).await;
            assert_eq!((&run["checked"], &run["failed"]), (&json!(1), &json!(0)), "{run}");
        } else {
            let path = format!("top-ups/{}/settle", payer.id);
            let body = json!({"org": "acme", "reason": "it was cut off"});
            let deed = Deed { by: "ben", path: &path, key: "settle", body };
            assert_eq!(does(&saldo, &saldo.world(), &deed).await.0, 201);
        }
        assert_eq!((payer.credits().await, payer.at_stripe().await.1.len()), (700, 1));
        assert_eq!(payer.refund("one", payer.body(&json!(300))).await.0, 200);
        clock.advance(86_400);
        assert_eq!(system::cleanup(&saldo, &saldo.world()).await["checked"], 0, "it is over");
        books::prove_at_rest(&saldo, "brought to its end").await;
    }
}

/// An answer that says no is the last word only when no request of before can still arrive.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_behind_an_unclear_answer_is_believed_a_minute_later() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    let payer = Payer::by_card(&saldo, "acme").await;
    payer.refund_is_cut_off().await;
    saldo.stand_in().plan_refund(RefundPlan::BalanceInsufficient);
    let (status, problem) = payer.refund("one", payer.body(&json!(300))).await;
    assert_eq!((status, &problem["code"]), (503, &json!("payment_provider_unavailable")), "{problem}");
    assert_eq!(payer.credits().await, 700, "still taken");
    clock.advance(61);
    saldo.stand_in().plan_refund(RefundPlan::BalanceInsufficient);
    let (status, problem) = payer.refund("one", payer.body(&json!(300))).await;
    assert_eq!((status, &problem["code"]), (409, &json!("refund_refused")), "{problem}");
    assert_eq!(payer.credits().await, 1000);
    books::prove_at_rest(&saldo, "refused later").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_debits_events_and_a_dispute_at_the_same_time_leave_the_books_right() {
    for shards in ["{}", r#"{"acme":3}"#] {
        let clock = Clock::system();
        let saldo = Arc::new(system::start_with(&clock, &[("Shards", shards)]).await);
        let payer = Payer::by_card(&saldo, "acme").await;
        let mut racing = JoinSet::new();
        for racer in 0..6 {
            // Half of them are one request that is repeated.
            let key = if racer % 2 == 0 { "same".to_owned() } else { format!("own-{racer}") };
            racing.spawn(payer.refund_over(&saldo.world(), &key, payer.body(&json!(400))));
            for n in 0..8 {
                let id = system::debit_id(&clock, racer * 8 + n);
                racing.spawn(system::debit(&saldo, &saldo.world(), "acme", &id, &json!({"channel": "sms"})));
            }
        }
        let (mut done, mut spent) = (0, 0);
        while let Some(answer) = racing.join_next().await {
            let (status, answer) = answer.unwrap();
            assert!([200, 201, 402, 409, 503].contains(&status), "{status} {answer}");
            done += usize::from(status == 201 && answer["action"] == "refund");
            spent += usize::from(status == 201 && answer["channel"].is_null() && answer["action"].is_null());
        }
        clock.advance(120);
        let (status, _) = payer.refund("same", payer.body(&json!(400))).await;
        assert!([200, 201, 402, 409].contains(&status), "{status}");
        system::hear_all(&saldo).await;
        let (refunds, notes) = payer.at_stripe().await;
        assert_eq!(refunds.len(), notes.len());
        assert!((1..=2).contains(&refunds.len()), "{shards}: {done} answered, {refunds:?}");
        let given = 400 * i64::try_from(refunds.len()).unwrap();
        assert!(payer.credits().await >= 0, "{shards}: only unspent credits were given back");
        assert_eq!(
            payer.entries().await.iter().map(|(_, credits)| credits).sum::<i64>(),
            -given,
            "{shards} {spent}"
        );
        saldo.stand_in().dispute(&payer.invoice, DisputeKind::Chargeback, None).unwrap();
        system::hear_all(&saldo).await;
        books::prove_at_rest(&saldo, "after the race").await;
    }
}

/// What was unspent when the refund looked may be spent when it takes: then it takes less, or nothing, and makes no debt.
#[tokio::test(flavor = "multi_thread")]
async fn a_refund_of_all_that_is_unspent_beside_debits_makes_no_debt() {
    let clock = Clock::system();
    let saldo = Arc::new(system::start(&clock).await);
    let mut given = 0;
    for round in 0..12 {
        let org = format!("org-{round}");
        let payer = Payer::by_card(&saldo, &org).await;
        let mut racing = JoinSet::new();
        for n in 0..16 {
            let id = system::debit_id(&clock, 16 * round + n);
            racing.spawn(system::debit(&saldo, &saldo.world(), &org, &id, &json!({"channel": "sms"})));
            if n == 2 {
                racing.spawn(payer.refund_over(&saldo.world(), &org, payer.body(&json!("all"))));
            }
        }
        while let Some(answer) = racing.join_next().await {
            let (status, answer) = answer.unwrap();
            assert!([200, 201, 402, 409, 503].contains(&status), "{status} {answer}");
            given += usize::from(answer["action"] == "refund");
        }
        assert!(payer.credits().await >= 0, "{org}: {} credits", payer.credits().await);
        books::prove_always(&saldo, &org).await;
    }
    assert!(given > 0, "money was given back in none of the rounds");
}

fn of(saldo: &Saldo, org: &str) -> String {
    let invoices = saldo.stand_in().invoices();
    let invoice = invoices.iter().find(|invoice| invoice["metadata"]["org_id"] == org).unwrap();
    invoice["metadata"]["top_up_id"].as_str().unwrap().to_owned()
}

/// How many credit notes there are of the one invoice of an organisation.
async fn notes_of(saldo: &Saldo, org: &str) -> usize {
    let invoice = system::invoice_of(saldo, &of(saldo, org)).unwrap();
    let notes = from_stripe(saldo, &format!("/v1/credit_notes?invoice={invoice}")).await;
    notes["data"].as_array().unwrap().len()
}
