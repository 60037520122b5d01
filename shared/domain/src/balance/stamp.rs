//! The stamp: the mark that the database gives one application of a debit to a balance shard.
//!
//! It is `sequence before + code`. The sequence moves in steps of [`SEQUENCE_STEP`], so that the low 16 bits of a code lie
//! below it; what else is to be known lies above it, from bit 60 on, where no sequence comes:
//!
//! | bits | what |
//! |---|---|
//! | 0 to 3 | the meter's number, its last four bits |
//! | 4 to 15 | the rate, its last twelve bits |
//! | 16 to 59 | the sequence of the balance shard |
//! | 60 | 1 where the stamp tells all that is below; in stamps of before 0: then it is one unit, and no more is known |
//! | 61 to 70 | the country, 0 for none |
//! | 71 to 85 | the meter's number, the rest |
//! | 86 to 115 | the units, less one |
//! | 116 to 123 | the rate, the rest |
//! | 124 | 1 where it is a hold |
//! | 125 | 1 where it is pending in a group: said of it while it is, and no part of the number |
//!
//! What is rarely there lies highest, as each two digits of a number cost a byte of the balance shard: 11 bytes with nothing
//! of it, 12 with a country, 14 with a class, 20 at the most and of a hold. An entry keeps the mark alone, which is the lower 60 bits.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use super::{Details, Known, ShardId};
use crate::{Channel, Country, Credits, Units};

/// How far the sequence of a balance shard moves with every reservation.
pub const SEQUENCE_STEP: i64 = 65_536;
/// The sequence of shard `n` starts at `n` times this, so that no two shards ever give the same stamp: room for a million
/// million reservations each.
const SHARD_SEQUENCE: i64 = 1 << 56;
/// Below this lies the mark.
const MARKS: i128 = 1 << 60;
const HELD: i128 = 1 << 124;
const IN_GROUP: i128 = 1 << 125;

/// The mark of one application of a debit to a balance, given by the database: no two applications of an id share one,
/// and it tells from which shard credits were reserved. As it is pending, it tells how many and for what, too; two are the same
/// when their marks are.
#[derive(Clone, Copy)]
pub struct Stamp(pub i128);

/// What a stamp tells of a debit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// [`Channel::number`] of the meter and its class.
    pub meter: u32,
    pub rate: Credits,
    pub units: Units,
    pub country: Option<Country>,
    pub hold: bool,
    /// How much of the debit that is.
    pub known: Known,
}

impl Stamp {
    /// What a debit adds to the sequence to make its stamp; `None` for what no debit can be of: credits that are not its units
    /// at one rate, or more than there may be.
    #[must_use]
    pub fn code(credits: Credits, channel: Channel, details: &Details) -> Option<i128> {
        let rate = i128::from(details.units.rate(credits)?.0);
        let meter = i128::from(channel.number(details.class));
        let country = i128::from(details.country.map_or(0, Country::number));
        let units = i128::from(details.units.get() - 1);
        let low = (meter & 15) | ((rate & 4_095) << 4);
        Some(low | (1 << 60) | (country << 61) | ((meter >> 4) << 71) | (units << 86) | ((rate >> 12) << 116))
    }

    /// The code of a hold, from what it would be for a debit.
    #[must_use]
    pub fn held(code: i128) -> i128 {
        code | HELD
    }

    /// Whether it is a hold's.
    #[must_use]
    pub fn is_held(self) -> bool {
        self.0 & HELD != 0
    }

    /// The same where it is pending in a group of its run, which one that is keeps all its life.
    #[must_use]
    pub fn in_group(self) -> Stamp {
        Stamp(self.0 | IN_GROUP)
    }

    #[must_use]
    pub fn is_in_group(self) -> bool {
        self.0 >> 125 == 1
    }

    /// The number that the database has given.
    #[must_use]
    pub fn number(self) -> i128 {
        if self.is_in_group() { self.0 & !IN_GROUP } else { self.0 }
    }

    /// The sequence at which it was given.
    #[must_use]
    pub fn sequence(self) -> i64 {
        self.mark() & !(SEQUENCE_STEP - 1)
    }

    /// The code of the debit that it was given to.
    #[must_use]
    pub fn code_given(self) -> i128 {
        self.number() - i128::from(self.sequence())
    }

    /// Stamps of before told less: one unit, at up to 4,095 credits, of one of three meters.
    #[must_use]
    pub fn code_of_before(credits: Credits, channel: Channel) -> i128 {
        i128::from(credits.0 << 4) | i128::from(channel.number(None))
    }

    /// What the shard gives to a reservation at this sequence.
    #[must_use]
    pub fn given(sequence: i64, code: i128) -> Stamp {
        Stamp(i128::from(sequence) + code)
    }

    /// As an entry keeps it.
    #[must_use]
    pub fn mark(self) -> i64 {
        i64::try_from(self.0.rem_euclid(MARKS)).unwrap_or_default()
    }

    /// The credits that were reserved.
    #[must_use]
    pub fn credits(self) -> Credits {
        self.told().map_or(Credits::ZERO, |told| told.units.at(told.rate).unwrap_or_default())
    }

    /// What a pending debit's stamp tells; `None` for a number that no debit has.
    #[must_use]
    pub fn told(self) -> Option<Told> {
        let number = self.number();
        let part = |from: u32, bits: u32| (number >> from) & ((1 << bits) - 1);
        let meter = u32::try_from(part(0, 4) | (part(71, 15) << 4)).ok()?;
        let rate = Credits(i64::try_from(part(4, 12) | (part(116, 8) << 12)).ok()?);
        let units = Units::new(i64::try_from(part(86, 30)).ok()? + 1)?;
        let all = part(60, 1) == 1;
        let country = Country::of_number(u32::try_from(part(61, 10)).ok()?);
        let known = if all { Known::ButReference } else { Known::ChannelOnly };
        let hold = self.is_held();
        let fits = number >> 125 == 0 && meter > 0 && units.at(rate).is_some();
        fits.then_some(Told { meter, rate, units, country, hold, known })
    }

    /// Which balance shard gave it.
    #[must_use]
    pub fn shard(self) -> ShardId {
        ShardId::of_number(self.mark().div_euclid(SHARD_SEQUENCE))
    }
}

impl PartialEq for Stamp {
    fn eq(&self, other: &Stamp) -> bool {
        self.mark() == other.mark()
    }
}

impl Eq for Stamp {}

impl Ord for Stamp {
    fn cmp(&self, other: &Stamp) -> Ordering {
        self.mark().cmp(&other.mark())
    }
}

impl PartialOrd for Stamp {
    fn partial_cmp(&self, other: &Stamp) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Stamp {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.mark().hash(state);
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stamp({})", self.number())
    }
}

impl ShardId {
    /// Where the sequence of this balance shard starts.
    #[must_use]
    pub fn first_sequence(self) -> i64 {
        i64::from(self.number()) * SHARD_SEQUENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Class, MOST_CREDITS, MOST_RATE, MOST_UNITS};

    fn details(units: i64, class: Option<&str>, country: Option<&str>) -> Details {
        let (class, country) = (class.and_then(Class::parse), country.and_then(Country::parse));
        Details { units: Units::new(units).unwrap(), class, country, reference: None }
    }

    #[test]
    fn a_stamp_tells_what_was_reserved_and_where() {
        let voice = Channel::parse("voice").unwrap();
        for shard in ShardId::balances() {
            for channel in [Channel::EMAIL, Channel::WHATSAPP, Channel::SMS, voice] {
                for (units, rate) in
                    [(1, 0), (1, 1), (1, 4_096), (3, 4_095), (MOST_UNITS, 1_000), (1_000_000, MOST_RATE)]
                {
                    for (class, country) in
                        [(None, None), (Some("utility"), None), (None, Some("ZZ")), (Some("a"), Some("AA"))]
                    {
                        let details = details(units, class, country);
                        let credits = Credits(units * rate);
                        let code = Stamp::code(credits, channel, &details).unwrap();
                        let sequence = shard.first_sequence() + 7 * SEQUENCE_STEP;
                        let stamp = Stamp::given(sequence, code);
                        let told = stamp.told().unwrap();
                        assert_eq!((stamp.credits(), stamp.shard()), (credits, shard));
                        assert_eq!((told.units.get(), told.rate.0), (units, rate));
                        assert_eq!(told.meter, channel.number(details.class));
                        assert_eq!((told.country, told.known), (details.country, Known::ButReference));
                        assert_eq!(stamp.mark() & !(SEQUENCE_STEP - 1), sequence);
                    }
                }
            }
        }
    }

    #[test]
    fn what_no_debit_costs_has_no_code() {
        let code =
            |credits, units| Stamp::code(Credits(credits), Channel::EMAIL, &details(units, None, None));
        assert!(code(0, 1).is_some() && code(MOST_CREDITS, MOST_UNITS).is_some());
        for (credits, units) in [(-1, 1), (MOST_RATE + 1, 1), (5, 2), (i64::MAX, 1), (i64::MIN, 3)] {
            assert_eq!(code(credits, units), None, "{credits} {units}");
        }
    }

    #[test]
    fn no_stamp_has_more_digits_than_dynamodb_keeps() {
        let last = ShardId::balances().last().unwrap();
        let sequence = last.first_sequence() + SHARD_SEQUENCE - SEQUENCE_STEP;
        assert!(i128::from(sequence) + i128::from(SEQUENCE_STEP) < MARKS);
        let digits = |rate, units, class, country| {
            let details = details(units, class, country);
            let code = Stamp::code(Credits(rate * units), Channel::EMAIL, &details).unwrap();
            Stamp::given(sequence, code).0.to_string().len()
        };
        assert_eq!(digits(1, 1, None, None), 19);
        assert_eq!(digits(4_095, 1, None, Some("ZZ")), 22);
        assert_eq!(digits(4_095, 1, Some("utility"), Some("ZZ")), 26);
        assert_eq!(digits(1_000, MOST_UNITS, Some("utility"), Some("ZZ")), 35);
        assert!(digits(MOST_RATE, 1_000_000, Some("utility"), Some("ZZ")) <= 38);
        let largest = Stamp(sequence_of_all_bits());
        assert!(largest.0.to_string().len() <= 38, "{}", largest.0);
    }

    fn sequence_of_all_bits() -> i128 {
        (1 << 125) - 1
    }

    #[test]
    fn a_stamp_tells_that_it_is_a_hold() {
        let details = details(3, Some("utility"), Some("ZZ"));
        let code = Stamp::code(Credits(6), Channel::WHATSAPP, &details).unwrap();
        let (debit, hold) =
            (Stamp::given(SEQUENCE_STEP, code), Stamp::given(SEQUENCE_STEP, Stamp::held(code)));
        assert_eq!((debit.is_held(), hold.is_held()), (false, true));
        assert_eq!(hold.told(), debit.told().map(|told| Told { hold: true, ..told }));
        assert_eq!((hold.credits(), hold.shard()), (debit.credits(), debit.shard()));
    }

    #[test]
    fn a_stamp_of_before_is_read_as_it_was_meant() {
        for channel in [Channel::EMAIL, Channel::WHATSAPP, Channel::SMS] {
            for credits in [1, 2, 1_000, 4_095] {
                let code = Stamp::code_of_before(Credits(credits), channel);
                let stamp = Stamp::given(SHARD_SEQUENCE * 3 + 7 * SEQUENCE_STEP, code);
                let told = stamp.told().unwrap();
                assert_eq!((stamp.credits(), told.meter), (Credits(credits), channel.number(None)));
                assert_eq!((told.units, told.country, told.known), (Units::ONE, None, Known::ChannelOnly));
            }
        }
        assert_eq!(Stamp(16).told(), None, "of no meter");
        assert_eq!(Stamp(-1).told(), None);
    }

    #[test]
    fn stamps_are_as_old_as_their_marks() {
        let code = |units| Stamp::code(Credits(units), Channel::EMAIL, &details(units, None, None)).unwrap();
        let (first, second) = (Stamp::given(0, code(9)), Stamp::given(SEQUENCE_STEP, code(1)));
        assert!(first < second && first.0 > second.0);
        assert_eq!((second.sequence(), second.code_given()), (SEQUENCE_STEP, code(1)));
        let grouped = second.in_group();
        assert!(grouped.is_in_group() && !second.is_in_group() && grouped == second);
        assert_eq!(
            (grouped.number(), grouped.told()),
            (second.0, second.told()),
            "said of it, and no part of it"
        );
        assert_eq!((grouped.sequence(), grouped.code_given()), (SEQUENCE_STEP, code(1)));
        assert_eq!(first, Stamp(i128::from(first.mark())), "as an entry keeps it");
    }
}
