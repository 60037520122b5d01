//! Meters by the dozen, as a large deployment configures them.
use serde_json::{Map, Value, json};

/// As many bytes as a word may have.
const LONGEST_WORD: usize = 40;

/// So many meters, each with a unit, the longest names and units that there can be in both languages, an icon, a class and
/// rates of countries.
pub(crate) fn with_full_words(count: usize) -> String {
    let word = |language: &str, what: &str, number: usize| {
        let word = format!("{what} {number:02} {language} ");
        format!("{word:.<LONGEST_WORD$}")
    };
    let words = |language: &str, number: usize| json!({"name": word(language, "Service", number), "unit": word(language, "pieces", number)});
    let meter = |number: usize| {
        let meter = json!({
            "unit": format!("piece_{number:02}"),
            "words": {"en": words("en", number), "id": words("id", number)},
            "icon": "meter",
            "default": 1 + number % 7,
            "class": {"express": {"default": 10 + number % 7, "ID": 9}},
            "US": 3, "SG": 2,
        });
        (format!("service_{number:02}"), meter)
    };
    Value::Object((0..count).map(meter).collect::<Map<_, _>>()).to_string()
}
