//! Hears the alarms that a piece of code raises.
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::instrument::WithSubscriber;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Lines;

    fn make_writer(&'a self) -> Lines {
        self.clone()
    }
}

/// What comes of `act`, and the lines that it writes into the log, as they are on Lambda.
pub(crate) async fn told<T>(act: impl Future<Output = T>) -> (T, Vec<Value>) {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_writer(lines.clone()).finish();
    let done = act.with_subscriber(subscriber).await;
    let written = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    (done, written.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}
