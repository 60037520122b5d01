//! Admission: who meets a crowded balance shard takes turns with others.

use saldo_domain::{LONGEST_WAIT_MS, Look, ShardId};

use crate::call::Call;
use crate::outcome::SpendError;
use crate::port::Balances;
use crate::spender::Spender;

impl<B: Balances> Spender<B> {
    /// Waits until there is room on a shard that was found crowded, and looks for it by what it reads, which costs no write.
    pub(crate) async fn wait_for_room(&self, call: &mut Call<'_>, at: ShardId) -> Result<(), SpendError> {
        let org = call.org;
        loop {
            let now = call.time();
            let Some(ms) = self.process.admission(org, at, |known| known.waits_ms(now)) else {
                return Ok(());
            };
            if call.waited_ms + ms > LONGEST_WAIT_MS {
                let secs = self.process.admission(org, at, |known| known.retry_after_secs(fastrand::u64(..)));
                return Err(SpendError::Crowded { retry_after_secs: secs });
            }
            self.balances.pause(ms).await;
            call.waited_ms += ms;
            let now = call.time();
            let shard = self.balances.shard(org, at).await?;
            self.process.saw(org, at, &shard);
            let own = self.process.written_of(org, &shard);
            let look =
                self.process.admission(org, at, |known| known.looked(&shard, own, now, fastrand::u64(..)));
            match look {
                Look::Enter => return Ok(()),
                Look::Still => {
                    self.make_room(call, at, &shard).await?;
                    return Ok(());
                }
                Look::Wait => {}
            }
        }
    }
}
