//! SQS on this machine: a durable queue and the protocol in front of it.
mod protocol;
mod store;

pub use protocol::router;
pub use store::{Message, NewMessage, QueueError, Queues};
