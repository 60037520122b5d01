//! The second write of a debit: entries are written, and what was reserved twice for one id is given back.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use saldo_domain::{
    Actor, BalanceShards, Channel, Counted, Credits, DebitEntry, DebitId, Details, Hold, Known, OrgId,
    PortError, RunId, Sharding, Stamp, Timestamp, Told,
};

use crate::call::Call;
use crate::outcome::{SpendError, broken};
use crate::port::{Balances, Stored, Written};
use crate::spender::Spender;

impl<B: Balances> Spender<B> {
    /// Finishes what is left of a call and pending somewhere.
    pub(crate) async fn answer_from_pending(
        &self,
        call: &mut Call<'_>,
        all: &BalanceShards,
    ) -> Result<(), SpendError> {
        for shard in all.values() {
            self.finish_pending(call, &shard.pending, shard.credits, &BTreeMap::new()).await?;
        }
        Ok(())
    }

    /// Writes the entries of what is left and pending here, with all that its sender said, and answers. `counted` is said of
    /// those alone that this call has reserved itself: of others nobody knows for what message they were counted.
    pub(crate) async fn finish_pending(
        &self,
        call: &mut Call<'_>,
        pending: &BTreeMap<DebitId, Stamp>,
        available: Credits,
        counted: &BTreeMap<DebitId, Counted>,
    ) -> Result<(), SpendError> {
        self.finish_others(call, pending, available).await?;
        let mut entries = Vec::new();
        for debit in &call.left {
            let Some(stamp) = pending.get(&debit.id).filter(|stamp| stamp.is_held() == call.hold) else {
                continue;
            };
            let entry = self.entry_from_stamp(debit.id, *stamp, available, call.now)?;
            // What another attempt reserved may have been for another message: whichever says first what it was for is it,
            // as far as the stamp fits.
            let completed = entry.completed_by(debit, call.actor, call.now).map(|completed| {
                // Nobody was told of it yet.
                let hold = completed.hold.and_then(|hold| Some(Hold { terms: debit.hold?, ..hold }));
                DebitEntry { hold, ..completed }
            });
            let entry = completed.unwrap_or(entry);
            let counted = counted.get(&debit.id).cloned().unwrap_or_default();
            entries.push(DebitEntry { counted, ..entry });
        }
        for (id, stored, new) in self.finish(call.org, call.sharding, entries).await? {
            self.answer(call, id, stored, new).await?;
        }
        Ok(())
    }

    /// A hold and a debit may have the same id. On one balance shard the second one is reserved when the first one is pending no
    /// more, which is seen to here.
    async fn finish_others(
        &self,
        call: &Call<'_>,
        pending: &BTreeMap<DebitId, Stamp>,
        available: Credits,
    ) -> Result<(), PortError> {
        let others = call.left.iter().filter_map(|debit| Some((debit.id, *pending.get(&debit.id)?)));
        let others: Vec<_> = others.filter(|(_, stamp)| stamp.is_held() != call.hold).collect();
        if others.is_empty() {
            return Ok(());
        }
        self.finish_from_stamps(call.org, call.sharding, &others, available, call.now).await?;
        for one in others {
            self.balances.acknowledge(call.org, one.1.shard(), &[one]).await?;
        }
        Ok(())
    }

    /// Writes the entries of applications, or undoes an application when the entry is of another one. Gives the entry
    /// that each debit has then, and whether it is new.
    async fn finish(
        &self,
        org: &OrgId,
        sharding: Sharding,
        entries: Vec<DebitEntry>,
    ) -> Result<Vec<(DebitId, Stored, bool)>, PortError> {
        let mut runs: BTreeMap<(RunId, bool), Vec<DebitEntry>> = BTreeMap::new();
        for entry in entries {
            runs.entry((entry.id.run(), entry.hold.is_some())).or_default().push(entry);
        }
        let written = try_join_all(runs.into_values().map(|run| self.write_run(org, sharding, run))).await?;
        let written: Vec<_> = written.into_iter().flatten().collect();
        let carries = |entry: &DebitEntry, stored: &Stored| {
            stored.entry().is_some_and(|found| found.stamp == entry.stamp)
        };
        let ours = written.iter().filter(|(entry, stored, _)| carries(entry, stored));
        self.process.wrote(org, ours.map(|(entry, ..)| (entry.id, entry.stamp)));
        let mut finished = Vec::new();
        for (entry, stored, new) in written {
            if !carries(&entry, &stored) {
                self.balances.give_back(org, entry.id, entry.stamp, &entry.counted).await?;
            }
            finished.push((entry.id, stored, new));
        }
        Ok(finished)
    }

    async fn write_run(
        &self,
        org: &OrgId,
        sharding: Sharding,
        mut entries: Vec<DebitEntry>,
    ) -> Result<Vec<(DebitEntry, Stored, bool)>, PortError> {
        let mut found = Vec::new();
        while let Some(first) = entries.first() {
            let ledger = sharding.ledger_of(first.id, first.hold.is_some());
            match self.balances.put_entries(org, ledger, &entries).await? {
                Written::New => {
                    found
                        .extend(entries.into_iter().map(|entry| (entry.clone(), Stored::Debit(entry), true)));
                    break;
                }
                Written::Before(there) => {
                    let pairs: Vec<_> = entries.into_iter().zip(there).collect();
                    if pairs.iter().all(|(_, stored)| *stored == Stored::Nothing) {
                        return Err(broken("entries were refused though none is there"));
                    }
                    let (absent, there): (Vec<_>, Vec<_>) =
                        pairs.into_iter().partition(|(_, stored)| *stored == Stored::Nothing);
                    found.extend(there.into_iter().map(|(entry, stored)| (entry, stored, false)));
                    entries = absent.into_iter().map(|(entry, _)| entry).collect();
                }
            }
        }
        Ok(found)
    }

    /// Finishes debits of which only the stamps are known. Gives what each has in the ledger then.
    pub(crate) async fn finish_from_stamps(
        &self,
        org: &OrgId,
        sharding: Sharding,
        pending: &[(DebitId, Stamp)],
        available: Credits,
        now: Timestamp,
    ) -> Result<Vec<(DebitId, Stored)>, PortError> {
        let entries = pending.iter().map(|(id, stamp)| self.entry_from_stamp(*id, *stamp, available, now));
        let finished = self.finish(org, sharding, entries.collect::<Result<_, _>>()?).await?;
        Ok(finished.into_iter().map(|(id, stored, _)| (id, stored)).collect())
    }

    /// The entry of an application, as far as its stamp tells, booked at `now`. A stamp tells the number of a meter, whose
    /// name is that of the meters that this process knows.
    fn entry_from_stamp(
        &self,
        id: DebitId,
        stamp: Stamp,
        available: Credits,
        now: Timestamp,
    ) -> Result<DebitEntry, PortError> {
        let told = stamp.told().ok_or_else(|| broken("a stamp tells no debit"))?;
        let named = self.meters.as_ref().and_then(|meters| meters.of_number(told.meter));
        let (channel, class) = named.unwrap_or_else(|| (Channel::of_number(told.meter), None));
        let Told { rate, units, country, hold, known, .. } = told;
        let version = self
            .meters
            .as_ref()
            .filter(|_| known == Known::ButReference)
            .and_then(|meters| meters.version_at(id.at(), rate, channel, class, country));
        Ok(DebitEntry {
            id,
            stamp,
            credits: stamp.credits(),
            version,
            channel,
            details: Details { units, class, country, reference: None },
            known,
            available,
            actor: Actor::System,
            booked_at: now.whole_secs(),
            shown: known,
            hold: hold.then(|| Hold::of_repair(stamp.credits(), id.at())),
            counted: Counted::default(),
        })
    }
}
