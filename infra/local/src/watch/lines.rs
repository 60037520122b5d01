//! What the functions of this process write, handed to the Saldo that each line is of.
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use saldo_adapters::telemetry::telling;
use serde_json::Value;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::util::SubscriberInitExt;

use super::{NAMESPACE, Watch};

/// Whose invocation is under way, by request id.
static WATCHED: Mutex<BTreeMap<String, Watch>> = Mutex::new(BTreeMap::new());
static STARTED: OnceLock<()> = OnceLock::new();

/// Starts listening to the functions, once in a process; shows their lines from `level` up on standard error.
///
/// A line that names a secret, a token or an e-mail address ends the process: none may ever be written.
pub fn start(level: LevelFilter) {
    STARTED.get_or_init(|| {
        // Somebody else's subscriber stays; nothing is watched then.
        let _ = telling(level.max(LevelFilter::WARN), Some(NAMESPACE), move || Sink { level }).try_init();
    });
}

/// Attributes the lines of one invocation for as long as it is kept.
pub(crate) struct Attributed(String);

pub(crate) fn attribute(request_id: &str, watch: &Watch) -> Attributed {
    watched().insert(request_id.to_owned(), watch.clone());
    Attributed(request_id.to_owned())
}

impl Drop for Attributed {
    fn drop(&mut self) {
        watched().remove(&self.0);
    }
}

fn watched() -> MutexGuard<'static, BTreeMap<String, Watch>> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Sink {
    level: LevelFilter,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Ok(line) = serde_json::from_slice::<Value>(bytes) {
            refuse_secrets(&line);
            let watch = line["request_id"].as_str().and_then(|id| watched().get(id).cloned());
            if let Some(watch) = watch {
                watch.heard(&line);
            }
            let level = line["level"].as_str().and_then(|level| level.parse::<LevelFilter>().ok());
            if level.is_some_and(|level| level <= self.level) {
                io::stderr().write_all(bytes)?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn refuse_secrets(line: &Value) {
    let texts = line.as_object().into_iter().flatten().filter(|(name, _)| *name != "org");
    for (name, text) in texts.filter_map(|(name, value)| Some((name, value.as_str()?))) {
        if let Some(kind) = secret_in(text) {
            eprintln!("saldo: a line was to be written with {kind} in the field {name}: {}", line["message"]);
            std::process::abort();
        }
    }
}

/// What must stand in no line, if the text has any of it.
fn secret_in(text: &str) -> Option<&'static str> {
    let begins = |marks: &[&str]| {
        text.split(|letter: char| !(letter.is_ascii_alphanumeric() || "_-.@+".contains(letter)))
            .any(|word| marks.iter().any(|mark| word.starts_with(mark)))
    };
    if begins(&["sk_test_", "sk_live_", "rk_test_", "rk_live_", "whsec_"]) {
        return Some("a secret");
    }
    if begins(&["eyJ"]) || text.contains("Bearer ") {
        return Some("a token");
    }
    let mail = |word: &str| {
        word.split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && host.trim_matches('.').contains('.'))
    };
    text.split(|letter: char| letter.is_whitespace() || "\"'<>(),;:".contains(letter))
        .any(mail)
        .then_some("an e-mail address")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_line_may_name_is_found() {
        for (text, kind) in [
            ("key rk_test_abc", Some("a secret")),
            ("whsec_1", Some("a secret")),
            ("Bearer abc", Some("a token")),
            ("token eyJhbGciOi.eyJ", Some("a token")),
            ("to ana@acme.test", Some("an e-mail address")),
            ("customer <ana@acme.test>.", Some("an e-mail address")),
            ("evt_1 in_1 top_1 400 parameter_missing", None),
            ("a @ b", None),
            ("rate 5@3", None),
        ] {
            assert_eq!(secret_in(text), kind, "{text}");
        }
    }
}
