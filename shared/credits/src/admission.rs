//! Admission: the calls of many processes take turns at a crowded balance shard.

use saldo_domain::{Admission, BalanceShard, LONGEST_WAIT_MS, Look, OrgId, ShardId};

use crate::call::Call;
use crate::outcome::SpendError;
use crate::port::Balances;
use crate::process::Process;
use crate::spender::Spender;

/// A call that may reserve on a balance shard, until it is dropped.
pub(crate) struct Inside<'a> {
    org: &'a OrgId,
    shard: ShardId,
    process: &'a Process,
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.process.admission(self.org, self.shard, Admission::leave);
    }
}

impl<B: Balances> Spender<B> {
    /// Goes inside at once where there is no crowd. Else waits until there is room, and looks for it by what it reads, which
    /// costs no write; [`SpendError::Crowded`] when that takes too long.
    pub(crate) async fn enter<'a>(&'a self, call: &mut Call<'a>, at: ShardId) -> Result<(), SpendError> {
        if call.inside.as_ref().is_some_and(|inside| inside.shard == at) {
            return Ok(());
        }
        let (org, process) = (call.org, &*self.process);
        while let Err(ms) = process.admission(org, at, |known| known.enter(call.time())) {
            if call.waited_ms.saturating_add(ms) > LONGEST_WAIT_MS {
                let secs = process.admission(org, at, |known| known.retry_after_secs(fastrand::u64(..)));
                return Err(SpendError::Crowded { retry_after_secs: secs });
            }
            self.balances.pause(ms).await;
            call.waited_ms += ms;
            self.look(call, at).await?;
        }
        call.inside = Some(Inside { org, shard: at, process });
        Ok(())
    }

    async fn look(&self, call: &Call<'_>, at: ShardId) -> Result<(), SpendError> {
        let org = call.org;
        let shard = self.balances.shard(org, at).await?;
        self.process.saw(org, at, &shard);
        self.process.forget_acknowledged(org, at, &shard);
        let now = call.time();
        let look = self.process.admission(org, at, |known| known.looked(&shard, now, fastrand::u64(..)));
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
