//! The pages of the staff are for staff alone, and no customer's browser loads them.
use super::operate::{house, staff_at};
use super::page::Reader;
use super::stack::Person;

const PAGES: [&str; 7] = [
    "",
    "/organisation?org=acme",
    "/top-up?org=acme&id=top_1",
    "/reviews",
    "/adjustments",
    "/reconciliations",
    "/dead-letters",
];

#[test]
fn who_is_no_staff_is_told_so_and_nothing_is_loaded_or_asked_for() {
    for (reader, permissions, words) in [
        (Reader::ENGLISH, "billing:view,billing:subscribe,credits:spend", "Only staff can see this"),
        (Reader::INDONESIAN.on_a_phone(), "billing:view", "Hanya untuk staf"),
        (Reader::ENGLISH, "", "Only staff can see this"),
    ] {
        for path in PAGES {
            let person = Person::of("op-nobody").who_may(permissions);
            let Some(page) = house().page(reader, person, &format!("/operate{path}")) else { return };
            page.sees(words);
            let requests = page.requests();
            let asked: Vec<_> =
                requests.iter().filter(|url| url.contains("/v1/") || url.contains("operate.")).collect();
            assert_eq!(asked, Vec::<&String>::new(), "{path}");
        }
    }
}

#[test]
fn a_customers_browser_never_loads_them() {
    let Some(page) = house().page(Reader::ENGLISH, Person::of("op-customer"), "/billing/balance") else {
        return;
    };
    for place in ["history", "statements", "settings"] {
        page.click(&format!("nav a[href='/billing/{place}']"));
        page.wait_for("document.querySelector('.skeleton') === null");
    }
    page.wait_for("document.querySelector('#settings-title') !== null");
    let requests = page.requests();
    assert!(requests.iter().any(|url| url.ends_with("-rest.js")), "{requests:?}");
    assert!(!requests.iter().any(|url| url.contains("operate")), "{requests:?}");
}

#[test]
fn a_token_that_stopped_being_of_staff_is_told_by_the_server_too() {
    let Some(page) = staff_at(Reader::ENGLISH, "ana", "/operate") else { return };
    let customer = house().token(Person::of("op-was"));
    page.wait_for("document.activeElement.id === 'q'");
    page.eval(&format!(
        "const real = window.fetch.bind(window);
         window.fetch = (url, options) => real(url, {{ ...options, headers: {{ ...options.headers, authorization: 'Bearer {customer}' }} }}); true"
    ));
    page.click("nav a[href='/operate/reviews']");
    page.sees("Only staff can see this");
    page.sees("the Operate permission");
    assert!(!page.shows("billing:operate"));
}

#[test]
fn staff_sign_in_locally_and_come_back_to_the_page_that_asked() {
    let Some(page) = house().signed_in(Reader::ENGLISH, Person::of("op-sign-in")) else { return };
    page.eval("sessionStorage.clear()");
    page.go(&house().url("/operate/dead-letters"));
    page.click("button.primary");
    page.wait_for("location.pathname === '/billing/sign-in' && document.querySelector('#org') !== null");
    assert_eq!(page.eval("document.querySelector('[name=operate]').checked"), true);
    page.click("button[type=submit]");
    page.wait_for("location.pathname === '/operate/dead-letters'");
    page.wait_for("document.querySelector('.operate .op-card') !== null");
    page.go(&house().url("/billing/sign-in"));
    page.wait_for("document.querySelector('#org') !== null");
    assert_eq!(
        page.eval("document.querySelector('[name=operate]').checked"),
        false,
        "nobody else is staff by chance"
    );
}
