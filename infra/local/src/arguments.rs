//! What was asked for on the command line and in the environment.
use std::path::PathBuf;

use saldo_local::{Options, Stripe};
use tracing::Level;

pub(crate) const HELP: &str = "\
Saldo on this machine: API, dashboard, table, queue and Stripe in one process.

Usage: cargo run -- [OPTIONS]
       cargo run -- reconcile [--data DIR]
                                   compare all the books with Stripe and with themselves, and repair what can be;
                                   ends with 0 when all is right, 1 when it was repaired, 2 when it needs a person
       cargo run -- check-stripe   try on Stripe's test mode what docs/unproven.md lists, and print a table
       cargo run -- doctor         look at keys, webhook endpoint, currencies and product at Stripe, and change nothing

  --port PORT          the port of the API and the dashboard [4000]; 0 picks a free one
  --stripe-port PORT   the port of the Stripe stand-in [4001]; 0 picks a free one
  --data DIR           where data is kept [.saldo]
  --fresh              forget the data
  --chaos              duplicate, delay, reorder and sometimes fail webhooks and messages
  --help               show this

Environment
  STRIPE_API_KEY         sk_test_… or rk_test_…: use Stripe's test mode instead of the stand-in
  STRIPE_WEBHOOK_SECRET  whsec_…: the secret of its webhook endpoint
  STRIPE_WRITE_KEY, STRIPE_READ_KEY, STRIPE_API_BASE
                         for check-stripe and doctor: restricted keys to try, and where Stripe is if not at home
  SALDO_STRIPE_LIVEMODE, SALDO_WEBHOOK_URL, SALDO_STRIPE_PRODUCT, SALDO_PRICES
                         for doctor: what is deployed; STRIPE_API_KEY reads the account and its webhook endpoints
  SALDO_LOG              error, warn, info or debug [warn]: what is logged, as JSON on stderr";

/// The default seed of `--chaos`: a mishap that was seen comes again.
const CHAOS_SEED: u64 = 4;

#[derive(Debug)]
pub(crate) enum Command {
    Run(Arguments),
    Help,
}

#[derive(Debug)]
pub(crate) struct Arguments {
    port: u16,
    stripe_port: u16,
    data: PathBuf,
    fresh: bool,
    chaos: bool,
    test_mode: Option<TestMode>,
    pub(crate) log_level: Level,
}

#[derive(Debug)]
struct TestMode {
    key: String,
    webhook_secret: String,
}

/// What the greeting says beside the addresses.
pub(crate) struct Shown {
    pub(crate) data: String,
    pub(crate) test_mode: bool,
    pub(crate) chaos: bool,
}

impl Arguments {
    /// The error is a sentence that says what is wrong and what is right.
    pub(crate) fn parse(
        mut given: impl Iterator<Item = String>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Command, String> {
        let mut arguments = Arguments {
            port: 4000,
            stripe_port: 4001,
            data: PathBuf::from(".saldo"),
            fresh: false,
            chaos: false,
            test_mode: None,
            log_level: log_level(environment("SALDO_LOG"))?,
        };
        while let Some(argument) = given.next() {
            let (flag, joined) = match argument.split_once('=') {
                Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
                None => (argument, None),
            };
            let mut value = || joined.clone().or_else(|| given.next()).ok_or(format!("{flag} takes a value"));
            match flag.as_str() {
                "--port" => arguments.port = port(&flag, &value()?)?,
                "--stripe-port" => arguments.stripe_port = port(&flag, &value()?)?,
                "--data" => arguments.data = PathBuf::from(value()?),
                "--fresh" | "--chaos" | "--help" | "-h" if joined.is_some() => {
                    return Err(format!("{flag} takes no value"));
                }
                "--fresh" => arguments.fresh = true,
                "--chaos" => arguments.chaos = true,
                "--help" | "-h" => return Ok(Command::Help),
                _ => return Err(format!("{flag} is not known")),
            }
        }
        arguments.test_mode = test_mode(environment("STRIPE_API_KEY"), environment("STRIPE_WEBHOOK_SECRET"))?;
        if arguments.port != 0 && arguments.port == arguments.stripe_port && arguments.test_mode.is_none() {
            return Err("--port and --stripe-port must differ".to_owned());
        }
        Ok(Command::Run(arguments))
    }

    pub(crate) fn shown(&self) -> Shown {
        let mut data = self.data.display().to_string();
        if !data.ends_with('/') {
            data.push('/');
        }
        Shown { data, test_mode: self.test_mode.is_some(), chaos: self.chaos }
    }

    pub(crate) fn into_options(self) -> Options {
        Options {
            port: self.port,
            stripe_port: self.stripe_port,
            data: Some(self.data),
            fresh: self.fresh,
            chaos: self.chaos.then_some(CHAOS_SEED),
            schedules: true,
            stripe: match self.test_mode {
                None => Stripe::StandIn,
                Some(TestMode { key, webhook_secret }) => Stripe::TestMode { key, webhook_secret },
            },
            ..Options::default()
        }
    }
}

fn port(flag: &str, value: &str) -> Result<u16, String> {
    value.parse().map_err(|_| format!("{flag} takes a port from 0 to 65535, not {value}"))
}

fn log_level(given: Option<String>) -> Result<Level, String> {
    match given.as_deref() {
        None | Some("warn") => Ok(Level::WARN),
        Some("error") => Ok(Level::ERROR),
        Some("info") => Ok(Level::INFO),
        Some("debug") => Ok(Level::DEBUG),
        Some(other) => Err(format!("SALDO_LOG is error, warn, info or debug, not {other}")),
    }
}

/// The key itself is never repeated in a message.
fn test_mode(key: Option<String>, webhook_secret: Option<String>) -> Result<Option<TestMode>, String> {
    let Some(key) = key else { return Ok(None) };
    if key.starts_with("sk_live_") || key.starts_with("rk_live_") {
        return Err(
            "STRIPE_API_KEY is a live key: real money is not for a local run; use a sk_test_… key".to_owned()
        );
    }
    if !key.starts_with("sk_test_") && !key.starts_with("rk_test_") {
        return Err("STRIPE_API_KEY must start with sk_test_ or rk_test_".to_owned());
    }
    let webhook_secret = webhook_secret.filter(|secret| secret.starts_with("whsec_")).ok_or(
        "with STRIPE_API_KEY also set STRIPE_WEBHOOK_SECRET=whsec_… (`stripe listen --print-secret` shows it)",
    )?;
    Ok(Some(TestMode { key, webhook_secret }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Command, String> {
        let variable = |name: &str| {
            environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        Arguments::parse(arguments.iter().map(|argument| (*argument).to_owned()), variable)
    }

    #[test]
    fn flags_take_their_values_in_both_forms() {
        let Ok(Command::Run(arguments)) =
            parse(&["--port", "0", "--stripe-port=5", "--data", "x", "--fresh", "--chaos"], &[])
        else {
            panic!("refused");
        };
        assert_eq!((arguments.port, arguments.stripe_port), (0, 5));
        assert_eq!(arguments.shown().data, "x/");
        assert!(arguments.fresh && arguments.chaos);
        assert!(matches!(parse(&["--help"], &[]), Ok(Command::Help)));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (arguments, part) in [
            (&["--port"][..], "--port takes a value"),
            (&["--port", "70000"], "not 70000"),
            (&["--port", "x"], "not x"),
            (&["--fresh=yes"], "takes no value"),
            (&["--prot", "1"], "--prot is not known"),
            (&["serve"], "serve is not known"),
            (&["--port", "4001"], "must differ"),
        ] {
            let error = parse(arguments, &[]).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        assert!(parse(&[], &[("SALDO_LOG", "loud")]).unwrap_err().contains("not loud"));
    }

    #[test]
    fn only_a_test_key_with_its_webhook_secret_reaches_stripe() {
        let secret = ("STRIPE_WEBHOOK_SECRET", "whsec_x");
        assert!(parse(&[], &[("STRIPE_API_KEY", "sk_test_x"), secret]).is_ok());
        for key in ["sk_live_x", "rk_live_x", "pk_test_x"] {
            let error = parse(&[], &[("STRIPE_API_KEY", key), secret]).unwrap_err();
            assert!(!error.contains(key), "{error}");
        }
        assert!(
            parse(&[], &[("STRIPE_API_KEY", "sk_test_x")]).unwrap_err().contains("STRIPE_WEBHOOK_SECRET")
        );
    }
}
