//! Billing > History: a month's entries as one file.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use saldo_adapters::clock::Clock;
use saldo_domain::Month;
use serde_json::json;

use super::page::{Page, Reader};
use super::stack::{Person, stack, top_up_elsewhere};
use crate::support::entries;

/// More than one answer has, and the first call of the second one fails.
const ENTRIES: usize = 9_500;
const FAILING_ONCE: &str = r"
    const real = window.fetch.bind(window);
    window.parts = 0;
    window.fetch = (url, options) => String(url).includes('&cursor=') && window.parts++ === 0
        ? Promise.resolve(new Response('{}', { status: 503 })) : real(url, options);";
const HEADER: &str = "\u{feff}id,at,credits,kind,cause,channel,country,reference,booked_at,units,class,rate,rate_version,held,hold";

/// Three short answers of a month that becomes final while they are read.
const THREE_PARTS: &str = r#"
    const real = window.fetch.bind(window);
    const part = (row, next) => new Response(`\ufeffid,at,reference\r\n${row},2026-10-01T00:00:00Z,"José"\r\n`, { headers: {
        'content-type': 'text/csv; charset=utf-8', 'saldo-final': String(row > 1), 'saldo-final-from': '2026-11-02T01:00:00Z',
        ...(next ? { link: `<entries?month=2026-10&cursor=${next}>; rel="next"` } : {}) } });
    window.fetch = (url, options) => !String(url).startsWith('/v1/entries') ? real(url, options)
        : Promise.resolve(url.includes('cursor=b') ? part(3, null) : url.includes('cursor=a') ? part(2, 'b') : part(1, 'a'));
    // Answers that a script makes have no address of their own.
    Object.defineProperty(Response.prototype, 'url', { get: () => location.origin + '/v1/entries' });"#;

/// A folder that is empty.
pub(super) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("downloads-{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A page of History of an organisation that has bought something, which saves in `folder`.
fn history(reader: Reader, person: Person, script: &str, folder: &Path) -> Option<Page> {
    let page = stack().page_with(reader, person, "/billing/history", script)?;
    page.downloads_to(folder);
    top_up_elsewhere(&page, 1000);
    page.call("Page.reload", json!({}));
    page.wait_for("document.querySelector('.export-card')?.checkVisibility() === true");
    Some(page)
}

pub(super) fn downloaded(file: &Path) -> String {
    let until = Instant::now() + Duration::from_secs(120);
    loop {
        if let Ok(text) = std::fs::read_to_string(file)
            && text.ends_with('\n')
        {
            return text;
        }
        assert!(Instant::now() < until, "no {}", file.display());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_month_of_several_parts_is_one_file_with_one_header() {
    let folder = folder("parts");
    let person = Person::of("export-parts");
    let Some(page) = history(Reader::ENGLISH, person, FAILING_ONCE, &folder) else { return };
    let clock = Clock::system();
    stack().runtime.block_on(entries::write(
        &stack().saldo,
        person.organisation,
        &clock,
        ENTRIES,
        &"\"".repeat(128),
    ));
    page.click("[data-key='export']");
    let file = downloaded(&folder.join(format!("saldo-entries-{}-not-final.csv", Month::of(clock.now()))));
    let mut lines = file.split("\r\n");
    assert_eq!(lines.next(), Some(HEADER));
    let ids: Vec<_> = lines.filter_map(|line| line.split(',').next()).filter(|id| !id.is_empty()).collect();
    assert_eq!(ids.len(), ENTRIES, "every entry and no second header");
    assert!(ids.is_sorted() && ids.iter().collect::<BTreeSet<_>>().len() == ENTRIES, "in order, each once");
    assert_eq!(file.matches('\u{feff}').count(), 1);
    assert_eq!(page.eval("window.parts"), 2, "a part that failed was asked for again");
    page.sees("isn't final yet: entries may still come until");
    let complaints = page.complaints();
    assert!(complaints.iter().all(|complaint| complaint.contains("503")), "{complaints:?}");
}

#[test]
fn a_file_is_final_when_every_part_was() {
    let folder = folder("final");
    for (reader, organisation, words) in [
        (
            Reader::ENGLISH,
            "export-final-en",
            "October 2026 isn't final yet: entries may still come until 2 Nov 2026, 08:00.",
        ),
        (
            Reader::INDONESIAN.on_a_phone(),
            "export-final-id",
            "Oktober 2026 belum final: mutasi masih bisa masuk sampai 2 Nov 2026, 08.00.",
        ),
    ] {
        let Some(page) = history(reader, Person::of(organisation), THREE_PARTS, &folder) else { return };
        page.eval("document.querySelector('#export-month').value = '2026-10'");
        page.click("[data-key='export']");
        let file = downloaded(&folder.join("saldo-entries-2026-10-not-final.csv"));
        let rows = [1, 2, 3].map(|row| format!("{row},2026-10-01T00:00:00Z,\"José\"\r\n")).concat();
        assert_eq!(file, format!("\u{feff}id,at,reference\r\n{rows}"));
        page.sees(words);
        let wider = page.eval("document.documentElement.scrollWidth - innerWidth");
        assert!(wider.as_i64() <= Some(0), "{wider} px wider than the window");
        std::fs::remove_file(folder.join("saldo-entries-2026-10-not-final.csv")).unwrap();
    }
}

#[test]
fn a_month_that_is_over_is_told_to_be_final() {
    let folder = folder("over");
    for (reader, organisation, words) in [
        (Reader::ENGLISH, "export-over-en", "is final: nothing in it changes any more."),
        (Reader::INDONESIAN, "export-over-id", "sudah final: isinya tidak berubah lagi."),
    ] {
        let Some(page) = history(reader, Person::of(organisation), "", &folder) else { return };
        page.eval("document.querySelector('#export-month').selectedIndex = 2");
        let month = page.eval("document.querySelector('#export-month').value");
        page.click("[data-key='export']");
        let name = format!("saldo-entries-{}.csv", month.as_str().unwrap());
        assert_eq!(downloaded(&folder.join(&name)), format!("{HEADER}\r\n"));
        page.sees(words);
        assert_eq!(page.complaints(), Vec::<String>::new());
        std::fs::remove_file(folder.join(&name)).unwrap();
    }
}
