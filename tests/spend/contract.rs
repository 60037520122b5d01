//! The table in memory and the real one answer alike, call by call: what the simulator drives is what AWS is asked.
use saldo_adapters::clock::Clock;
use saldo_adapters::spend::{Heads, Reversed, Stored, Taken, Written};
use saldo_domain::{
    Channel, Country, Credits, DebitEntry, DebitId, Details, Head, OrgId, RING_ROOM, Reference, Reversal,
    Tag, Take,
};

use super::history::wait;
use super::store::{Port, State};
use crate::rig;

const CALLS: usize = 1_500;

/// One answer, whichever table gave it.
#[derive(Debug, PartialEq)]
enum Answer {
    Taken(Taken),
    Done,
    Written(Written),
    Stored(Stored),
    Head(Head),
    Reversal(Option<Reversal>),
    Reversed(Reversed),
}

enum Call {
    Take(Take),
    Put(DebitEntry),
    GiveBack(DebitId, Tag),
    Trim(Vec<(DebitId, Tag)>),
    Entry(DebitId),
    Head,
    Reversal(DebitId),
    Reverse(Reversal),
}

#[tokio::test(flavor = "multi_thread")]
async fn both_tables_answer_alike() {
    let clock = Clock::system();
    let saldo = rig::start(&clock).await;
    let store = saldo.world().store(&saldo.env_of("spend")).unwrap();
    let (mut refused, mut fullest) = (0, 0);
    for seed in 0..3 {
        let org = OrgId::parse(&format!("org-{seed}")).unwrap();
        let memory = Port::new(State::new(seed, None));
        assert_eq!(store.head(&org).await, memory_head(&memory, &org), "nothing there");
        rig::with_credits(&saldo, org.as_str()).await;
        memory.state().credit(1000);
        memory.state().head.as_mut().unwrap().ready = true;
        let mut rng = fastrand::Rng::with_seed(seed);
        let ids: Vec<_> = (0..30).map(|_| DebitId::parse(&rig::debit_id(&clock, 0)).unwrap()).collect();
        for at in 0..CALLS / 3 {
            let head = store.head(&org).await.unwrap();
            // The last organisation finishes nothing, so that its ring fills up.
            let kinds = if seed == 2 { 7 } else { 12 };
            let call = call(&mut rng, kinds, &ids, &head, &clock);
            fullest = fullest.max(head.ring.len());
            let real = answer(&store, &org, &call).await;
            let simulated = wait(answer(&memory, &org, &call));
            assert_eq!(real, simulated, "seed {seed}, call {at}");
            refused += usize::from(matches!(real, Ok(Answer::Taken(Taken::Refused(_)))));
        }
    }
    assert!(refused > 20, "only {refused} debits were refused");
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

fn memory_head(memory: &Port, org: &OrgId) -> Result<Head, saldo_adapters::PortError> {
    wait(memory.head(org))
}

fn call(rng: &mut fastrand::Rng, kinds: u32, ids: &[DebitId], head: &Head, clock: &Clock) -> Call {
    let id = ids[rng.usize(..ids.len())];
    let tag =
        head.ring.get(&id).copied().filter(|_| rng.u32(..4) > 0).unwrap_or(Tag(rng.i64(1..9) * 65_536 + 17));
    let trims = |rng: &mut fastrand::Rng| -> Vec<_> {
        let mut some: Vec<_> = head.ring.iter().map(|(id, tag)| (*id, *tag)).collect();
        rng.shuffle(&mut some);
        some.truncate(rng.usize(..=4));
        if let Some(first) = some.first_mut().filter(|_| rng.u32(..5) == 0) {
            first.1.0 += 65_536;
        }
        some
    };
    match rng.u32(..kinds) {
        0..=4 => {
            let (credits, channel) =
                (Credits(rng.i64(1..=if kinds == 12 { 60 } else { 2 })), Channel::ALL[rng.usize(..3)]);
            let trims = if rng.u32(..12) < kinds - 6 { trims(rng) } else { Vec::new() };
            let trims = trims.into_iter().filter(|(done, _)| *done != id).collect();
            Call::Take(Take { id, credits, code: Tag::code(credits, channel).unwrap(), trims })
        }
        5..=6 => {
            let details = rng.bool().then(|| Details {
                country: rng.bool().then(|| Country::parse("ID").unwrap()),
                reference: rng.bool().then(|| Reference::parse("order 17").unwrap()),
            });
            let (credits, available) = (tag.credits(), Credits(rng.i64(0..1000)));
            let channel = tag.channel().unwrap();
            Call::Put(DebitEntry { id, tag, credits, channel, details, available })
        }
        7 => Call::GiveBack(id, tag),
        8 => match trims(rng) {
            trims if trims.is_empty() => Call::Head,
            trims => Call::Trim(trims),
        },
        9 => Call::Entry(id),
        10 => Call::Reversal(id),
        _ => {
            let (credits, channel, available) = (Credits(1), Channel::Email, Credits(0));
            let debit = DebitEntry { id, tag, credits, channel, details: None, available };
            Call::Reverse(Reversal::of(&debit, clock.now()))
        }
    }
}

async fn answer<H: Heads>(heads: &H, org: &OrgId, call: &Call) -> Result<Answer, saldo_adapters::PortError> {
    match call {
        Call::Take(take) => heads.take(org, take).await.map(Answer::Taken),
        Call::Put(entry) => heads.put_entry(org, entry).await.map(Answer::Written),
        Call::GiveBack(id, tag) => heads.give_back(org, *id, *tag).await.map(|()| Answer::Done),
        Call::Trim(done) => heads.trim(org, done).await.map(|()| Answer::Done),
        Call::Entry(id) => heads.entry(org, *id).await.map(Answer::Stored),
        Call::Head => heads.head(org).await.map(Answer::Head),
        Call::Reversal(id) => heads.reversal(org, *id).await.map(Answer::Reversal),
        Call::Reverse(reversal) => heads.reverse(org, reversal).await.map(Answer::Reversed),
    }
}
