//! Budgets through HTTP: what is counted, what is refused, and what is counted no more.
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::sending_org::{SendingOrg, debit};
use crate::support::books;
use crate::support::client::{Answer, Client};
use crate::support::system;

/// The settings of an organisation that may change them.
fn payer(acme: &SendingOrg) -> Client {
    let token = acme.saldo.token("acme", &["billing:subscribe"], None).unwrap();
    Client::new(acme.saldo.api_url()).with_token(token)
}

async fn put(client: &Client, id: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json")];
    client.send("PUT", &format!("/v1/budgets/{id}"), &headers, body.to_string()).await
}

async fn set(acme: &SendingOrg, id: &str, by: Value, period: &str, limit: i64, limiting: &str) -> Answer {
    let body = json!({"name": id, "by": by, "period": period, "limit": limit, "limiting": limiting});
    let answer = put(&payer(acme), id, &body).await;
    assert!([200, 201].contains(&answer.status.as_u16()), "{}", String::from_utf8_lossy(&answer.body));
    answer
}

async fn spent(acme: &SendingOrg, id: &str) -> i64 {
    let all = acme.viewer().get("/v1/budgets").await.json();
    let budgets = all["budgets"].as_array().unwrap();
    budgets.iter().find(|budget| budget["id"] == id).unwrap()["spent"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hard_budget_refuses_what_is_beyond_it_and_nothing_else() {
    let acme = SendingOrg::open().await;
    let sms = || json!({"channel": "sms"});
    assert_eq!(acme.debit(&acme.id(), sms()).await.status.as_u16(), 201, "before there was a budget");
    let made = set(&acme, "sms-day", json!({"meter": "sms"}), "day", 7, "hard").await;
    assert_eq!((made.status.as_u16(), &made.json()["spent"]), (201, &json!(0)));
    let [first, second, third] = [acme.id(), acme.id(), acme.id()];
    assert_eq!(acme.debit(&first, sms()).await.status.as_u16(), 201);
    assert_eq!(acme.debit(&second, sms()).await.status.as_u16(), 201);
    let refused = acme.debit(&third, sms()).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (402, "budget_exceeded".to_owned()));
    let problem = refused.json();
    assert_eq!(
        (&problem["budget"], &problem["limit"], &problem["spent"], &problem["field"]),
        (&json!("sms-day"), &json!(7), &json!(6), &json!("id"))
    );
    assert!(problem["period_ends_at"].as_str().unwrap().ends_with("T00:00:00Z"), "{problem}");
    assert_eq!(
        acme.debit(&acme.id(), json!({"channel": "email"})).await.status.as_u16(),
        201,
        "another meter"
    );
    assert_eq!(acme.debit(&second, sms()).await.status.as_u16(), 200, "what was done is answered as it was");
    assert_eq!(spent(&acme, "sms-day").await, 6);
    set(&acme, "sms-day", json!({"meter": "sms"}), "day", 9, "hard").await;
    assert_eq!(acme.debit(&third, sms()).await.status.as_u16(), 201, "a refusal claims no id");
    assert_eq!(spent(&acme, "sms-day").await, 9, "what was counted stays when the limit changes");
    assert_eq!(acme.credits().await, 1000 - 4 * 3 - 1);
    books::prove_always(&acme.saldo, "with a budget").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_debits_at_once_for_the_last_of_a_budget() {
    for shards in ["{}", r#"{"acme":3}"#] {
        let acme = SendingOrg::with_shards(shards).await;
        set(&acme, "mail", json!({"meter": "email"}), "month", 20, "hard").await;
        let mut running = JoinSet::new();
        for _ in 0..50 {
            let (id, sending) = (acme.id(), json!({"channel": "email"}));
            running.spawn(acme.debit(&id, sending));
        }
        let (mut done, mut refused, mut again) = (0, 0, Vec::new());
        while let Some(answer) = running.join_next().await {
            let answer = answer.unwrap();
            match answer.status.as_u16() {
                200 | 201 => done += 1,
                402 if answer.code() == "budget_exceeded" => refused += 1,
                503 if answer.code() == "too_many_debits" => again.push(acme.id()),
                other => panic!("{other} {}", answer.json()),
            }
        }
        for id in again {
            match acme.debit(&id, json!({"channel": "email"})).await.status.as_u16() {
                201 => done += 1,
                402 => refused += 1,
                other => panic!("{other}"),
            }
        }
        assert_eq!((done, refused), (20, 30), "{shards}");
        assert_eq!(spent(&acme, "mail").await, 20, "{shards}");
        assert_eq!(acme.credits().await, 980);
        books::prove_always(&acme.saldo, "after fifty for twenty").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_is_of_a_caller_or_of_what_references_begin_with_too() {
    let acme = SendingOrg::open().await;
    let sender = async |subject: &str| {
        let path = format!("/local/token?org=acme&permissions=credits:spend&sub={subject}");
        let token = Client::new(acme.saldo.api_url()).get(&path).await.json();
        Client::new(acme.saldo.api_url()).with_token(token["token"].as_str().unwrap())
    };
    set(&acme, "key-a", json!({"key": "sender-a"}), "day", 3, "hard").await;
    set(&acme, "promo", json!({"reference_prefix": "promo-"}), "month", 3, "hard").await;
    let (a, b) = (sender("sender-a").await, sender("sender-b").await);
    let send = async |sender: &Client, reference: &str| {
        let message = json!({"channel": "sms", "reference": reference});
        let answer = debit(sender, &acme.id(), &message).await;
        (answer.status.as_u16(), answer.json()["budget"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(send(&a, "order 1").await.0, 201);
    assert_eq!(send(&a, "order 2").await, (402, "key-a".to_owned()));
    assert_eq!(send(&b, "promo-1").await.0, 201);
    assert_eq!(send(&b, "promo-2").await, (402, "promo".to_owned()));
    assert_eq!(send(&b, "a promo-").await.0, 201, "only what begins so");
    books::prove_always(&acme.saldo, "with budgets of a caller and of references").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_refused_by_the_debit_that_is_beyond() {
    let acme = SendingOrg::open().await;
    set(&acme, "sms", json!({"meter": "sms"}), "day", 7, "hard").await;
    let ids = acme.run(4);
    let of = |channels: [&str; 4]| -> Value {
        ids.iter().zip(channels).map(|(id, channel)| json!({"id": id, "channel": channel})).collect()
    };
    let refused = acme.batch(&of(["sms", "email", "sms", "sms"])).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (402, "budget_exceeded".to_owned()));
    assert_eq!(refused.json()["field"], "debits[3].id");
    assert_eq!(acme.credits().await, 1000, "all of them or none");
    assert_eq!(acme.batch(&of(["sms", "email", "sms", "email"])).await.status.as_u16(), 201);
    assert_eq!(spent(&acme, "sms").await, 6);
    books::prove_always(&acme.saldo, "after a batch").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_reversed_is_counted_no_more_and_a_period_begins_at_nothing() {
    let acme = SendingOrg::open().await;
    set(&acme, "day", json!({"meter": "sms"}), "day", 3, "hard").await;
    set(&acme, "month", json!({"meter": "sms"}), "month", 9, "hard").await;
    let send = async |id: &str| acme.debit(id, json!({"channel": "sms"})).await.status.as_u16();
    let (first, second) = (acme.id(), acme.id());
    assert_eq!((send(&first).await, send(&second).await), (201, 402));
    for _ in 0..2 {
        let reversed = acme.sender.send("POST", &format!("/v1/debits/{first}/reverse"), &[], "").await;
        assert_eq!(reversed.status.as_u16(), 200);
        assert_eq!((spent(&acme, "day").await, spent(&acme, "month").await), (0, 0), "once");
    }
    assert_eq!(send(&second).await, 201);
    acme.clock.advance(86_400);
    let (month_spent, third) = (spent(&acme, "month").await, acme.id());
    assert_eq!(spent(&acme, "day").await, 0);
    assert_eq!((send(&third).await, send(&acme.id()).await), (201, 402), "three a day");
    assert_eq!((spent(&acme, "day").await, spent(&acme, "month").await), (3, month_spent + 3));
    let reversed = acme.sender.send("POST", &format!("/v1/debits/{second}/reverse"), &[], "").await;
    assert_eq!(reversed.status.as_u16(), 200);
    assert_eq!(spent(&acme, "day").await, 3, "that was yesterday");
    books::prove_always(&acme.saldo, "after a day").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_look_changes_no_budget_and_there_are_eight() {
    let acme = SendingOrg::open().await;
    let body =
        json!({"name": "SMS", "by": {"meter": "sms"}, "period": "day", "limit": 7, "limiting": "soft"});
    let refused = put(&acme.viewer(), "sms", &body).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (403, "permission_required".to_owned()));
    let payer = payer(&acme);
    for number in 0..8 {
        assert_eq!(put(&payer, &format!("b{number}"), &body).await.status.as_u16(), 201);
    }
    let ninth = put(&payer, "b8", &body).await;
    assert_eq!((ninth.status.as_u16(), ninth.code()), (422, "too_many_budgets".to_owned()));
    assert_eq!(put(&payer, "b7", &body).await.status.as_u16(), 200, "the same again changes nothing");
    let before = payer.get("/v1/budgets").await.json();
    assert_eq!(before["version"], 8);
    for _ in 0..2 {
        let left = payer.send("DELETE", "/v1/budgets/b0", &[], "").await;
        assert_eq!((left.status.as_u16(), left.json()["budgets"].as_array().unwrap().len()), (200, 7));
    }
    assert_eq!(put(&payer, "b8", &body).await.status.as_u16(), 201);
    for path in ["/v1/budgets/SMS", "/v1/budgets/a%20b", "/v1/budgets/%00"] {
        let wrong = payer.send("PUT", path, &[], body.to_string()).await;
        assert_eq!((wrong.status.as_u16(), wrong.code()), (400, "invalid_request".to_owned()), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_is_by_a_meter_that_is_sold_or_goes_on_by_the_one_that_it_was_by() {
    let acme = SendingOrg::open().await;
    let of = |meter: &str, limit: i64| json!({"name": "a day", "by": {"meter": meter}, "period": "day", "limit": limit, "limiting": "hard"});
    for meter in ["smss", "voice", "__proto__"] {
        let refused = put(&payer(&acme), "typed", &of(meter, 7)).await;
        let expected = if meter.starts_with('_') { 400 } else { 422 };
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["field"]),
            (expected, &json!("by.meter")),
            "{meter}"
        );
        if expected == 422 {
            assert_eq!(refused.code(), "unknown_channel");
            let said = refused.json();
            assert_eq!(said["channels"], json!(["email", "sms", "whatsapp"]), "{said}");
            assert_eq!(said["detail"], "meter is one of email, sms, whatsapp.");
        }
    }
    assert_eq!(acme.viewer().get("/v1/budgets").await.json()["budgets"], json!([]));
    set(&acme, "sms-day", json!({"meter": "sms"}), "day", 7, "hard").await;

    let mut variables = acme.saldo.plan().environment("settings").unwrap().clone();
    variables.insert("SALDO_METERS".to_owned(), r#"{"email":{"default":1}}"#.to_owned());
    let later = saldo_settings::connect(&variables.into_iter().collect(), &acme.saldo.world()).unwrap();
    for (id, limit, status) in [("sms-day", 7, 200), ("sms-day", 9, 200), ("another", 7, 422)] {
        let (answered, body) = system::set_budget_by(&later, "acme", id, &of("sms", limit)).await;
        assert_eq!(answered, status, "{id} {limit}: {body}");
    }
    assert_eq!(acme.viewer().get("/v1/budgets").await.json()["budgets"][0]["limit"], 9);
}
