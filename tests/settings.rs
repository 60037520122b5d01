//! The settings of an organisation: whom to bill, seen and changed by its own people only.
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use lambda_http::http::StatusCode;
use saldo_adapters::world::World;
use saldo_domain::{BillingContact, ContactField, OrgId, Payer, PortError};
use saldo_local::{Options, Saldo};
use serde_json::{Value, json};

use crate::support::client::{Answer, Client};
use crate::support::each_call::each_call_goes_wrong;
use crate::support::{books, system};

async fn start() -> Saldo {
    Saldo::start(Options { poll: false, ..Options::default() }).await.unwrap()
}

/// A member of an organisation with a token of the local issuer.
async fn member(saldo: &Saldo, query: &str) -> Client {
    let answer = Client::new(saldo.api_url()).get(&format!("/local/token?{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    Client::new(saldo.api_url()).with_token(answer.json()["token"].as_str().unwrap())
}

async fn put(client: &Client, version: &str, billing: &Value) -> Answer {
    let headers = [("content-type", "application/json"), ("if-match", version)];
    client.send("PUT", "/v1/settings", &headers, json!({ "billing": billing }).to_string()).await
}

fn nothing() -> Value {
    json!({"name": null, "email": null, "phone": null, "address": null, "tax_id": null, "language": null})
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_says_whom_to_bill() {
    let saldo = start().await;
    let ana = member(&saldo, "org=acme&sub=ana&email=ana@acme.test&name=PT+Acme").await;
    let first = ana.get("/v1/settings").await;
    let mut billing = nothing();
    billing["name"] = json!("PT Acme");
    billing["email"] = json!("ana@acme.test");
    assert_eq!(first.json(), json!({"billing": billing, "version": 0}), "what the token says, to begin with");
    assert_eq!((first.status, &first.headers["etag"]), (StatusCode::OK, &"\"0\"".parse().unwrap()));

    let typed = json!({
        "name": " PT Acme Indonesia ", "email": "billing@acme.test", "phone": "+62 21 555 0199",
        "address": "Jl. Sudirman 1\nJakarta", "tax_id": "01.234.567.8-901.000", "language": "id",
    });
    let mut kept = typed.clone();
    kept["name"] = json!("PT Acme Indonesia");
    kept["tax_id"] = json!("012345678901000");
    let changed = put(&ana, "\"0\"", &typed).await;
    assert_eq!((changed.status, changed.json()), (StatusCode::OK, json!({"billing": kept, "version": 1})));
    assert_eq!(changed.headers["etag"], "\"1\"");

    let viewer = member(&saldo, "org=acme&sub=budi&permissions=billing:view&name=Other").await;
    assert_eq!(viewer.get("/v1/settings").await.json(), json!({"billing": kept, "version": 1}));
    let refused = put(&viewer, "\"1\"", &json!({})).await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::FORBIDDEN, "permission_required"));
    let stranger = member(&saldo, "org=globex&email=").await;
    assert_eq!(stranger.get("/v1/settings").await.json(), json!({"billing": nothing(), "version": 0}));

    let emptied = put(&ana, "1", &json!({"name": "PT Acme"})).await;
    let mut billing = nothing();
    billing["name"] = json!("PT Acme");
    assert_eq!(emptied.json(), json!({"billing": billing, "version": 2}), "what is left out is taken away");
    assert_eq!(ana.get("/v1/settings").await.json(), json!({"billing": billing, "version": 2}));

    let item = stored(&saldo, "ORG#acme").await.unwrap();
    assert_eq!(books::text(&item, "changed_by"), "person:ana", "who did it is written down");
    assert!(!item.contains_key("email"));
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_over_settings_that_changed_meanwhile_is_refused_and_repeating_is_safe() {
    let saldo = start().await;
    let client = member(&saldo, "org=acme").await;
    let (mine, theirs) = (json!({"name": "Mine"}), json!({"name": "Theirs"}));
    assert_eq!(put(&client, "0", &theirs).await.status, StatusCode::OK);
    let refused = put(&client, "0", &mine).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::PRECONDITION_FAILED, "settings_changed")
    );
    assert_eq!(refused.json()["version"], 1);
    let again = put(&client, "0", &theirs).await;
    assert_eq!(
        (again.status, again.json()["version"].as_i64()),
        (StatusCode::OK, Some(1)),
        "its answer was lost"
    );
    for version in ["2", "7"] {
        assert_eq!(put(&client, version, &theirs).await.code(), "settings_changed", "{version}");
    }
    let other = json!({"name": "Other"});
    let (a, b) = tokio::join!(put(&client, "1", &mine), put(&client, "1", &other));
    let mut statuses = [a.status, b.status];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::OK, StatusCode::PRECONDITION_FAILED], "one of two wins");
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_payer_as_the_provider_knows_it_is_kept_beside_them() {
    let saldo = start().await;
    let store = saldo.world().store(&saldo.env_of("settings")).unwrap();
    let org = OrgId::parse("acme").unwrap();
    let mut contact = BillingContact::default();
    contact.set(ContactField::Email, "billing@acme.test").unwrap();
    store.keep_payer(&org, "cus_1", &BillingContact::default(), None).await.unwrap();
    assert_eq!(store.keep_payer(&org, "cus_2", &contact, None).await, Err(PortError::Conflict));
    let client = member(&saldo, "org=acme").await;
    assert_eq!(put(&client, "0", &json!({"email": "billing@acme.test"})).await.status, StatusCode::OK);
    assert_eq!(store.keep_told(&org, "cus_2", &contact).await, Err(PortError::Conflict));
    store.keep_told(&org, "cus_1", &contact).await.unwrap();
    let told = |id: &str, told| Some(Payer { id: id.to_owned(), told });
    let settings = store.settings(&org).await.unwrap();
    assert_eq!((settings.version, settings.payer), (1, told("cus_1", Some(contact.clone()))));
    store.keep_payer(&org, "cus_2", &BillingContact::default(), Some("cus_1")).await.unwrap();
    let settings = store.settings(&org).await.unwrap();
    assert_eq!(
        settings.payer,
        told("cus_2", Some(BillingContact::default())),
        "another payer was told something else"
    );
    assert_eq!(settings.billing, contact, "and the settings stay");
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_goes_wrong_is_made_once_by_its_repeat() {
    let saldo = Arc::new(start().await);
    let change = |world: &World, org: &str| system::change_settings(&saldo, world, org, 0, "PT Acme");
    each_call_goes_wrong(
        &saldo,
        async |organisation| organisation.name,
        |world, org| change(world, org),
        async |org| {
            let (status, settings) = change(&saldo.world(), &org).await;
            assert_eq!((status, &settings["version"]), (200, &json!(1)), "{org}");
            assert_eq!(settings["billing"]["name"], "PT Acme", "{org}");
        },
    )
    .await;
    books::prove_at_rest(&saldo, "settings").await;
}

async fn stored(saldo: &Saldo, pk: &str) -> Option<books::Item> {
    let key = |text: &str| AttributeValue::S(text.to_owned());
    let get = books::dynamodb(saldo).get_item().table_name(books::table(saldo));
    get.key("pk", key(pk)).key("sk", key("SETTINGS")).send().await.unwrap().item
}
