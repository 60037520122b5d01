//! Single cases of the protocol that random histories let pass as a failed call.
use saldo_adapters::spend::Spender;
use saldo_domain::{
    Channel, Country, Credits, Debit, DebitEntry, Details, OrgId, RING_ROOM, Shard, TURN, Tag, Timestamp,
};

use saldo_spend_model::Row;

use super::history::{self, wait};
use super::trouble::{self, Port, Shared, State};

fn port() -> (OrgId, Port, Timestamp) {
    let mut state = State::new(1, None);
    state.credit(1000);
    state.table.main().ready = true;
    (OrgId::parse("acme").unwrap(), trouble::port(state), Timestamp::from_ms(history::START_MS))
}

fn debit(at: u8) -> Debit {
    history::debit(&mut fastrand::Rng::with_seed(u64::from(at)), at, Timestamp::from_ms(history::START_MS))
}

#[test]
fn a_late_duplicate_of_what_is_to_be_forgotten_stops_no_debit() {
    let (org, port, now) = port();
    let sender = Spender::new(port.another());
    let first = debit(1);
    wait(sender.debit(&org, &first, now)).unwrap();
    {
        let mut state = port.state();
        let head = state.table.main();
        let tag = head.ring.get_mut(&first.id).unwrap();
        tag.0 += TURN;
        head.turns += TURN;
        head.credits.0 -= first.credits.0;
    }
    let done = wait(sender.debit(&org, &debit(2), now)).unwrap();
    assert!(!done.repeated);
}

#[test]
fn a_full_ring_of_finished_debits_stops_no_debit() {
    let (org, port, now) = port();
    for at in 0..u8::try_from(RING_ROOM).unwrap() {
        // Each from a process that never comes back.
        wait(Spender::new(port.another()).debit(&org, &debit(at), now)).unwrap();
    }
    assert_eq!(port.state().table.main().ring.len(), RING_ROOM);
    let done = wait(Spender::new(port.another()).debit(&org, &debit(100), now)).unwrap();
    assert!(!done.repeated);
    assert!(port.state().table.main().ring.len() < RING_ROOM, "some were forgotten");
}

#[test]
fn who_finishes_another_ones_debit_does_not_say_what_it_was_for() {
    let (org, port, now) = port();
    let (id, channel) = (debit(1).id, Channel::Whatsapp);
    let tag = Tag(Tag::code(Credits(5), channel).unwrap());
    {
        let mut state = port.state();
        let head = state.table.main();
        head.ring.insert(id, tag);
        (head.turns, head.credits.0) = (TURN, head.credits.0 - 5);
    }
    let details = Details { country: Country::parse("ID"), reference: None };
    let cheaper = Debit { id, credits: Credits(2), channel, details };
    let done = wait(Spender::new(port.another()).debit(&org, &cheaper, now)).unwrap();
    assert_eq!((done.credits, done.available), (Credits(5), Credits(995)), "as it was taken");
    let (credits, available) = (Credits(5), Credits(995));
    let entry = DebitEntry { id, tag, credits, channel, details: None, available };
    assert_eq!(port.state().table.ledger.get(&(Shard::MAIN, id.entry())), Some(&Row::Debit(entry)));
}
