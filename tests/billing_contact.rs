//! Whom to bill: an organisation says it once, and Stripe's customer and invoices follow.
use lambda_http::http::StatusCode;
use saldo_domain::{BillingContact, OrgId};
use saldo_local::{Options, Saldo};
use serde_json::{Value, json};

use crate::support::books;
use crate::support::client::{Answer, Client};
use crate::support::proxy::{Fault, Kind, Proxy, Run};
use crate::support::system;

struct Buyer {
    client: Client,
    stripe: Client,
}

impl Buyer {
    async fn new(saldo: &Saldo, query: &str) -> Buyer {
        let answer = Client::new(saldo.api_url()).get(&format!("/local/token?{query}")).await;
        let client = Client::new(saldo.api_url()).with_token(answer.json()["token"].as_str().unwrap());
        Buyer { client, stripe: Client::new(saldo.stripe_url()).with_token("sk_test_saldo") }
    }

    async fn orders(&self, key: &str) -> Answer {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        let order =
            json!({"credits": 1000, "expected_total": {"currency": "IDR", "minor_units": 27_750_000}});
        self.client.send("POST", "/v1/top-ups", &headers, order.to_string()).await
    }

    async fn opens(&self, key: &str) -> Value {
        let answer = self.orders(key).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.json()
    }

    async fn cancels(&self, top_up: &Value) {
        let path = format!("/v1/top-ups/{}/cancel", top_up["id"].as_str().unwrap());
        assert_eq!(self.client.send("POST", &path, &[], String::new()).await.status, StatusCode::OK);
    }

    async fn sets(&self, version: &str, billing: &Value) {
        let headers = [("content-type", "application/json"), ("if-match", version)];
        let answer = self
            .client
            .send("PUT", "/v1/settings", &headers, json!({ "billing": billing }).to_string())
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }

    async fn customers(&self) -> Vec<Value> {
        self.stripe.get("/v1/customers?limit=100").await.json()["data"].as_array().unwrap().clone()
    }

    async fn customer(&self) -> Value {
        let [customer] = self.customers().await.try_into().unwrap();
        customer
    }

    async fn invoice(&self) -> Value {
        self.stripe.get("/v1/invoices?limit=1").await.json()["data"][0].clone()
    }
}

async fn start() -> Saldo {
    Saldo::start(Options { poll: false, ..Options::default() }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_e_mail_address_nothing_is_written_and_with_one_the_same_request_opens() {
    let saldo = start().await;
    let ana = Buyer::new(&saldo, "org=acme&email=").await;
    let refused = ana.orders("first").await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str(), &refused.json()["field"]),
        (422, "billing_email_required", &json!("email"))
    );
    assert!(refused.headers.get("retry-after").is_none(), "trying again does not help");
    assert_eq!(ana.client.get("/v1/top-ups").await.json()["top_ups"], json!([]), "nothing was written");
    assert_eq!(ana.customers().await, Vec::<Value>::new(), "and nothing was asked of Stripe");

    ana.sets("0", &json!({"email": "billing@acme.test"})).await;
    let opened = ana.opens("first").await;
    assert_eq!(opened["status"], "open");
    assert_eq!(ana.customer().await["email"], "billing@acme.test");
    let nobody = Buyer::new(&saldo, "org=acme&email=").await;
    assert_eq!(nobody.orders("first").await.status, StatusCode::OK, "what was bought stays bought");
    books::prove_always(&saldo, "after all").await;
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_bought_is_answered_even_when_the_e_mail_address_is_gone() {
    let saldo = start().await;
    let opened = Buyer::new(&saldo, "org=acme&email=ana@acme.test").await.opens("first").await;
    let nameless = Buyer::new(&saldo, "org=acme&email=").await;
    let again = nameless.orders("first").await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, opened));
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_customer_and_the_invoice_say_what_the_settings_say() {
    let saldo = start().await;
    let ana = Buyer::new(&saldo, "org=acme&email=ana@acme.test&name=PT+Acme").await;
    let first = ana.opens("first").await;
    let customer = ana.customer().await;
    assert_eq!(
        (&customer["name"], &customer["email"], &customer["phone"], &customer["preferred_locales"]),
        (&json!("PT Acme"), &json!("ana@acme.test"), &Value::Null, &json!([])),
        "the claims, to begin with"
    );
    assert_eq!(ana.invoice().await["custom_fields"], Value::Null);
    ana.cancels(&first).await;

    let billing = json!({
        "name": "PT Acme Indonesia", "email": "billing@acme.test", "phone": "+62 21 555 0199",
        "address": "Jl. Sudirman 1\nLantai 3\nJakarta", "tax_id": "01.234.567.8-901.000", "language": "id",
    });
    ana.sets("0", &billing).await;
    let second = ana.opens("second").await;
    let customer = ana.customer().await;
    assert_eq!(
        (&customer["name"], &customer["email"], &customer["phone"], &customer["preferred_locales"]),
        (&json!("PT Acme Indonesia"), &json!("billing@acme.test"), &json!("+62 21 555 0199"), &json!(["id"]))
    );
    assert_eq!(
        (&customer["address"]["line1"], &customer["address"]["line2"]),
        (&json!("Jl. Sudirman 1"), &json!("Lantai 3, Jakarta"))
    );
    let invoice = ana.invoice().await;
    assert_eq!(invoice["customer_name"], "PT Acme Indonesia", "the organisation's name, and never its id");
    assert_eq!(invoice["custom_fields"], json!([{"name": "NPWP / NIK", "value": "012345678901000"}]));
    ana.cancels(&second).await;

    ana.sets("1", &json!({"name": "PT Acme", "email": "billing@acme.test"})).await;
    ana.opens("third").await;
    let customer = ana.customer().await;
    assert_eq!(
        (&customer["name"], &customer["phone"], &customer["address"], &customer["preferred_locales"]),
        (&json!("PT Acme"), &Value::Null, &Value::Null, &json!(["id"])),
        "what is taken away there is taken away here, but for the language, which Stripe only changes"
    );
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_contact_costs_no_call() {
    let saldo = start().await;
    let ana = Buyer::new(&saldo, "org=acme&email=ana@acme.test").await;
    let first = ana.opens("first").await;
    ana.cancels(&first).await;
    let id = ana.customer().await["id"].as_str().unwrap().to_owned();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    ana.stripe.send("POST", &format!("/v1/customers/{id}"), &form, "phone=12345".to_owned()).await;
    ana.opens("second").await;
    assert_eq!(ana.customer().await["phone"], "12345", "nobody told the customer anew");
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_that_was_made_without_an_e_mail_address_is_mended_by_the_next_top_up() {
    let saldo = start().await;
    let ana = Buyer::new(&saldo, "org=acme&email=ana@acme.test").await;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let made = ana.stripe.send("POST", "/v1/customers", &form, "name=acme".to_owned()).await.json();
    let (org, id) = (OrgId::parse("acme").unwrap(), made["id"].as_str().unwrap());
    let store = saldo.world().store(&saldo.env_of("settings")).unwrap();
    store.keep_payer(&org, id, &BillingContact::default(), None).await.unwrap();
    ana.opens("first").await;
    let customer = ana.customer().await;
    assert_eq!((&customer["id"], &customer["email"]), (&made["id"], &json!("ana@acme.test")));
    assert_eq!(customer["name"], Value::Null, "the id is no name");
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_that_staff_deleted_is_made_again_when_the_contact_changes() {
    let saldo = start().await;
    let ana = Buyer::new(&saldo, "org=acme&email=ana@acme.test").await;
    let first = ana.opens("first").await;
    ana.cancels(&first).await;
    let gone = ana.customer().await["id"].as_str().unwrap().to_owned();
    ana.stripe.send("DELETE", &format!("/v1/customers/{gone}"), &[], String::new()).await;
    ana.sets("0", &json!({"email": "billing@acme.test"})).await;
    assert_eq!(ana.opens("second").await["status"], "open");
    let customer = ana.customer().await;
    assert_ne!(customer["id"].as_str().unwrap(), gone);
    assert_eq!(customer["email"], "billing@acme.test");
    books::prove_always(&saldo, "after all").await;
    saldo.stop().await;
}

/// The line says in the payer's language what was bought, also where it is added by whoever goes on after a crash.
#[tokio::test(flavor = "multi_thread")]
async fn the_line_of_the_invoice_is_in_the_payers_language() {
    let saldo = start().await;
    for (org, language, words) in [
        ("bahasa", json!("id"), "Kredit pesan"),
        ("english", json!("en"), "Message credits"),
        ("silent", Value::Null, "Message credits"),
    ] {
        let buyer = Buyer::new(&saldo, &format!("org={org}")).await;
        buyer.sets("0", &json!({"email": "billing@acme.test", "language": language})).await;
        for key in ["first", "cut-off"] {
            if key == "cut-off" {
                let proxy = Proxy::start(&saldo, Some(Fault { at: 7, kind: Kind::CrashBefore })).await;
                let cut = proxy.run(system::create(&saldo, &proxy.world, org, key)).await;
                assert!(matches!(cut, Run::Crashed), "{org}");
                assert_eq!(
                    buyer.invoice().await["lines"]["data"],
                    json!([]),
                    "{org}: the row names an empty draft"
                );
            }
            let answer = buyer.orders(key).await;
            let top_up = answer.json();
            assert_eq!(top_up["status"], "open", "{org} {key}: {top_up}");
            let line = buyer.invoice().await["lines"]["data"][0].clone();
            assert_eq!(line["description"], words, "{org} {key}");
            let product = line["pricing"]["price_details"]["product"].as_str().unwrap();
            let product = buyer.stripe.get(&format!("/v1/products/{product}")).await.json();
            assert_eq!(product["name"], words, "{org} {key}");
            buyer.cancels(&top_up).await;
        }
    }
}
