//! What Stripe refuses is refused, in its words and shapes.

use super::{Stripe, id, refused};
use crate::support::client::Client;

#[tokio::test]
async fn a_caller_without_a_test_key_is_refused() {
    let stripe = Stripe::start().await;
    let refused_key = |client: Client| async move { refused(&client.get("/v1/customers").await, 401) };
    assert!(refused_key(Client::new(&stripe.url)).await.contains("did not provide an API key"));
    assert!(refused_key(Client::new(&stripe.url).with_token("sk_live_x")).await.contains("Invalid API Key"));
    let basic = [("authorization", "Basic c2tfdGVzdF94Og==")];
    let answer = Client::new(&stripe.url).send("GET", "/v1/customers", &basic, "").await;
    assert_eq!(answer.status, 200, "sk_test_x as the user of basic authentication");
    let restricted = Client::new(&stripe.url).with_token("rk_test_x");
    assert_eq!(restricted.get("/v1/customers").await.status, 200);
}

#[tokio::test]
async fn what_does_not_exist_is_a_404_and_what_is_not_known_a_400() {
    let stripe = Stripe::start().await;
    let answer = stripe.get("/v1/invoices/in_nothing").await;
    assert_eq!(refused(&answer, 404), "No such invoice: 'in_nothing'");
    assert_eq!(answer.json()["error"]["code"], "resource_missing");
    refused(&stripe.post("/v1/invoices/in_nothing/void", "").await, 404);
    refused(&stripe.get("/v1/charges/ch_nothing").await, 404);
    refused(&stripe.get("/v1/subscriptions").await, 404);

    let answer = stripe.post("/v1/invoices", "customer=cus_nothing").await;
    assert_eq!(refused(&answer, 400), "No such customer: 'cus_nothing'");
    assert_eq!(answer.json()["error"]["param"], "customer");

    let answer = stripe.post("/v1/customers", "name=A&nick=B").await;
    assert_eq!(refused(&answer, 400), "Received unknown parameter: nick");
    assert_eq!(answer.json()["error"]["code"], "parameter_unknown");
    let customers = stripe.get("/v1/customers").await.json();
    assert_eq!(customers["data"].as_array().unwrap().len(), 0, "a refused request leaves nothing behind");

    let draft = stripe.draft(&stripe.customer().await, "idr").await;
    let lines = format!("/v1/invoices/{draft}/add_lines");
    let answer = stripe.post(&lines, "lines[0][amount]=5000000&lines[0][colour]=red").await;
    assert_eq!(answer.json()["error"]["param"], "lines[0][colour]");
    refused(&stripe.get(&format!("/v1/invoices/{draft}?expand[]=colour")).await, 400);
}

#[tokio::test]
async fn malformed_requests_are_refused_and_nothing_panics() {
    let stripe = Stripe::start().await;
    for form in [
        "name=%zz",
        "name=%",
        "name=%ff",
        "a[b=c",
        "[x]=1",
        "name[x]=1",
        "name=a&name[b]=c",
        "a[b][c][d][e][f][g][h][i]=1",
    ] {
        refused(&stripe.post("/v1/customers", form).await, 400);
    }
    let long = format!("metadata[{}]=x", "k".repeat(41));
    refused(&stripe.post("/v1/customers", &long).await, 400);
    refused(&stripe.post("/v1/customers", &format!("metadata[k]={}", "v".repeat(501))).await, 400);
    let many: String = (0..51).map(|key| format!("&metadata[k{key}]=v")).collect();
    refused(&stripe.post("/v1/customers", &many).await, 400);
    refused(&stripe.post("/v1/customers", &format!("name={}", "x".repeat(1_100_000))).await, 413);
    for limit in ["0", "101", "-1", "ten", "1.5"] {
        refused(&stripe.get(&format!("/v1/invoices?limit={limit}")).await, 400);
    }
    refused(&stripe.get("/v1/invoices?starting_after=in_nothing").await, 400);
    refused(&stripe.get("/v1/invoices?status=pending").await, 400);
    refused(&stripe.get("/v1/invoices/in_%27or1=1").await, 404);
}

#[tokio::test]
async fn an_invoice_needs_what_stripe_needs() {
    let stripe = Stripe::start().await;
    let customer = stripe.customer().await;
    let base = format!("customer={customer}&collection_method=send_invoice");
    let words = refused(&stripe.post("/v1/invoices", &base).await, 400);
    assert!(words.contains("you must specify 'due_date' or 'days_until_due'"), "{words}");
    let words =
        refused(&stripe.post("/v1/invoices", &format!("customer={customer}&days_until_due=3")).await, 400);
    assert!(words.contains("You can only specify"), "{words}");
    let shouting = format!("{base}&days_until_due=3&currency=rupiah");
    refused(&stripe.post("/v1/invoices", &shouting).await, 400);
    let taxed = format!("{base}&days_until_due=3&automatic_tax[enabled]=true");
    refused(&stripe.post("/v1/invoices", &taxed).await, 400);

    let draft = stripe.draft(&customer, "idr").await;
    let lines = format!("/v1/invoices/{draft}/add_lines");
    let dollars = "lines[0][quantity]=1&lines[0][price_data][currency]=usd&lines[0][price_data][unit_amount]=100\
                   &lines[0][price_data][product_data][name]=X";
    let words = refused(&stripe.post(&lines, dollars).await, 400);
    assert!(words.contains("the invoice is in idr"), "{words}");
    let both = refused(&stripe.post(&lines, "lines[0][amount]=1&lines[0][quantity]=1").await, 400);
    assert_eq!(both, "You may only specify one of these parameters: amount, quantity.");
    let answer = stripe.post(&format!("/v1/invoices/{draft}/finalize"), "").await;
    refused(&answer, 400);
    assert_eq!(answer.json()["error"]["code"], "invoice_no_customer_line_items");
}

#[tokio::test]
async fn each_step_of_an_invoice_is_taken_only_from_where_stripe_allows_it() {
    let stripe = Stripe::start().await;
    let draft = stripe.draft_of(&stripe.customer().await, "idr", 27_750_000).await;
    let path = |step: &str| format!("/v1/invoices/{draft}{step}");
    let not_open = "You can only pass in open invoices. This invoice isn't open.";
    assert_eq!(refused(&stripe.post(&path("/void"), "").await, 400), not_open);
    assert_eq!(refused(&stripe.post(&path("/mark_uncollectible"), "").await, 400), not_open);

    let open = stripe.finalize(&draft).await;
    assert_eq!(open["status"], "open");
    let words = refused(&stripe.post(&path("/finalize"), "").await, 400);
    assert!(words.starts_with("This invoice is already finalized"), "{words}");
    assert_eq!(refused(&stripe.delete(&path("")).await, 400), "You can only delete draft invoices.");
    let answer = stripe.post(&path("/add_lines"), "lines[0][amount]=100").await;
    refused(&answer, 400);
    assert_eq!(answer.json()["error"]["code"], "invoice_not_editable");
    refused(&stripe.post("/v1/invoiceitems", &format!("invoice={draft}&amount=100")).await, 400);
    refused(&stripe.post(&path(""), "description=later").await, 400);
    assert_eq!(stripe.made(&path(""), "metadata[seen]=yes").await["metadata"]["seen"], "yes");

    let void = stripe.made(&path("/void"), "").await;
    assert_eq!(void["status"], "void");
    assert!(void["status_transitions"]["voided_at"].is_i64());
    assert_eq!(refused(&stripe.post(&path("/void"), "").await, 400), not_open);
    refused(&stripe.post(&path("/pay"), "payment_method=pm_card_visa").await, 400);
    assert_eq!(stripe.invoice(&draft).await["payments"]["data"][0]["status"], "canceled");

    let paid = id(&stripe.open("usd", 2_000).await);
    stripe.made(&format!("/v1/invoices/{paid}/pay"), "payment_method=pm_card_visa").await;
    let words = refused(&stripe.post(&format!("/v1/invoices/{paid}/void"), "").await, 400);
    assert_eq!(words, "Invoices with `paid` payments cannot be voided.");
    let words =
        refused(&stripe.post(&format!("/v1/invoices/{paid}/pay"), "payment_method=pm_card_visa").await, 400);
    assert_eq!(words, "Invoice is already paid");
}

#[tokio::test]
async fn voiding_is_refused_while_a_bank_payment_clears() {
    let stripe = Stripe::start().await;
    for succeeded in [true, false] {
        let invoice = id(&stripe.open("idr", 27_750_000).await);
        stripe.stand_in.start_bank_transfer(&invoice).unwrap();
        for step in ["void", "mark_uncollectible", "pay"] {
            let words = refused(&stripe.post(&format!("/v1/invoices/{invoice}/{step}"), "").await, 400);
            assert!(words.contains("pending payments waiting to clear"), "{words}");
        }
        let waiting = stripe.invoice(&invoice).await;
        assert_eq!(waiting["status"], "open");
        assert_eq!(waiting["payments"]["data"][0]["payment"]["payment_intent"]["status"], "processing");

        stripe.stand_in.finish_bank_transfer(&invoice, succeeded).unwrap();
        let ended = stripe.invoice(&invoice).await;
        assert_eq!(ended["status"], if succeeded { "paid" } else { "open" });
        let again = stripe.stand_in.finish_bank_transfer(&invoice, succeeded);
        assert!(again.is_err(), "a transfer ends once");
        let void = stripe.post(&format!("/v1/invoices/{invoice}/void"), "").await;
        assert_eq!(void.status, if succeeded { 400 } else { 200 });
    }
}

#[tokio::test]
async fn a_draft_is_deleted_and_gone() {
    let stripe = Stripe::start().await;
    let draft = stripe.draft_of(&stripe.customer().await, "idr", 27_750_000).await;
    let stub = stripe.delete(&format!("/v1/invoices/{draft}")).await.json();
    assert_eq!((stub["deleted"].as_bool(), stub["object"].as_str()), (Some(true), Some("invoice")));
    refused(&stripe.get(&format!("/v1/invoices/{draft}")).await, 404);
    refused(&stripe.delete(&format!("/v1/invoices/{draft}")).await, 404);
    assert!(stripe.event_types().contains(&"invoice.deleted".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_payment_and_a_void_at_the_same_moment_one_wins() {
    let stripe = Stripe::start().await;
    for _ in 0..10 {
        let invoice = id(&stripe.open("usd", 2_000).await);
        let (pay, void) = (format!("/v1/invoices/{invoice}/pay"), format!("/v1/invoices/{invoice}/void"));
        let (paid, voided) =
            tokio::join!(stripe.post(&pay, "payment_method=pm_card_visa"), stripe.post(&void, ""));
        assert_eq!(u16::from(paid.status == 200) + u16::from(voided.status == 200), 1);
        let ended = stripe.invoice(&invoice).await;
        let paid = ended["status"] == "paid";
        let payment = ended["payments"]["data"][0]["status"].as_str();
        assert_eq!(payment, Some(if paid { "paid" } else { "canceled" }), "{}", ended["status"]);
    }
}
