//! How large the items of spending are, in bytes, as the adapter writes them and DynamoDB counts them.

use saldo_domain::{
    BalanceShard, Codes, Counters, DebitEntry, Details, Known, OrgId, RateVersion, RunId, ShardId, Sharding,
    Stamp, Units,
};

/// What a write unit writes, in bytes.
const UNIT: usize = 1_024;

/// The write units of an item of so many bytes.
pub(crate) fn units(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(UNIT).max(1)).unwrap_or(u64::MAX)
}

/// A name and its number: a byte for each two digits, and one.
fn number(name: &str, value: impl Into<i128>) -> usize {
    name.len() + value.into().to_string().len().div_ceil(2) + 1
}

fn text(name: &str, text: &str) -> usize {
    name.len() + text.len()
}

/// A name and its map, of so many members of these bytes together.
fn map(name: &str, members: usize, bytes: usize) -> usize {
    name.len() + 3 + members + bytes
}

fn partition(first: String, id: ShardId) -> String {
    if id == ShardId::MAIN { first } else { format!("{first}#{}", id.number()) }
}

/// A debit that is pending by itself, as a member of the map.
pub(crate) fn alone(stamp: Stamp) -> usize {
    // Sixteen bytes in base 64 without padding.
    1 + number(&"_".repeat(22), stamp.number())
}

/// Those that are pending in a group, as members of the map: its sequence, and the parts of its codes. Nothing for no debit.
pub(crate) fn group(sequence: i64, codes: &Codes) -> usize {
    if codes.is_empty() {
        return 0;
    }
    // A letter less for the run, and a point and a digit for each part.
    let parts = codes.parts().into_iter().map(|part| 1 + 23 + part.len());
    1 + number(&"_".repeat(21), sequence) + parts.sum::<usize>()
}

/// A balance shard. What it comes to have in its life is counted even where it is not there yet.
pub(crate) fn shard(org: &OrgId, id: ShardId, shard: &BalanceShard) -> usize {
    let main = match shard.sharding {
        Sharding::No => 0,
        Sharding::Announced => number("s", 0),
        Sharding::Since(since) => number("s", since.ms()),
    };
    let groups = shard.groups();
    let groups = groups.values().map(|one| group(one.sequence, &one.codes)).sum::<usize>();
    let pending = shard.pending.values().filter(|stamp| !stamp.is_in_group()).map(|stamp| alone(*stamp));
    text("pk", &partition(format!("ORG#{org}"), id))
        + text("sk", "BALANCE")
        + number("credits", shard.credits.0)
        + number("v", shard.sequence)
        + number("g", shard.movements)
        + if shard.returns > 0 { number("i", shard.returns) + number("r", shard.returned.0) } else { 0 }
        + number("t", shard.reserved_at.secs())
        + number("e", shard.epoch)
        + number("f", i64::from(shard.refused))
        + if shard.halted { number("o", 1) } else { 0 }
        + shard.shards.map_or(0, |shards| number("n", shards))
        + main
        + counters(&shard.budgets)
        + map("q", 0, pending.sum::<usize>() + groups)
}

/// What a shard keeps of budgets, where there are any.
fn counters(budgets: &Counters) -> usize {
    if budgets.version == 0 {
        return 0;
    }
    let counted = budgets.counted.iter().map(|(budget, credits)| number(&format!("u{budget}"), *credits));
    number("c", budgets.version) + number("d", budgets.day.0) + counted.sum::<usize>()
}

/// The item of a run without its debits, all of which are of this actor and version.
pub(crate) fn run(org: &OrgId, ledger: ShardId, run: RunId, first: &DebitEntry) -> usize {
    let partition = partition(format!("LEDGER#{org}#{}", run.first().month().digits()), ledger);
    text("pk", &partition)
        + text("sk", &run.first().to_string())
        + text("kind", "debits")
        + text("by", &first.actor.to_string())
        + first.version.map_or(0, |RateVersion(version)| number("w", version))
}

/// A debit in the item of its run.
pub(crate) fn debit(entry: &DebitEntry) -> usize {
    let DebitEntry { id, stamp, credits, channel, details, known, available, booked_at, counted, .. } = entry;
    let Details { units, class, country, reference } = details;
    let later = booked_at.secs() - id.at().secs();
    let members = [
        Some(number("t", stamp.mark())),
        Some(number("n", credits.0)),
        Some(number("a", available.0)),
        Some(text("ch", channel.as_str())),
        class.as_ref().map(|class| text("cl", class.as_str())),
        country.as_ref().map(|country| text("co", country.as_str())),
        reference.as_ref().map(|reference| text("r", reference.as_str())),
        (*units != Units::ONE).then(|| number("u", units.get())),
        (later != 0).then(|| number("b", later)),
        (!counted.numbers.is_empty()).then(|| {
            let numbers: Vec<_> = counted.numbers.iter().map(i64::to_string).collect();
            text("k", &numbers.join(","))
        }),
        (*known < Known::Everything).then(|| number("by_repair", 1)),
    ];
    let there = members.iter().flatten().count();
    map("00", there, members.iter().flatten().sum())
}

#[cfg(test)]
mod tests {
    use saldo_domain::{Actor, Channel, Class, Country, Credits, DebitId, Reference, Subject, Timestamp};

    use super::*;

    /// The largest shard that the adapter's own tests know, whose bytes stand in the architecture's list of limits.
    #[test]
    fn a_full_shard_is_as_large_as_the_adapter_says() {
        let org = OrgId::parse(&"x".repeat(36)).unwrap();
        let last = ShardId::balances().last().unwrap();
        let sequence = last.first_sequence() + (1 << 56) - 1;
        let details = |units: i64, class: &str| Details {
            units: Units::new(units).unwrap(),
            class: Class::parse(class),
            country: Country::parse("ID"),
            reference: None,
        };
        let full = |count: u8, units: i64, class: &str| {
            let code = Stamp::code(Credits(999 * units), Channel::EMAIL, &details(units, class)).unwrap();
            let mut bytes = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667700").unwrap().bytes();
            let ids = (0..count).map(|at| {
                bytes[15] = at;
                DebitId::from_bytes(bytes).unwrap()
            });
            BalanceShard {
                credits: Credits(999_999_999_999),
                sequence,
                movements: 999_999_999,
                reserved_at: Timestamp::from_secs(9_999_999_999),
                epoch: 999_999,
                refused: true,
                halted: true,
                pending: ids.map(|id| (id, Stamp::given(sequence, code))).collect(),
                ..BalanceShard::default()
            }
        };
        assert_eq!(shard(&org, last, &full(26, 1, "")), 1_017);
        assert_eq!(shard(&org, last, &full(0, 1, "")), 107);
        assert_eq!(units(shard(&org, last, &full(26, 1, ""))), 1);
        assert_eq!(units(shard(&org, last, &full(27, 1, ""))), 2);
        assert_eq!(units(shard(&org, last, &full(21, 1_000_000_000, "utility"))), 1);
        assert_eq!(units(shard(&org, last, &full(60, 1, ""))), 3);
        assert_eq!((units(0), units(1_024), units(1_025)), (1, 1, 2));
    }

    #[test]
    fn ten_debits_of_a_run_are_one_unit_and_twenty_five_two() {
        let of = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667780").unwrap().run();
        let entry = |place: u8| DebitEntry {
            id: of.id(place).unwrap(),
            stamp: Stamp(999_999_999_999_999),
            credits: Credits(4_095),
            version: Some(RateVersion(99)),
            channel: Channel::WHATSAPP,
            details: Details {
                country: Country::parse("ID"),
                reference: Reference::parse(&"x".repeat(36)).ok(),
                ..Details::default()
            },
            known: Known::Everything,
            available: Credits(999_999_999_999),
            actor: Actor::Machine(Subject::parse("hGq2kXv9bQ7TzL1mPw4RsYd8NcFbJe5U@clients").unwrap()),
            booked_at: of.id(place).unwrap().at().whole_secs(),
            shown: Known::Everything,
            hold: None,
            counted: saldo_domain::Counted::default(),
        };
        let org = OrgId::parse("org_2kXv9bQ7TzL1").unwrap();
        let item = |count| {
            let debits: usize = (0..count).map(|place| debit(&entry(place))).sum();
            units(run(&org, ShardId::MAIN, of, &entry(0)) + debits)
        };
        assert_eq!((item(1), item(9), item(10), item(25)), (1, 1, 1, 3));
    }
}
