//! Billing > Settings: whom invoices name, and the address that the first top-up needs.
use serde_json::{Value, json};

use super::dialog::{PAY_NOW, TOP_UP};
use super::page::{Page, Reader};
use super::payment::goes_to_pay;
use super::stack::{Person, elsewhere, stack};

/// Creating is refused until an e-mail address is kept.
const ADDRESS_REQUIRED: &str = "const real = window.fetch.bind(window); window.kept = false;
    window.fetch = async (url, options = {}) => {
        if (options.method === 'POST' && String(url) === '/v1/top-ups' && !window.kept)
            return new Response(JSON.stringify({ code: 'billing_email_required' }), { status: 422 });
        const answer = await real(url, options);
        if (options.method === 'PUT' && answer.ok) window.kept = true;
        return answer;
    };";

/// The settings as the API has them, after somebody else has given the organisation this name.
fn named_elsewhere(page: &Page, name: &str) {
    let status = page.eval(&format!(
        "(async () => {{ const headers = {{ authorization: 'Bearer ' + sessionStorage.getItem('saldo.token') }};
            const now = await fetch('/v1/settings', {{ headers }});
            const {{ billing }} = await now.json();
            const change = {{ method: 'PUT', headers: {{ ...headers, 'if-match': now.headers.get('etag') }}, body: JSON.stringify({{ billing: {{ ...billing, name: '{name}' }} }}) }};
            return (await fetch('/v1/settings', change)).status; }})()"
    ));
    assert_eq!(status, 200);
}

fn kept(page: &Page) -> Value {
    elsewhere(page, "GET", "/v1/settings", &Value::Null)["billing"].clone()
}

fn types_into(page: &Page, field: &str, words: &str) {
    page.click(&format!("#settings-{field}"));
    page.eval("document.activeElement.select()");
    page.pastes(words);
}

fn opened(reader: Reader, person: Person) -> Option<Page> {
    let page = stack().page(reader, person, "/billing/balance")?;
    named_elsewhere(&page, "PT Kopi");
    page.click("nav a[href='/billing/settings']");
    page.wait_for("document.querySelector('#settings-name')?.value === 'PT Kopi'");
    Some(page)
}

#[test]
fn the_billing_contact_is_shown_changed_and_kept() {
    for (reader, title, saved) in [
        (Reader::ENGLISH, "Billing contact", "Saved."),
        (Reader::INDONESIAN.on_a_phone(), "Kontak penagihan", "Tersimpan."),
    ] {
        let Some(page) = opened(reader, Person::of("settings-change")) else { return };
        page.sees(title);
        types_into(&page, "email", "finance@kopi.example");
        types_into(&page, "tax_id", "0123456789012345");
        types_into(&page, "address", "Jl. Sudirman 1\nJakarta");
        page.eval("document.querySelector('#settings-language').value = 'id'");
        page.click("[data-key='save-settings']");
        page.sees(saved);
        let kept = kept(&page);
        assert_eq!(
            kept,
            json!({ "name": "PT Kopi", "email": "finance@kopi.example", "phone": null, "address": "Jl. Sudirman 1\nJakarta",
                "tax_id": "0123456789012345", "language": "id" })
        );
        page.call("Page.reload", json!({}));
        page.wait_for("document.querySelector('#settings-email')?.value === 'finance@kopi.example'");
        assert_eq!(page.eval("document.querySelector('#settings-language').value"), "id");
    }
}

#[test]
fn a_field_that_is_refused_is_named_beside_it() {
    let Some(page) = opened(Reader::ENGLISH, Person::of("settings-refused")) else { return };
    types_into(&page, "tax_id", "12");
    page.click("[data-key='save-settings']");
    page.sees("A tax ID has 15 or 16 digits.");
    assert_eq!(page.eval("document.activeElement.id"), "settings-tax_id");
    assert_eq!(page.eval("document.activeElement.getAttribute('aria-invalid')"), "true");
    page.types("0");
    page.wait_for("document.activeElement.getAttribute('aria-invalid') === 'false'");
}

#[test]
fn what_somebody_else_changed_meanwhile_is_shown_and_nothing_typed_is_lost() {
    let Some(page) = opened(Reader::ENGLISH, Person::of("settings-both")) else { return };
    types_into(&page, "phone", "+62 21 5550 123");
    named_elsewhere(&page, "PT Kopi Nusantara");
    page.click("[data-key='save-settings']");
    page.sees("Someone else changed these settings meanwhile");
    assert_eq!(page.eval("document.querySelector('#settings-name').value"), "PT Kopi Nusantara");
    assert_eq!(page.eval("document.querySelector('#settings-phone').value"), "+62 21 5550 123");
    assert_eq!(kept(&page)["phone"], Value::Null, "nothing is changed before somebody has looked");
    page.click("[data-key='save-settings']");
    page.sees("Saved.");
    let kept = kept(&page);
    assert_eq!(kept["name"], "PT Kopi Nusantara");
    assert!(kept["phone"].as_str().is_some_and(|phone| phone.replace(' ', "") == "+62215550123"), "{kept}");
}

#[test]
fn who_may_only_look_reads_and_cant_change() {
    let person = Person::of("settings-view").who_may("billing:view");
    let Some(page) = stack().page(Reader::ENGLISH, person, "/billing/settings") else { return };
    page.sees("to give you the Subscribe permission");
    assert_eq!(page.eval("[...document.querySelectorAll('.settings .input')].every(e => e.disabled)"), true);
    assert_eq!(page.eval("document.querySelector('[data-key=save-settings]')"), Value::Null);
}

#[test]
fn the_first_top_up_asks_for_the_missing_address_and_then_goes_on_by_itself() {
    for (organisation, reader, question, refused) in [
        ("settings-first-en", Reader::ENGLISH, "Where should the invoice go?", "Enter an email address"),
        (
            "settings-first-id",
            Reader::INDONESIAN.on_a_phone(),
            "Ke mana invoice dikirim?",
            "Masukkan alamat email",
        ),
    ] {
        let person = Person::of(organisation);
        let Some(page) = stack().page_with(reader, person, "/billing/balance", ADDRESS_REQUIRED) else {
            return;
        };
        named_elsewhere(&page, "PT Kopi");
        page.eval("window.kept = false");
        page.click(TOP_UP);
        page.wait_for("document.querySelector('.price')?.getAttribute('aria-busy') === 'false'");
        page.click("input[value='2500']");
        page.click(PAY_NOW);
        page.sees(question);
        assert_eq!(page.tabs_beside(), Vec::<Value>::new());
        page.types("finance");
        page.press("Enter");
        page.sees(refused);
        page.types("@kopi.example");
        page.press("Enter");
        goes_to_pay(&page);
        let kept = kept(&page);
        assert_eq!((&kept["email"], &kept["name"]), (&json!("finance@kopi.example"), &json!("PT Kopi")));
        page.sees(if reader.language == "en-GB" { "2,500 credits" } else { "2.500 kredit" });
    }
}
