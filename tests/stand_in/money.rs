//! Amounts, balances and the ways an invoice becomes paid, with money and without.

use serde_json::{Value, json};

use super::{Stripe, id, refused};

#[tokio::test]
async fn a_tax_keeps_its_own_base_and_a_reason_that_stripe_knows() {
    let stripe = Stripe::start().await;
    let draft = stripe.draft(&stripe.customer().await, "idr").await;
    let lines = |reason: &str| {
        format!(
            "lines[0][amount]=25075000&lines[0][tax_amounts][0][amount]=2758200\
             &lines[0][tax_amounts][0][taxable_amount]=22985400\
             &lines[0][tax_amounts][0][taxability_reason]={reason}\
             &lines[0][tax_amounts][0][tax_rate_data][display_name]=PPN\
             &lines[0][tax_amounts][0][tax_rate_data][percentage]=12\
             &lines[0][tax_amounts][0][tax_rate_data][inclusive]=false"
        )
    };
    let path = format!("/v1/invoices/{draft}/add_lines");
    let answer = stripe.post(&path, &lines("base_reduced")).await;
    refused(&answer, 400);
    assert_eq!(answer.json()["error"]["param"], "lines[0][tax_amounts][0][taxability_reason]");
    let invoice = stripe.made(&path, &lines("taxable_basis_reduced")).await;
    assert_eq!(invoice["total"], 27_833_200);
    let tax = &invoice["total_taxes"][0];
    assert_eq!((&tax["amount"], &tax["taxable_amount"]), (&json!(2_758_200), &json!(22_985_400)));
    assert_eq!(tax["taxability_reason"], "taxable_basis_reduced");
}

#[tokio::test]
async fn an_invoice_adds_up_its_lines_and_taxes() {
    let stripe = Stripe::start().await;
    let draft = stripe.draft(&stripe.customer().await, "idr").await;
    let lines = "lines[0][description]=1,000 credits&lines[0][quantity]=1000\
                 &lines[0][price_data][currency]=idr&lines[0][price_data][unit_amount]=25000\
                 &lines[0][price_data][product_data][name]=Credits\
                 &lines[0][tax_amounts][0][amount]=2750000&lines[0][tax_amounts][0][taxable_amount]=25000000\
                 &lines[0][tax_amounts][0][tax_rate_data][display_name]=PPN\
                 &lines[0][tax_amounts][0][tax_rate_data][percentage]=11\
                 &lines[0][tax_amounts][0][tax_rate_data][inclusive]=false";
    let invoice = stripe.made(&format!("/v1/invoices/{draft}/add_lines"), lines).await;
    let sums = ["subtotal", "total_excluding_tax", "total", "amount_due", "amount_remaining"];
    let sums: Vec<i64> = sums.iter().map(|field| invoice[field].as_i64().unwrap()).collect();
    assert_eq!(sums, [25_000_000, 25_000_000, 27_750_000, 27_750_000, 27_750_000]);
    assert_eq!(invoice["total_taxes"][0]["amount"], 2_750_000);
    assert_eq!(invoice["total_taxes"][0]["tax_behavior"], "exclusive");
    let line = &invoice["lines"]["data"][0];
    assert_eq!((line["amount"].as_i64(), line["quantity"].as_i64()), (Some(25_000_000), Some(1_000)));
    assert_eq!(line["pricing"]["unit_amount_decimal"], "25000");
    assert!(invoice["hosted_invoice_url"].is_null() && invoice["number"].is_null());

    let open = stripe.finalize(&draft).await;
    assert_eq!((open["status"].as_str(), open["number"].as_str()), (Some("open"), Some("SALDO-0001")));
    assert!(open["hosted_invoice_url"].as_str().unwrap().starts_with(&stripe.url));
    assert_eq!((open["starting_balance"].as_i64(), open["ending_balance"].as_i64()), (Some(0), Some(0)));
    assert_eq!(open["livemode"], false);
}

#[tokio::test]
async fn an_item_is_priced_by_decimal_and_taxed_by_rate() {
    let stripe = Stripe::start().await;
    let rate = "display_name=VAT&percentage=7.5&inclusive=false&country=DE";
    let rate = stripe.made("/v1/tax_rates", rate).await;
    assert_eq!(rate["percentage"].as_f64(), Some(7.5));
    let draft = stripe.draft(&stripe.customer().await, "usd").await;
    let item = format!("invoice={draft}&quantity=1001&unit_amount_decimal=1.5&tax_rates[]={}", id(&rate));
    let item = stripe.made("/v1/invoiceitems", &item).await;
    assert_eq!(item["amount"], 1_502, "1501.5 rounds half up");
    let invoice = stripe.invoice(&draft).await;
    assert_eq!(invoice["total"], 1_502 + 113, "7.5 % of 1502 is 112.65");
}

#[tokio::test]
async fn an_amount_below_the_minimum_is_paid_without_a_payment() {
    let stripe = Stripe::start().await;
    for (currency, below, enough) in [("usd", 49, 50), ("idr", 824_999, 825_000)] {
        let customer = stripe.customer().await;
        let invoice = stripe.draft_of(&customer, currency, below).await;
        let paid = stripe.finalize(&invoice).await;
        assert_eq!(paid["status"], "paid");
        assert_eq!((paid["amount_due"].as_i64(), paid["amount_paid"].as_i64()), (Some(0), Some(0)));
        assert_eq!(paid["ending_balance"], below);
        assert_eq!(stripe.invoice(&invoice).await["payments"]["data"], json!([]));
        let customer = stripe.get(&format!("/v1/customers/{customer}")).await.json();
        assert_eq!(customer["balance"], below, "the amount became the customer's debt");
        assert_eq!(stripe.open(currency, enough).await["status"], "open");
    }
    assert_eq!(stripe.event_types().iter().filter(|kind| *kind == "invoice.paid").count(), 2);
}

#[tokio::test]
async fn a_credit_balance_pays_first() {
    let stripe = Stripe::start().await;
    let customer = stripe.customer().await;
    let credit = format!("/v1/customers/{customer}/balance_transactions");
    stripe.made(&credit, "amount=-30000000&currency=idr").await;

    let draft = stripe.draft_of(&customer, "idr", 27_750_000).await;
    let seen = stripe.invoice(&draft).await;
    assert_eq!((seen["total"].as_i64(), seen["amount_due"].as_i64()), (Some(27_750_000), Some(0)));
    assert_eq!(seen["starting_balance"], -30_000_000, "a draft shows what would be applied");
    let paid = stripe.finalize(&draft).await;
    assert_eq!((paid["status"].as_str(), paid["amount_paid"].as_i64()), (Some("paid"), Some(0)));
    assert_eq!(paid["ending_balance"], -2_250_000);

    let draft = stripe.draft_of(&customer, "idr", 27_750_000).await;
    let open = stripe.finalize(&draft).await;
    assert_eq!((open["status"].as_str(), open["amount_due"].as_i64()), (Some("open"), Some(25_500_000)));
    stripe.made(&format!("/v1/invoices/{draft}/void"), "").await;
    let customer = stripe.get(&format!("/v1/customers/{customer}")).await.json();
    assert_eq!(customer["balance"], -2_250_000, "voiding gives the credit back");
}

#[tokio::test]
async fn a_discount_is_inherited_unless_it_is_refused() {
    let stripe = Stripe::start().await;
    let customer = stripe.customer().await;
    stripe.stand_in.set_customer_discount(&customer, 10).unwrap();
    let base = format!("customer={customer}&currency=idr&collection_method=send_invoice&days_until_due=3");
    for (extra, total) in [("", 22_500_000), ("&discounts=", 25_000_000)] {
        let draft = id(&stripe.made("/v1/invoices", &format!("{base}{extra}")).await);
        let lines = format!("/v1/invoices/{draft}/add_lines");
        let invoice = stripe.made(&lines, "lines[0][amount]=25000000").await;
        assert_eq!(invoice["total"], total, "discounts {extra:?}");
    }
}

#[tokio::test]
async fn an_amount_with_too_many_digits_is_not_finalised() {
    let stripe = Stripe::start().await;
    for (currency, most) in [("idr", 999_999_999_999), ("usd", 99_999_999)] {
        let customer = stripe.customer().await;
        let draft = stripe.draft_of(&customer, currency, most + 1).await;
        let answer = stripe.post(&format!("/v1/invoices/{draft}/finalize"), "").await;
        refused(&answer, 400);
        assert_eq!(answer.json()["error"]["code"], "amount_too_large");
        assert_eq!(stripe.invoice(&draft).await["status"], "draft");
        assert_eq!(stripe.open(currency, most).await["status"], "open");
    }
}

#[tokio::test]
async fn a_declined_card_leaves_its_reason_and_another_pays() {
    let stripe = Stripe::start().await;
    let invoice = id(&stripe.open("usd", 2_000).await);
    let pay = format!("/v1/invoices/{invoice}/pay");
    let declined = stripe.post(&pay, "payment_method=pm_card_chargeDeclinedInsufficientFunds").await;
    refused(&declined, 402);
    assert_eq!(declined.json()["error"]["decline_code"], "insufficient_funds");
    let open = stripe.invoice(&invoice).await;
    assert_eq!((open["status"].as_str(), open["attempt_count"].as_i64()), (Some("open"), Some(1)));
    let intent = &open["payments"]["data"][0]["payment"]["payment_intent"];
    assert_eq!(intent["last_payment_error"]["decline_code"], "insufficient_funds");
    assert!(refused(&stripe.post(&pay, "").await, 400).contains("default_payment_method"));

    stripe.made(&pay, "payment_method=pm_card_visa").await;
    let paid = stripe.invoice(&invoice).await;
    assert_eq!((paid["status"].as_str(), paid["amount_paid"].as_i64()), (Some("paid"), Some(2_000)));
    let payment = &paid["payments"]["data"][0];
    assert_eq!((payment["status"].as_str(), payment["amount_paid"].as_i64()), (Some("paid"), Some(2_000)));
    assert!(payment["payment"]["payment_intent"]["last_payment_error"].is_null());
    let charge = payment["payment"]["payment_intent"]["latest_charge"].as_str().unwrap();
    assert_eq!(stripe.get(&format!("/v1/charges/{charge}")).await.json()["status"], "succeeded");

    let events = stripe.event_types();
    let place =
        |kind: &str| events.iter().position(|seen| seen == kind).unwrap_or_else(|| panic!("no {kind}"));
    assert!(place("invoice.created") < place("invoice.finalized"));
    assert!(place("invoice.finalized") < place("invoice.payment_failed"));
    assert!(place("invoice.payment_failed") < place("invoice.paid"));
}

#[tokio::test]
async fn paid_out_of_band_is_paid_without_a_paid_payment() {
    let stripe = Stripe::start().await;
    let invoice = id(&stripe.open("idr", 27_750_000).await);
    stripe.made(&format!("/v1/invoices/{invoice}/pay"), "paid_out_of_band=true").await;
    let paid = stripe.invoice(&invoice).await;
    assert_eq!(paid["status"], "paid");
    let proven = |payment: &Value| payment["status"] == "paid";
    assert!(!paid["payments"]["data"].as_array().unwrap().iter().any(proven), "{}", paid["payments"]);
}

#[tokio::test]
async fn an_uncollectible_invoice_can_still_be_paid_or_voided() {
    let stripe = Stripe::start().await;
    for (step, form, status) in [("pay", "payment_method=pm_card_visa", "paid"), ("void", "", "void")] {
        let invoice = id(&stripe.open("usd", 2_000).await);
        stripe.made(&format!("/v1/invoices/{invoice}/mark_uncollectible"), "").await;
        let ended = stripe.made(&format!("/v1/invoices/{invoice}/{step}"), form).await;
        assert_eq!(ended["status"], status);
    }
}
