//! What waits for a second person, and what comparing the books found, is listed page by page.
use saldo_adapters::clock::Clock;
use saldo_local::Saldo;
use serde_json::{Value, json};

use super::acts::in_review;
use super::staff::{Deed, Staff, does};
use crate::support::{books, system};

/// All that is listed there, asked for `limit` at a time.
async fn all(staff: &Staff, list: &str, limit: usize) -> Vec<Value> {
    let (mut seen, mut path) = (Vec::new(), Some(format!("{list}?limit={limit}")));
    while let Some(next) = path {
        let page = staff.see(&next).await;
        let items = page[list].as_array().unwrap();
        assert!(items.len() <= limit, "{page}");
        seen.extend(items.iter().cloned());
        let cursor = page["next_cursor"].as_str();
        path = cursor.map(|cursor| format!("{list}?limit={limit}&cursor={cursor}"));
    }
    seen
}

async fn refuses_what_is_no_page(staff: &Staff, list: &str) {
    for (query, code) in [
        ("limit=0", "invalid_request"),
        ("limit=101", "invalid_request"),
        ("cursor=", "invalid_cursor"),
        ("cursor=x", "invalid_cursor"),
        ("cursor=-5", "invalid_cursor"),
    ] {
        let answer = staff.ask(&format!("{list}?{query}")).await;
        assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (400, Some(code)), "{query}");
    }
}

async fn act(saldo: &Saldo, by: &str, path: &str, key: &str, body: Value) -> Value {
    let (status, done) = does(saldo, &saldo.world(), &Deed { by, path, key, body }).await;
    assert_eq!(status, 201, "{done}");
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn adjustments_wait_in_a_list_until_a_second_person_agrees() {
    let clock = Clock::system();
    let saldo = system::start_with(&clock, &[("AdjustmentLimit", "100")]).await;
    let staff = Staff::of(&saldo, "ben").await;
    assert_eq!(all(&staff, "adjustments", 2).await, [] as [Value; 0]);
    let mut waiting = Vec::new();
    for org in ["acme", "globex", "initech"] {
        system::with_credits(&saldo, org).await;
        let body = json!({"org": org, "credits": 101, "reason": "a campaign failed"});
        waiting.push(act(&saldo, "ana", "adjustments", org, body).await["id"].clone());
        clock.advance(1);
    }
    let body = json!({"org": "acme", "credits": 100, "reason": "a campaign failed"});
    act(&saldo, "ana", "adjustments", "small", body).await;
    let seen = all(&staff, "adjustments", 2).await;
    let ids: Vec<_> = seen.iter().map(|one| one["id"].clone()).collect();
    assert_eq!(ids, waiting, "each once, the oldest first");
    assert_eq!((&seen[1]["organisation"], &seen[1]["credits"]), (&json!("globex"), &json!(101)));
    assert_eq!((&seen[1]["by"], &seen[1]["reason"]), (&json!("operator:ana"), &json!("a campaign failed")));
    let path = format!("adjustments/{}/approve", waiting[1].as_str().unwrap());
    act(&saldo, "ben", &path, "agree", json!({"org": "globex", "reason": "seen"})).await;
    let left: Vec<_> = all(&staff, "adjustments", 2).await.iter().map(|one| one["id"].clone()).collect();
    assert_eq!(left, [waiting[0].clone(), waiting[2].clone()]);
    refuses_what_is_no_page(&staff, "adjustments").await;
    books::prove_always(&saldo, "while adjustments wait").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_of_comparing_are_listed_the_newest_first_with_what_differed() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    let staff = Staff::of(&saldo, "ana").await;
    assert_eq!(all(&staff, "reconciliations", 2).await, [] as [Value; 0]);
    let (id, _) = in_review(&saldo, "acme").await;
    let mut told = Vec::new();
    for _ in 0..3 {
        clock.advance(3600);
        told.insert(0, system::reconcile(&saldo, &saldo.world(), true).await);
    }
    let seen = all(&staff, "reconciliations", 2).await;
    assert_eq!(seen, told, "as they were told");
    let difference = &seen[0]["differences"][0];
    assert_eq!((&difference["kind"], &difference["org"]), (&json!("in_review"), &json!("acme")));
    assert_eq!(difference["outcome"], "for_a_person");
    assert!(difference["subject"].as_str().unwrap().contains(&id), "{difference}");
    refuses_what_is_no_page(&staff, "reconciliations").await;
}
