//! The words: as a billing person writes them, in one spelling, under the name that the host gives the product.
use saldo_domain::{Action, DifferenceKind, Obstacle, ReviewReason, What};
use saldo_local::Options;
use serde_json::json;

use super::amounts::{STRINGS, with_module};
use super::page::Reader;
use super::stack::{Person, Stack, stack};

/// Words that nobody in an Indonesian billing department writes, and permissions as only machines read them.
const NOT_INDONESIAN: &str = r"/pengisian|faktur|peramban|luring|daring|tautan|billing:|\bterbuka\b/i";
/// One spelling: American, as on the payment page; and no product's name but the host's.
const NOT_ENGLISH: &str =
    r"/organisation|cancelled|cancelling|colour|favour|centre|licence|e-mail|billing:|\bSaldo\b/";

#[test]
fn both_languages_use_the_words_of_billing_people() {
    let Some(page) = with_module(STRINGS) else { return };
    for (language, pattern) in [("id", NOT_INDONESIAN), ("en", NOT_ENGLISH)] {
        let found = page.eval(&format!(
            "Object.entries(STRINGS.{language}).filter(([, words]) => {pattern}.test(words)).map(([key]) => key)"
        ));
        assert_eq!(found, json!([]), "{language}");
    }
    for (key, words) in
        [("status.open", "Menunggu pembayaran"), ("history.invoice", "Invoice"), ("history.title", "Top up")]
    {
        assert_eq!(page.eval(&format!("STRINGS.id['{key}']")), words);
    }
}

/// Whatever stops an organisation until a person acts is told in both languages.
#[test]
fn every_refusal_that_stands_has_words_of_its_own_in_both_languages() {
    let Some(page) = with_module(STRINGS) else { return };
    for obstacle in Obstacle::ALL {
        for language in ["id", "en"] {
            let words =
                page.eval(&format!("STRINGS.{language}['refused.{obstacle}']", obstacle = obstacle.as_str()));
            assert!(words.as_str().is_some_and(|words| words.len() > 40), "{obstacle:?} {language}: {words}");
        }
    }
}

/// What the API tells the staff by its words.
#[test]
fn every_word_that_staff_are_told_has_words_in_both_languages() {
    let Some(page) = with_module(STRINGS) else { return };
    let reasons = || ReviewReason::ALL.iter().map(|reason| reason.as_str());
    let mut keys: Vec<String> = Vec::new();
    keys.extend(
        ["review", "means", "toDo"].iter().flat_map(|of| reasons().map(move |it| format!("{of}.{it}"))),
    );
    keys.extend(DifferenceKind::ALL.iter().map(|kind| format!("difference.{kind}")));
    keys.extend(What::ALL.iter().map(|what| format!("step.{}", what.as_str())));
    keys.extend(Action::ALL.iter().map(|action| format!("action.{}", action.as_str())));
    for language in ["id", "en"] {
        let missing =
            page.eval(&format!("{}.filter((key) => !STRINGS.{language}[`op.${{key}}`])", json!(keys)));
        assert_eq!(missing, json!([]), "{language}");
    }
}

#[test]
fn people_read_the_name_of_a_permission_and_not_its_code() {
    for (reader, words) in [
        (Reader::ENGLISH, "to give you the Subscribe permission"),
        (Reader::INDONESIAN, "memberi Anda izin Subscribe"),
    ] {
        let person = Person::of("words-view").who_may("billing:view");
        let Some(page) = stack().page(reader, person, "/billing/balance") else { return };
        page.click("[data-key='top-up']");
        page.sees(words);
        assert!(!page.shows("billing:subscribe"));
    }
}

#[test]
fn the_host_names_the_product() {
    let parameters = [("ProductName".to_owned(), "Kredit <Kirim>".to_owned())].into();
    let stack = Stack::start(Options { parameters, ..Options::default() });
    let Some(page) = stack.page(Reader::ENGLISH, Person::of("words-host"), "/billing/history") else {
        return;
    };
    page.wait_for("document.title === 'History · Kredit <Kirim>'");
    assert_eq!(page.text_of(".brand-name"), "Kredit <Kirim>");
    page.click("nav a[href='/billing/balance']");
    page.sees("Welcome to Kredit <Kirim>");
    assert!(!page.shows("Saldo"));
}

#[test]
fn the_tax_has_the_name_that_the_invoice_gives_it() {
    for (reader, person, words) in [
        (Reader::ENGLISH, Person::of("words-tax"), "PPN (11%)"),
        (Reader::INDONESIAN, Person::of("words-tax"), "PPN (11%)"),
        (Reader::ENGLISH, Person::of("words-tax-usd").paying_in_dollars(), "Tax (0%)"),
    ] {
        let Some(page) = stack().page(reader, person, "/billing/balance") else { return };
        page.click("[data-key='top-up']");
        page.sees(words);
    }
}

#[test]
fn the_days_of_use_name_their_time_zone() {
    for (reader, words) in [
        (Reader::ENGLISH, "Credits per day, days in UTC"),
        (Reader::INDONESIAN, "Kredit per hari, tanggal dalam UTC"),
    ] {
        let script = r"
            const real = window.fetch.bind(window);
            const date = new Date().toISOString().slice(0, 10);
            window.fetch = (url, options) => !String(url).startsWith('/v1/usage') ? real(url, options)
                : Promise.resolve(new Response(JSON.stringify({ days: [{ date, channels: { email: { messages: 1, credits: 1 } } }], next_cursor: null })));";
        let person = Person::of("words-days");
        let Some(page) = stack().page_with(reader, person, "/billing/balance", script) else { return };
        page.sees(words);
    }
}
