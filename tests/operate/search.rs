//! A search finds an organisation, a top-up or a debit by whatever one has at hand.
use saldo_adapters::clock::Clock;
use saldo_stripe_stand_in::{DisputeKind, Method};
use serde_json::{Value, json};

use super::staff::{Staff, at_stripe, from_stripe, the_organisation, the_top_up};
use crate::support::client::Client;
use crate::support::{books, system};

#[tokio::test(flavor = "multi_thread")]
async fn a_top_up_is_found_by_every_name_that_it_or_its_money_has() {
    let saldo = system::start(&Clock::system()).await;
    let staff = Staff::of(&saldo, "ana").await;
    let (id, invoice) = system::open_top_up(&saldo, "acme").await;
    system::open_top_up(&saldo, "globex").await;
    saldo.stand_in().pay(&invoice, Method::Card).unwrap();
    let paid = from_stripe(&saldo, &format!("/v1/invoices/{invoice}")).await;
    let payments = from_stripe(&saldo, &format!("/v1/invoice_payments?invoice={invoice}")).await;
    let payment = payments["data"][0]["payment"]["payment_intent"].as_str().unwrap().to_owned();
    let intent = from_stripe(&saldo, &format!("/v1/payment_intents/{payment}")).await;
    let charge = intent["latest_charge"].as_str().unwrap().to_owned();
    let refund = saldo.stand_in().refund(&payment, Some(1_000_000)).unwrap();
    let dispute = saldo.stand_in().dispute(&payment, DisputeKind::Chargeback, Some(500_000)).unwrap();
    let note = at_stripe(
        &saldo,
        "/v1/credit_notes",
        &format!("invoice={invoice}&amount=100&out_of_band_amount=100"),
    )
    .await;
    let number = paid["number"].as_str().unwrap();
    for name in [&*id, &invoice, number, &payment, &charge, &refund, &dispute, note["id"].as_str().unwrap()] {
        assert_eq!(staff.finds(name).await, the_top_up("acme", &id), "{name}");
    }
    books::prove_always(&saldo, "after searching").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_is_found_by_its_name_its_customer_and_its_address() {
    let saldo = system::start(&Clock::system()).await;
    let staff = Staff::of(&saldo, "ana").await;
    let (_, invoice) = system::open_top_up(&saldo, "acme").await;
    let customer = from_stripe(&saldo, &format!("/v1/invoices/{invoice}")).await["customer"].clone();
    for name in ["acme", customer.as_str().unwrap(), "billing@example.test"] {
        assert_eq!(staff.finds(name).await, the_organisation("acme"), "{name}");
    }
    // Another deployment's customer with the same address is nobody here.
    at_stripe(
        &saldo,
        "/v1/customers",
        "email=billing@example.test&metadata[org_id]=rival&metadata[saldo_deployment]=other",
    )
    .await;
    assert_eq!(staff.finds("billing@example.test").await, the_organisation("acme"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debit_is_found_with_its_organisation_and_what_cannot_be_found_says_why() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    let staff = Staff::of(&saldo, "ana").await;
    system::with_credits(&saldo, "acme").await;
    let id = system::debit_id(&clock, 0);
    let message = json!({"channel": "sms", "reference": "order-7"});
    assert_eq!(system::debit(&saldo, &saldo.world(), "acme", &id, &message).await.0, 201);
    let found = staff.see(&format!("search?q={id}&org=acme")).await;
    assert_eq!(found["results"][0]["debit"]["credits"], 3);
    assert_eq!((&found["results"][0]["debit"]["reversed"], &found["hint"]), (&json!(false), &json!(null)));
    assert_eq!(system::reverse(&saldo, &saldo.world(), "acme", &id).await.0, 200);
    let found = staff.see(&format!("search?q={id}&org=acme")).await;
    assert_eq!(found["results"][0]["debit"]["reversed"], true);
    for (query, hint) in [
        (id.clone(), "add &org="),
        (format!("{id}&org=globex"), "Nothing has this name"),
        ("order-7".to_owned(), "search for reference:order-7 and add &org="),
        ("top_0193587c66f17b3a9c1d2f4b6a8d0e11".to_owned(), "Nothing has this name"),
        ("pi_nobody".to_owned(), "Nothing has this name"),
        ("re_nobody".to_owned(), "Nothing has this name"),
        ("cus_nobody".to_owned(), "Nothing has this name"),
        ("nobody@example.test".to_owned(), "Nothing has this name"),
    ] {
        let found = staff.see(&format!("search?q={query}")).await;
        assert_eq!(found["results"], json!([]), "{query}");
        assert!(found["hint"].as_str().unwrap().contains(hint), "{query}: {}", found["hint"]);
    }
    let answer = staff.ask("search?q=reference:order-7").await;
    assert_eq!((answer.status.as_u16(), &answer.json()["field"]), (400, &json!("org")));
    for query in ["", "%20", &"x".repeat(255), "a%0Ab", "a&q=b", "acme&org=a%23b"] {
        let answer = staff.ask(&format!("search?q={query}")).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["code"]),
            (400, &json!("invalid_request")),
            "{query}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_is_found_within_its_organisation_as_far_back_as_is_said() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    for org in ["acme", "globex"] {
        system::with_credits(&saldo, org).await;
        for reference in ["order-7", "order-70", "order-7"] {
            let id = system::debit_id(&clock, 0);
            let message = json!({"channel": "sms", "reference": reference});
            assert_eq!(system::debit(&saldo, &saldo.world(), org, &id, &message).await.0, 201);
            clock.advance(1);
        }
    }
    // Each with a token of now: months pass.
    let look =
        async |query: &str| Staff::of(&saldo, "ana").await.see(&format!("search?q=reference:{query}")).await;
    let found = look("order-7&org=acme").await;
    let all = found["results"].as_array().unwrap();
    assert_eq!(all.len(), 2, "{found}");
    assert!(all.iter().all(|one| one["organisation"] == "acme" && one["debit"]["credits"] == 3), "{found}");
    assert!(all[0]["debit"]["at"].as_str() > all[1]["debit"]["at"].as_str(), "the newest first");
    assert_eq!(found["read"]["entries"], 4);
    let back_to = found["read"]["back_to"].as_str().unwrap();
    assert!(back_to < all[1]["debit"]["at"].as_str().unwrap(), "two months before this one: {back_to}");
    assert_eq!(look("order-8&org=acme").await["results"], json!([]));
    clock.advance(62 * 86_400);
    let then = look("order-7&org=acme").await;
    assert_eq!(then["results"].as_array().unwrap().len(), 2, "two months later it is still found");
    clock.advance(31 * 86_400);
    assert_eq!(look("order-7&org=acme").await["results"], json!([]), "and a month after that no more");
}

#[tokio::test]
async fn a_hold_is_found_by_its_id_and_by_its_reference() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    let staff = Staff::of(&saldo, "ana").await;
    system::with_credits(&saldo, "acme").await;
    let id = system::debit_id(&clock, 0);
    let sender =
        Client::new(saldo.api_url()).with_token(saldo.token("acme", &["credits:spend"], None).unwrap());
    let body = json!({"channel": "sms", "units": 5, "reference": "order-8"}).to_string();
    let headers = [("content-type", "application/json")];
    assert_eq!(sender.send("PUT", &format!("/v1/holds/{id}"), &headers, body).await.status, 201);
    let found = |said: Value| {
        said["results"].as_array().unwrap().iter().map(|one| one["debit"].clone()).collect::<Vec<_>>()
    };
    let by_id = format!("search?q={id}&org=acme");
    let open = found(staff.see(&by_id).await);
    assert_eq!(open.len(), 1);
    assert_eq!(
        (&open[0]["id"], &open[0]["hold"], &open[0]["held"]),
        (&json!(id), &json!("open"), &json!(15))
    );
    let captured = format!("/v1/holds/{id}/capture");
    assert_eq!(sender.send("POST", &captured, &headers, json!({"units": 2}).to_string()).await.status, 200);
    for query in [&by_id, "search?q=reference:order-8&org=acme"] {
        let hold = found(staff.see(query).await);
        assert_eq!(hold.len(), 1, "{query}");
        assert_eq!((&hold[0]["hold"], &hold[0]["credits"]), (&json!("captured"), &json!(6)), "{query}");
    }
    // A debit under the same id is another thing, once the hold's being pending is over.
    let message = json!({"channel": "email"});
    for debit in [&system::debit_id(&clock, 0), &id] {
        let headers = [("content-type", "application/json")];
        let answer = sender.send("PUT", &format!("/v1/debits/{debit}"), &headers, message.to_string()).await;
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    }
    let both = found(staff.see(&by_id).await);
    assert_eq!(
        both.iter().map(|one| one["hold"].clone()).collect::<Vec<_>>(),
        [json!(null), json!("captured")]
    );
    assert_eq!(staff.see(&format!("search?q={id}")).await["results"], json!([]));
}
