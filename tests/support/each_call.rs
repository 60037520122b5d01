//! Lets every call that a function makes go wrong in every way, in turn.
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use saldo_adapters::world::World;
use saldo_local::Saldo;
use saldo_stripe_stand_in::Method;
use serde_json::Value;

use super::proxy::{Fault, Kind, Proxy, Run};
use super::system;

/// How many faults are tried at the same time, each with an organisation of its own.
const AT_ONCE: usize = 8;

/// Lets every call of `act` go wrong in every way: `prepare` comes before and `after` comes after, without faults.
///
/// How many calls there are is counted first, in a run in which nothing goes wrong, and given back.
pub(crate) async fn each_call_goes_wrong<P, F>(
    saldo: &Arc<Saldo>,
    prepare: impl AsyncFn(Organisation) -> P,
    act: impl Fn(&World, &P) -> F,
    after: impl AsyncFn(P),
) -> usize
where
    F: Future<Output: Send> + Send + 'static,
{
    let one = async |name: String, fault: Option<Fault>| {
        let prepared = prepare(Organisation { saldo: Arc::clone(saldo), name }).await;
        let proxy = Proxy::start(saldo, fault, Duration::ZERO).await;
        let run = proxy.run(act(&proxy.world, &prepared)).await;
        assert!(fault.is_some() || matches!(run, Run::Done(_)), "nothing kills a function but a fault");
        let calls = proxy.calls();
        after(prepared).await;
        calls
    };
    let calls = one("org-0".to_owned(), None).await;
    assert!(calls > 0, "there is something to go wrong");
    let faults = (1..=calls).flat_map(|at| Kind::ALL.map(|kind| Fault { at, kind }));
    stream::iter(faults)
        .map(|fault| one(format!("org-{}-{:?}", fault.at, fault.kind), Some(fault)))
        .buffer_unordered(AT_ONCE)
        .for_each(async |_| ())
        .await;
    calls
}

/// One organisation of one fault.
pub(crate) struct Organisation {
    pub(crate) saldo: Arc<Saldo>,
    pub(crate) name: String,
}

impl Organisation {
    pub(crate) async fn create(&self, key: &str) -> (u16, Value) {
        system::create(&self.saldo, &self.saldo.world(), &self.name, key).await
    }

    pub(crate) async fn cancel(&self, id: &str) -> (u16, Value) {
        system::cancel(&self.saldo, &self.saldo.world(), &self.name, id).await
    }

    /// An open top-up and its invoice.
    pub(crate) async fn open(&self) -> (String, String) {
        system::open_top_up(&self.saldo, &self.name).await
    }

    /// A top-up that is paid at Stripe and not yet heard of, and its invoice.
    pub(crate) async fn paid(&self) -> (String, String) {
        let (id, invoice) = self.open().await;
        self.saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
        (id, invoice)
    }

    pub(crate) async fn with_credits(&self) {
        system::with_credits(&self.saldo, &self.name).await;
    }

    pub(crate) async fn credits(&self) -> i64 {
        let (status, balance) = system::balance(&self.saldo, &self.name).await;
        assert_eq!(status, 200, "{balance}");
        balance["available_credits"].as_i64().unwrap()
    }
}
