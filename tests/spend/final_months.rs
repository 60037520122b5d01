//! A month that is final stays as it is: in entries, CSV, usage and sums.
use saldo_adapters::dynamo::Store;
use saldo_credits::Balances as _;
use saldo_domain::{
    Channel, Counting, Credits, DebitId, OrgId, Reservation, ReservedDebit, ShardId, Stamp, Timestamp,
};
use serde_json::{Value, json};

use super::sending_org::SendingOrg;
use crate::support::books;
use crate::support::client::Answer;
use crate::support::system;

const NOVEMBER: &str = "?month=2026-11";

impl SendingOrg {
    fn at(&self, moment: &str) {
        self.clock.advance(Timestamp::parse(moment).unwrap().secs_since(self.clock.now()));
    }

    /// An id that was made at this moment.
    fn id_of(&self, moment: &str) -> String {
        system::debit_id(&self.clock, Timestamp::parse(moment).unwrap().secs_since(self.clock.now()))
    }

    async fn csv(&self, query: &str) -> Answer {
        let path = format!("/v1/entries{query}");
        let answer = self.viewer().send("GET", &path, &[("accept", "text/csv")], "").await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer
    }

    /// All that is told of November: entries, CSV and usage. They agree on whether it is final.
    async fn november(&self) -> (bool, Value, String, Value) {
        let entries = self.viewer().get(&format!("/v1/entries{NOVEMBER}&limit=100")).await.json();
        let usage = self.viewer().get(&format!("/v1/usage{NOVEMBER}")).await.json();
        let csv = self.csv(NOVEMBER).await;
        let name = csv.headers["content-disposition"].to_str().unwrap().to_owned();
        let is_final = entries["final"].as_bool().unwrap();
        assert_eq!(usage["final"], is_final, "{usage}");
        assert_eq!(csv.headers["saldo-final"], is_final.to_string().as_str());
        assert_eq!(name.ends_with("2026-11.csv\""), is_final, "{name}");
        assert_eq!(name.ends_with("2026-11-not-final.csv\""), !is_final, "{name}");
        for from in [&entries["final_from"], &usage["final_from"]] {
            assert_eq!(from, "2026-12-02T01:00:00Z");
        }
        assert_eq!(csv.headers["saldo-final-from"], "2026-12-02T01:00:00Z");
        (is_final, entries, String::from_utf8(csv.body).unwrap(), usage)
    }

    fn store(&self) -> Store {
        self.saldo.world().store(&self.saldo.env_of("spend")).unwrap()
    }

    /// Reserves credits for a debit, on the last shard that has some, and dies; `code` is what its stamp says.
    async fn abandons(&self, id: &str, code: i128) -> ShardId {
        let (store, org) = (self.store(), OrgId::parse("acme").unwrap());
        let all = store.all_shards(&org).await.unwrap();
        let (at, shard) = all.iter().rfind(|(_, shard)| shard.ready && shard.credits > Credits(10)).unwrap();
        let id = DebitId::parse(id).unwrap();
        let debits = vec![ReservedDebit { id, credits: Credits(3), code }];
        let (acknowledged, epoch, at_time) = (Vec::new(), shard.epoch, self.clock.now());
        let unsharded = all.len() == 1;
        let reservation = Reservation {
            debits,
            acknowledged,
            unsharded,
            epoch,
            counting: Counting::default(),
            at: at_time,
        };
        let reserved = store.reserve(&org, *at, &reservation).await.unwrap();
        assert!(matches!(reserved, saldo_credits::Reserved::Done(_)), "{reserved:?}");
        *at
    }

    async fn sends(&self, id: &str, message: Value) -> (u16, Value) {
        let answer = self.debit(id, message).await;
        (answer.status.as_u16(), answer.json())
    }
}

fn sms() -> i128 {
    Stamp::code_of_before(Credits(3), Channel::SMS)
}

fn rows(csv: &str) -> usize {
    csv.lines().count() - 1
}

/// The small input: November as CSV on 1 December at 00:10, then a debit with an id of November.
#[tokio::test(flavor = "multi_thread")]
async fn a_csv_that_may_still_change_says_so() {
    let acme = SendingOrg::open().await;
    acme.at("2026-11-30T23:58:00Z");
    assert_eq!(acme.sends(&acme.id(), json!({"channel": "sms"})).await.0, 201);
    acme.at("2026-12-01T00:10:02Z");
    let (is_final, _, csv, usage) = acme.november().await;
    assert_eq!((is_final, rows(&csv)), (false, 2), "{csv}");
    let late = acme.id_of("2026-11-30T23:59:30Z");
    assert_eq!(acme.sends(&late, json!({"channel": "email"})).await.0, 201);
    let (is_final, entries, more, more_used) = acme.november().await;
    assert_eq!((is_final, rows(&more)), (false, 3), "{more}");
    assert_ne!(usage["days"], more_used["days"]);
    let entry = entries["entries"].as_array().unwrap().iter().find(|entry| entry["id"] == late).unwrap();
    assert!(entry["at"].as_str().unwrap().starts_with("2026-11-30T23:59:"), "{entry}");
    let booked_at = entry["booked_at"].as_str().unwrap();
    assert!(booked_at.starts_with("2026-12-01T00:10:") && booked_at.len() == 20, "{entry}");
    assert!(
        more.lines().any(|line| line.starts_with(&late) && line.contains(&format!(",{booked_at},"))),
        "{more}"
    );
    assert_eq!(acme.csv("?month=2026-12").await.headers["saldo-final-from"], "2027-01-02T01:00:00Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_final_never_changes() {
    for shards in ["{}", "{\"acme\":3}"] {
        let acme = SendingOrg::with_shards(shards).await;
        acme.at("2026-11-29T12:00:00Z");
        for _ in 0..6 {
            assert_eq!(acme.sends(&acme.id(), json!({"channel": "email"})).await.0, 201);
        }
        acme.at("2026-11-30T23:58:00Z");
        let (sent, dead) = (acme.id(), acme.id_of("2026-11-30T23:59:00Z"));
        let message = json!({"channel": "sms", "country": "ID", "reference": "order 17"});
        assert_eq!(acme.sends(&sent, message.clone()).await.0, 201);
        acme.at("2026-12-01T23:30:00Z");
        let at = acme.abandons(&dead, sms()).await;
        assert_eq!(at == ShardId::MAIN, shards == "{}");
        acme.at("2026-12-02T00:58:00Z");
        // So that the shard that it is pending on has just served others.
        acme.abandons(&acme.id(), sms()).await;
        let before = acme.november().await;
        assert!(!before.0, "not before its moment");
        acme.at("2026-12-02T01:00:02Z");
        acme.abandons(&acme.id(), sms()).await;

        let november = acme.november().await;
        assert_eq!(
            (november.0, rows(&november.2)),
            (true, rows(&before.2) + 1),
            "the abandoned one is in it"
        );
        assert!(november.2.contains(&dead));

        let (status, refused) = acme.sends(&acme.id_of("2026-11-30T23:59:30Z"), message.clone()).await;
        assert_eq!((status, &refused["code"]), (400, &json!("invalid_request")), "{refused}");
        let other = json!({"channel": "email"});
        assert_eq!(acme.sends(&dead, other).await.0, 409, "another channel");
        let (status, first) = acme.sends(&dead, message.clone()).await;
        assert_eq!(
            (status, &first["credits"]),
            (201, &json!(3)),
            "its sender is told that it is done: {first}"
        );
        assert_eq!(acme.sends(&dead, message.clone()).await.0, 200);
        assert_eq!(acme.sends(&dead, json!({"channel": "sms"})).await.0, 409, "another message");
        for id in [&sent, &dead] {
            let back = acme.sender.send("POST", &format!("/v1/debits/{id}/reverse"), &[], "").await;
            assert_eq!(back.status, 200, "{}", back.json());
        }
        assert_eq!(acme.november().await, november);
        let december = acme.csv("?month=2026-12").await;
        let december = String::from_utf8(december.body).unwrap();
        for id in [&sent, &dead] {
            let of = |line: &&str| line.contains(",3,reversal,") && line.contains(id.as_str());
            assert_eq!(december.lines().filter(of).count(), 1, "on its own day: {december}");
        }
        acme.clock.advance(40 * 86_400);
        assert_eq!(acme.november().await, november);
        acme.credits().await;
        books::prove_always(&acme.saldo, "after a final month").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_with_a_debit_that_cannot_be_finished_is_not_final() {
    let acme = SendingOrg::open().await;
    acme.at("2026-11-30T23:58:00Z");
    assert_eq!(acme.sends(&acme.id(), json!({"channel": "sms"})).await.0, 201);
    // A stamp without a channel, of which no entry can be made.
    acme.abandons(&acme.id(), 48).await;
    acme.at("2026-12-03T12:00:00Z");
    let (is_final, _, csv, _) = acme.november().await;
    assert_eq!((is_final, rows(&csv)), (false, 2), "what there is, is shown: {csv}");
}

/// The small input: at 30 November 23:59:30 a debit with an id of 1 December 00:00:10.
#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_the_month_that_has_not_begun_is_in_the_default_view() {
    let acme = SendingOrg::open().await;
    acme.at("2026-11-30T23:59:20Z");
    let (now, ahead) = (acme.id(), acme.id_of("2026-12-01T00:00:10Z"));
    for id in [&now, &ahead] {
        assert_eq!(acme.sends(id, json!({"channel": "email"})).await.0, 201);
    }
    let ids = |entries: &[Value]| -> Vec<Value> { entries.iter().map(|entry| entry["id"].clone()).collect() };
    for limit in [100, 1] {
        let entries = acme.entries_by(limit).await;
        assert_eq!(ids(&entries)[1..], [json!(now), json!(ahead)], "in pages of {limit}");
    }
    let csv = String::from_utf8(acme.csv("").await.body).unwrap();
    assert!(csv.contains(&now) && csv.contains(&ahead), "{csv}");
    let november = acme.viewer().get(&format!("/v1/entries{NOVEMBER}")).await.json();
    assert_eq!(ids(november["entries"].as_array().unwrap())[1..], [json!(now)], "a month has its own only");
    let page = acme.viewer().get("/v1/entries?limit=2").await.json();
    assert_eq!((&page["month"], &page["final"]), (&json!("2026-11"), &json!(false)));
    let cursor = page["next_cursor"].as_str().unwrap();
    acme.at("2026-12-01T00:00:30Z");
    let rest = acme.viewer().get(&format!("/v1/entries?cursor={cursor}")).await.json();
    assert_eq!(
        ids(rest["entries"].as_array().unwrap()),
        [json!(ahead)],
        "the month turned between two pages"
    );
    assert_eq!(ids(&acme.entries().await), [json!(ahead)], "and now it is the month's");
}
