//! Lists, filters and expanded answers.

use std::sync::atomic::Ordering;

use saldo_stripe_stand_in::Method;
use serde_json::Value;

use super::{Stripe, TODAY, id};

fn ids(list: &Value) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(id).collect()
}

#[tokio::test]
async fn a_list_is_newest_first_and_pages_both_ways() {
    let stripe = Stripe::start().await;
    let mut made = Vec::new();
    for number in 0..5 {
        made.push(id(&stripe.made("/v1/customers", &format!("name=C{number}")).await));
    }
    made.reverse();
    let first = stripe.get("/v1/customers?limit=2").await.json();
    assert_eq!((ids(&first), first["has_more"].as_bool()), (made[..2].to_vec(), Some(true)));
    assert_eq!((first["object"].as_str(), first["url"].as_str()), (Some("list"), Some("/v1/customers")));
    let next = stripe.get(&format!("/v1/customers?limit=3&starting_after={}", made[1])).await.json();
    assert_eq!((ids(&next), next["has_more"].as_bool()), (made[2..].to_vec(), Some(false)));
    let back = stripe.get(&format!("/v1/customers?limit=2&ending_before={}", made[3])).await.json();
    assert_eq!((ids(&back), back["has_more"].as_bool()), (made[1..3].to_vec(), Some(true)));
}

#[tokio::test]
async fn invoices_are_found_by_customer_status_and_time() {
    let stripe = Stripe::start().await;
    let (one, other) = (stripe.customer().await, stripe.customer().await);
    let old = stripe.draft_of(&one, "idr", 27_750_000).await;
    stripe.clock.store(TODAY + 100, Ordering::SeqCst);
    let new = stripe.draft_of(&one, "idr", 27_750_000).await;
    stripe.draft_of(&other, "idr", 27_750_000).await;
    stripe.finalize(&new).await;
    let stripe = &stripe;
    let get = |query: String| async move {
        ids(&stripe.get(&format!("/v1/invoices?{query}")).await.json()).join(" ")
    };
    assert_eq!(get(format!("customer={one}")).await, format!("{new} {old}"));
    assert_eq!(get(format!("customer={one}&status=open")).await, new);
    assert_eq!(get(format!("customer={one}&created[gt]={TODAY}")).await, new);
    assert_eq!(get(format!("customer={one}&created[lte]={TODAY}")).await, old);
    assert_eq!(get(format!("customer={one}&created={TODAY}")).await, old);
    assert_eq!(get("collection_method=charge_automatically".to_owned()).await, "");
}

#[tokio::test]
async fn a_payment_leads_back_to_its_invoice() {
    let stripe = Stripe::start().await;
    let invoice = id(&stripe.open("idr", 27_750_000).await);
    stripe.stand_in.pay(&invoice, Method::VirtualAccount).unwrap();
    let plain = stripe.get(&format!("/v1/invoices/{invoice}")).await.json();
    assert!(plain.get("payments").is_none(), "payments come only when asked for");
    let seen = stripe.invoice(&invoice).await;
    let intent = id(&seen["payments"]["data"][0]["payment"]["payment_intent"]);

    let query =
        format!("payment[type]=payment_intent&payment[payment_intent]={intent}&expand[]=data.invoice");
    let found = stripe.get(&format!("/v1/invoice_payments?{query}")).await.json();
    assert_eq!(ids(&found).len(), 1);
    assert_eq!(found["data"][0]["invoice"]["id"], invoice.as_str());
    let open = stripe.get(&format!("/v1/invoice_payments?invoice={invoice}&status=open")).await.json();
    assert_eq!(ids(&open).len(), 0);
    let charge = stripe.get(&format!("/v1/charges?payment_intent={intent}")).await.json();
    assert_eq!(charge["data"][0]["payment_method_details"]["type"], "id_bank_transfer");
    let text = seen.to_string();
    assert!(!text.contains("\"_"), "the stand-in's own fields stay inside");
}

#[tokio::test]
async fn events_are_listed_by_type() {
    let stripe = Stripe::start().await;
    let invoice = id(&stripe.open("usd", 2_000).await);
    stripe.stand_in.pay(&invoice, Method::DeclinedCard { code: "expired_card".to_owned() }).unwrap();
    stripe.stand_in.pay(&invoice, Method::Card).unwrap();
    for (query, count) in
        [("type=invoice.paid", 1), ("type=invoice.payment_*", 2), ("types[]=charge.failed", 1)]
    {
        let list = stripe.get(&format!("/v1/events?{query}")).await.json();
        assert_eq!(ids(&list).len(), count, "{query}");
        let event = &list["data"][0];
        assert_eq!((event["object"].as_str(), event["livemode"].as_bool()), (Some("event"), Some(false)));
        assert_eq!(event["api_version"], saldo_stripe_stand_in::API_VERSION);
        assert_eq!(stripe.get(&format!("/v1/events/{}", id(event))).await.json(), *event);
    }
}
