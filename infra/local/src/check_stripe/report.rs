//! What was found out, as a table.

use std::fmt;

use super::facts::Fact;
use super::seen::Seen;
use crate::obstacle::Obstacle;

/// How a fact came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    AsExpected,
    Otherwise,
    NotTried,
}

/// One line of the table.
#[derive(Debug)]
pub struct Row {
    pub fact: &'static str,
    pub expected: &'static str,
    pub seen: String,
    pub verdict: Verdict,
}

/// The table.
#[derive(Debug, Default)]
pub struct Report {
    pub rows: Vec<Row>,
}

impl Report {
    pub(super) fn add(&mut self, fact: &Fact, outcome: Result<Seen, Obstacle>) {
        let (verdict, seen) = match outcome {
            Ok(seen) if seen.as_expected => (Verdict::AsExpected, seen.words),
            Ok(seen) => (Verdict::Otherwise, seen.words),
            Err(obstacle) => (Verdict::NotTried, obstacle.to_string()),
        };
        self.rows.push(Row { fact: fact.name, expected: fact.expected, seen: one_line(&seen), verdict });
    }

    /// Whether everything was tried and came out as expected.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        self.count(Verdict::AsExpected) == self.rows.len()
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.rows.iter().filter(|row| row.verdict == verdict).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["fact", "expected", "seen", "verdict"].map(str::to_owned);
        let rows = self.rows.iter().map(|row| {
            [row.fact.to_owned(), row.expected.to_owned(), row.seen.clone(), row.verdict.to_string()]
        });
        let lines: Vec<[String; 4]> = std::iter::once(head).chain(rows).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let [fact, expected, seen] = [width(0), width(1), width(2)];
        for line in &lines {
            writeln!(f, "{:fact$} | {:expected$} | {:seen$} | {}", line[0], line[1], line[2], line[3])?;
        }
        let (good, bad) = (self.count(Verdict::AsExpected), self.count(Verdict::Otherwise));
        let rest = self.count(Verdict::NotTried);
        write!(f, "{good} as expected, {bad} otherwise, {rest} could not be tried")
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::AsExpected => "as expected",
            Verdict::Otherwise => "otherwise",
            Verdict::NotTried => "could not be tried",
        })
    }
}

/// Stripe's words may have line ends and bars, which would break the table.
fn one_line(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "/")
}
