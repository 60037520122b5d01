//! What is taken out of a pending group by several at the same moment is taken out once, on the real table.
use saldo_adapters::clock::Clock;
use saldo_credits::{Balances as _, Reserved};
use saldo_domain::{
    Channel, Counted, Counting, Credits, DebitId, Details, OrgId, PortError, Reservation, ReservedDebit,
    ShardId, Stamp,
};
use tokio::task::JoinSet;

use crate::support::{books, system};

fn reserving(ids: &[DebitId], acknowledged: Vec<(DebitId, Stamp)>, clock: &Clock) -> Reservation {
    // Of several kinds, so that the codes are several parts.
    let debit = |id: &DebitId| {
        let credits = Credits(1 + i64::from(id.place() % 7));
        let code = Stamp::code(credits, Channel::SMS, &Details::default()).unwrap();
        ReservedDebit { id: *id, credits, code }
    };
    let (debits, counting) = (ids.iter().map(debit).collect(), Counting::default());
    Reservation { debits, acknowledged, unsharded: true, epoch: 0, counting, at: clock.now() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_several_take_out_of_a_group_at_once_is_taken_out_once() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    let store = saldo.world().store(&saldo.env_of("spend")).unwrap();
    let org = OrgId::parse("acme").unwrap();
    system::with_credits(&saldo, "acme").await;
    for round in 0..6 {
        let before = store.main_shard(&org).await.unwrap();
        let run = DebitId::parse(&system::debit_id(&clock, 0)).unwrap().run();
        let ids: Vec<_> = (0..25).map(|place| run.id(place).unwrap()).collect();
        let reserved =
            store.reserve(&org, ShardId::MAIN, &reserving(&ids, Vec::new(), &clock)).await.unwrap();
        let Reserved::Done(shard) = reserved else { panic!("round {round}: {reserved:?}") };
        assert!(ids.iter().all(|id| shard.pending[id].is_in_group()));
        assert!(shard.groups()[&run].codes.parts().len() > 1);
        let all: Vec<_> = ids.iter().map(|id| (*id, shard.pending[id])).collect();
        // Five acknowledge four each, the last of which another one acknowledges too; five are given back; one of the run is
        // reserved beside it by somebody who acknowledges what nobody else does.
        let mut at_once = JoinSet::new();
        for part in all[..20].chunks(4) {
            for some in [part.to_vec(), part[3..].to_vec()] {
                let (store, org) = (store.clone(), org.clone());
                at_once.spawn(async move {
                    while store.acknowledge(&org, ShardId::MAIN, &some).await == Err(PortError::Conflict) {}
                });
            }
        }
        for (id, stamp) in all[20..23].iter().flat_map(|one| [*one; 2]) {
            let (store, org) = (store.clone(), org.clone());
            at_once.spawn(async move {
                while store.give_back(&org, id, stamp, &Counted::default()).await.is_err() {}
            });
        }
        let beside = run.id(30).unwrap();
        let (reserver, of, clock_of) = (store.clone(), org.clone(), clock.clone());
        let done = all[23..].to_vec();
        at_once.spawn(async move {
            for _ in 0..50 {
                let reservation = reserving(&[beside], done.clone(), &clock_of);
                if let Ok(Reserved::Done(_)) = reserver.reserve(&of, ShardId::MAIN, &reservation).await {
                    return;
                }
            }
            panic!("never reserved");
        });
        while let Some(ended) = at_once.join_next().await {
            ended.unwrap();
        }
        let after = store.main_shard(&org).await.unwrap();
        let left: Vec<_> = after.pending.keys().filter(|id| id.run() == run).collect();
        assert_eq!(left, [&beside], "round {round}");
        assert!(!after.pending[&beside].is_in_group(), "beside the group of its run");
        let spent: i64 = all[..20].iter().chain(&all[23..]).map(|(_, stamp)| stamp.credits().0).sum();
        assert_eq!(after.credits.0, before.credits.0 - spent - after.pending[&beside].credits().0);
        store.give_back(&org, beside, after.pending[&beside], &Counted::default()).await.unwrap();
        assert_eq!(books::pending(&saldo).await, [("acme".to_owned(), 0)]);
    }
    saldo.stop().await;
}
