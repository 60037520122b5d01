//! From a quote to credited balance, through HTTP alone, against what `cargo run` starts.
mod contract;
mod customer;
mod shapes;

use saldo_adapters::clock::Clock;
use saldo_local::{Options, Saldo};
use serde_json::{Value, json};

use crate::support::data_folder::DataFolder;
use customer::{Customer, Payment, eventually};

const THREE_DAYS_AND_AN_HOUR: i64 = 73 * 3_600;

#[tokio::test]
async fn credits_are_bought_with_a_virtual_account_from_quote_to_balance() {
    let saldo = start().await;
    let acme = Customer::new(&saldo, "acme", None);
    let quote = acme.quote(1000).await;
    assert_eq!(quote, acme.get("/v1/quote").await, "the first preset is quoted by default");
    assert_eq!(quote["unit_price"], money("IDR", 25_000, "250.00"));
    assert_eq!(quote["subtotal"], money("IDR", 25_000_000, "250000.00"));
    assert_eq!(
        quote["tax"],
        json!({ "name": "PPN", "rate_percent": 11, "amount": money("IDR", 2_750_000, "27500.00") })
    );
    assert_eq!(quote["total"], money("IDR", 27_750_000, "277500.00"));
    let empty = acme.balance().await;
    assert_eq!((&empty["available_credits"], &empty["level"]), (&json!(0), &json!("empty")));
    assert_eq!(empty["rates"], json!({ "email": 1, "whatsapp": 2, "sms": 3 }));
    assert!(empty["open_top_up"].is_null());

    let top_up = acme.open("first", 1000).await;
    for member in ["credits", "unit_price", "subtotal", "tax", "total"] {
        assert_eq!(top_up[member], quote[member], "what was seen is what is paid: {member}");
    }
    assert_eq!(acme.balance().await["open_top_up"], top_up);
    let refused = acme.order("second", 2500, &acme.quote(2500).await["total"]).await;
    assert_eq!(refused.status, 409);
    shapes::problem(&refused.json(), "open_top_up_exists", &["open_top_up"]);
    assert_eq!(
        refused.json()["open_top_up"],
        json!({
            "id": top_up["id"], "credits": 1000, "total": quote["total"],
            "pay_url": top_up["pay_url"], "created_at": top_up["created_at"],
        })
    );
    let again = acme.order("first", 1000, &quote["total"]).await;
    assert_eq!((again.status.as_u16(), again.json()), (200, top_up.clone()));

    let page = acme.pay(&top_up, Payment::Transfer("bri")).await;
    assert!(page.contains("277,500"), "the page says what was paid");
    let balance = acme.until_credits(1000).await;
    assert_eq!((&balance["level"], &balance["open_top_up"]), (&json!("ok"), &Value::Null));
    let paid = acme.until_receipt(&top_up).await;
    assert_eq!((&paid["status"], &paid["credited"]), (&json!("paid"), &json!(1000)));
    assert!(
        paid["paid_at"].is_string() && paid["canceled_at"].is_null() && paid["payment_failure"].is_null()
    );
    assert!(paid["invoice_number"].as_str().is_some_and(|number| !number.is_empty()));
    let pdf = paid["invoice_pdf"].as_str().unwrap().strip_prefix(saldo.stripe_url()).unwrap();
    let pdf = crate::support::client::Client::new(saldo.stripe_url()).get(pdf).await;
    assert_eq!((pdf.status.as_u16(), &pdf.body[..5]), (200, &b"%PDF-"[..]));

    let next = acme.open("next", 2500).await;
    let history = acme.get("/v1/top-ups").await;
    assert_eq!(history, json!({ "top_ups": [next, paid], "next_cursor": null }), "the newest is on top");
    let [entry] = acme.entries().await.try_into().unwrap();
    assert_eq!(
        (&entry["credits"], &entry["kind"], &entry["cause"]),
        (&json!(1000), &json!("top_up"), &paid["id"])
    );
    let csv = acme.csv("/v1/entries").await;
    assert!(csv.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    let text = |name: &str| entry[name].as_str().unwrap();
    assert_eq!(
        String::from_utf8(csv.body).unwrap(),
        format!(
            "\u{feff}id,at,credits,kind,cause,channel,country,reference,booked_at,units,class,rate,rate_version,held,hold\r\n{},{},1000,top_up,{},,,,{},,,,,,\r\n",
            text("id"),
            text("at"),
            text("cause"),
            text("booked_at")
        )
    );
}

#[tokio::test]
async fn an_organisation_billed_in_dollars_pays_by_card() {
    let saldo = start().await;
    let acme = Customer::new(&saldo, "acme", Some("USD"));
    let quote = acme.quote(2500).await;
    assert_eq!(quote["total"], money("USD", 5_000, "50.00"));
    let top_up = acme.open("first", 2500).await;
    let page = acme.pay(&top_up, Payment::Card("4242424242424242")).await;
    assert!(page.contains("$50.00"));
    acme.until_credits(2500).await;
    assert_eq!(acme.now(&top_up).await["total"], quote["total"]);
}

#[tokio::test]
async fn a_declined_card_is_told_in_words_and_another_card_pays() {
    let saldo = start().await;
    let acme = Customer::new(&saldo, "acme", Some("USD"));
    let top_up = acme.open("first", 1000).await;
    let page = acme.pay(&top_up, Payment::Card("4000000000009995")).await;
    assert!(page.contains("insufficient funds"));
    let open = eventually("the failure is told", async || {
        let open = acme.balance().await["open_top_up"].clone();
        (!open["payment_failure"].is_null()).then_some(open)
    })
    .await;
    assert_eq!(open["payment_failure"]["code"], "insufficient_funds");
    let words = "The card does not have enough funds. Use another card or try again later.";
    assert_eq!(open["payment_failure"]["detail"], words);
    assert_eq!(acme.now(&top_up).await, open);
    assert_eq!((&open["status"], &open["pay_url"]), (&json!("open"), &top_up["pay_url"]));

    acme.pay(&top_up, Payment::Card("5555555555554444")).await;
    acme.until_credits(1000).await;
    let paid = acme.now(&top_up).await;
    assert_eq!((&paid["status"], &paid["payment_failure"]), (&json!("paid"), &Value::Null));
}

#[tokio::test]
async fn a_canceled_top_up_frees_the_slot_and_stays_canceled() {
    let saldo = start().await;
    let acme = Customer::new(&saldo, "acme", None);
    let top_up = acme.open("first", 1000).await;
    let canceled = acme.cancel(&top_up).await;
    assert_eq!(canceled.status, 200);
    let canceled = canceled.json();
    shapes::top_up(&canceled);
    assert_eq!(canceled["status"], "canceled");
    assert!(canceled["canceled_at"].is_string());
    assert!(acme.balance().await["open_top_up"].is_null());

    let second = acme.open("second", 1000).await;
    let repeated = acme.cancel(&top_up).await;
    assert_eq!((repeated.status.as_u16(), repeated.json()), (200, canceled.clone()));
    assert_eq!(acme.balance().await["open_top_up"]["id"], second["id"], "only its own slot is freed");
    acme.pay(&second, Payment::Transfer("bca")).await;
    acme.until_credits(1000).await;
    let late = acme.cancel(&second).await;
    assert_eq!(late.status, 409);
    shapes::problem(&late.json(), "already_paid", &[]);
    let listed = acme.get("/v1/top-ups?status=canceled").await;
    assert_eq!(listed["top_ups"], json!([canceled]));
}

#[tokio::test]
async fn a_transfer_under_way_keeps_the_top_up_until_it_arrives() {
    let saldo = start().await;
    let acme = Customer::new(&saldo, "acme", None);
    let top_up = acme.open("first", 1000).await;
    acme.pay(&top_up, Payment::SlowTransfer("mandiri")).await;
    let refused = acme.cancel(&top_up).await;
    assert_eq!(refused.status, 409);
    shapes::problem(&refused.json(), "payment_in_progress", &[]);
    assert_eq!(acme.balance().await["open_top_up"]["id"], top_up["id"]);
    acme.pay(&top_up, Payment::Arrival).await;
    acme.until_credits(1000).await;
    assert_eq!(acme.now(&top_up).await["status"], "paid");
}

#[tokio::test]
async fn a_top_up_that_nobody_pays_expires_and_frees_the_slot() {
    let clock = Clock::system();
    let saldo = Saldo::start(Options { clock: clock.clone(), ..Options::default() }).await.unwrap();
    let acme = Customer::new(&saldo, "acme", None);
    let top_up = acme.open("first", 1000).await;
    saldo.run_schedule("cleanup").await.unwrap();
    assert_eq!(acme.now(&top_up).await["status"], "open", "its time is not over");
    clock.advance(THREE_DAYS_AND_AN_HOUR);
    let summary = saldo.run_schedule("cleanup").await.unwrap();
    assert_eq!(summary, json!({ "checked": 1, "finished": 1, "failed": 0 }));
    let expired = acme.now(&top_up).await;
    assert_eq!((&expired["status"], &expired["credited"]), (&json!("expired"), &Value::Null));
    assert_eq!(saldo.stand_in().invoices()[0]["status"], "void");
    assert_eq!(acme.balance().await["available_credits"], 0);
    acme.open("second", 1000).await;
}

#[tokio::test]
async fn a_key_stands_for_one_purchase() {
    let saldo = start().await;
    let acme = Customer::new(&saldo, "acme", None);
    let top_up = acme.open("first", 1000).await;
    let other = acme.quote(2500).await;
    for (credits, total) in [(2500, &other["total"]), (1000, &other["total"])] {
        let reused = acme.order("first", credits, total).await;
        assert_eq!(reused.status, 422);
        shapes::problem(&reused.json(), "idempotency_key_reused", &[]);
    }
    let globex = Customer::new(&saldo, "globex", None).open("first", 1000).await;
    assert_ne!(globex["id"], top_up["id"], "another organisation's keys are its own");
}

#[tokio::test]
async fn a_changed_price_is_shown_before_it_is_charged_and_what_was_bought_stays_bought() {
    let folder = DataFolder::new("prices");
    let options = || Options { data: Some(folder.path().to_owned()), ..Options::default() };
    let saldo = Saldo::start(options()).await.unwrap();
    let acme = Customer::new(&saldo, "acme", None);
    let quote = acme.quote(1000).await;
    let top_up = acme.open("first", 1000).await;
    let prices = saldo.env_of("quote").get("SALDO_PRICES").unwrap().to_owned();
    saldo.stop().await;

    let dearer = prices.replace("\"unit_price\":25000", "\"unit_price\":30000");
    assert_ne!(dearer, prices);
    let parameters = [("Prices".to_owned(), dearer)].into();
    let saldo = Saldo::start(Options { parameters, ..options() }).await.unwrap();
    let acme = Customer::new(&saldo, "acme", None);
    let refused = acme.order("second", 1000, &quote["total"]).await;
    assert_eq!(refused.status, 409);
    shapes::problem(&refused.json(), "price_changed", &["quote"]);
    assert_eq!(refused.json()["quote"], acme.quote(1000).await);
    assert_eq!(refused.json()["quote"]["total"], money("IDR", 33_300_000, "333000.00"));

    let again = acme.order("first", 1000, &quote["total"]).await;
    assert_eq!((again.status.as_u16(), &again.json()["id"]), (200, &top_up["id"]));
    assert_eq!(acme.now(&top_up).await["total"], quote["total"]);
}

#[tokio::test]
async fn tax_of_another_base_is_quoted_invoiced_and_paid_as_the_tax_office_computes_it() {
    let folder = DataFolder::new("tax");
    let options = || Options { data: Some(folder.path().to_owned()), ..Options::default() };
    let saldo = Saldo::start(options()).await.unwrap();
    let acme = Customer::new(&saldo, "acme", None);
    assert_eq!(acme.quote(1003).await["tax"]["amount"], money("IDR", 2_758_300, "27583.00"), "11 % of all");
    let plain = saldo.env_of("quote").get("SALDO_PRICES").unwrap().to_owned();
    saldo.stop().await;

    let ruled = plain.replace(r#""tax_percent":"11""#, r#""tax_percent":"12","tax_base":"11/12""#);
    assert_ne!(ruled, plain);
    let parameters = [("Prices".to_owned(), ruled)].into();
    let saldo = Saldo::start(Options { parameters, ..options() }).await.unwrap();
    let acme = Customer::new(&saldo, "acme", None);
    let quote = acme.quote(1003).await;
    let tax = json!({
        "name": "PPN", "rate_percent": 12, "amount": money("IDR", 2_758_200, "27582.00"),
        "base": "11/12", "other_base": money("IDR", 22_985_400, "229854.00"),
    });
    assert_eq!(quote["tax"], tax);
    assert_eq!(quote["total"], money("IDR", 27_833_200, "278332.00"));

    let top_up = acme.open("first", 1003).await;
    assert_eq!((&top_up["tax"], &top_up["total"]), (&tax, &quote["total"]));
    let [invoice] = saldo.stand_in().invoices().try_into().unwrap();
    assert_eq!(invoice["total"], top_up["total"]["minor_units"]);
    let [invoiced] = invoice["total_taxes"].as_array().unwrap().as_slice() else { panic!("{invoice}") };
    assert_eq!(
        (&invoiced["amount"], &invoiced["taxable_amount"], &invoiced["taxability_reason"]),
        (&json!(2_758_200), &json!(22_985_400), &json!("taxable_basis_reduced"))
    );

    acme.pay(&top_up, Payment::Transfer("bri")).await;
    acme.until_credits(1003).await;
    let paid = acme.until_receipt(&top_up).await;
    assert_eq!((&paid["status"], &paid["credited"]), (&json!("paid"), &json!(1003)));
    saldo.stop().await;

    let saldo = Saldo::start(options()).await.unwrap();
    let acme = Customer::new(&saldo, "acme", None);
    assert_eq!(acme.now(&top_up).await, paid, "what was bought keeps its tax under another price list");
}

#[tokio::test]
async fn webhooks_sent_again_and_again_credit_once() {
    let saldo = start().await;
    let acme = Customer::new(&saldo, "acme", None);
    let top_up = acme.open("first", 1000).await;
    acme.pay(&top_up, Payment::Transfer("bni")).await;
    acme.until_credits(1000).await;
    for event in saldo.stand_in().events().iter().cycle().take(20) {
        saldo.stand_in().resend(event["id"].as_str().unwrap()).unwrap();
    }
    quiet(&saldo).await;
    assert_eq!(acme.balance().await["available_credits"], 1000);
    assert_eq!(acme.entries().await.len(), 1);
}

#[tokio::test]
async fn history_turns_its_pages_from_the_newest_to_the_oldest() {
    let saldo = start().await;
    let acme = Customer::new(&saldo, "acme", None);
    let mut made = Vec::new();
    for number in 0..5 {
        let top_up = acme.open(&format!("key-{number}"), 1000).await;
        acme.cancel(&top_up).await;
        made.insert(0, top_up["id"].clone());
    }
    let mut seen = Vec::new();
    let mut page = acme.get("/v1/top-ups?limit=2").await;
    loop {
        let top_ups = page["top_ups"].as_array().unwrap();
        assert!(top_ups.len() <= 2);
        seen.extend(top_ups.iter().map(|top_up| top_up["id"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        page = acme.get(&format!("/v1/top-ups?limit=2&cursor={cursor}")).await;
    }
    assert_eq!(seen, made);
}

async fn start() -> Saldo {
    Saldo::start(Options::default()).await.unwrap()
}

/// Nothing is left to deliver and nothing to work on.
async fn quiet(saldo: &Saldo) {
    eventually("everything is delivered", async || {
        let depths = saldo.plan().queues.iter().map(|queue| saldo.queues().depth(&queue.name).unwrap());
        let waiting: u64 = depths.map(|depth| depth.visible + depth.in_flight + depth.delayed).sum();
        (waiting == 0 && saldo.stand_in().undelivered() == 0).then_some(())
    })
    .await;
}

fn money(currency: &str, minor_units: i64, decimal: &str) -> Value {
    json!({ "currency": currency, "minor_units": minor_units, "decimal": decimal })
}
