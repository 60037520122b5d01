//! What the stand-in refuses because Stripe does, and what it does not because Stripe does not.

use std::sync::atomic::Ordering;

use saldo_stripe_stand_in::{Foreign, Method, Webhook};
use serde_json::{Value, json};

use super::{Stripe, TODAY, id, refused};

async fn nameless(stripe: &Stripe) -> String {
    id(&stripe.made("/v1/customers", "name=Acme").await)
}

const SENT: &str = "collection_method=send_invoice&days_until_due=3&currency=idr";

#[tokio::test]
async fn an_invoice_that_is_sent_needs_a_customer_with_an_e_mail_already_as_an_empty_draft() {
    let stripe = Stripe::start().await;
    let customer = nameless(&stripe).await;
    let answer = stripe.post("/v1/invoices", &format!("customer={customer}&{SENT}")).await;
    assert!(refused(&answer, 400).starts_with("Missing email"));
    let error = &answer.json()["error"];
    assert_eq!(error["type"], "invalid_request_error");
    assert!(error.get("param").is_none() && error.get("code").is_none(), "{error}");
    assert_eq!(stripe.get("/v1/invoices").await.json()["data"], json!([]));
    stripe.made("/v1/invoices", &format!("customer={customer}&collection_method=charge_automatically")).await;

    stripe.made(&format!("/v1/customers/{customer}"), "email=a@acme.example").await;
    let draft = id(&stripe.made("/v1/invoices", &format!("customer={customer}&{SENT}")).await);
    stripe.made(&format!("/v1/invoices/{draft}/add_lines"), "lines[0][amount]=27750000").await;
    stripe.made(&format!("/v1/customers/{customer}"), "email=").await;
    for step in ["finalize", "send"] {
        let answer = stripe.post(&format!("/v1/invoices/{draft}/{step}"), "").await;
        assert!(refused(&answer, 400).starts_with("Missing email"), "{step}");
    }
    assert_eq!(stripe.invoice(&draft).await["status"], "draft");
}

#[tokio::test]
async fn a_transfer_that_fails_after_clearing_leaves_a_failed_charge() {
    let stripe = Stripe::start().await;
    let invoice = id(&stripe.open("idr", 27_750_000).await);
    stripe.stand_in.start_bank_transfer(&invoice).unwrap();
    let charges = || async { stripe.get("/v1/charges").await.json()["data"].as_array().unwrap().clone() };
    let pending = charges().await;
    assert_eq!((pending[0]["status"].as_str(), pending[0]["paid"].as_bool()), (Some("pending"), Some(false)));
    stripe.stand_in.finish_bank_transfer(&invoice, false).unwrap();
    let [charge] = &charges().await[..] else { panic!("one attempt, one charge") };
    assert_eq!(charge["id"], pending[0]["id"]);
    assert_eq!(charge["status"], "failed");
    assert_eq!((charge["paid"].as_bool(), charge["captured"].as_bool()), (Some(false), Some(false)));
    assert_eq!((charge["amount_captured"].as_i64(), charge["failure_code"].is_string()), (Some(0), true));
    let seen = stripe.invoice(&invoice).await;
    assert_eq!(seen["status"], "open");
    let intent = &seen["payments"]["data"][0]["payment"]["payment_intent"];
    assert_eq!(intent["status"], "requires_payment_method");
    assert_eq!(intent["amount_received"], 0);
    assert!(stripe.event_types().contains(&"invoice.payment_failed".to_owned()));
    assert!(!stripe.event_types().contains(&"charge.succeeded".to_owned()));
    let entries = stripe.get("/v1/balance_transactions").await.json();
    assert_eq!(entries["data"], json!([]), "no money moved");
}

#[tokio::test]
async fn what_cannot_be_finalised_says_so_in_the_invoice_and_in_an_event() {
    let stripe = Stripe::start().await;
    let draft = stripe.draft_of(&stripe.customer().await, "usd", 100_000_000).await;
    refused(&stripe.post(&format!("/v1/invoices/{draft}/finalize"), "").await, 400);
    let seen = stripe.invoice(&draft).await;
    assert_eq!(
        (&seen["status"], &seen["last_finalization_error"]["code"]),
        (&json!("draft"), &json!("amount_too_large"))
    );
    assert_eq!(stripe.event_types().last().unwrap(), "invoice.finalization_failed");
    let other = stripe.draft_of(&stripe.customer().await, "usd", 1_000).await;
    stripe.stand_in.fail_finalization(&other, "customer_tax_location_invalid").unwrap();
    assert_eq!(stripe.event_types().last().unwrap(), "invoice.finalization_failed");
    let open = stripe.finalize(&other).await;
    assert!(open["last_finalization_error"].is_null(), "what helped clears it");
}

#[tokio::test]
async fn too_much_money_becomes_the_customers_credit() {
    let stripe = Stripe::start().await;
    let invoice = id(&stripe.open("idr", 27_750_000).await);
    stripe.stand_in.overpay(&invoice, 250_000).unwrap();
    let seen = stripe.invoice(&invoice).await;
    assert_eq!((seen["status"].as_str(), seen["amount_overpaid"].as_i64()), (Some("paid"), Some(250_000)));
    let paid: Vec<&Value> =
        seen["payments"]["data"].as_array().unwrap().iter().map(|each| &each["amount_paid"]).collect();
    assert_eq!(paid, [&json!(250_000), &json!(27_750_000)]);
    let customer = stripe.get(&format!("/v1/customers/{}", seen["customer"].as_str().unwrap())).await.json();
    assert_eq!(customer["balance"], -250_000);
    assert!(stripe.event_types().contains(&"invoice.overpaid".to_owned()));
}

#[tokio::test]
async fn money_that_went_past_stripe_is_no_payment_that_succeeded() {
    let stripe = Stripe::start().await;
    let invoice = id(&stripe.open("idr", 27_750_000).await);
    stripe.made(&format!("/v1/invoices/{invoice}/pay"), "paid_out_of_band=true").await;
    let types = stripe.event_types();
    assert!(types.contains(&"invoice.paid".to_owned()), "{types:?}");
    assert!(!types.contains(&"invoice.payment_succeeded".to_owned()), "{types:?}");
}

#[tokio::test]
async fn what_is_not_supported_is_refused_and_not_ignored() {
    let stripe = Stripe::start().await;
    let customer = stripe.customer().await;
    let invoice = format!("customer={customer}&{SENT}");
    let draft = stripe.draft_of(&customer, "idr", 27_750_000).await;
    for (path, form, param) in [
        ("/v1/customers".to_owned(), "name=A&test_clock=clock_1".to_owned(), "test_clock"),
        ("/v1/invoices".to_owned(), format!("{invoice}&default_tax_rates[0]=txr_1"), "default_tax_rates"),
        ("/v1/invoices".to_owned(), format!("{invoice}&number=7"), "number"),
        ("/v1/invoices".to_owned(), format!("{invoice}&effective_at={TODAY}"), "effective_at"),
        (
            "/v1/invoices".to_owned(),
            format!("{invoice}&default_payment_method=pm_card_visa"),
            "default_payment_method",
        ),
        (format!("/v1/invoices/{draft}/pay"), "off_session=true".to_owned(), "off_session"),
        (
            format!("/v1/invoices/{draft}/add_lines"),
            "lines[0][amount]=1&lines[0][tax_code]=txcd_1".to_owned(),
            "lines[0][tax_code]",
        ),
        ("/v1/refunds".to_owned(), "charge=ch_1&reverse_transfer=true".to_owned(), "reverse_transfer"),
    ] {
        let answer = stripe.post(&path, &form).await;
        let words = refused(&answer, 400);
        let error = &answer.json()["error"];
        assert_eq!(
            (error["code"].as_str(), error["param"].as_str()),
            (Some("parameter_unknown"), Some(param))
        );
        assert!(words.contains("not supported by the stand-in"), "{words}");
    }
    let finalized = stripe.made(&format!("/v1/invoices/{draft}/finalize"), "auto_advance=true").await;
    assert_eq!(finalized["auto_advance"], true, "what is supported is kept");
}

#[tokio::test]
async fn words_of_stripe_are_not_taken_for_ids_and_versions_must_exist() {
    let stripe = Stripe::start().await;
    for path in [
        "/v1/invoices/search?query=x",
        "/v1/invoices/upcoming",
        "/v1/credit_notes/preview",
        "/v1/customers/search",
    ] {
        assert!(refused(&stripe.get(path).await, 404).starts_with("Unrecognized request URL"), "{path}");
    }
    assert!(refused(&stripe.post("/v1/invoices/create_preview", "").await, 404).starts_with("Unrecognized"));
    for (version, status) in [("2026-09-30.endive", 200), ("2099-99-99.x", 400), ("2026-09-31.endive", 400)] {
        let answer = stripe.client.send("GET", "/v1/customers", &[("stripe-version", version)], "").await;
        assert_eq!(answer.status.as_u16(), status, "{version}");
    }
}

#[tokio::test]
async fn metadata_that_begins_with_an_underscore_survives() {
    let stripe = Stripe::start().await;
    let customer = stripe.made("/v1/customers", "email=a@b.example&metadata[_own]=yes").await;
    assert_eq!(customer["metadata"], json!({ "_own": "yes" }));
    let events = stripe.stand_in.events();
    assert_eq!(events[0]["data"]["object"]["metadata"], json!({ "_own": "yes" }));
}

#[tokio::test]
async fn a_balance_in_another_currency_neither_stops_an_invoice_nor_pays_it() {
    let stripe = Stripe::start().await;
    let customer = stripe.customer().await;
    stripe
        .made(&format!("/v1/customers/{customer}/balance_transactions"), "amount=-5000000&currency=idr")
        .await;
    let draft = stripe.draft_of(&customer, "usd", 2_000).await;
    let open = stripe.finalize(&draft).await;
    assert_eq!((open["status"].as_str(), open["amount_due"].as_i64()), (Some("open"), Some(2_000)));
    let rupiah = stripe.draft_of(&customer, "idr", 27_750_000).await;
    assert_eq!(stripe.finalize(&rupiah).await["amount_due"], 22_750_000);
}

#[tokio::test]
async fn a_challenged_card_waits_for_its_payer() {
    let stripe = Stripe::start().await;
    for passed in [true, false] {
        let invoice = id(&stripe.open("usd", 2_000).await);
        let pay = format!("/v1/invoices/{invoice}/pay");
        let answer = stripe.post(&pay, "payment_method=pm_card_authenticationRequired").await;
        refused(&answer, 402);
        let error = &answer.json()["error"];
        assert_eq!(
            (&error["type"], &error["code"]),
            (&json!("card_error"), &json!("invoice_payment_intent_requires_action"))
        );
        let waiting = stripe.invoice(&invoice).await;
        assert_eq!(waiting["status"], "open");
        let intent = &waiting["payments"]["data"][0]["payment"]["payment_intent"];
        assert_eq!(
            (&intent["status"], &intent["next_action"]["type"]),
            (&json!("requires_action"), &json!("redirect_to_url"))
        );
        stripe.stand_in.authenticate(&invoice, passed).unwrap();
        assert!(stripe.stand_in.authenticate(&invoice, passed).is_err(), "a payer shows up once");
        let ended = stripe.invoice(&invoice).await;
        assert_eq!(ended["status"], if passed { "paid" } else { "open" });
    }
    assert!(stripe.event_types().contains(&"invoice.payment_action_required".to_owned()));
}

#[tokio::test]
async fn a_restricted_key_does_what_it_may_and_hears_what_it_may_not() {
    let stripe = Stripe::start().await;
    let invoice = id(&stripe.open("idr", 27_750_000).await);
    stripe.stand_in.restrict_key("rk_test_reader_1234", &["rak_invoice_read", "rak_invoice_payment_read"]);
    stripe
        .stand_in
        .restrict_key("rk_test_writer_1234", &["rak_customer_write", "rak_invoice_write", "rak_plan_write"]);
    let ask = |key: &'static str, method: &'static str, path: String, form: String| {
        let client = crate::support::client::Client::new(&stripe.url).with_token(key);
        async move {
            let kind = [("content-type", "application/x-www-form-urlencoded")];
            client.send(method, &path, &kind, form).await
        }
    };
    let draft = stripe.draft(&stripe.customer().await, "idr").await;
    let line = "lines[0][price_data][currency]=idr&lines[0][price_data][unit_amount]=1&lines[0][price_data][product_data][name]=X";
    let (reader, writer) = ("rk_test_reader_1234", "rk_test_writer_1234");
    let seen = format!("/v1/invoices/{invoice}?expand[]=payments");
    for (key, method, path, form, missing) in [
        (reader, "GET", seen.clone(), "", None),
        (
            reader,
            "GET",
            format!("{seen}&expand[]=payments.data.payment.payment_intent"),
            "",
            Some("rak_payment_intent_read"),
        ),
        (reader, "POST", format!("/v1/invoices/{invoice}/void"), "", Some("rak_invoice_write")),
        (writer, "GET", format!("/v1/invoices/{invoice}"), "", None),
        (writer, "GET", seen, "", Some("rak_invoice_payment_read")),
        (writer, "POST", format!("/v1/invoices/{draft}/add_lines"), line, Some("rak_product_write")),
        (writer, "GET", "/v1/webhook_endpoints".to_owned(), "", Some("rak_webhook_endpoint_read")),
        (writer, "POST", "/v1/refunds".to_owned(), "charge=ch_1", Some("rak_charge_write")),
    ] {
        let answer = ask(key, method, path.clone(), form.to_owned()).await;
        let Some(missing) = missing else {
            assert_eq!(answer.status, 200, "{path}: {}", answer.json());
            continue;
        };
        let words = refused(&answer, 403);
        assert!(words.contains(&format!("Having the '{missing}' permission would allow")), "{path}: {words}");
        assert!(words.contains("'rk_test_") && !words.contains("er_1234'"), "{words}");
        assert_eq!(answer.json()["error"]["type"], "invalid_request_error");
    }
    assert_eq!(stripe.invoice(&draft).await["lines"]["data"], json!([]), "what was refused left nothing");
    refused(&ask("rk_test_unknown", "GET", "/v1/invoices".to_owned(), String::new()).await, 401);
}

#[tokio::test]
async fn a_doctor_finds_the_endpoint_of_the_events() {
    let stripe = Stripe::start().await;
    assert_eq!(stripe.get("/v1/webhook_endpoints").await.json()["data"], json!([]));
    stripe.stand_in.set_webhook(Some(Webhook {
        url: "http://127.0.0.1:9/hook".into(),
        secrets: vec!["whsec_1".into()],
    }));
    let endpoint = stripe.get("/v1/webhook_endpoints").await.json()["data"][0].clone();
    assert_eq!(endpoint["url"], "http://127.0.0.1:9/hook");
    assert_eq!(endpoint["api_version"], saldo_stripe_stand_in::API_VERSION);
    assert_eq!(endpoint["enabled_events"], json!(saldo_stripe_stand_in::SUBSCRIBED_TYPES));
    assert_eq!(stripe.get(&format!("/v1/webhook_endpoints/{}", id(&endpoint))).await.json(), endpoint);
    assert_eq!(stripe.get("/v1/balance").await.json()["livemode"], false);
}

#[tokio::test]
async fn a_tax_number_is_checked_and_belongs_to_its_customer() {
    let stripe = Stripe::start().await;
    let good = "email=a@b.example&tax_id_data[0][type]=id_npwp&tax_id_data[0][value]=01.234.567.8-901.234";
    let customer = id(&stripe.made("/v1/customers", good).await);
    let path = format!("/v1/customers/{customer}/tax_ids");
    assert_eq!(stripe.get(&path).await.json()["data"][0]["type"], "id_npwp");
    for value in ["3174012345678901", "not a number"] {
        let answer = stripe.post(&path, &format!("type=id_npwp&value={value}")).await;
        refused(&answer, 400);
        assert_eq!(answer.json()["error"]["code"], "tax_id_invalid");
    }
    let bad = stripe
        .post("/v1/customers", "email=a@b.example&tax_id_data[0][type]=id_npwp&tax_id_data[0][value]=1")
        .await;
    refused(&bad, 400);
    assert_eq!(
        stripe.get("/v1/customers").await.json()["data"].as_array().unwrap().len(),
        1,
        "no customer without it"
    );
}

#[tokio::test]
async fn events_are_found_by_several_types_by_delivery_and_for_thirty_days() {
    let stripe = Stripe::start().await;
    let nowhere = Webhook { url: "http://127.0.0.1:9/".into(), secrets: vec!["whsec_1".into()] };
    stripe.stand_in.set_webhook(Some(nowhere));
    let invoice = id(&stripe.open("usd", 2_000).await);
    stripe.stand_in.pay(&invoice, Method::Card).unwrap();
    let count = |query: &'static str| {
        let path = format!("/v1/events?limit=100&{query}");
        let stripe = &stripe;
        async move { stripe.get(&path).await.json()["data"].as_array().unwrap().len() }
    };
    assert_eq!(count("types[]=invoice.paid&types[]=charge.succeeded").await, 2);
    assert_eq!(count("delivery_success=false").await, 2, "invoice.paid and invoice_payment.paid wait");
    assert_eq!(count("delivery_success=false&type=invoice.paid").await, 1);
    let all = count("").await;
    assert_eq!(count("delivery_success=true").await, all - 2);
    refused(&stripe.get("/v1/events?type=a&types[]=b").await, 400);
    stripe.clock.store(TODAY + 30 * 86_400, Ordering::SeqCst);
    assert_eq!(count("").await, 0);
}

#[tokio::test]
async fn events_that_are_not_ours_are_sent_too() {
    let stripe = Stripe::start().await;
    let nowhere = Webhook { url: "http://127.0.0.1:9/".into(), secrets: vec!["whsec_1".into()] };
    stripe.stand_in.set_webhook(Some(nowhere));
    let kind = "invoice.paid".to_owned();
    let object = json!({ "id": "in_1", "object": "invoice" });
    stripe.stand_in.send_foreign(&Foreign::ConnectedAccount { kind: kind.clone(), object }).unwrap();
    stripe
        .stand_in
        .send_foreign(&Foreign::Thin { kind: "v1.billing.meter.no_meter_found".to_owned() })
        .unwrap();
    stripe.stand_in.send_foreign(&Foreign::TestButton { kind }).unwrap();
    assert_eq!(stripe.stand_in.undelivered(), 3);
    assert!(stripe.stand_in.events().is_empty(), "they are no events of this account");
}
