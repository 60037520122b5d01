//! Meters: units, classes, rates that change, and what is sold by one more line of configuration.
use saldo_adapters::clock::Clock;
use saldo_adapters::config::Env;
use saldo_credits::{Balances as _, Reserved};
use saldo_domain::{
    Actor, Channel, Class, Counting, Country, Credits, DebitId, Details, EntryId, OrgId, Posting,
    Reservation, ReservedDebit, ShardId, Stamp, Subject, Units,
};
use serde_json::{Value, json};

use super::sending_org::SendingOrg;
use crate::support::meters::with_full_words;
use crate::support::{books, system};

const METERS: &str = r#"{"email":{"default":1},"whatsapp":{"unit":"message","default":2,"class":{"utility":0,"marketing":4},"US":5},
    "sms":{"unit":"segment","default":3},"ai":{"unit":"token","default":1000}}"#;
/// The same with one line more.
const WITH_VOICE: &str = r#"{"email":{"default":1},"whatsapp":{"default":2},"sms":{"default":3},
    "voice":{"unit":"minute","default":5}}"#;

/// Gives an organisation credits that nobody bought.
async fn give(acme: &SendingOrg, credits: i64) {
    let actor = Actor::Operator(Subject::parse("ana").unwrap());
    let id = EntryId::parse(&acme.id()).unwrap();
    let store = acme.saldo.world().store(&acme.saldo.env_of("spend")).unwrap();
    let org = OrgId::parse("acme").unwrap();
    store.post(&org, &Posting::adjustment(id, "a gift", Credits(credits), &actor)).await.unwrap();
}

async fn get(acme: &SendingOrg, path: &str) -> Value {
    acme.viewer().get(path).await.json()
}

async fn csv(acme: &SendingOrg) -> String {
    let answer = acme.viewer().send("GET", "/v1/entries", &[("accept", "text/csv")], "").await;
    String::from_utf8(answer.body).unwrap()
}

/// A debit of this and its answer.
async fn sent(acme: &SendingOrg, message: Value) -> (String, u16, Value) {
    let id = acme.id();
    let answer = acme.debit(&id, message).await;
    (id, answer.status.as_u16(), answer.json())
}

/// An environment of a function with other meters.
fn with_meters(acme: &SendingOrg, function: &str, meters: &str) -> Env {
    let mut variables = acme.saldo.plan().environment(function).unwrap().clone();
    variables.insert("SALDO_METERS".to_owned(), meters.to_owned());
    variables.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn units_cost_their_rate_wherever_a_debit_is_shown() {
    let acme = SendingOrg::with(&[("Meters", METERS)]).await;
    let message = json!({"channel": "sms", "country": "ID", "units": 3, "reference": "order 17"});
    let (id, status, first) = sent(&acme, message.clone()).await;
    assert_eq!(
        (status, &first),
        (201, &json!({"id": id, "credits": 9, "units": 3, "available_credits": 991}))
    );
    let again = acme.debit(&id, message.clone()).await;
    assert_eq!((again.status.as_u16(), again.json()), (200, first));
    for other in [json!({"channel": "sms", "country": "ID", "reference": "order 17"}), {
        let mut other = message.clone();
        other["units"] = json!(4);
        other
    }] {
        assert_eq!(acme.debit(&id, other).await.code(), "debit_id_reused");
    }
    let ids = acme.run(2);
    let batch = json!([
        {"id": ids[0], "channel": "whatsapp", "class": "marketing", "units": 2},
        {"id": ids[1], "channel": "whatsapp", "class": "utility", "country": "US"},
    ]);
    let answer = acme.batch(&batch).await;
    let told = answer.json()["debits"].clone();
    assert_eq!(
        (&told[0]["credits"], &told[0]["units"], &told[1]["credits"]),
        (&json!(8), &json!(2), &json!(0))
    );
    let back = acme.sender.send("POST", &format!("/v1/debits/{}/reverse", ids[0]), &[], "").await.json();
    assert_eq!((&back["credits"], &back["units"]), (&json!(8), &json!(2)));

    let entries = acme.entries().await;
    let said = |entry: &Value| {
        ["credits", "channel", "class", "units", "rate", "rate_version"].map(|name| entry[name].clone())
    };
    let debits: Vec<_> = entries.iter().skip(1).map(said).collect();
    let line =
        |credits: i64, channel: &str, class: Option<&str>, units: i64, rate: i64, version: Option<i64>| {
            [json!(credits), json!(channel), json!(class), json!(units), json!(rate), json!(version)]
        };
    assert_eq!(
        debits,
        [
            line(-9, "sms", None, 3, 3, Some(1)),
            line(-8, "whatsapp", Some("marketing"), 2, 4, Some(1)),
            line(0, "whatsapp", Some("utility"), 1, 0, Some(1)),
            line(8, "whatsapp", Some("marketing"), 2, 4, None),
        ]
    );
    assert!(entries[0]["units"].is_null() && entries[0]["rate"].is_null(), "a top-up has none");
    let text = csv(&acme).await;
    let ends: Vec<_> =
        text.lines().map(|line| line.rsplitn(7, ',').skip(2).take(4).collect::<Vec<_>>()).collect();
    assert_eq!(ends[0], ["rate_version", "rate", "class", "units"]);
    assert_eq!(ends[2], ["1", "3", "", "3"]);
    assert_eq!(ends[3], ["1", "4", "marketing", "2"]);
    let month = entries[1]["at"].as_str().unwrap()[..7].to_owned();
    let usage = get(&acme, &format!("/v1/usage?month={month}")).await;
    let channels = &usage["days"][0]["channels"];
    assert_eq!(channels["sms"], json!({"messages": 1, "units": 3, "credits": 9}));
    assert_eq!(channels["whatsapp"], json!({"messages": 1, "units": 1, "credits": 0}), "less what came back");
    assert_eq!(channels["ai"], json!({"messages": 0, "units": 0, "credits": 0}), "what is sold is there");
    let statement = get(&acme, &format!("/v1/statements/{month}")).await;
    assert_eq!(statement["by_channel"]["sms"], json!({"messages": 1, "units": 3, "credits": 9}));
    books::prove_always(&acme.saldo, "after units").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debit_is_of_a_million_million_credits_and_no_more() {
    let acme = SendingOrg::with(&[("Meters", METERS)]).await;
    give(&acme, 2_000_000_000_000).await;
    let most = json!({"channel": "ai", "units": 1_000_000_000});
    let (id, status, body) = sent(&acme, most.clone()).await;
    assert_eq!((status, &body["credits"]), (201, &json!(1_000_000_000_000_i64)), "{body}");
    assert_eq!(acme.debit(&id, most.clone()).await.json(), body);
    assert_eq!(acme.debit(&id, json!({"channel": "ai"})).await.code(), "debit_id_reused");
    let entry = acme.entries().await.pop().unwrap();
    assert_eq!((&entry["credits"], &entry["rate"]), (&json!(-1_000_000_000_000_i64), &json!(1000)));
    let ids = acme.run(2);
    let batch: Value =
        ids.iter().map(|id| json!({"id": id, "channel": "ai", "units": 1_000_000_000})).collect();
    let answer = acme.batch(&batch).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (402, "insufficient_credits"));
    assert_eq!(answer.json()["credits"], json!(2_000_000_000_000_i64), "both or none");
    assert_eq!(acme.sender.send("POST", &format!("/v1/debits/{id}/reverse"), &[], "").await.status, 200);
    assert_eq!(acme.batch(&batch).await.status, 201);
    assert_eq!(acme.credits().await, 1000);
    books::prove_always(&acme.saldo, "after large debits").await;

    let dear = r#"{"ai":{"default":1000000}}"#;
    let env = with_meters(&acme, "spend", dear);
    let function = saldo_spend::connect(&env, &acme.saldo.world()).unwrap();
    for (units, status) in [(1_000_001, 400), (1_000_000, 402)] {
        let message = json!({"channel": "ai", "units": units});
        let (got, body) = system::debit_by(&function, "acme", &acme.id(), &message).await;
        assert_eq!(got, status, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_costs_nothing_has_its_entry() {
    for shards in ["{}", r#"{"acme":2,"nobody":2}"#] {
        let acme = SendingOrg::with(&[("Meters", METERS), ("Shards", shards)]).await;
        let free = json!({"channel": "whatsapp", "class": "utility", "reference": "order 17"});
        let (id, status, body) = sent(&acme, free.clone()).await;
        assert_eq!(
            (status, &body["credits"], body["available_credits"].is_u64()),
            (201, &json!(0), true),
            "{body}"
        );
        assert_eq!(acme.debit(&id, free.clone()).await.status, 200);
        assert_eq!(acme.debit(&id, json!({"channel": "email"})).await.code(), "debit_id_reused");
        let (_, status, body) = sent(&acme, json!({"channel": "sms", "units": 333})).await;
        assert_eq!(status, 201, "{body}");
        assert_eq!(sent(&acme, json!({"channel": "email"})).await.1, 201, "all is spent");
        assert_eq!(sent(&acme, json!({"channel": "email"})).await.1, 402);
        assert_eq!(sent(&acme, free.clone()).await.1, 201, "what costs nothing can be paid with nothing");
        let free_ones = acme.entries().await.into_iter().filter(|entry| entry["credits"] == 0);
        assert_eq!(free_ones.count(), 2);
        assert_eq!(acme.sender.send("POST", &format!("/v1/debits/{id}/reverse"), &[], "").await.status, 200);
        assert_eq!(acme.debit(&id, free.clone()).await.code(), "debit_reversed");
        // One that never bought anything has no balance yet.
        let nobody = super::sending_org::sender(&acme.saldo, "nobody");
        let id = acme.id();
        for status in [201, 200] {
            let answer = super::sending_org::debit(&nobody, &id, &free).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["credits"]), (status, &json!(0)), "{shards}");
        }
        books::prove_always(&acme.saldo, "after free debits").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_cost_too_much_is_refused_unless_it_was_done() {
    let acme = SendingOrg::with(&[("Meters", METERS)]).await;
    let message = |most: i64| json!({"channel": "sms", "units": 4, "max_credits": most});
    let id = acme.id();
    let refused = acme.debit(&id, message(11)).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (422, "max_credits_exceeded"));
    let body = refused.json();
    assert_eq!(
        (&body["field"], &body["credits"], &body["max_credits"]),
        (&json!("max_credits"), &json!(12), &json!(11))
    );
    assert_eq!(acme.credits().await, 1000);
    assert_eq!(acme.debit(&id, message(12)).await.status, 201, "it was not used");
    let again = acme.debit(&id, message(0)).await;
    assert_eq!((again.status.as_u16(), &again.json()["credits"]), (200, &json!(12)), "it was done before");
    let ids = acme.run(2);
    let batch = |most: i64| json!([{"id": ids[0], "channel": "email"}, {"id": ids[1], "channel": "sms", "max_credits": most}]);
    let refused = acme.batch(&batch(2)).await;
    assert_eq!(
        (refused.code().as_str(), &refused.json()["field"]),
        ("max_credits_exceeded", &json!("debits[1].max_credits"))
    );
    assert_eq!(acme.credits().await, 988, "none of a batch");
    assert_eq!(acme.batch(&batch(3)).await.status, 201);
    let unknown = acme.debit(&acme.id(), json!({"channel": "whatsapp", "class": "utilty"})).await;
    assert_eq!(
        (unknown.code().as_str(), &unknown.json()["classes"]),
        ("unknown_class", &json!(["marketing", "utility"]))
    );
    books::prove_always(&acme.saldo, "after refusals").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_line_more_is_one_meter_more_and_one_less_keeps_its_past() {
    let acme = SendingOrg::with(&[("Meters", WITH_VOICE)]).await;
    let (id, status, body) = sent(&acme, json!({"channel": "voice", "units": 2, "country": "ID"})).await;
    assert_eq!((status, &body["credits"]), (201, &json!(10)), "{body}");
    let balance = get(&acme, "/v1/balance").await;
    assert_eq!(balance["rates"], json!({"email": 1, "whatsapp": 2, "sms": 3, "voice": 5}));
    let voice =
        balance["meters"].as_array().unwrap().iter().find(|meter| meter["channel"] == "voice").unwrap();
    assert_eq!((&voice["unit"], &voice["rate"]), (&json!("minute"), &json!(5)));
    let is_there = |entries: &Value, csv: &str, usage: &Value, statement: &Value| {
        assert_eq!(
            (&entries["entries"][1]["channel"], &entries["entries"][1]["units"]),
            (&json!("voice"), &json!(2))
        );
        assert!(csv.contains(&format!("-10,debit,{id},voice,ID,")), "{csv}");
        let used = json!({"messages": 1, "units": 2, "credits": 10});
        assert_eq!(usage["days"][0]["channels"]["voice"], used);
        assert_eq!(statement["by_channel"]["voice"], used);
    };
    let month = &acme.entries().await[1]["at"].as_str().unwrap()[..7].to_owned();
    let paths = [
        format!("/v1/entries?month={month}"),
        format!("/v1/usage?month={month}"),
        format!("/v1/statements/{month}"),
    ];
    let mut shown = Vec::new();
    for path in &paths {
        shown.push(get(&acme, path).await);
    }
    is_there(&shown[0], &csv(&acme).await, &shown[1], &shown[2]);

    let without = r#"{"email":{"default":1}}"#;
    let world = acme.saldo.world();
    let spend = saldo_spend::connect(&with_meters(&acme, "spend", without), &world).unwrap();
    let (status, refused) = system::debit_by(&spend, "acme", &acme.id(), &json!({"channel": "voice"})).await;
    assert_eq!((status, &refused["channels"]), (422, &json!(["email"])));
    let history = saldo_history::connect(&with_meters(&acme, "history", without), &world).unwrap();
    let mut past = Vec::new();
    for path in &paths {
        past.push(system::history_by(&history, "acme", path).await);
    }
    is_there(&past[0], &csv(&acme).await, &past[1], &past[2]);
    let days = past[1]["days"][0]["channels"].as_object().unwrap();
    assert_eq!(days.keys().collect::<Vec<_>>(), ["email", "voice"], "what is sold, and what was used");
    let reversed = acme.sender.send("POST", &format!("/v1/debits/{id}/reverse"), &[], "").await;
    assert_eq!(reversed.json()["units"], 2);
    books::prove_always(&acme.saldo, "after a meter was taken away").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rates_hold_from_their_moment_on_and_a_repeat_answers_as_it_was() {
    let clock = Clock::system();
    let tomorrow = clock.now().plus_secs(7200).rfc3339();
    let meters = format!(
        r#"{{"version":3,"email":{{"default":1}},"sms":{{"default":3}},
            "changes":[{{"version":4,"from":"{tomorrow}","rates":{{"sms":{{"default":7}}}}}}]}}"#
    );
    let acme = SendingOrg::with(&[("Meters", &meters)]).await;
    let message = json!({"channel": "sms", "units": 2});
    let (id, _, first) = sent(&acme, message.clone()).await;
    assert_eq!(first["credits"], 6);
    let made_before = acme.id();
    acme.clock.advance(7300);
    assert_eq!(get(&acme, "/v1/balance").await["rates"]["sms"], 7);
    let again = acme.debit(&id, message.clone()).await;
    assert_eq!((again.status.as_u16(), again.json()), (200, first), "as it was");
    assert_eq!(
        acme.debit(&made_before, message.clone()).await.json()["credits"],
        6,
        "the rate of its id's time"
    );
    assert_eq!(sent(&acme, message).await.2["credits"], 14);
    let rates: Vec<_> = acme.entries().await[1..]
        .iter()
        .map(|entry| (entry["rate"].as_i64().unwrap(), entry["rate_version"].as_i64().unwrap()))
        .collect();
    assert_eq!(rates, [(3, 3), (3, 3), (7, 4)]);
    books::prove_always(&acme.saldo, "after rates changed").await;
}

/// Credits reserved by a process that died, under this code.
async fn abandoned(acme: &SendingOrg, credits: i64, code: i128) -> String {
    let store = acme.saldo.world().store(&acme.saldo.env_of("spend")).unwrap();
    let (org, id) = (OrgId::parse("acme").unwrap(), acme.id());
    let debits = vec![ReservedDebit { id: DebitId::parse(&id).unwrap(), credits: Credits(credits), code }];
    let (acknowledged, at) = (Vec::new(), acme.clock.now());
    let reservation =
        Reservation { debits, acknowledged, unsharded: true, epoch: 0, counting: Counting::default(), at };
    let reserved = store.reserve(&org, ShardId::MAIN, &reservation).await.unwrap();
    assert!(matches!(reserved, Reserved::Done(_)), "{reserved:?}");
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn repair_knows_all_but_the_reference() {
    let acme = SendingOrg::with(&[("Meters", METERS)]).await;
    sent(&acme, json!({"channel": "email"})).await;
    let details = Details {
        units: Units::new(5).unwrap(),
        class: Class::parse("marketing"),
        country: Country::parse("ID"),
        reference: None,
    };
    let alone = Stamp::code(Credits(20), Channel::WHATSAPP, &details).unwrap();
    let first = abandoned(&acme, 20, alone).await;
    acme.clock.advance(120);
    acme.credits().await;
    let entries = acme.entries().await;
    let entry = entries.iter().find(|entry| entry["id"] == first.as_str()).unwrap();
    let said = ["channel", "class", "country", "units", "rate", "rate_version", "reference"]
        .map(|name| entry[name].clone());
    assert_eq!(
        said,
        [json!("whatsapp"), json!("marketing"), json!("ID"), json!(5), json!(4), json!(1), Value::Null]
    );
    let message = json!({"channel": "whatsapp", "class": "marketing", "country": "ID", "units": 5, "reference": "order 17"});
    let mut other = message.clone();
    other["units"] = json!(4);
    assert_eq!(acme.debit(&first, other).await.code(), "debit_id_reused");
    let answer = acme.debit(&first, message.clone()).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["credits"]),
        (201, &json!(20)),
        "it is told that it is new"
    );
    assert_eq!(acme.debit(&first, message).await.status, 200);
    books::prove_always(&acme.saldo, "after repair").await;
}

/// What the version of before left pending, and what it wrote.
#[tokio::test(flavor = "multi_thread")]
async fn debits_of_before_are_read_as_they_were_meant() {
    let acme = SendingOrg::with(&[("Meters", METERS)]).await;
    sent(&acme, json!({"channel": "email"})).await;
    let code = || Stamp::code_of_before(Credits(5), Channel::WHATSAPP);
    let [repeated, repaired, with_units] = [
        abandoned(&acme, 5, code()).await,
        abandoned(&acme, 5, code()).await,
        abandoned(&acme, 5, code()).await,
    ];
    let message = json!({"channel": "whatsapp", "country": "ID", "reference": "order 17"});
    let answer = acme.debit(&repeated, message.clone()).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["credits"]),
        (201, &json!(5)),
        "at the rate of then: {}",
        answer.json()
    );
    let units = json!({"channel": "whatsapp", "units": 2});
    assert_eq!(acme.debit(&with_units, units).await.code(), "debit_id_reused", "there were no units then");
    acme.clock.advance(120);
    acme.credits().await;
    let answer = acme.debit(&repaired, message.clone()).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["credits"]), (201, &json!(5)), "{}", answer.json());
    let entries = acme.entries().await;
    let entry = entries.iter().find(|entry| entry["id"] == repaired.as_str()).unwrap();
    assert_eq!(
        (&entry["country"], &entry["reference"], &entry["units"]),
        (&json!("ID"), &json!("order 17"), &json!(1))
    );
    assert_eq!((&entry["rate"], &entry["rate_version"]), (&json!(5), &Value::Null));
    books::prove_always(&acme.saldo, "after debits of before").await;
}

/// What infra/meters.json may say: more than the environment of a function could hold.
#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_meters_with_full_words_are_sold_told_and_counted() {
    let sold = with_full_words(64);
    let acme = SendingOrg::with(&[("Meters", &sold)]).await;
    let balance = get(&acme, "/v1/balance").await;
    let told = balance["meters"].as_array().unwrap();
    assert_eq!(told.len(), 64);
    let configured: Value = serde_json::from_str(&sold).unwrap();
    for meter in told {
        let name = meter["channel"].as_str().unwrap();
        for language in ["en", "id"] {
            let words = &configured[name]["words"][language];
            let told = (&meter["names"][language], &meter["units"][language]);
            assert_eq!(told, (&words["name"], &words["unit"]), "{name} in {language}");
        }
        let (_, status, _) = sent(&acme, json!({"channel": name, "class": "express", "country": "ID"})).await;
        assert_eq!(status, 201, "{name}");
    }
    let month = acme.clock.now().date()[..7].to_owned();
    let usage = get(&acme, &format!("/v1/usage?month={month}&by=class,country")).await;
    let lines: Vec<_> =
        usage["days"].as_array().unwrap().iter().flat_map(|day| day["lines"].as_array().unwrap()).collect();
    assert_eq!(lines.len(), 64);
    assert!(lines.iter().all(|line| line["credits"] == 9 && line["country"] == "ID"));
    let statement = get(&acme, &format!("/v1/statements/{month}")).await;
    assert_eq!(statement["by_channel"].as_object().unwrap().len(), 64);
    books::prove_always(&acme.saldo, "after 64 meters").await;
}
