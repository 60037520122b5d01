//! What was found, as a table in words.

use std::fmt;

/// How a thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Right,
    /// Payments would suffer from it.
    ToMend,
    NotLookedAt,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub what: String,
    pub verdict: Verdict,
    pub seen: String,
    /// Empty where nothing is to be done.
    pub advice: String,
}

/// The table.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub findings: Vec<Finding>,
}

impl Finding {
    pub(super) fn right(what: impl fmt::Display, seen: impl fmt::Display) -> Finding {
        Finding::new(Verdict::Right, what, seen, "")
    }

    pub(super) fn to_mend(
        what: impl fmt::Display,
        seen: impl fmt::Display,
        advice: impl fmt::Display,
    ) -> Finding {
        Finding::new(Verdict::ToMend, what, seen, advice)
    }

    pub(super) fn not_looked_at(
        what: impl fmt::Display,
        seen: impl fmt::Display,
        advice: impl fmt::Display,
    ) -> Finding {
        Finding::new(Verdict::NotLookedAt, what, seen, advice)
    }

    fn new(
        verdict: Verdict,
        what: impl fmt::Display,
        seen: impl fmt::Display,
        advice: impl fmt::Display,
    ) -> Finding {
        let words = |text: &dyn fmt::Display| {
            // Stripe's words may have line ends and bars, which would break the table.
            text.to_string().split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "/")
        };
        Finding { what: words(&what), verdict, seen: words(&seen), advice: words(&advice) }
    }
}

impl Report {
    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Whether all was looked at and is right.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.count(Verdict::Right) == self.findings.len()
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["what", "is", "seen", "do"].map(str::to_owned);
        let rows = self.findings.iter().map(|finding| {
            [finding.what.clone(), finding.verdict.to_string(), finding.seen.clone(), finding.advice.clone()]
        });
        let lines: Vec<[String; 4]> = std::iter::once(head).chain(rows).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let [what, verdict, seen] = [width(0), width(1), width(2)];
        for line in &lines {
            let text = format!("{:what$} | {:verdict$} | {:seen$} | {}", line[0], line[1], line[2], line[3]);
            writeln!(f, "{}", text.trim_end())?;
        }
        let (right, mend) = (self.count(Verdict::Right), self.count(Verdict::ToMend));
        write!(f, "{right} right, {mend} to mend, {} not looked at", self.count(Verdict::NotLookedAt))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Right => "right",
            Verdict::ToMend => "TO MEND",
            Verdict::NotLookedAt => "not looked at",
        })
    }
}
