//! What the tests share: a system to act on, faults on the way to it, its books, and a client.
pub(crate) mod books;
pub(crate) mod client;
pub(crate) mod data_folder;
pub(crate) mod each_call;
pub(crate) mod entries;
pub(crate) mod histories;
pub(crate) mod meters;
pub(crate) mod pending;
pub(crate) mod program;
pub(crate) mod proxy;
pub(crate) mod seed;
pub(crate) mod stripe_sdk;
pub(crate) mod system;
pub(crate) mod told;
