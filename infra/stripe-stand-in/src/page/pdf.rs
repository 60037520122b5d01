//! A one-page PDF of an invoice, written by hand: two standard fonts and some lines.

use serde_json::Value;

use crate::api_error::ApiResult;
use crate::invoice_object::{integer, lines_of};
use crate::page::html::{money_in, quantity, text};
use crate::page::invoice::figures;
use crate::page::words::Words;
use crate::seller;
use crate::store::Store;

const LEFT: u32 = 56;
const RIGHT: u32 = 539;
/// More lines do not fit on the page.
const MAXIMUM_LINES: usize = 18;

/// The bytes of the document, A4.
pub(crate) fn invoice(store: &Store<'_>, invoice: &Value, words: &Words) -> ApiResult<Vec<u8>> {
    let mut page = Page::default();
    page.write(LEFT, 780, 20, true, &format!("{} {}", words.invoice, text(&invoice["number"])));
    page.write(LEFT, 760, 9, false, words.banner);
    let mut top = 725;
    let transitions = &invoice["status_transitions"];
    let day = |at: &Value| at.as_i64().map(|at| words.day(at)).unwrap_or_default();
    let facts = [
        (words.from, seller::NAME.to_owned()),
        (words.to, format!("{} {}", text(&invoice["customer_name"]), text(&invoice["customer_email"]))),
        (words.issued, day(&transitions["finalized_at"])),
        (words.due, day(&invoice["due_date"])),
        (words.paid_on, day(&transitions["paid_at"])),
    ];
    for (label, value) in facts.iter().filter(|(_, value)| !value.trim().is_empty()) {
        page.write(LEFT, top, 10, true, label);
        page.write(LEFT + 90, top, 10, false, value);
        top -= 16;
    }
    top -= 20;
    page.rule(top + 14);
    for line in lines_of(invoice).iter().take(MAXIMUM_LINES) {
        page.write(LEFT, top - 4, 10, false, text(&line["description"]));
        page.write(LEFT, top - 17, 9, false, &quantity(invoice, line, words));
        page.write_right(top - 4, 10, false, &money_in(invoice, integer(&line["amount"]), words));
        top -= 32;
    }
    page.rule(top + 10);
    for figure in figures(store, invoice, words)? {
        page.write(330, top - 6, 10, figure.strong, &figure.label);
        page.write_right(top - 6, 10, figure.strong, &figure.amount);
        top -= 18;
    }
    Ok(page.document())
}

/// The bytes of a credit note, A4.
pub(crate) fn credit_note(note: &Value, words: &Words) -> Vec<u8> {
    let mut page = Page::default();
    page.write(LEFT, 780, 20, true, &format!("{} {}", words.credit_note, text(&note["number"])));
    page.write(LEFT, 760, 9, false, words.banner);
    page.write(LEFT, 725, 10, true, words.from);
    page.write(LEFT + 90, 725, 10, false, seller::NAME);
    page.write(LEFT, 709, 10, true, words.issued);
    page.write(
        LEFT + 90,
        709,
        10,
        false,
        &note["created"].as_i64().map(|at| words.day(at)).unwrap_or_default(),
    );
    page.write(LEFT, 670, 10, false, text(&note["memo"]));
    page.rule(650);
    page.write(330, 630, 10, true, words.credited);
    page.write_right(630, 10, true, &money_in(note, integer(&note["total"]), words));
    page.document()
}

#[derive(Default)]
struct Page {
    content: Vec<u8>,
}

impl Page {
    fn write(&mut self, x: u32, y: u32, size: u32, bold: bool, text: &str) {
        let font = if bold { "F2" } else { "F1" };
        self.content.extend(format!("BT /{font} {size} Tf {x} {y} Td (").bytes());
        self.content.extend(encoded(text));
        self.content.extend(b") Tj ET\n");
    }

    /// Ends at the right margin; widths are those of Helvetica's digits, near enough for amounts.
    fn write_right(&mut self, y: u32, size: u32, bold: bool, text: &str) {
        let thousandths: u32 = text.chars().map(width).sum();
        self.write(RIGHT.saturating_sub(thousandths * size / 1_000), y, size, bold, text);
    }

    fn rule(&mut self, y: u32) {
        self.content.extend(format!("0.8 G 0.5 w {LEFT} {y} m {RIGHT} {y} l S\n").bytes());
    }

    fn document(self) -> Vec<u8> {
        let font = |name: &str| {
            format!("<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>")
                .into_bytes()
        };
        let mut content = format!("<< /Length {} >>\nstream\n", self.content.len()).into_bytes();
        content.extend(self.content);
        content.extend(b"endstream");
        let page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R \
                    /Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> >>";
        let objects = [
            b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
            page.as_bytes().to_vec(),
            content,
            font("Helvetica"),
            font("Helvetica-Bold"),
        ];
        assemble(&objects)
    }
}

/// The objects with the table that says where each begins.
fn assemble(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut document = b"%PDF-1.4\n".to_vec();
    let mut table = String::from("0000000000 65535 f \n");
    for (place, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", document.len()));
        document.extend(format!("{} 0 obj\n", place + 1).bytes());
        document.extend(object);
        document.extend(b"\nendobj\n");
    }
    let start = document.len();
    let count = objects.len() + 1;
    let trailer = format!(
        "xref\n0 {count}\n{table}trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    );
    document.extend(trailer.bytes());
    document
}

/// Latin-1 with what PDF strings escape; letters beyond it become a question mark.
fn encoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for letter in text.chars().take(120) {
        match letter {
            '(' | ')' | '\\' => bytes.extend([b'\\', u8::try_from(letter).unwrap_or(b'?')]),
            '€' => bytes.push(0x80),
            other if other.is_control() => bytes.push(b' '),
            other => bytes.push(u8::try_from(other).unwrap_or(b'?')),
        }
    }
    bytes
}

fn width(letter: char) -> u32 {
    match letter {
        '.' | ',' | ' ' | '\u{a0}' | 'I' => 278,
        '-' => 333,
        'R' => 722,
        _ => 556,
    }
}
