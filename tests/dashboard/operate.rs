//! The pages of the staff: finding, looking, and acting once, with a reason that is kept.
use std::sync::OnceLock;
use std::time::Duration;

use saldo_adapters::clock::Clock;
use saldo_local::queue::NewMessage;
use serde_json::{Value, json};
use tokio::runtime::Builder;

use super::page::{Page, Reader};
use super::stack::{Person, Stack};
use super::wire;
use crate::operate::staff::{Deed, at_stripe, does};
use crate::support::system;

const DEAD: &str = "saldo-local-PaymentsDeadLetters";

/// A system in which nothing happens by itself, and one person may adjust a hundred credits alone.
pub(super) fn house() -> &'static Stack {
    static STACK: OnceLock<Stack> = OnceLock::new();
    STACK.get_or_init(|| started(&Clock::system()))
}

fn started(clock: &Clock) -> Stack {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let saldo = runtime.block_on(system::start_with(clock, &[("AdjustmentLimit", "100")]));
    Stack { dashboard: saldo.api_url().to_owned(), saldo, runtime }
}

/// A member of the staff at one of their pages.
pub(super) fn staff_at(reader: Reader, subject: &str, path: &str) -> Option<Page> {
    staff_of(house(), reader, subject, path)
}

pub(super) fn staff_of(house: &Stack, reader: Reader, subject: &str, path: &str) -> Option<Page> {
    let page = house.signed_in(reader, Person::of("staff").who_may("billing:operate"))?;
    let asked = format!("/local/token?org=staff&permissions=billing:operate&sub={subject}");
    page.eval(&format!(
        "fetch('{asked}').then(a => a.json()).then(({{ token }}) => sessionStorage.setItem('saldo.token', token))"
    ));
    page.go(&house.url(path));
    page.wait_for("document.querySelector('.operate .tabs') !== null");
    Some(page)
}

/// A top-up whose invoice was marked as paid by hand, in review: its id.
pub(super) fn in_review(org: &str) -> String {
    in_review_of(house(), org)
}

pub(super) fn in_review_of(house: &Stack, org: &str) -> String {
    house.runtime.block_on(async {
        let saldo = &house.saldo;
        let (id, invoice) = system::open_top_up(saldo, org).await;
        at_stripe(saldo, &format!("/v1/invoices/{invoice}/pay"), "paid_out_of_band=true").await;
        let told = [system::message("invoice.paid", &invoice)];
        assert!(system::work(saldo, &saldo.world(), &told).await.is_empty());
        id
    })
}

pub(super) fn with_credits(org: &str) -> String {
    house().runtime.block_on(system::with_credits(&house().saldo, org))
}

fn balance(org: &str) -> Value {
    let answer = house().runtime.block_on(system::balance(&house().saldo, org));
    answer.1["available_credits"].clone()
}

fn proposed(house: &Stack, by: &str, org: &str, credits: i64) {
    let body = json!({"org": org, "credits": credits, "reason": "a campaign failed"});
    let deed = Deed { by, path: "adjustments", key: org, body };
    let (status, done) = house.runtime.block_on(does(&house.saldo, &house.saldo.world(), &deed));
    assert_eq!((status, &done["after"]["state"]), (201, &json!("proposed")), "{done}");
}

/// Says why, and does it, by keys alone.
fn because(page: &Page, reason: &str) {
    page.wait_for("document.querySelector('dialog #act-reason') !== null");
    page.eval("document.querySelector('#act-reason').focus()");
    page.types(reason);
    page.press("Enter");
}

#[test]
fn a_review_is_found_understood_and_released_once_with_a_reason() {
    let id = in_review("op-review");
    let Some(page) = staff_at(Reader::ENGLISH, "ana", "/operate") else { return };
    page.wait_for("document.activeElement.id === 'q'");
    page.types("op-review");
    page.press("Enter");
    page.click("[data-key='org-op-review']");
    page.wait_for("location.search === '?org=op-review'");
    page.sees("Marked as paid without a payment");
    page.click(&format!("[data-key='top-up-{id}']"));
    page.sees("Did the money come another way?");
    page.sees("no money went through Stripe");
    page.click("[data-key='releasePaid']");
    page.sees("the organization has its 1,000 credits");
    page.press("Enter");
    page.sees("Say why.");
    assert_eq!(balance("op-review"), 0, "nothing is done without a reason");
    because(&page, "the payer sent a transfer");
    page.sees("Done, and kept.");
    page.sees("operator:ana");
    page.sees("the payer sent a transfer");
    for words in ["In review", "Marked as paid without a payment", "1,000"] {
        assert!(page.text_of("dialog .op-table").contains(words), "{words}");
    }
    assert_eq!(page.eval("document.activeElement.dataset.key"), "act-close");
    page.press("Enter");
    page.wait_for("document.querySelector('dialog') === null");
    page.wait_for("document.querySelector('[data-key=releasePaid]') === null");
    page.sees("All sides agree.");
    assert_eq!(balance("op-review"), 1000);
    page.click("[data-key='org-op-review']");
    page.sees("Released as paid");
    page.sees("the payer sent a transfer");
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn the_review_list_says_what_each_reason_means_and_what_to_do_in_both_languages() {
    let id = in_review("op-list");
    for (reader, words) in [
        (
            Reader::ENGLISH,
            ["Marked as paid without a payment", "What to do:", "release it as paid, else as nothing"],
        ),
        (
            Reader::INDONESIAN.on_a_phone(),
            ["Ditandai lunas tanpa pembayaran", "Yang perlu dilakukan:", "nyatakan tidak dibayar"],
        ),
    ] {
        let Some(page) = staff_at(reader, "ana", "/operate") else { return };
        page.click("nav a[href='/operate/reviews']");
        for said in words {
            page.sees(said);
        }
        page.wait_for(&format!("document.querySelector('[data-key=top-up-{id}]') !== null"));
    }
}

#[test]
fn what_differs_is_marked_and_settling_again_mends_it() {
    let (id, invoice) = house().runtime.block_on(system::open_top_up(&house().saldo, "op-differs"));
    house().saldo.stand_in().pay(&invoice, saldo_stripe_stand_in::Method::Card).unwrap();
    let path = format!("/operate/top-up?org=op-differs&id={id}");
    let Some(page) = staff_at(Reader::ENGLISH, "ana", &path) else { return };
    page.sees("Sides do not agree: 1");
    page.sees("post credits");
    assert_eq!(page.text_of(".differs > span"), "Paid");
    assert_eq!(page.text_of("tr:has(.differs) th"), "Status");
    page.sees("Invoice can be paid");
    page.sees("POST /invoices/{id}/finalize");
    page.click("[data-key='settle']");
    because(&page, "the payer asks");
    page.sees("Done, and kept.");
    page.click("[data-key='act-close']");
    page.sees("All sides agree.");
    page.wait_for("document.querySelector('.differs') === null");
    assert_eq!(balance("op-differs"), 1000);
}

#[test]
fn an_open_top_up_is_voided_and_an_unclear_answer_is_tried_again_under_the_same_key() {
    let (id, _) = house().runtime.block_on(system::open_top_up(&house().saldo, "op-void"));
    let path = format!("/operate/top-up?org=op-void&id={id}");
    let Some(page) = staff_at(Reader::INDONESIAN, "ana", &path) else { return };
    page.sees("Belum dibayar");
    page.eval(
        "window.keys = []; const real = window.fetch.bind(window);
         window.fetch = async (url, options) => {
            if (options?.method !== 'POST') return real(url, options);
            window.keys.push(options.headers['idempotency-key']);
            const answer = await real(url, options);
            return window.keys.length === 1 ? Promise.reject(new TypeError('gone')) : answer;
         }",
    );
    page.click("[data-key='void']");
    because(&page, "salah pesan");
    page.wait_for("document.querySelector('dialog [role=alert]') !== null");
    page.click("[data-key='act']");
    page.sees("Selesai dan dicatat.");
    assert_eq!(page.eval("window.keys.length"), 2);
    assert_eq!(page.eval("window.keys[0] === window.keys[1]"), true);
    page.click("[data-key='act-close']");
    page.wait_for("document.querySelector('[data-key=void]') === null");
    page.click("[data-key='org-op-void']");
    page.sees("Invoice dibatalkan");
    page.wait_for("document.querySelectorAll('.op-log > li').length === 1");
}

#[test]
fn a_small_adjustment_is_posted_and_a_large_one_waits_for_somebody_else() {
    with_credits("op-adjust");
    let Some(page) = staff_at(Reader::ENGLISH, "ana", "/operate/organisation?org=op-adjust") else { return };
    page.click("[data-key='adjust']");
    page.wait_for("document.activeElement.id === 'act-credits'");
    page.types("-5.5");
    page.press("Enter");
    page.sees("Enter a whole number other than 0");
    page.eval("document.querySelector('#act-credits').select()");
    page.types("-5");
    because(&page, "a test was charged");
    page.sees("Done: the credits are posted.");
    page.click("[data-key='act-close']");
    page.wait_for("document.querySelector('.op-card .credits')?.innerText === '995'");

    page.click("[data-key='adjust']");
    page.wait_for("document.activeElement.id === 'act-credits'");
    page.types("500");
    because(&page, "a campaign failed");
    page.sees("Proposed: a second person has to agree.");
    page.click("[data-key='act-close']");
    assert_eq!(balance("op-adjust"), 995, "nothing is posted yet");
    page.click("nav a[href='/operate/adjustments']");
    page.sees("Add 500 credits to op-adjust");
    let agree = "[aria-label='Agree to 500 credits for op-adjust']";
    page.click(agree);
    because(&page, "it is true");
    page.sees("Somebody else has to agree to it.");
    page.press("Escape");

    let Some(other) = staff_at(Reader::ENGLISH, "ben", "/operate/adjustments") else { return };
    other.click(agree);
    other.sees("500 credits are added to the balance of op-adjust at once.");
    because(&other, "seen");
    other.sees("Done: the credits are posted.");
    other.click("[data-key='act-close']");
    other.wait_for(&format!("document.querySelector(\"{agree}\") === null"));
    assert_eq!(balance("op-adjust"), 1495);
}

#[test]
fn an_open_top_up_is_given_more_time() {
    let (id, _) = house().runtime.block_on(system::open_top_up(&house().saldo, "op-extend"));
    let path = format!("/operate/top-up?org=op-extend&id={id}");
    for (reader, typed, wrong, kept) in [
        (Reader::ENGLISH, "12", "Enter a whole number of days from 1 to 30.", "Can be paid until"),
        (
            Reader::INDONESIAN,
            "13",
            "Isi jumlah hari, bilangan bulat dari 1 sampai 30.",
            "Dapat dibayar sampai",
        ),
    ] {
        let Some(page) = staff_at(reader, "ana", &path) else { return };
        page.click("[data-key='extend']");
        page.wait_for("document.activeElement.id === 'act-days'");
        page.types("31");
        because(&page, "waits for approval");
        page.sees(wrong);
        page.eval(
            "document.querySelector('#act-days').focus(); document.querySelector('#act-days').select()",
        );
        page.types(typed);
        page.press("Enter");
        page.sees(kept);
        page.click("[data-key='act-close']");
        page.wait_for("document.querySelector('dialog') === null");
    }
}

#[test]
fn a_payment_is_given_back_in_part_and_then_all_that_is_left() {
    let id = house().runtime.block_on(async {
        let saldo = &house().saldo;
        let (id, invoice) = system::open_top_up(saldo, "op-refund").await;
        saldo.stand_in().pay(&invoice, saldo_stripe_stand_in::Method::Card).unwrap();
        let told = [system::message("invoice.paid", &invoice)];
        assert!(system::work(saldo, &saldo.world(), &told).await.is_empty());
        let sent = system::debit_id(&Clock::system(), 0);
        let sms = json!({"channel": "sms"});
        assert_eq!(system::debit(saldo, &saldo.world(), "op-refund", &sent, &sms).await.0, 201);
        id
    });
    let path = format!("/operate/top-up?org=op-refund&id={id}");
    let Some(page) = staff_at(Reader::ENGLISH, "ana", &path) else { return };
    page.click("[data-key='refund']");
    page.sees("Credits are taken back first; then their money, out of Rp 277,500");
    page.wait_for("document.activeElement.id === 'act-credits'");
    page.types("1000");
    because(&page, "the payer asks");
    page.sees("Of 1,000 credits only 997 are there");
    page.eval(
        "document.querySelector('#act-credits').focus(); document.querySelector('#act-credits').select()",
    );
    page.types("100");
    page.press("Enter");
    page.sees("Done, and kept.");
    page.sees("Through Stripe");
    assert_eq!(balance("op-refund"), 897);
    page.click("[data-key='act-close']");
    page.sees("Refund of Rp 27,750 (succeeded)");
    page.sees("All sides agree.");
    page.click("[data-key='refund']");
    page.wait_for("document.activeElement.id === 'act-credits'");
    page.click("[name='out_of_band']");
    because(&page, "the account is closed");
    page.sees("Done, and kept.");
    page.sees("Another way");
    page.click("[data-key='act-close']");
    assert_eq!(balance("op-refund"), 0);
    page.click("[data-key='org-op-refund']");
    page.wait_for("document.querySelectorAll('.op-log > li').length === 2");
    page.sees("Refunded");
}

#[test]
fn a_balance_at_stripe_is_looked_at_and_brought_to_zero() {
    with_credits("op-stripe");
    let Some(page) = staff_at(Reader::ENGLISH, "ana", "/operate/organisation?org=op-stripe") else { return };
    page.click("[data-key='look-at-stripe']");
    page.sees("It is zero.");
    let customer = page.text_of(".facts code");
    house().runtime.block_on(async {
        let path = format!("/v1/customers/{customer}/balance_transactions");
        at_stripe(&house().saldo, &path, "amount=-500000&currency=idr").await;
    });
    page.click("[data-key='look-at-stripe']");
    page.sees("The customer has a credit of Rp 5,000 at Stripe.");
    page.click("[data-key='zero-balance']");
    page.sees("No money is paid out, and no credits move here.");
    because(&page, "a credit of before");
    page.sees("Done, and kept.");
    page.click("[data-key='act-close']");
    page.sees("Brought the balance at Stripe to zero");
    page.sees("It is zero.");
}

#[test]
fn reports_show_what_differed_and_lead_to_it() {
    let clock = Clock::system();
    let house = started(&clock);
    let id = in_review_of(&house, "op-report");
    clock.advance(3600);
    house.runtime.block_on(system::reconcile(&house.saldo, &house.saldo.world(), true));
    let Some(page) = staff_of(&house, Reader::ENGLISH, "ana", "/operate/reconciliations") else { return };
    page.sees("Needs a person");
    page.sees("A payment waits for a person");
    page.click("section:first-of-type details summary");
    page.sees("Organizations compared");
    page.click(&format!("a[href*='{id}']"));
    page.wait_for("location.pathname === '/operate/top-up'");
    page.sees("Marked as paid without a payment");
}

#[test]
fn dead_letters_are_counted_and_moved_back() {
    let message = NewMessage { body: "m".to_owned(), delay: Duration::ZERO };
    house().saldo.queues().send(DEAD, &[message]).unwrap();
    let Some(page) = staff_at(Reader::ENGLISH, "ana", "/operate/dead-letters") else { return };
    page.sees("Someone may have paid and not have their credits.");
    page.click("[data-key='redrive']");
    page.sees("Handling one twice is harmless.");
    because(&page, "Stripe answers again");
    page.sees("Done, and kept.");
    page.click("[data-key='act-close']");
    page.sees("Nothing lies there.");
    page.sees("Stripe answers again");
    assert_eq!(house().saldo.queues().depth(DEAD).unwrap().visible, 0);
}

#[test]
fn a_debit_is_found_by_its_reference_and_what_is_nothing_says_so() {
    let clock = Clock::system();
    with_credits("op-found");
    let id = system::debit_id(&clock, 0);
    let message = json!({"channel": "sms", "reference": "order-7"});
    let saldo = &house().saldo;
    let sent = house().runtime.block_on(system::debit(saldo, &saldo.world(), "op-found", &id, &message));
    assert_eq!(sent.0, 201);
    let Some(page) = staff_at(Reader::ENGLISH, "ana", "/operate?q=reference:order-7&org=op-found") else {
        return;
    };
    page.sees("3 credits, sms");
    page.sees("2 entries were read, back to");
    page.eval("document.querySelector('#q').select()");
    page.types("nobody-knows");
    page.press("Enter");
    page.sees("Nothing found for nobody-knows");
    page.wait_for("location.search.startsWith('?q=nobody-knows')");
}

/// Every page, at every size, in both languages, light and dark, with large letters and the reader's own colours.
#[test]
fn axe_finds_nothing_serious_on_the_pages_of_the_staff() {
    let Some(axe) = wire::axe() else { return };
    let clock = Clock::system();
    let house = started(&clock);
    let review = in_review_of(&house, "op-axe");
    proposed(&house, "cid", "op-axe", 700);
    clock.advance(3600);
    house.runtime.block_on(system::reconcile(&house.saldo, &house.saldo.world(), true));
    for reader in [
        Reader::ENGLISH,
        Reader::INDONESIAN.on_a_phone(),
        Reader::ENGLISH.on_a_phone().in_the_dark(),
        Reader::INDONESIAN.in_the_dark(),
    ] {
        let Some(page) = staff_of(&house, reader, "ana", "/operate?q=op-axe") else { return };
        page.wait_for("document.querySelector('.op-results') !== null");
        wire::judge(&page, &axe, "a search of the staff");
        for path in [
            &format!("/operate/top-up?org=op-axe&id={review}"),
            "/operate/reviews",
            "/operate/adjustments",
            "/operate/reconciliations",
            "/operate/dead-letters",
            "/operate/organisation?org=op-axe",
        ] {
            page.go(&house.url(path));
            page.wait_for("document.querySelector('.operate .op-card') !== null");
            page.eval("document.querySelectorAll('details').forEach((one) => { one.open = true; })");
            wire::judge(&page, &axe, path);
            let letters = |size: u32| json!({ "fontSizes": { "standard": size, "fixed": size } });
            page.call("Page.setFontSizes", letters(32));
            page.wait_for("parseFloat(getComputedStyle(document.body).fontSize) === 30");
            let wider = page.eval("document.documentElement.scrollWidth - innerWidth");
            assert!(
                wider.as_i64() <= Some(0),
                "{path} with large letters is {wider} px wider than the window"
            );
            page.call("Page.setFontSizes", letters(16));
        }
        page.click("[data-key='adjust']");
        page.wait_for("document.activeElement.id === 'act-credits'");
        page.press("Enter");
        wire::judge(&page, &axe, "an action that lacks something");
        page.types("1");
        because(&page, "a test was charged");
        page.wait_for("document.querySelector('dialog .kept') !== null");
        wire::judge(&page, &axe, "what is kept of an action");
    }
}

#[test]
fn with_forced_colours_what_differs_has_a_frame_and_a_sign() {
    let (id, invoice) = house().runtime.block_on(system::open_top_up(&house().saldo, "op-forced"));
    house().saldo.stand_in().pay(&invoice, saldo_stripe_stand_in::Method::Card).unwrap();
    let path = format!("/operate/top-up?org=op-forced&id={id}");
    let Some(page) = staff_at(Reader::ENGLISH, "ana", &path) else { return };
    page.wait_for("document.querySelector('.differs') !== null");
    let features = json!([{ "name": "forced-colors", "value": "active" }]);
    page.call("Emulation.setEmulatedMedia", json!({ "features": features }));
    let frame = page.eval("getComputedStyle(document.querySelector('.differs')).borderTopWidth");
    assert_eq!(frame, "2px");
    assert_eq!(page.eval("document.querySelector('.differs .icon').checkVisibility()"), true);
    assert!(page.text_of(".differs").contains("differs from our row"), "and it is said");
}

#[test]
fn keys_alone_lead_from_the_search_to_what_is_done() {
    let id = in_review("op-keys");
    let Some(page) = staff_at(Reader::ENGLISH, "ana", "/operate") else { return };
    page.wait_for("document.activeElement.id === 'q'");
    page.types("op-keys");
    page.press("Enter");
    page.wait_for("document.querySelector('[data-key=org-op-keys]') !== null");
    page.tabs_to("[data-key='org-op-keys']");
    page.press("Enter");
    page.wait_for(&format!("document.querySelector('[data-key=top-up-{id}]') !== null"));
    page.tabs_to(&format!("[data-key='top-up-{id}']"));
    page.press("Enter");
    page.wait_for("document.querySelector('[data-key=releaseNothing]') !== null");
    page.tabs_to("[data-key='releaseNothing']");
    page.press("Enter");
    page.wait_for("document.activeElement.id === 'act-reason'");
    page.types("no money came");
    page.tabs_to("[data-key='act']");
    page.press("Space");
    page.sees("Done, and kept.");
    page.press("Escape");
    page.wait_for("document.querySelector('dialog') === null");
    page.sees("Canceled");
    page.wait_for("document.activeElement !== document.body");
    assert_eq!(balance("op-keys"), 0);
}
