//! Makes the pictures of docs/screenshots: `cargo test -p saldo-tests --test system screenshots -- --ignored`.
use std::path::{Path, PathBuf};

use saldo_adapters::clock::Clock;
use saldo_credits::Spender;
use saldo_domain::{Actor, Channel, Class, Country, Credits, Debit, DebitId, Details, OrgId, Units};
use saldo_local::Options;
use serde_json::{Value, json};

use super::browser::{Browser, browser};
use super::operate::{house, in_review, staff_at};
use super::page::{Page, Reader};
use super::stack::{Person, Stack, elsewhere, top_up_elsewhere};
use crate::support::system::{self, debit_id};

const ORGANISATION: &str = "kopi-nusantara";
const DAY_SECS: i64 = 86_400;
const SENDING_DAYS: i64 = 33;

/// Days before today, credits, and what becomes of it.
const PAST: [(i64, u64, Fate); 8] = [
    (41, 1_000, Fate::Paid),
    (34, 2_500, Fate::Paid),
    (30, 5_000, Fate::Expired),
    (24, 5_000, Fate::Paid),
    (17, 2_500, Fate::Canceled),
    (16, 1_000, Fate::Paid),
    (9, 12_000, Fate::Paid),
    (3, 1_000, Fate::Paid),
];

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Paid,
    Canceled,
    Expired,
}

#[test]
#[ignore = "writes docs/screenshots"]
fn screenshots() {
    let Some(browser) = browser() else { return };
    let clock = Clock::system();
    clock.advance(-41 * DAY_SECS);
    let options = Options { clock: clock.clone(), ..Options::default() };
    let stack = Stack::start(options);
    let show = |reader: Reader, path: &str| {
        let page = stack.page(reader, Person::of(ORGANISATION), path).unwrap();
        page.wait_for("document.querySelector('.skeleton') === null");
        page
    };
    let desk = Reader { width: 1120, height: 720, ..Reader::ENGLISH };
    let phone = Reader::INDONESIAN.on_a_phone();

    let page = show(desk, "/billing/balance");
    let contact =
        "{ name: 'PT Kopi Nusantara', email: 'finance@kopi-nusantara.example', phone: '+62215550123',
        address: 'Jl. Jenderal Sudirman 1\\nJakarta 10220', tax_id: '0123456789012345', language: 'id' }";
    let kept = page.eval(&format!(
        "fetch('/v1/settings', {{ method: 'PUT', body: JSON.stringify({{ billing: {contact} }}),
            headers: {{ authorization: 'Bearer ' + sessionStorage.getItem('saldo.token'), 'if-match': '\"0\"' }} }}).then(a => a.status)"
    ));
    assert_eq!(kept, 200);
    let mut today = 41;
    for (days_ago, credits, fate) in PAST {
        clock.advance((today - days_ago) * DAY_SECS);
        today = days_ago;
        live(&page, browser, credits, fate, &|| {
            clock.advance(4 * DAY_SECS);
            clean_up(&stack);
        });
        today -= if fate == Fate::Expired { 4 } else { 0 };
    }
    clock.advance(today * DAY_SECS);

    take(&show(Reader { height: 630, ..desk }, "/billing/balance"), "balance");
    take(&show(phone.in_the_dark(), "/billing/balance"), "balance-phone-dark");
    take(&dialog(show(desk, "/billing/balance")), "dialog");
    take(&dialog(show(phone, "/billing/balance")), "dialog-phone");
    top_up_elsewhere(&page, 2_500);
    take(&pending(show(desk.in_the_dark(), "/billing/balance")), "pending-dark");
    take(&pending(show(phone, "/billing/balance")), "pending-phone");
    take(&waiting(show(Reader { height: 700, ..desk }, "/billing/balance")), "waiting");
    take(&show(desk, "/billing/history"), "history");
    take(&show(Reader { height: 1040, ..desk }, "/billing/settings"), "settings");
    take(&show(phone.in_the_dark(), "/billing/history"), "history-phone-dark");
}

#[test]
#[ignore = "writes docs/screenshots"]
fn usage_screenshots() {
    let Some(browser) = browser() else { return };
    let clock = Clock::system();
    clock.advance(-SENDING_DAYS * DAY_SECS);
    let stack = Stack::start(Options { clock: clock.clone(), ..Options::default() });
    let desk = Reader { width: 1120, height: 1100, ..Reader::ENGLISH };
    let page = stack.page(desk, Person::of(ORGANISATION), "/billing/balance").unwrap();
    live(&page, browser, 5_000, Fate::Paid, &|| {});
    let store = stack.saldo.world().store(&stack.saldo.env_of("spend")).unwrap();
    let spender = Spender::new(store);
    let mut rng = fastrand::Rng::with_seed(7);
    for day in (0..=SENDING_DAYS).rev() {
        let busy = if day % 7 < 2 { 3 } else { 10 } + (SENDING_DAYS - day) / 4;
        for (channel, credits, share) in
            [(Channel::EMAIL, 1, 4), (Channel::WHATSAPP, 2, 3), (Channel::SMS, 3, 1)]
        {
            for _ in 0..busy * share / 2 + rng.i64(0..=share * 2) {
                let id = DebitId::parse(&debit_id(&clock, 0)).unwrap();
                let debit = Debit::costing(id, channel, Credits(credits));
                let org = OrgId::parse(ORGANISATION).unwrap();
                stack.runtime.block_on(spender.debit(&org, &Actor::System, &debit, clock.now())).unwrap();
            }
        }
        clock.advance(if day > 0 { DAY_SECS } else { 0 });
    }
    for (reader, name) in
        [(desk, "usage"), (Reader::INDONESIAN.on_a_phone().in_the_dark(), "usage-phone-dark")]
    {
        let page = stack.page(reader, Person::of(ORGANISATION), "/billing/balance").unwrap();
        page.wait_for("document.querySelector('.usage-plot') !== null");
        if reader.width < desk.width {
            page.eval(
                "document.querySelector('.usage-card').scrollIntoView({ block: 'end' }); scrollBy(0, 24)",
            );
        }
        take(&page, name);
    }
}

#[test]
#[ignore = "writes docs/screenshots"]
fn used_screenshots() {
    let Some(stack) = varied(ORGANISATION) else { return };
    let desk = Reader { width: 1120, height: 900, ..Reader::ENGLISH };
    for (reader, by, name) in [
        (desk, "country", "used-by-country"),
        (Reader::INDONESIAN.on_a_phone().in_the_dark(), "class", "used-by-class-phone-dark"),
    ] {
        let path = format!("/billing/usage?by={by}");
        let Some(page) = stack.page(reader, Person::of(ORGANISATION), &path) else { return };
        page.wait_for("document.querySelector('.used-sums') !== null");
        if reader.width < desk.width {
            page.eval("document.querySelector('.used').scrollIntoView({ block: 'start' }); scrollBy(0, -16)");
        }
        take(&page, name);
    }
    for (reader, name) in [
        (Reader { height: 980, ..desk }, "budgets"),
        (Reader::INDONESIAN.on_a_phone().in_the_dark(), "budgets-phone-dark"),
    ] {
        let page = stack.page(reader, Person::of(ORGANISATION), "/billing/budgets").unwrap();
        page.wait_for("document.querySelectorAll('.budget').length === 3");
        if reader.width < desk.width {
            page.eval(
                "document.querySelector('.budget').scrollIntoView({ block: 'start' }); scrollBy(0, -16)",
            );
        }
        take(&page, name);
    }
}

/// Id, and what a budget says.
fn budgets() -> [(&'static str, Value); 3] {
    let budget = |name: &str, meter: &str, period: &str, limit: i64, limiting: &str| json!({"name": name, "by": {"meter": meter}, "period": period, "limit": limit, "limiting": limiting});
    [
        ("sms", budget("SMS", "sms", "month", 1_200, "hard")),
        ("campaigns", budget("WhatsApp campaigns", "whatsapp", "month", 650, "soft")),
        ("email", budget("Email, each day", "email", "day", 40, "hard")),
    ]
}

/// A system in which an organisation has sent for a month by class and country.
fn varied(organisation: &'static str) -> Option<Stack> {
    let browser = browser()?;
    let clock = Clock::system();
    clock.advance(-SENDING_DAYS * DAY_SECS);
    let stack = Stack::start(Options { clock: clock.clone(), ..Options::default() });
    let page = stack.page(Reader::ENGLISH, Person::of(organisation), "/billing/balance")?;
    live(&page, browser, 5_000, Fate::Paid, &|| {});
    for (id, budget) in budgets() {
        elsewhere(&page, "PUT", &format!("/v1/budgets/{id}"), &budget);
    }
    let spender = Spender::new(stack.saldo.world().store(&stack.saldo.env_of("spend")).unwrap());
    let mut rng = fastrand::Rng::with_seed(11);
    let kinds = [
        (Channel::EMAIL, 1, "", ""),
        (Channel::WHATSAPP, 1, "utility", "ID"),
        (Channel::WHATSAPP, 3, "marketing", "ID"),
        (Channel::WHATSAPP, 5, "marketing", "SG"),
        (Channel::SMS, 3, "", "ID"),
        (Channel::SMS, 6, "", "MY"),
        (Channel::SMS, 4, "", "PH"),
    ];
    for day in (0..=SENDING_DAYS).rev() {
        for (place, (channel, rate, class, country)) in kinds.into_iter().enumerate() {
            for _ in 0..rng.usize(..=kinds.len() - place) {
                let id = DebitId::parse(&debit_id(&clock, 0)).unwrap();
                let units = if channel == Channel::SMS { rng.i64(1..=2) } else { 1 };
                let details = Details {
                    units: Units::new(units).unwrap(),
                    class: Class::parse(class),
                    country: Country::parse(country),
                    reference: None,
                };
                let credits = Credits(rate * units);
                let debit = Debit { details, ..Debit::costing(id, channel, credits) };
                let org = OrgId::parse(organisation).unwrap();
                stack.runtime.block_on(spender.debit(&org, &Actor::System, &debit, clock.now())).unwrap();
            }
        }
        clock.advance(if day > 0 { DAY_SECS } else { 0 });
    }
    Some(stack)
}

#[test]
#[ignore = "writes docs/screenshots"]
fn staff_screenshots() {
    let review = in_review(ORGANISATION);
    let (open, invoice) = house().runtime.block_on(system::open_top_up(&house().saldo, "roti-jaya"));
    house().saldo.stand_in().pay(&invoice, saldo_stripe_stand_in::Method::VirtualAccount).unwrap();
    let desk = Reader { width: 1120, height: 1000, ..Reader::ENGLISH };
    let differing = format!("/operate/top-up?org=roti-jaya&id={open}");
    let Some(page) = staff_at(desk, "ana", &differing) else { return };
    page.wait_for("document.querySelector('.differs') !== null");
    take(&page, "staff-top-up");
    let reviewed = format!("/operate/top-up?org={ORGANISATION}&id={review}");
    let Some(page) = staff_at(desk, "ana", &reviewed) else { return };
    page.click("[data-key='releasePaid']");
    page.wait_for("document.querySelector('dialog #act-reason') !== null");
    page.types("The payer sent a transfer to our account");
    take(&page, "staff-release");
}

fn clean_up(stack: &Stack) {
    stack.runtime.block_on(stack.saldo.run_schedule("cleanup")).expect("cleanup runs");
}

/// Lets a top-up of the past happen.
fn live(page: &Page, browser: &'static Browser, credits: u64, fate: Fate, expire: &dyn Fn()) {
    let top_up = top_up_elsewhere(page, credits);
    let path = format!("/v1/top-ups/{}", top_up["id"].as_str().unwrap());
    match fate {
        Fate::Canceled => {
            elsewhere(page, "POST", &format!("{path}/cancel"), &Value::Null);
        }
        Fate::Expired => expire(),
        Fate::Paid => {
            let payer = Page::open(browser, Reader::ENGLISH);
            payer.go(top_up["pay_url"].as_str().unwrap());
            payer.click(".banks a");
            payer.click("button[value=transfer]");
            payer.wait_for("document.querySelector('.outcome.good') !== null");
        }
    }
    let wanted = match fate {
        Fate::Paid => "paid",
        Fate::Canceled => "canceled",
        Fate::Expired => "expired",
    };
    page.wait_for(&format!(
        "fetch('{path}', {{ headers: {{ authorization: 'Bearer ' + sessionStorage.getItem('saldo.token') }} }})
            .then(a => a.json()).then(t => t.status === '{wanted}')"
    ));
}

fn dialog(page: Page) -> Page {
    page.click("[data-key='top-up']");
    page.wait_for("document.querySelector('.price')?.getAttribute('aria-busy') === 'false'");
    page.click("input[value='2500']");
    page.wait_for("document.querySelector('.breakdown.total dd').innerText.startsWith('Rp')");
    page
}

fn pending(page: Page) -> Page {
    page.click("[data-key='top-up']");
    page.wait_for("document.querySelector('dialog .pending') !== null");
    page.eval("document.activeElement.blur()");
    page
}

/// Somebody went to pay, in another tab.
fn waiting(page: Page) -> Page {
    page.click(".open-card a.primary");
    drop(page.opened_tab());
    page.sees("Waiting for your payment");
    page.eval("document.activeElement.blur(); scrollTo(0, 0)");
    page
}

fn take(page: &Page, name: &str) {
    page.eval("Promise.allSettled(document.getAnimations().filter(a => a.effect.getComputedTiming().iterations === 1).map(a => a.finished)).then(() => true)");
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    page.screenshot(&folder.join(format!("{name}.png")));
}
