//! Admission: the calls of many processes take turns at a crowded balance shard.

use std::collections::BTreeMap;

use saldo_domain::{BalanceShard, LONGEST_WAIT_MS, Look, ShardId};

use crate::call::Call;
use crate::outcome::SpendError;
use crate::port::Balances;
use crate::spender::Spender;

impl<B: Balances> Spender<B> {
    /// Goes inside at once where there is no crowd. Else waits until there is room, and looks for it by what it reads, which
    /// costs no write; [`SpendError::Crowded`] when that takes too long. What it finds to be pending there already needs no
    /// place, and is answered.
    pub(crate) async fn enter<'a>(&'a self, call: &mut Call<'a>, at: ShardId) -> Result<(), SpendError> {
        if call.inside.as_ref().is_some_and(|inside| inside.shard == at) {
            return Ok(());
        }
        let (org, process) = (call.org, &*self.process);
        while !call.left.is_empty() {
            let ms = match process.enter(org, at, call.time()) {
                Ok(inside) => {
                    call.inside = Some(inside);
                    break;
                }
                Err(ms) => ms,
            };
            if call.waited_ms.saturating_add(ms) > LONGEST_WAIT_MS {
                let secs = process.admission(org, at, |known| known.retry_after_secs(fastrand::u64(..)));
                return Err(SpendError::Crowded { retry_after_secs: secs });
            }
            self.balances.pause(ms).await;
            call.waited_ms += ms;
            self.look(call, at).await?;
        }
        Ok(())
    }

    async fn look(&self, call: &mut Call<'_>, at: ShardId) -> Result<(), SpendError> {
        let org = call.org;
        let shard = self.balances.shard(org, at).await?;
        self.process.saw(org, at, &shard);
        self.process.forget_acknowledged(org, at, &shard);
        self.finish_pending(call, &shard.pending, shard.credits, &BTreeMap::new()).await?;
        let (others, seats, now) = (self.process.others(org, &shard), call.seats(Some(&shard)), call.time());
        let random = fastrand::u64(..);
        let look = self.process.admission(org, at, |known| known.looked(&others, seats, now, random));
        match look {
            Look::Room | Look::NoRoom => Ok(()),
            Look::Still => Ok(self.make_room(call, at, &shard).await.map(drop)?),
        }
    }

    /// A call that may reserve found no room.
    pub(crate) fn found_no_room(&self, call: &mut Call<'_>, at: ShardId, shard: &BalanceShard) {
        call.inside = None;
        self.process.forget_acknowledged(call.org, at, shard);
        let now = call.time();
        self.process.admission(call.org, at, |known| known.refused(shard, now, fastrand::u64(..)));
    }
}
