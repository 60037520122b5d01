//! `cargo run`: starts Saldo on this machine, says where it is, and ends with Ctrl-C.
mod arguments;
mod greeting;

use std::io::Write;
use std::process::ExitCode;

use arguments::{Arguments, Command};
use saldo_domain::Verdict;
use saldo_local::check_stripe::{self, Report, Settings};
use saldo_local::{Saldo, StartError, doctor, reconcile, watch};

fn main() -> ExitCode {
    let subcommand = std::env::args().nth(1);
    match subcommand.as_deref() {
        Some("check-stripe") => return check_stripe(),
        Some("doctor") => return doctor(),
        _ => {}
    }
    let reconciling = subcommand.as_deref() == Some("reconcile");
    let command = Arguments::parse(std::env::args().skip(1 + usize::from(reconciling)), environment);
    let arguments = match command {
        Ok(Command::Run(arguments)) => arguments,
        Ok(Command::Help) => {
            say(arguments::HELP);
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("saldo: {message}\nTry: cargo run -- --help");
            return ExitCode::from(2);
        }
    };
    watch::start(arguments.log_level.into());
    if reconciling {
        return reconcile(arguments);
    }
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("saldo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Compares everything; the code says whether it was clean (0), was repaired (1), or needs a person (2).
fn reconcile(arguments: Arguments) -> ExitCode {
    match reconciled(arguments) {
        Ok(report) => {
            say(&reconcile::told(&report));
            match report.verdict() {
                Verdict::Clean => ExitCode::SUCCESS,
                Verdict::Repaired => ExitCode::from(1),
                Verdict::NeedsAPerson => ExitCode::from(2),
            }
        }
        Err(error) => {
            eprintln!("saldo: {error}");
            ExitCode::from(2)
        }
    }
}

#[tokio::main]
async fn reconciled(arguments: Arguments) -> Result<saldo_domain::Report, StartError> {
    reconcile::reconcile(arguments.into_options()).await
}

/// Tries what is unproven of Stripe; succeeds only when all of it is as expected.
fn check_stripe() -> ExitCode {
    let tried = Settings::read(environment).and_then(|settings| tried(&settings));
    match tried {
        Ok(report) => {
            say(&report.to_string());
            if report.is_as_expected() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(message) => {
            eprintln!("saldo: {message}");
            ExitCode::from(2)
        }
    }
}

/// Looks at Stripe's account; succeeds only when all of it was looked at and is right.
fn doctor() -> ExitCode {
    match doctor::Settings::read(environment) {
        Ok(settings) => {
            let report = looked_at(&settings);
            say(&report.to_string());
            if report.is_right() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(message) => {
            eprintln!("saldo: {message}");
            ExitCode::from(2)
        }
    }
}

#[tokio::main]
async fn looked_at(settings: &doctor::Settings) -> doctor::Report {
    doctor::run(settings).await
}

#[tokio::main]
async fn tried(settings: &Settings) -> Result<Report, String> {
    check_stripe::run(settings).await
}

#[expect(clippy::disallowed_methods, reason = "main reads the environment once")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[tokio::main]
async fn run(arguments: Arguments) -> Result<(), StartError> {
    let shown = arguments.shown();
    let saldo = Saldo::start(arguments.into_options()).await?;
    say(&greeting::greeting(&saldo, &shown));
    interrupted().await;
    eprintln!("Stopping …");
    saldo.stop().await;
    Ok(())
}

/// Prints; that nobody reads it is no reason to end.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Ctrl-C, or the signal that a service manager sends.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
