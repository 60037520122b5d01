//! Batches through HTTP: all or none, one answer per debit, and each debit is one in whatever company it comes.
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::sending_org::SendingOrg;
use crate::support::books;

fn messages(ids: &[String]) -> Value {
    let message = |(at, id): (usize, &String)| {
        let channel = ["email", "whatsapp", "sms"][at % 3];
        json!({"id": id, "channel": channel, "country": "ID", "reference": format!("order {at}")})
    };
    ids.iter().enumerate().map(message).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_has_one_answer_per_debit_and_each_is_in_the_history() {
    let acme = SendingOrg::open().await;
    acme.clock.advance(10);
    let ids = acme.run(10);
    let batch = messages(&ids);
    let answer = acme.batch(&batch).await;
    assert_eq!(answer.status, 201, "{}", answer.json());
    let expected: Vec<Value> = ids
        .iter()
        .zip([1, 2, 3].into_iter().cycle())
        .map(|(id, credits)| json!({"id": id, "credits": credits, "available_credits": 1000 - 19}))
        .collect();
    assert_eq!(answer.json(), json!({ "debits": expected }));
    let again = acme.batch(&batch).await;
    assert_eq!((again.status.as_u16(), again.json()), (200, answer.json()), "a repeat is the same");

    for limit in [1, 3, 100] {
        let entries = acme.entries_by(limit).await;
        assert_eq!(entries.len(), 11, "by {limit}");
        assert_eq!(entries[0]["kind"], "top_up");
        for ((entry, message), answer) in entries[1..].iter().zip(batch.as_array().unwrap()).zip(&expected) {
            for name in ["id", "channel", "country", "reference"] {
                assert_eq!(entry[name], message[name]);
            }
            assert_eq!(entry["credits"], -answer["credits"].as_i64().unwrap());
        }
    }
    let csv = acme.viewer().send("GET", "/v1/entries", &[("accept", "text/csv")], "").await;
    let csv = String::from_utf8(csv.body).unwrap();
    assert_eq!(csv.lines().count(), 12);
    let line = csv.lines().nth(4).unwrap();
    assert!(line.starts_with(&ids[2]) && line.contains(",sms,ID,\"order 2\","), "{line}");
    assert_eq!(acme.credits().await, 981);
    books::prove_always(&acme.saldo, "after a batch").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debit_is_one_whether_it_comes_alone_or_in_a_batch() {
    let acme = SendingOrg::open().await;
    let mut ids = acme.run(4);
    ids.push(acme.id());
    let batch = messages(&ids);
    let alone = |at: usize| {
        let mut message = batch[at].clone();
        message.as_object_mut().unwrap().remove("id");
        acme.debit(&ids[at], message)
    };
    let first = alone(1).await;
    assert_eq!((first.status.as_u16(), &first.json()["available_credits"]), (201, &json!(998)));
    let answer = acme.batch(&batch).await;
    assert_eq!(answer.status, 201, "{}", answer.json());
    assert_eq!(answer.json()["debits"][1], first.json(), "as it was answered then");
    assert_eq!(answer.json()["debits"][0]["available_credits"], 998 - 1 - 3 - 1 - 2);
    for at in 0..ids.len() {
        let again = alone(at).await;
        assert_eq!((again.status.as_u16(), &again.json()), (200, &answer.json()["debits"][at]));
    }
    let shorter = json!([batch[4], batch[0]]);
    assert_eq!(acme.batch(&shorter).await.status, 200, "in another batch");
    assert_eq!(acme.credits().await, 991);

    acme.clock.advance(60);
    for place in [0, 2] {
        let path = format!("/v1/debits/{}/reverse", ids[place]);
        for _ in 0..2 {
            assert_eq!(acme.sender.send("POST", &path, &[], "").await.status, 200);
        }
    }
    assert_eq!(acme.credits().await, 991 + 1 + 3, "two of a run in one millisecond");
    books::prove_always(&acme.saldo, "alone and in batches").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_not_covered_is_not_debited_in_part() {
    let acme = SendingOrg::open().await;
    acme.leave(10).await;
    let ids = acme.run(6);
    let all = messages(&ids);
    let answer = acme.batch(&all).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (402, "insufficient_credits"));
    assert_eq!((&answer.json()["credits"], &answer.json()["available_credits"]), (&json!(12), &json!(10)));
    assert_eq!(acme.credits().await, 10);
    let half = json!([all[0], all[1], all[2]]);
    assert_eq!(acme.batch(&half).await.status, 201);
    let answer = acme.batch(&all).await;
    assert_eq!(answer.status, 402, "the rest is not covered");
    assert_eq!(answer.json()["credits"], 6, "what was done before is not asked for again");
    assert_eq!(acme.batch(&half).await.status, 200, "and stays done");
    assert_eq!(acme.credits().await, 4);
    books::prove_always(&acme.saldo, "after refused batches").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_another_message_is_left_out_of_its_batch() {
    let acme = SendingOrg::open().await;
    let ids = acme.run(3);
    assert_eq!(acme.debit(&ids[1], json!({"channel": "sms"})).await.status, 201);
    let batch: Value = ids.iter().map(|id| json!({"id": id, "channel": "email"})).collect();
    for status in [201, 200] {
        let answer = acme.batch(&batch).await;
        assert_eq!(answer.status, status, "{}", answer.json());
        let debits = &answer.json()["debits"];
        assert_eq!((&debits[1]["id"], &debits[1]["code"]), (&json!(ids[1]), &json!("debit_id_reused")));
        assert_eq!((&debits[0]["credits"], &debits[2]["credits"]), (&json!(1), &json!(1)));
    }
    assert_eq!(acme.credits().await, 1000 - 3 - 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_with_the_same_debits_at_once_debit_each_once() {
    let acme = SendingOrg::open().await;
    acme.leave(300).await;
    let runs: Vec<_> = (0..8).map(|_| acme.run(25)).collect();
    let mut running = JoinSet::new();
    for round in 0..6 {
        for (at, run) in runs.iter().enumerate() {
            // Each time in another company.
            let mut ids = run.clone();
            ids.truncate(25 - round);
            ids.push(runs[(at + round + 1) % 8][24].clone());
            let batch: Value = ids.iter().map(|id| json!({"id": id, "channel": "email"})).collect();
            let whole = if round == 0 {
                run.iter().map(|id| json!({"id": id, "channel": "email"})).collect()
            } else {
                batch
            };
            running.spawn(acme.batch(&whole));
        }
    }
    while let Some(answer) = running.join_next().await {
        let answer = answer.unwrap();
        assert!([200, 201, 503].contains(&answer.status.as_u16()), "{} {}", answer.status, answer.json());
    }
    for run in &runs {
        let batch: Value = run.iter().map(|id| json!({"id": id, "channel": "email"})).collect();
        let mut answer = acme.batch(&batch).await;
        for _ in 0..20 {
            if answer.status != 503 {
                break;
            }
            answer = acme.batch(&batch).await;
        }
        assert!([200, 201].contains(&answer.status.as_u16()), "{}", answer.json());
    }
    acme.clock.advance(120);
    assert_eq!(acme.credits().await, 100, "two hundred debits of one credit");
    assert_eq!(acme.entries().await.len(), 202);
    books::prove_always(&acme.saldo, "after batches at once").await;
}
