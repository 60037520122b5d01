//! Beside it: debits as plain transactions on shard, entry and idempotency record, in the same virtual time.

use std::sync::{Arc, Mutex};

use saldo_domain::ShardId;

use super::partitions::{IN_TRANSACTION, Partition, Partitions, WAY_MICROS};
use super::throughput::{BEGIN_WITHIN, MEASURED, SECOND, WARM_UP};
use super::virtual_time::{Clock, Micros, Tasks, locked};

/// DynamoDB prepares a transaction and then commits it: two round trips between its own servers, as long as ours.
const HOLD_MICROS: Micros = 4 * WAY_MICROS;
const LONGEST_PAUSE_MICROS: Micros = 20_000;

/// Whether transactions on the same item get into each other's way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collisions {
    /// A second one is refused, at no cost here, and tried again after a random pause.
    Refused,
    /// A bound: as if the item could be in many transactions at once.
    None,
}

/// The organisation's one shard item; each entry and record lies elsewhere.
#[derive(Default)]
struct BalanceShard {
    partitions: Partitions,
    held: bool,
    measured: u64,
}

/// Debits a second with so many under way all the time.
pub(crate) fn per_second(senders: usize, collisions: Collisions) -> Result<u64, String> {
    let (clock, shard) = (Clock::default(), Arc::new(Mutex::new(BalanceShard::default())));
    let mut rng = fastrand::Rng::with_seed(7);
    let mut tasks = Tasks::new(&clock);
    for _ in 0..senders {
        tasks.add(send(clock.clone(), Arc::clone(&shard), rng.fork(), collisions));
    }
    tasks.run()?;
    let measured = locked(&shard).measured;
    Ok(measured * SECOND / MEASURED)
}

async fn send(clock: Clock, shard: Arc<Mutex<BalanceShard>>, mut rng: fastrand::Rng, collisions: Collisions) {
    clock.sleep(rng.u64(..BEGIN_WITHIN)).await;
    while clock.now() < WARM_UP + MEASURED {
        clock.sleep(WAY_MICROS).await;
        let begun = locked(&shard).begin(clock.now(), collisions);
        if let Some(ends) = begun {
            clock.sleep_until(ends).await;
            locked(&shard).held = false;
        }
        clock.sleep(WAY_MICROS).await;
        match begun {
            None => clock.sleep(rng.u64(1..=LONGEST_PAUSE_MICROS)).await,
            Some(_) if (WARM_UP..WARM_UP + MEASURED).contains(&clock.now()) => locked(&shard).measured += 1,
            Some(_) => {}
        }
    }
}

impl BalanceShard {
    /// When a transaction that begins now ends; `None` when it is refused.
    fn begin(&mut self, now: Micros, collisions: Collisions) -> Option<Micros> {
        if self.held && collisions == Collisions::Refused {
            return None;
        }
        self.held = true;
        let written = self.partitions.write(&[(Partition::Shard(ShardId::MAIN), IN_TRANSACTION)], now);
        Some(written.max(now + HOLD_MICROS))
    }
}
