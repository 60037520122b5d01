//! Entries as CSV, for the spreadsheets that people use.

use saldo_domain::{Channel, Class, Country, Credits, Entry, RateVersion};

/// The names of the columns.
pub(crate) const HEAD: &str = "id,at,credits,kind,cause,channel,country,reference,booked_at,units,class,rate,rate_version,held,hold\r\n";

/// One line. Times, numbers, ids and our own words need no quotes.
pub(crate) fn row(entry: &Entry) -> String {
    let channel = entry.channel.as_ref().map_or("", Channel::as_str);
    let country = entry.country.as_ref().map_or("", Country::as_str);
    let reference = entry.reference.as_deref().map_or_else(String::new, quoted);
    let cause = if is_plain(&entry.cause) { entry.cause.clone() } else { quoted(&entry.cause) };
    let (id, at, kind, booked_at) = (entry.id, entry.at, entry.kind.as_str(), entry.booked_at);
    let or_nothing = |number: Option<i64>| number.map_or_else(String::new, |number| number.to_string());
    let class = entry.class.as_ref().map_or("", Class::as_str);
    let units = or_nothing(entry.channel.map(|_| entry.units.get()));
    let rate = or_nothing(entry.rate().map(|Credits(rate)| rate));
    let version = or_nothing(entry.version.map(|RateVersion(version)| version));
    let held = or_nothing(entry.hold.map(|hold| hold.held.0));
    let hold = entry.hold.map_or("", |hold| hold.state());
    format!(
        "{id},{at},{},{kind},{cause},{channel},{country},{reference},{booked_at},{units},{class},{rate},{version},{held},{hold}\r\n",
        entry.credits
    )
}

/// How many bytes a text takes within a JSON string, as Lambda sends it.
pub(crate) fn json_bytes(text: &str) -> usize {
    let of = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(of).sum()
}

/// Whether a text is one cell and no formula, whatever reads it.
fn is_plain(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    text.bytes().all(word) && !text.starts_with('-')
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", guarded(text).replace('"', "\"\""))
}

/// With one apostrophe at the beginning of everything that a spreadsheet may take for a formula, by whatever separator it
/// splits the text: what stands there already gets one more, so that one taken away gives the text again.
fn guarded(text: &str) -> String {
    let mut guarded = String::with_capacity(text.len() + 8);
    let mut begins = true;
    for (at, letter) in text.char_indices() {
        if begins && is_formula(text.get(at..).unwrap_or_default()) {
            guarded.push('\'');
        }
        guarded.push(letter);
        begins = is_separator(letter);
    }
    guarded
}

/// Whether what begins here is a formula, behind what spreadsheets pass over.
fn is_formula(cell: &str) -> bool {
    let first = cell.chars().find(|letter| is_separator(*letter) || !is_passed_over(*letter));
    // In their full width too, as Excel takes them in some languages.
    matches!(first, Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠'))
}

fn is_separator(letter: char) -> bool {
    matches!(
        letter,
        ',' | ';' | '|' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// Spaces, marks without width, and what texts are quoted by.
fn is_passed_over(letter: char) -> bool {
    letter.is_whitespace()
        || letter.is_control()
        || matches!(letter, '"' | '\'' | '\u{ad}' | '\u{180e}' | '\u{feff}')
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What hostile references are made of.
    const PARTS: [&str; 24] = [
        "=", "+", "-", "@", "＝", "－", "'", "\"", ";", ",", "|", " ", "\u{a0}", "\u{200b}", "\u{3000}",
        "\u{2028}", "\u{85}", "1", "a", "é", "=1+1", "\"\"", "';", "\t",
    ];

    #[test]
    fn what_is_counted_is_what_is_sent() {
        let text = "\u{feff}id,\"a\"\"b\"\r\n\\\t\u{1}\u{8}\u{c}é漢\u{7f}";
        assert_eq!(json_bytes(text) + 2, serde_json::to_string(text).unwrap().len());
    }

    #[test]
    fn what_could_be_a_formula_begins_with_an_apostrophe() {
        for (text, cell) in [
            ("order 17", "order 17"),
            ("O'Neil - 5", "O'Neil - 5"),
            ("=1+1", "'=1+1"),
            ("a;=1+1;b", "a;'=1+1;b"),
            ("'=1", "''=1"),
            (" \"+62", "' \"+62"),
            ("x,\u{200b}＝1", "x,'\u{200b}＝1"),
            ("x, y;z", "x, y;z"),
        ] {
            assert_eq!(guarded(text), cell);
        }
        assert_eq!(quoted("a,\"b\";=1"), "\"a,\"\"b\"\";'=1\"");
    }

    /// As docs/api.md says it.
    fn unguarded(cell: &str) -> String {
        let mut text = String::new();
        let mut begins = true;
        for (at, letter) in cell.char_indices() {
            let rest = &cell[at + letter.len_utf8()..];
            if !(begins && letter == '\'' && is_formula(rest)) {
                text.push(letter);
            }
            begins = is_separator(letter);
        }
        text
    }

    #[test]
    fn the_guard_can_be_taken_away_whatever_the_text() {
        let mut rng = fastrand::Rng::with_seed(17);
        for _ in 0..100_000 {
            let text: String = (0..rng.usize(..9)).map(|_| PARTS[rng.usize(..PARTS.len())]).collect();
            let cell = guarded(&text);
            assert_eq!(unguarded(&cell), text);
            for begin in cell.split(is_separator) {
                assert!(!is_formula(begin) || begin.starts_with('\''), "{begin:?} of {text:?}");
            }
        }
    }

    #[test]
    fn a_cause_that_is_no_id_is_quoted() {
        assert!(is_plain("top_019ab0f26c40") && is_plain("019ab0f2-6c40-7a11-8b22-334455667788"));
        assert!(!is_plain("-1") && !is_plain("a;=1"));
    }
}
