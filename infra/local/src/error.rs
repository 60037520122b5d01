//! Why Saldo does not start, in words that say what to do.
use std::fmt;
use std::path::{Path, PathBuf};

use crate::queue::QueueError;
use crate::template::TemplateError;

/// Why Saldo does not start.
#[derive(Debug)]
pub enum StartError {
    Template(TemplateError),
    PortInUse { port: u16, flag: &'static str },
    Listen(std::io::Error),
    DataInUse(PathBuf),
    File(String),
    Key(String),
    Table(String),
    Queue(QueueError),
    Stripe(String),
    Function { name: String, reason: String },
}

impl StartError {
    pub(crate) fn file(verb: &str, file: &Path, error: &std::io::Error) -> StartError {
        StartError::File(format!("cannot {verb} {}: {error}", file.display()))
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Template(error) => error.fmt(f),
            StartError::PortInUse { port, flag } => {
                write!(
                    f,
                    "port {port} is in use: stop what listens there, or choose another with {flag} (0 picks a free one)"
                )
            }
            StartError::Listen(error) => write!(f, "cannot listen on 127.0.0.1: {error}"),
            StartError::DataInUse(folder) => write!(
                f,
                "another saldo is using {}: stop it, or choose another folder with --data",
                folder.display()
            ),
            StartError::File(message) | StartError::Key(message) | StartError::Stripe(message) => {
                f.write_str(message)
            }
            StartError::Table(message) => write!(f, "the local DynamoDB: {message}"),
            StartError::Queue(error) => write!(f, "the local SQS: {error}"),
            StartError::Function { name, reason } => write!(f, "the function {name}: {reason}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<TemplateError> for StartError {
    fn from(error: TemplateError) -> StartError {
        StartError::Template(error)
    }
}

impl From<QueueError> for StartError {
    fn from(error: QueueError) -> StartError {
        StartError::Queue(error)
    }
}
