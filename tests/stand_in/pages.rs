//! The hosted invoice page: what it shows, and that it pays.

use saldo_stripe_stand_in::Method;
use serde_json::Value;

use super::{Stripe, id};
use crate::support::client::{Answer, Client};

/// A browser without a script engine.
struct Browser {
    client: Client,
    language: &'static str,
}

impl Browser {
    fn new(stripe: &Stripe, language: &'static str) -> Browser {
        Browser { client: Client::new(&stripe.url), language }
    }

    async fn open(&self, page: &str) -> Answer {
        self.client.send("GET", page, &[("accept-language", self.language)], "").await
    }

    async fn text(&self, page: &str) -> String {
        let answer = self.open(page).await;
        assert_eq!(answer.status, 200, "{page}");
        words(&answer)
    }

    /// Sends a form and follows where it leads.
    async fn submit(&self, page: &str, form: &str) -> String {
        let headers =
            [("accept-language", self.language), ("content-type", "application/x-www-form-urlencoded")];
        let answer = self.client.send("POST", &format!("{page}/pay"), &headers, form.to_owned()).await;
        if answer.status == 303 {
            return self.text(answer.headers["location"].to_str().unwrap()).await;
        }
        assert_eq!(answer.status, 422);
        words(&answer)
    }
}

fn words(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap().replace('\u{a0}', " ")
}

fn page(stripe: &Stripe, invoice: &Value) -> String {
    invoice["hosted_invoice_url"].as_str().unwrap().strip_prefix(&stripe.url).unwrap().to_owned()
}

const CARD: &str = "action=card&expiry=12+%2F+34&code=123&number=";

#[tokio::test]
async fn a_card_is_declined_with_its_reason_and_another_pays() {
    let stripe = Stripe::start().await;
    let invoice = stripe.open("usd", 2_000).await;
    let page = page(&stripe, &invoice);
    let browser = Browser::new(&stripe, "en-GB,en;q=0.9");
    let text = browser.text(&page).await;
    for part in
        ["SALDO-0001", "Acme", "billing@acme.example", "$20.00", "no money moves", "4000 0000 0000 9995"]
    {
        assert!(text.contains(part), "{part} is missing");
    }
    let text = browser.submit(&page, &format!("{CARD}4000+0000+0000+9995")).await;
    assert!(text.contains("The card has insufficient funds."));
    assert_eq!(stripe.invoice(&id(&invoice)).await["status"], "open");

    for (form, words) in [
        (format!("{CARD}4242+4242+4242+4241"), "Your card number is incomplete or wrong."),
        (format!("{CARD}4111+1111+1111+1111"), "Only test cards work here."),
        ("action=card&number=4242424242424242&expiry=01%2F20&code=123".to_owned(), "in the past"),
        ("action=card".to_owned(), "Your card number is incomplete or wrong."),
    ] {
        let text = browser.submit(&page, &form).await;
        assert!(text.contains(words), "{form}");
    }
    assert_eq!(stripe.invoice(&id(&invoice)).await["attempt_count"], 1, "what was not tried does not count");

    let text = browser.submit(&page, &format!("{CARD}4242+4242+4242+4242")).await;
    assert!(text.contains("Invoice paid") && !text.contains("<form"));
    let text = browser.submit(&page, &format!("{CARD}4242+4242+4242+4242")).await;
    assert!(text.contains("Invoice paid"), "pressing twice pays once");
    let paid = stripe.invoice(&id(&invoice)).await;
    assert_eq!((paid["status"].as_str(), paid["amount_paid"].as_i64()), (Some("paid"), Some(2_000)));
    let events = stripe.stand_in.events();
    assert!(!Value::from(events).to_string().contains("4242424242424242"), "no card number is kept");
}

#[tokio::test]
async fn a_virtual_account_pays_and_may_take_its_time() {
    let stripe = Stripe::start().await;
    let browser = Browser::new(&stripe, "id-ID,id;q=0.9,en;q=0.8");
    let invoice = stripe.open("idr", 27_750_000).await;
    let at = page(&stripe, &invoice);
    let text = browser.text(&at).await;
    for bank in ["BCA", "BNI", "BRI", "Mandiri", "Permata", "CIMB"] {
        assert!(text.contains(bank), "{bank} is missing");
    }
    assert!(text.contains("Rp 277.500") && text.contains("lang=\"id\"") && text.contains("Faktur"));
    let text = browser.text(&format!("{at}?method=va&bank=bri")).await;
    assert!(text.contains("2621 5"), "BRI's numbers begin with 26215");
    assert!(browser.text(&format!("{at}?method=card")).await.contains("4242 4242 4242 4242"));

    let text = browser.submit(&at, &format!("{CARD}4000+0000+0000+0002")).await;
    assert!(
        text.contains("Kartu ditolak") && text.contains("Nomor kartu"),
        "a declined card leaves the card at hand"
    );

    let text = browser.submit(&at, "action=clearing&bank=bri").await;
    assert!(text.contains("Transfer sedang diproses"));
    assert_eq!(stripe.post(&format!("/v1/invoices/{}/void", id(&invoice)), "").await.status, 400);
    let text = browser.submit(&at, "action=fail").await;
    assert!(text.contains("Bank tidak dapat menyelesaikan transfer."));
    let text = browser.submit(&at, "action=transfer&bank=bri").await;
    assert!(text.contains("Faktur sudah dibayar"));
    let paid = stripe.invoice(&id(&invoice)).await;
    let charge = paid["payments"]["data"][0]["payment"]["payment_intent"]["latest_charge"].as_str().unwrap();
    let charge = stripe.get(&format!("/v1/charges/{charge}")).await.json();
    assert_eq!(charge["payment_method_details"], serde_json::json!({ "type": "id_bank_transfer" }));
}

#[tokio::test]
async fn a_void_invoice_and_an_unknown_one_say_so_and_take_no_money() {
    let stripe = Stripe::start().await;
    let browser = Browser::new(&stripe, "en");
    let invoice = stripe.open("usd", 2_000).await;
    let at = page(&stripe, &invoice);
    stripe.made(&format!("/v1/invoices/{}/void", id(&invoice)), "").await;
    let text = browser.submit(&at, &format!("{CARD}4242+4242+4242+4242")).await;
    assert!(text.contains("This invoice is void") && !text.contains("<form"));
    assert_eq!(stripe.invoice(&id(&invoice)).await["status"], "void");

    for page in ["/i/nothing", "/i/nothing/pdf"] {
        let answer = browser.open(page).await;
        assert_eq!(answer.status, 404);
        assert!(words(&answer).contains("No such invoice"));
    }
}

#[tokio::test]
async fn payment_settings_choose_the_ways_to_pay() {
    let stripe = Stripe::start().await;
    let browser = Browser::new(&stripe, "en");
    for (kinds, card, transfer) in
        [("", true, true), ("card", true, false), ("id_bank_transfer", false, true)]
    {
        let draft = stripe.draft_of(&stripe.customer().await, "idr", 27_750_000).await;
        if !kinds.is_empty() {
            let form = format!("payment_settings[payment_method_types][0]={kinds}");
            stripe.made(&format!("/v1/invoices/{draft}"), &form).await;
        }
        let at = page(&stripe, &stripe.finalize(&draft).await);
        let text = browser.text(&format!("{at}?method=card")).await;
        assert_eq!(text.contains("Card number"), card, "{kinds}");
        let text = browser.text(&at).await;
        assert_eq!(text.contains("Choose the bank"), transfer, "{kinds}");
    }
}

#[tokio::test]
async fn text_from_outside_stays_text_and_the_policy_allows_no_script() {
    let stripe = Stripe::start().await;
    let customer = "name=%3Cscript%3Ealert(1)%3C%2Fscript%3E&email=%22%3E%3Cimg+src%3Dx%3E";
    let customer = id(&stripe.made("/v1/customers", customer).await);
    let draft = stripe.draft(&customer, "usd").await;
    let line = "lines[0][amount]=2000&lines[0][description]=%3Cb%3Ecredits%26%3C%2Fb%3E";
    stripe.made(&format!("/v1/invoices/{draft}/add_lines"), line).await;
    let at = page(&stripe, &stripe.finalize(&draft).await);
    let answer = Browser::new(&stripe, "en").open(&at).await;
    let text = words(&answer);
    assert!(text.contains("&lt;script&gt;") && text.contains("&lt;b&gt;credits&amp;&lt;/b&gt;"));
    assert!(!text.contains("<script") && !text.contains("<img") && !text.contains("<b>"));
    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
    assert_eq!(answer.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn the_pdf_is_one_and_says_the_amount() {
    let stripe = Stripe::start().await;
    let invoice = stripe.open("idr", 27_750_000).await;
    stripe.stand_in.pay(&id(&invoice), Method::VirtualAccount).unwrap();
    let answer = Browser::new(&stripe, "id").open(&format!("{}/pdf", page(&stripe, &invoice))).await;
    assert_eq!(answer.headers["content-type"], "application/pdf");
    let text: String = answer.body.iter().copied().map(char::from).collect();
    assert!(text.starts_with("%PDF-1.4") && text.ends_with("%%EOF\n"));
    assert!(text.contains("SALDO-0001") && text.contains("Rp\u{a0}277.500"));
    let table = text.rfind("startxref\n").unwrap();
    let start: usize = text[table + 10..].lines().next().unwrap().parse().unwrap();
    assert!(text.chars().skip(start).collect::<String>().starts_with("xref\n"));
}

#[tokio::test]
async fn the_first_page_leads_to_every_finalised_invoice() {
    let stripe = Stripe::start().await;
    let browser = Browser::new(&stripe, "en");
    assert!(browser.text("/").await.contains("No invoice yet"));
    let invoice = stripe.open("usd", 2_000).await;
    stripe.draft_of(&stripe.customer().await, "usd", 777).await;
    let text = browser.text("/").await;
    assert!(text.contains(&format!("href=\"{}\"", page(&stripe, &invoice))) && text.contains("$20.00"));
    assert!(!text.contains("$7.77"), "a draft cannot be paid");
}
