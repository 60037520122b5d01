//! The table in memory and the real one answer alike, call by call: what the simulator drives is what AWS is asked.
use saldo_adapters::PortError;
use saldo_adapters::clock::Clock;
use saldo_adapters::spend::{Heads, Taken};
use saldo_domain::{
    Channel, Country, Credits, DebitEntry, DebitId, Details, Funds, Gain, MOST_TRIMS, OrgId, Portion,
    RING_ROOM, Reference, Reversal, Shard, Split, Tag, Take,
};
use saldo_spend_model::{Answer, Op};

use super::history::wait;
use super::trouble::{Shared, State, port};
use crate::rig;

const CALLS: usize = 600;

/// What the calls of one organisation are like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Usual,
    /// Nothing is finished, so that the ring fills up.
    Filling,
    /// Credits move between shards, and the ledger is spread.
    Split,
}

/// An answer, or all heads.
#[derive(Debug, PartialEq)]
enum Said {
    One(Result<Answer, PortError>),
    Heads(Result<Funds, PortError>),
}

#[tokio::test(flavor = "multi_thread")]
async fn both_tables_answer_alike() {
    let clock = Clock::system();
    let saldo = rig::start(&clock).await;
    let store = saldo.world().store(&saldo.env_of("spend")).unwrap();
    let (mut refused, mut fullest, mut moved, mut several) = (0, 0, 0, 0);
    for (seed, kind) in (0..).zip([Kind::Usual, Kind::Filling, Kind::Split, Kind::Split]) {
        let org = OrgId::parse(&format!("org-{seed}")).unwrap();
        let memory = port(State::new(seed, None));
        assert_eq!(store.head(&org).await, wait(memory.head(&org)), "nothing there");
        assert_eq!(store.heads(&org).await, wait(memory.heads(&org)), "nothing there");
        rig::with_credits(&saldo, org.as_str()).await;
        memory.state().credit(1000);
        memory.state().table.main().ready = true;
        let mut rng = fastrand::Rng::with_seed(seed);
        let ids = ids(&mut rng, &clock);
        for at in 0..CALLS {
            let funds = store.heads(&org).await.unwrap();
            let op = op(&mut rng, kind, &ids, &funds, &clock);
            fullest = funds.values().map(|head| head.ring.len()).chain([fullest]).max().unwrap_or_default();
            let real = answer(&store, &org, &op).await;
            let simulated = wait(answer(&memory, &org, &op));
            assert_eq!(real, simulated, "seed {seed}, call {at}: {op:?}");
            refused += usize::from(matches!(real, Said::One(Ok(Answer::Taken(Taken::Refused(_))))));
            several += usize::from(matches!(&op, Op::Take(_, take) if take.portions.len() > 1));
            moved += usize::from(matches!((&op, &real), (Op::Shift(_), Said::One(Ok(_)))));
        }
    }
    assert!(refused > 20, "only {refused} takes were refused");
    assert!(several > 20, "only {several} takes were for several");
    assert!(moved > 20, "credits moved only {moved} times");
    assert!(fullest >= RING_ROOM, "no ring was full");
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_was_only_credited_is_made_ready() {
    let clock = Clock::system();
    let saldo = rig::start(&clock).await;
    let store = saldo.world().store(&saldo.env_of("spend")).unwrap();
    let org = OrgId::parse("acme").unwrap();
    assert!(store.make_ready(&org).await.is_err(), "there is nothing to make ready");
    rig::with_credits(&saldo, "acme").await;
    let client = crate::books::dynamodb(&saldo);
    let key = aws_sdk_dynamodb::types::AttributeValue::S;
    let update = client
        .update_item()
        .table_name(crate::books::table(&saldo))
        .key("pk", key("ORG#acme".to_owned()))
        .key("sk", key("BALANCE".to_owned()))
        .update_expression("REMOVE q, v");
    update.send().await.unwrap();
    assert!(!store.head(&org).await.unwrap().ready);
    let id = rig::debit_id(&clock, 0);
    let message = serde_json::json!({"channel": "sms"});
    let (status, debit) = rig::debit(&saldo, &saldo.world(), "acme", &id, &message).await;
    assert_eq!((status, &debit["available_credits"]), (201, &serde_json::json!(997)), "{debit}");
    crate::books::prove_always(&saldo, "a head of before").await;
    saldo.stop().await;
}

/// Some of a few runs.
fn ids(rng: &mut fastrand::Rng, clock: &Clock) -> Vec<DebitId> {
    let runs: Vec<_> = (0..6).map(|_| DebitId::parse(&rig::debit_id(clock, 0)).unwrap().run()).collect();
    (0..60).map(|_| runs[rng.usize(..runs.len())].id(rng.u8(..32)).unwrap()).collect()
}

fn op(rng: &mut fastrand::Rng, kind: Kind, ids: &[DebitId], funds: &Funds, clock: &Clock) -> Op {
    let id = ids[rng.usize(..ids.len())];
    let shard = match kind {
        Kind::Split => Shard::heads().nth(rng.usize(..4)).unwrap(),
        Kind::Usual | Kind::Filling => Shard::MAIN,
    };
    let head = funds.get(&shard).cloned().unwrap_or_default();
    let made_up = Tag(shard.first_turn() + rng.i64(1..9) * 65_536 + 17);
    let tag = head.ring.get(&id).copied().filter(|_| rng.u32(..4) > 0).unwrap_or(made_up);
    match rng.u32(..if kind == Kind::Filling { 7 } else { 16 }) {
        0..=4 => {
            let most = if kind == Kind::Filling { 2 } else { 60 };
            let mut portions: Vec<Portion> = Vec::new();
            for _ in 0..[1, 1, 2, 8][rng.usize(..4)] {
                let (id, credits) = (ids[rng.usize(..ids.len())], Credits(rng.i64(1..=most)));
                let code = Tag::code(credits, Channel::ALL[rng.usize(..Channel::ALL.len())]).unwrap();
                if portions.iter().all(|portion| portion.id != id) {
                    portions.push(Portion { id, credits, code });
                }
            }
            let mut trims = if kind == Kind::Filling { Vec::new() } else { trims(rng, &head) };
            trims.retain(|(done, _)| portions.iter().all(|portion| portion.id != *done));
            Op::Take(shard, Take { portions, trims, unsplit: rng.u32(..4) > 0 })
        }
        5..=6 => Op::Put(shard, entries(rng, id, tag)),
        7 => Op::GiveBack(id, tag),
        8 => match trims(rng, &head) {
            trims if trims.is_empty() => Op::Head,
            trims => Op::Trim(shard, trims),
        },
        9 => Op::Entries((0..rng.usize(1..9)).map(|_| (shard, ids[rng.usize(..ids.len())])).collect()),
        10 => Op::Reversal(id),
        11 => {
            let (credits, channel, available) = (Credits(1), Channel::Email, Credits(0));
            let debit = DebitEntry { id, tag, credits, channel, details: None, available };
            Op::Reverse(Reversal::of(&debit, clock.now()))
        }
        12 => Op::HeadOf(shard),
        _ if kind != Kind::Split => Op::Ready,
        13 => {
            if head.split == Split::No && rng.bool() {
                Op::AnnounceSplit
            } else {
                Op::Split(clock.now().plus_secs(rng.i64(0..600)))
            }
        }
        _ => {
            let givers: Vec<_> =
                Shard::heads().take(4).filter(|giver| *giver != shard && rng.bool()).collect();
            let from: Vec<_> = givers.into_iter().map(|giver| (giver, Credits(rng.i64(1..40)))).collect();
            if from.is_empty() { Op::Ready } else { Op::Shift(Gain { to: shard, from }) }
        }
    }
}

/// Some of a ring, now and then with a wrong tag.
fn trims(rng: &mut fastrand::Rng, head: &saldo_domain::Head) -> Vec<(DebitId, Tag)> {
    let mut some: Vec<_> = head.ring.iter().map(|(id, tag)| (*id, *tag)).collect();
    rng.shuffle(&mut some);
    some.truncate([0, 1, 4, MOST_TRIMS][rng.usize(..4)]);
    if let Some(first) = some.first_mut().filter(|_| rng.u32(..5) == 0) {
        first.1.0 += 65_536;
    }
    some
}

/// Entries of the run of `id`, up to three.
fn entries(rng: &mut fastrand::Rng, id: DebitId, tag: Tag) -> Vec<DebitEntry> {
    let mut places = vec![id.place()];
    places.extend((0..rng.usize(..3)).map(|_| rng.u8(..32)).filter(|place| *place != id.place()));
    places.sort_unstable();
    places.dedup();
    let entry = |place: u8| {
        let details = rng.bool().then(|| Details {
            country: rng.bool().then(|| Country::parse("ID").unwrap()),
            reference: rng.bool().then(|| Reference::parse("order 17").unwrap()),
        });
        let (credits, channel) = (tag.credits(), tag.channel().unwrap());
        let id = id.run().id(place).unwrap();
        DebitEntry { id, tag, credits, channel, details, available: Credits(rng.i64(0..1000)) }
    };
    places.into_iter().map(entry).collect()
}

async fn answer<H: Heads>(heads: &H, org: &OrgId, op: &Op) -> Said {
    let done = |result: Result<(), PortError>| result.map(Answer::Done);
    Said::One(match op {
        Op::Take(shard, take) => heads.take(org, *shard, take).await.map(Answer::Taken),
        Op::Ready => done(heads.make_ready(org).await),
        Op::Put(ledger, entries) => heads.put_entries(org, *ledger, entries).await.map(Answer::Written),
        Op::GiveBack(id, tag) => done(heads.give_back(org, *id, *tag).await),
        Op::Trim(shard, trims) => done(heads.trim(org, *shard, trims).await),
        Op::Entries(ids) => heads.entries(org, ids).await.map(Answer::Entries),
        Op::Head => heads.head(org).await.map(Answer::Head),
        Op::HeadOf(_) => return Said::Heads(heads.heads(org).await),
        Op::Shift(gain) => done(heads.shift(org, gain).await),
        Op::AnnounceSplit => done(heads.announce_split(org).await),
        Op::Split(since) => done(heads.split(org, *since).await),
        Op::Reversal(id) => heads.reversal(org, *id).await.map(Answer::Reversal),
        Op::Reverse(reversal) => heads.reverse(org, reversal).await.map(Answer::Reversed),
    })
}
