//! What a queue may do to its readers, done on purpose: duplicates, delays, another order, a first attempt that fails.
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::queue::Message;

/// Misfortune that repeats for the same seed.
pub struct Chaos {
    random: Mutex<fastrand::Rng>,
    failed_once: Mutex<HashSet<String>>,
}

impl Chaos {
    /// Chaos from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Chaos {
        Chaos { random: Mutex::new(fastrand::Rng::with_seed(seed)), failed_once: Mutex::default() }
    }

    /// The batches to hand over instead of `batch`: each message twice now and then, in another order, or not
    /// at all the first time (then it comes again when its visibility ends).
    pub(crate) fn rearrange(&self, batch: Vec<Message>) -> Vec<Vec<Message>> {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        let mut failed = self.failed_once.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut first, mut again) = (Vec::new(), Vec::new());
        for message in batch {
            if random.u8(..4) == 0 && failed.insert(message.id.clone()) {
                continue;
            }
            if random.u8(..3) == 0 {
                again.push(message.clone());
            }
            first.push(message);
        }
        random.shuffle(&mut first);
        [first, again].into_iter().filter(|batch| !batch.is_empty()).collect()
    }

    pub(crate) async fn pause(&self) {
        let pause = self.random.lock().unwrap_or_else(PoisonError::into_inner).u64(..300);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}
