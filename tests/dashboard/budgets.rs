//! Billing > Budgets: made, seen to fill, changed and deleted.
use serde_json::{Value, json};

use super::page::{Page, Reader};
use super::stack::{Person, elsewhere, stack};
use super::wire;

fn kept(page: &Page) -> Value {
    elsewhere(page, "GET", "/v1/budgets", &Value::Null)["budgets"].clone()
}

fn types_into(page: &Page, field: &str, words: &str) {
    page.click(&format!("#budget-{field}"));
    page.eval("document.activeElement.select()");
    page.pastes(words);
}

/// Nothing is wider than the window, and nothing serious is hidden from those who can't see it.
fn fits(page: &Page) {
    assert_eq!(page.eval("document.documentElement.scrollWidth <= innerWidth"), true);
    if let Some(axe) = wire::axe() {
        wire::judge(page, &axe, "the budgets");
    }
}

#[test]
fn a_budget_is_made_changed_and_deleted() {
    for (reader, person, none, unknown, saved, spent) in [
        (
            Reader::ENGLISH,
            "budgets-en",
            "There is no budget yet",
            "There is no such channel. There are: email, sms, whatsapp.",
            "The budget is saved",
            "0 of 500 credits spent (0%)",
        ),
        (
            Reader::INDONESIAN.on_a_phone(),
            "budgets-id",
            "Belum ada anggaran",
            "Kanal ini tidak ada. Yang ada: email, sms, whatsapp.",
            "Anggaran tersimpan",
            "0 dari 500 kredit terpakai (0%)",
        ),
    ] {
        let Some(page) = stack().page(reader, Person::of(person), "/billing/balance") else { return };
        page.click("nav a[href='/billing/budgets']");
        page.sees(none);
        page.click("[data-key='new-budget']");
        types_into(&page, "name", "SMS");
        types_into(&page, "what", "sms");
        types_into(&page, "limit", "0");
        page.click("[data-key='save-budget']");
        page.wait_for("document.activeElement.id === 'budget-limit'");
        assert_eq!(page.eval("document.activeElement.getAttribute('aria-invalid')"), "true");
        types_into(&page, "limit", "500");
        page.eval("document.querySelector('#budget-period').value = 'day'");
        types_into(&page, "what", "smss");
        page.click("[data-key='save-budget']");
        page.sees(unknown);
        page.wait_for("document.activeElement.id === 'budget-what'");
        let wrong = "[...document.querySelectorAll('[aria-invalid]')].map((one) => one.id).join()";
        assert_eq!(page.eval(wrong), "budget-what", "what is right by now is not marked");
        types_into(&page, "what", "sms");
        page.click("[data-key='save-budget']");
        page.sees(saved);
        page.sees(spent);
        let all = kept(&page);
        let made = &all[0];
        assert_eq!(
            (&made["name"], &made["by"], &made["period"], &made["limit"], &made["limiting"]),
            (&json!("SMS"), &json!({"meter": "sms"}), &json!("day"), &json!(500), &json!("hard"))
        );
        assert_eq!(page.eval("document.activeElement.dataset.key"), "new-budget", "the focus is not lost");
        page.click("[data-key^='change-']");
        page.wait_for("document.activeElement.id === 'budget-name'");
        fits(&page);
        types_into(&page, "limit", "600");
        page.click("[data-key='save-budget']");
        page.wait_for("document.querySelector('progress')?.max === 600");
        assert_eq!((kept(&page)[0]["limit"].as_i64(), &kept(&page)[0]["id"]), (Some(600), &made["id"]));
        page.click("[data-key^='delete-']");
        page.wait_for("document.activeElement.dataset.key === 'delete-sure'");
        assert_eq!(kept(&page).as_array().unwrap().len(), 1, "it is asked once more");
        page.click("[data-key='delete-sure']");
        page.sees(none);
        assert_eq!(kept(&page), json!([]));
    }
}
