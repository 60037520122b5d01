//! EventBridge on this machine: runs a function every so often.
use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::watch;

use crate::Now;
use crate::functions::ScheduleFunction;

/// Runs `function` every `every` until `stopped`; the first run comes after the first interval.
pub async fn run(function: ScheduleFunction, every: Duration, now: Now, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = tokio::time::sleep(every) => {}
        }
        // A failure is logged where it happens; the next run does what this one could not.
        let _ = function.invoke(event(now())).await;
    }
}

/// The event of a schedule at `now_ms` (milliseconds since 1970).
#[must_use]
pub fn event(now_ms: i64) -> Value {
    let time = OffsetDateTime::from_unix_timestamp(now_ms.div_euclid(1000)).ok();
    let time = time.and_then(|time| time.format(&Rfc3339).ok());
    json!({
        "version": "0",
        "id": uuid::Uuid::now_v7().to_string(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": time,
        "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:000000000000:rule/saldo-local"],
        "detail": {},
    })
}
