//! Markdown tables, and whole numbers as people write them.

pub(crate) fn head(columns: &[&str]) {
    println!("| {} |", columns.join(" | "));
    println!("|{}", "---|".repeat(columns.len()));
}

pub(crate) fn row(cells: &[String]) {
    println!("| {} |", cells.join(" | "));
}

/// Half units as units.
pub(crate) fn units(halves: u32) -> String {
    let half = if halves.is_multiple_of(2) { "" } else { ".5" };
    format!("{}{half}", halves / 2)
}

/// `2.00` of 200.
pub(crate) fn hundredths(hundredths: u32) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// `98.7 %` of 987 of 1000.
pub(crate) fn percent(part: u64, of: u64) -> String {
    let tenths = part * 1000 / of.max(1);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// Micro-dollars as dollars, rounded to a tenth of a cent.
pub(crate) fn dollars(micros: u64) -> String {
    let mills = (micros + 500) / 1000;
    format!("{}.{:03}", mills / 1000, mills % 1000)
}

/// Micro-dollars as dollars, rounded to a hundredth of a cent.
pub(crate) fn fine_dollars(micros: u64) -> String {
    let tenths = (micros + 50) / 100;
    format!("{}.{:04}", tenths / 10_000, tenths % 10_000)
}

/// `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
