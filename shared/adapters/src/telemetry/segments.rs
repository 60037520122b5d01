//! What an invocation asks of others, told to X-Ray's daemon: a subsegment for each request to AWS or Stripe.
//!
//! Source: <https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html>.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use saldo_domain::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::clock::Clock;

/// Requests of one invocation that are told at the most; a trace holds some hundred kilobytes.
const MOST: u32 = 200;
/// The longest name or address that is told, in bytes.
const LONGEST: usize = 200;
/// What goes before every document.
const HEADER: &str = "{\"format\": \"json\", \"version\": 1}\n";

/// X-Ray's daemon, which Lambda runs beside every function. What is sent there may be lost; nothing waits for it or fails.
#[derive(Clone, Debug)]
pub struct Daemon {
    socket: Arc<UdpSocket>,
    address: SocketAddr,
}

impl Daemon {
    /// The daemon at `169.254.100.1:2000`; `None` when that is no address, or there is no socket.
    #[must_use]
    pub fn at(address: &str) -> Option<Daemon> {
        let address = address.parse().ok()?;
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
        socket.set_nonblocking(true).ok()?;
        Some(Daemon { socket: Arc::new(socket), address })
    }

    fn send(&self, document: &Document<'_>) {
        if let Ok(document) = serde_json::to_string(document) {
            let _ = self.socket.send_to(format!("{HEADER}{document}").as_bytes(), self.address);
        }
    }
}

/// The trace that an invocation belongs to.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    daemon: Daemon,
    root: Arc<str>,
    parent: Arc<str>,
    told: Arc<AtomicU32>,
}

tokio::task_local! {
    /// Of the work under way, if it is sampled.
    pub(super) static TRACE: Option<Trace>;
}

impl Trace {
    /// From `Root=1-67…;Parent=53…;Sampled=1`; `None` when it is not sampled, or not as X-Ray writes it.
    pub(super) fn read(header: &str, daemon: &Daemon) -> Option<Trace> {
        let part =
            |name: &str| header.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        let (root, parent) = (part("Root")?, part("Parent")?);
        let is_hex = |text: &str, digits: usize| {
            text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        let (time, rest) = root.strip_prefix("1-")?.split_once('-')?;
        let fits = is_hex(time, 8) && is_hex(rest, 24) && is_hex(parent, 16) && part("Sampled")? == "1";
        fits.then(|| Trace {
            daemon: daemon.clone(),
            root: root.into(),
            parent: parent.into(),
            told: Arc::default(),
        })
    }
}

/// Whom a request goes to.
#[derive(Clone, Debug)]
pub(crate) enum To {
    /// A service of AWS, and what it is asked to do.
    Aws { service: &'static str, operation: String },
    /// Somebody else, by host, method and an address in which nothing names a person or a thing.
    Remote { host: String, method: String, address: String },
}

/// A request under way. It is told when this is dropped: as a fault, unless an answer came.
pub(crate) struct Subsegment {
    trace: Trace,
    to: To,
    began: Timestamp,
    status: Option<u16>,
}

impl Subsegment {
    /// Begins one, where the work under way is sampled.
    pub(crate) fn begin(to: impl FnOnce() -> To) -> Option<Subsegment> {
        let trace = TRACE.try_with(Clone::clone).ok().flatten()?;
        if trace.told.fetch_add(1, Ordering::Relaxed) >= MOST {
            return None;
        }
        Some(Subsegment { trace, to: to(), began: Clock::system().now(), status: None })
    }

    /// An answer came, with this status.
    pub(crate) fn answered(mut self, status: u16) {
        self.status = Some(status);
    }

    fn document(&self, ended: Timestamp) -> Option<Document<'_>> {
        let answer = self.status.map(|status| Answer { status });
        let (name, namespace, aws, request) = match &self.to {
            To::Aws { service, operation } => {
                (*service, "aws", Some(Aws { operation: cut(operation) }), None)
            }
            To::Remote { host, method, address } => {
                (cut(host), "remote", None, Some(Asked { method, url: cut(address) }))
            }
        };
        Some(Document {
            name,
            id: format!("{:016x}", fastrand::u64(1..)),
            trace_id: &self.trace.root,
            parent_id: &self.trace.parent,
            kind: "subsegment",
            start_time: seconds(self.began)?,
            end_time: seconds(ended.max(self.began))?,
            namespace,
            aws,
            http: Http { request, response: answer },
            error: self.status.is_some_and(|status| (400..500).contains(&status)),
            throttle: self.status == Some(429),
            fault: self.status.is_none_or(|status| status >= 500),
        })
    }
}

impl Drop for Subsegment {
    fn drop(&mut self) {
        if let Some(document) = self.document(Clock::system().now()) {
            self.trace.daemon.send(&document);
        }
    }
}

impl fmt::Debug for Subsegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subsegment").field("to", &self.to).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Document<'a> {
    name: &'a str,
    id: String,
    trace_id: &'a str,
    parent_id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    start_time: Box<RawValue>,
    end_time: Box<RawValue>,
    namespace: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    aws: Option<Aws<'a>>,
    http: Http<'a>,
    error: bool,
    throttle: bool,
    fault: bool,
}

#[derive(Serialize)]
struct Aws<'a> {
    operation: &'a str,
}

#[derive(Serialize)]
struct Http<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Asked<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<Answer>,
}

#[derive(Serialize)]
struct Asked<'a> {
    method: &'a str,
    url: &'a str,
}

#[derive(Serialize)]
struct Answer {
    status: u16,
}

/// Seconds since 1970 with three decimals, written without a float.
fn seconds(at: Timestamp) -> Option<Box<RawValue>> {
    let (secs, ms) = (at.ms().div_euclid(1000), at.ms().rem_euclid(1000));
    RawValue::from_string(format!("{secs}.{ms:03}")).ok()
}

fn cut(text: &str) -> &str {
    text.get(..LONGEST).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

    #[test]
    fn only_a_sampled_trace_as_x_ray_writes_it_is_told() {
        let daemon = Daemon::at("127.0.0.1:9").unwrap();
        let read = |header: &str| Trace::read(header, &daemon).map(|trace| trace.root.to_string());
        assert_eq!(read(HEADER).as_deref(), Some("1-5759e988-bd862e3fe1be46a994272793"));
        assert!(read(&format!("{HEADER};Lineage=1:0:0")).is_some());
        for header in [
            "",
            "Root=1-5759e988-bd862e3fe1be46a994272793",
            &HEADER.replace("Sampled=1", "Sampled=0"),
            &HEADER.replace(";Sampled=1", ""),
            &HEADER.replace("Parent=53995c3f42cd8ad8;", ""),
            &HEADER.replace("53995c3f42cd8ad8", "53995c3f42cd8a"),
            &HEADER.replace("1-5759e988", "2-5759e988"),
            &HEADER.replace("bd862e", "\"},{x"),
        ] {
            assert_eq!(read(header), None, "{header}");
        }
        assert!(Daemon::at("tcp:127.0.0.1:2000").is_none());
    }

    #[tokio::test]
    async fn an_invocation_tells_no_more_requests_than_a_trace_holds() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let daemon = Daemon::at(&receiver.local_addr().unwrap().to_string()).unwrap();
        let trace = Trace::read(HEADER, &daemon);
        let begin = || Subsegment::begin(|| To::Aws { service: "SQS", operation: "SendMessage".to_owned() });
        assert!(begin().is_none(), "no invocation is under way");
        let told = TRACE.scope(trace, async { (0..MOST + 5).filter(|_| begin().is_some()).count() }).await;
        assert_eq!(told, MOST as usize);
    }
}
