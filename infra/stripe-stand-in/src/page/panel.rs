//! The panel beside the invoice: how to pay it, or how its payment went.

use serde_json::Value;

use crate::api_error::ApiResult;
use crate::invoice_object::integer;
use crate::page::cards::TEST_CARDS;
use crate::page::html::{escape, money_in, text};
use crate::page::words::Words;
use crate::payment_intents;
use crate::seller;
use crate::store::Store;

/// Code, name, and the digits that the bank's Virtual Account numbers begin with.
const BANKS: [(&str, &str, &str); 6] = [
    ("bca", "BCA", "39010"),
    ("bni", "BNI", "88089"),
    ("bri", "BRI", "26215"),
    ("mandiri", "Mandiri", "89508"),
    ("permata", "Permata", "72140"),
    ("cimb", "CIMB Niaga", "59190"),
];

/// What the address bar asks for.
#[derive(Default)]
pub(crate) struct Choice {
    pub(crate) method: Option<String>,
    pub(crate) bank: Option<String>,
}

/// A bank that offers Virtual Accounts here.
pub(crate) fn bank(code: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    BANKS.iter().find(|(known, _, _)| *known == code)
}

pub(crate) fn render(
    store: &Store<'_>,
    invoice: &Value,
    words: &Words,
    choice: &Choice,
    complaint: Option<&str>,
) -> ApiResult<String> {
    if invoice["_clearing"] == true {
        return Ok(clearing(invoice, words));
    }
    if invoice["_challenged"] == true {
        return Ok(challenge(invoice, words));
    }
    Ok(match text(&invoice["status"]) {
        "paid" => paid(invoice, words),
        "void" => outcome("gone", "–", words.void_title, words.void_text, ""),
        _ => {
            let failure = failure(store, invoice, words, complaint)?;
            format!("{}{failure}{}", amount(invoice, words), ways(invoice, words, choice, complaint))
        }
    })
}

fn amount(invoice: &Value, words: &Words) -> String {
    let due = money_in(invoice, integer(&invoice["amount_due"]), words);
    let date = invoice["due_date"].as_i64().map(|at| words.day(at)).unwrap_or_default();
    let date = if date.is_empty() { date } else { format!(r#"<p class="soft">{} {date}</p>"#, words.due) };
    format!(r#"<p class="label">{}</p><p class="due">{due}</p>{date}"#, words.amount_due)
}

/// A form error of just now, or why the last attempt failed.
fn failure(store: &Store<'_>, invoice: &Value, words: &Words, complaint: Option<&str>) -> ApiResult<String> {
    if let Some(complaint) = complaint {
        return Ok(format!(r#"<p class="alert" role="alert" id="problem">{complaint}</p>"#));
    }
    let intent = payment_intents::intent_of(store, invoice)?.unwrap_or_default();
    let error = &intent["last_payment_error"];
    let Some(code) = error["decline_code"].as_str().or(error["code"].as_str()) else {
        return Ok(String::new());
    };
    Ok(format!(
        r#"<div class="alert" role="alert"><strong>{}</strong><p>{} {}</p></div>"#,
        words.declined_title,
        words.reason(code),
        words.try_again
    ))
}

fn ways(invoice: &Value, words: &Words, choice: &Choice, complaint: Option<&str>) -> String {
    let types = &invoice["payment_settings"]["payment_method_types"];
    let allows = |names: &[&str]| match types.as_array() {
        None => true,
        Some(types) => types.iter().any(|kind| names.contains(&text(kind))),
    };
    let transfer = invoice["currency"] == "idr" && allows(&["id_bank_transfer", "customer_balance"]);
    let card = allows(&["card"]);
    let by_card = card && (!transfer || choice.method.as_deref() == Some("card"));
    let form = match (by_card, transfer) {
        (true, _) => card_form(invoice, words, complaint.is_some()),
        (false, true) => transfer_form(invoice, words, choice),
        (false, false) => format!(r#"<p class="soft">{}</p>"#, words.no_method),
    };
    let tabs = if transfer && card { tabs(invoice, words, by_card) } else { String::new() };
    format!("{tabs}{form}")
}

fn tabs(invoice: &Value, words: &Words, by_card: bool) -> String {
    let tab = |method: &str, label: &str, chosen: bool| {
        let current = if chosen { r#" aria-current="true""# } else { "" };
        format!(r#"<a href="{}?method={method}"{current}>{label}</a>"#, path(invoice))
    };
    format!(
        r#"<nav class="tabs" aria-label="{}">{}{}</nav>"#,
        words.pay_with,
        tab("va", words.virtual_account, !by_card),
        tab("card", words.card, by_card)
    )
}

fn transfer_form(invoice: &Value, words: &Words, choice: &Choice) -> String {
    let Some((code, name, prefix)) = choice.bank.as_deref().and_then(bank) else {
        let tile = |(code, name, _): &(&str, &str, &str)| {
            format!(r#"<li><a href="{}?method=va&amp;bank={code}">{name}</a></li>"#, path(invoice))
        };
        let tiles: String = BANKS.iter().map(tile).collect();
        return format!(r#"<h2>{}</h2><ul class="banks">{tiles}</ul>"#, words.choose_bank);
    };
    let step = |step: &&str| format!("<li>{step}</li>");
    format!(
        r#"<h2>{name} {virtual_account}</h2>
<dl class="account"><div><dt>{account_number}</dt><dd class="va">{number}</dd></div>
<div><dt>{account_holder}</dt><dd>{seller}</dd></div>
<div><dt>{exact_amount}</dt><dd>{due}</dd></div></dl>
<ol class="steps">{steps}</ol>
<form method="post" action="{path}/pay"><input type="hidden" name="bank" value="{code}">
<button name="action" value="transfer">{simulate}</button>
<details><summary>{more_outcomes}</summary><p class="soft">{clearing_note}</p>
<button class="quiet" name="action" value="clearing">{start_clearing}</button></details></form>
<p class="soft"><a href="{path}?method=va">{other_bank}</a></p>"#,
        virtual_account = words.virtual_account,
        account_number = words.account_number,
        number = account_number(prefix, text(&invoice["id"])),
        account_holder = words.account_holder,
        seller = seller::NAME,
        exact_amount = words.exact_amount,
        due = money_in(invoice, integer(&invoice["amount_due"]), words),
        steps = words.steps.iter().map(step).collect::<String>(),
        path = path(invoice),
        simulate = words.simulate,
        more_outcomes = words.more_outcomes,
        clearing_note = words.clearing_note,
        start_clearing = words.start_clearing,
        other_bank = words.other_bank,
    )
}

/// What was typed is never sent back; after a mistake the number is typed anew.
fn card_form(invoice: &Value, words: &Words, mistaken: bool) -> String {
    let due = money_in(invoice, integer(&invoice["amount_due"]), words);
    let each = |(number, _, decline): &(&str, &str, Option<&str>)| {
        let effect = decline.map_or(words.card_works, |code| words.reason(code));
        format!(r#"<tr><td class="va">{number}</td><td>{effect}</td></tr>"#)
    };
    let option = |(number, _, _): &(&str, &str, Option<&str>)| format!(r#"<option value="{number}">"#);
    format!(
        r#"<form method="post" action="{path}/pay" autocomplete="off">
<label for="number">{card_number}</label>
<input id="number" name="number" inputmode="numeric" maxlength="23" required list="cards" value="{first}">
<datalist id="cards">{options}</datalist>
<div class="pair"><div><label for="expiry">{expiry}</label>
<input id="expiry" name="expiry" inputmode="numeric" maxlength="9" required value="12 / 34"></div>
<div><label for="code">{security_code}</label>
<input id="code" name="code" inputmode="numeric" maxlength="4" required value="123"></div></div>
<button name="action" value="card">{pay} {due}</button></form>
<p class="soft small">{never_stored}</p>
<details open><summary>{test_cards}</summary><table class="cards"><tbody>{rows}</tbody></table></details>"#,
        path = path(invoice),
        card_number = words.card_number,
        first = if mistaken { "" } else { TEST_CARDS[0].0 },
        options = TEST_CARDS.iter().map(option).collect::<String>(),
        expiry = words.expiry,
        security_code = words.security_code,
        pay = words.pay,
        never_stored = words.never_stored,
        test_cards = words.test_cards,
        rows = TEST_CARDS.iter().map(each).collect::<String>(),
    )
}

fn challenge(invoice: &Value, words: &Words) -> String {
    let form = format!(
        r#"<form method="post" action="{}/pay"><button name="action" value="pass">{}</button>
<button class="quiet" name="action" value="refuse">{}</button></form>"#,
        path(invoice),
        words.challenge_pass,
        words.challenge_refuse
    );
    outcome("waiting", "…", words.challenge_title, words.challenge_text, &form)
}

fn clearing(invoice: &Value, words: &Words) -> String {
    let form = format!(
        r#"<form method="post" action="{}/pay"><button name="action" value="arrive">{}</button>
<button class="quiet" name="action" value="fail">{}</button></form>"#,
        path(invoice),
        words.arrive,
        words.fail
    );
    outcome("waiting", "…", words.clearing_title, words.clearing_text, &form)
}

fn paid(invoice: &Value, words: &Words) -> String {
    let amount = integer(&invoice["amount_paid"]);
    if amount == 0 {
        return outcome("good", "✓", words.paid_title, words.paid_without_payment, "");
    }
    let sum = format!(r#"<p class="due">{}</p>"#, money_in(invoice, amount, words));
    outcome("good", "✓", words.paid_title, words.paid_text, &sum)
}

fn outcome(class: &str, sign: &str, title: &str, words: &str, more: &str) -> String {
    format!(
        r#"<div class="outcome {class}" role="status"><span class="sign" aria-hidden="true">{sign}</span>
<h2>{title}</h2><p>{words}</p>{more}</div>"#
    )
}

fn path(invoice: &Value) -> String {
    escape(&format!("/i/{}", text(&invoice["_token"])))
}

/// The same number for the same invoice and bank, in groups of four.
fn account_number(prefix: &str, invoice: &str) -> String {
    let mixed = invoice.bytes().fold(7_u64, |mixed, byte| mixed.wrapping_mul(1_000_003) ^ u64::from(byte));
    let digits = format!("{prefix}{:011}", mixed % 100_000_000_000);
    let groups: Vec<&str> =
        digits.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(" ")
}
