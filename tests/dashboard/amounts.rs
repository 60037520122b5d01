//! Amounts and money by themselves: what is typed is understood or refused, never guessed.
use serde_json::{Value, json};

use super::browser::browser;
use super::page::{Page, Reader};

#[test]
fn an_amount_is_understood_or_refused_with_a_reason() {
    let Some(page) = with_module(AMOUNT) else { return };
    let understood = [
        ("1000", 1_000),
        (" 1000 ", 1_000),
        ("1.000", 1_000),
        ("1,000", 1_000),
        ("1 000", 1_000),
        ("1\u{a0}000", 1_000),
        ("1\u{202f}000", 1_000),
        ("1'000", 1_000),
        ("12.345", 12_345),
        ("123.456", 123_456),
        ("1.000.000", 1_000_000),
        ("1,000,000", 1_000_000),
        ("１０００", 1_000),
        ("１．０００", 1_000),
        ("01000", 1_000),
    ];
    for (text, credits) in understood {
        assert_eq!(parsed(&page, text), json!({ "credits": credits }), "{text:?}");
    }
    let refused = [
        ("", "empty"),
        ("   ", "empty"),
        ("abc", "letters"),
        ("seribu", "letters"),
        ("1k", "letters"),
        ("1e3", "letters"),
        ("0x3e8", "letters"),
        ("٣٠٠٠", "letters"),
        ("+1000", "letters"),
        ("<b>1000</b>", "letters"),
        ("...", "letters"),
        ("Rp 1.000", "money"),
        ("$1000", "money"),
        ("IDR1000", "money"),
        ("-1000", "negative"),
        ("−1000", "negative"),
        ("1000.5", "fraction"),
        ("1000,5", "fraction"),
        ("1.5", "fraction"),
        ("1,50", "fraction"),
        ("1.000,00", "fraction"),
        ("1,000.00", "fraction"),
        ("1000.", "fraction"),
        ("1.000.5", "fraction"),
        ("0.500", "unclear"),
        ("1000.500", "unclear"),
        ("1.000,000", "unclear"),
        ("10.00.000", "unclear"),
        ("1,00,000", "unclear"),
        ("1 00", "unclear"),
        ("1..000", "unclear"),
        ("0", "below"),
        ("999", "below"),
        ("1000001", "above"),
        ("9007199254740993", "above"),
        ("99999999999999999999999999999999", "above"),
    ];
    for (text, reason) in refused {
        assert_eq!(parsed(&page, text), json!({ "reason": reason }), "{text:?}");
    }
}

#[test]
fn money_keeps_every_digit_and_takes_the_readers_form() {
    let Some(page) = with_module(MONEY) else { return };
    let cases = [
        ("IDR", "277500.00", "id-ID", "Rp 277.500"),
        ("IDR", "277500.00", "en", "Rp 277,500"),
        ("IDR", "277500.50", "id-ID", "Rp 277.500,50"),
        ("IDR", "90071992547409.93", "id-ID", "Rp 90.071.992.547.409,93"),
        ("USD", "20.00", "en", "$20.00"),
        ("USD", "1234.50", "id-ID", "US$1.234,50"),
        ("JPY", "1500", "en", "¥1,500"),
    ];
    for (currency, decimal, locale, shown) in cases {
        let money = json!({ "currency": currency, "decimal": decimal });
        let formatted = page.eval(&format!("formatMoney({money}, '{locale}')"));
        let formatted = formatted.as_str().unwrap_or_default().replace('\u{a0}', " ");
        assert_eq!(formatted.replace("US$ ", "US$"), shown, "{decimal} {currency} in {locale}");
    }
    let price = json!({ "currency": "IDR", "minor_units": 25_001, "decimal": "250.01" });
    let subtotal = page.eval(&format!("multiply({price}, 999999)"));
    assert_eq!(subtotal["decimal"], "250009749.99");
    let price = json!({ "currency": "USD", "minor_units": 2, "decimal": "0.02" });
    assert_eq!(page.eval(&format!("multiply({price}, 3)"))["decimal"], "0.06");
}

#[test]
fn both_languages_say_everything() {
    let Some(page) = with_module(STRINGS) else { return };
    let differing = page.eval(
        "(() => { const holes = text => (text?.match(/\\{\\w+\\}/g) ?? []).sort().join();
            const { en, id } = STRINGS;
            return [...new Set([...Object.keys(en), ...Object.keys(id)])].filter(k => !en[k] || !id[k] || holes(en[k]) !== holes(id[k])); })()",
    );
    assert_eq!(differing, json!([]), "words that are missing or have other holes in one of the languages");
}

const AMOUNT: &str = include_str!("../../functions/dashboard/pages/amount.js");
const MONEY: &str = include_str!("../../functions/dashboard/pages/money.js");
pub(super) const STRINGS: &str = concat!(
    include_str!("../../functions/dashboard/pages/english.js"),
    include_str!("../../functions/dashboard/pages/indonesian.js"),
    include_str!("../../functions/dashboard/pages/english-rest.js"),
    include_str!("../../functions/dashboard/pages/indonesian-rest.js"),
    include_str!("../../functions/dashboard/pages/english-used.js"),
    include_str!("../../functions/dashboard/pages/indonesian-used.js"),
    include_str!("../../functions/dashboard/pages/english-operate.js"),
    include_str!("../../functions/dashboard/pages/indonesian-operate.js"),
    "const STRINGS = { en: { ...ENGLISH, ...ENGLISH_REST, ...ENGLISH_USED, ...ENGLISH_OPERATE },
        id: { ...INDONESIAN, ...INDONESIAN_REST, ...INDONESIAN_USED, ...INDONESIAN_OPERATE } };"
);

/// An empty page with what a module of the pages exports.
pub(super) fn with_module(module: &str) -> Option<Page> {
    let page = Page::open(browser()?, Reader::ENGLISH);
    page.eval(&format!("{}; true", module.replace("export ", "")));
    Some(page)
}

fn parsed(page: &Page, text: &str) -> Value {
    page.eval(&format!("parseAmount({}, {{ minimum: 1000, maximum: 1000000 }})", json!(text)))
}
