//! The codes of debits that are pending together, in few bytes: which places of a run have which code.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | a bit for each place where there is a debit, the highest place first |
//! | 1 | how many different codes there are, less one |
//! | 2 to 12 for each | the codes in their order: the lower 16 bits and those from 60 to 85, and then those from 86 on; each of both in sevens of bits from the lowest on, with the highest bit of a byte set where another one follows |
//! | as few as will do | for each place the number of its code, in as few bits as the numbers need, the highest first |
//!
//! The same debits are always the same bytes.

use std::collections::{BTreeMap, BTreeSet};

/// How many bytes one part has at the most: then an item with as many parts as it may have is no larger than with as many
/// debits that are pending by themselves.
const PART: usize = 24;
/// What a sequence moves by, in bits: of a code lies below it what fits.
const LOW: u32 = 16;
/// From here on lies the rest of a code: the country and the meter.
const HIGH: u32 = 60;
/// From here on lies what is rarely there: more units than one.
const RARE: u32 = 86;
/// Above this nothing does.
const BITS: u32 = 125;
/// Sevens that any part of a code has room in.
const MOST_SEVENS: u32 = 6;

/// The code of each debit of a group, by its place in the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Codes(BTreeMap<u8, i128>);

impl Codes {
    /// Whether a code has nothing where the sequence is.
    #[must_use]
    pub fn fits(code: i128) -> bool {
        code >> BITS == 0 && (code >> LOW) & bits(HIGH - LOW) == 0
    }

    /// The code of the debit at `place`, if it is of them.
    #[must_use]
    pub fn get(&self, place: u8) -> Option<i128> {
        self.0.get(&place).copied()
    }

    /// Places and codes, by place.
    pub fn iter(&self) -> impl Iterator<Item = (u8, i128)> + '_ {
        self.0.iter().map(|(place, code)| (*place, *code))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that are not at one of these places.
    #[must_use]
    pub fn without(&self, places: &Codes) -> Codes {
        self.iter().filter(|(place, _)| places.get(*place).is_none()).collect()
    }

    /// The bytes, in parts of up to 24; none for no debit. The same debits are always the same bytes.
    #[must_use]
    pub fn parts(&self) -> Vec<Vec<u8>> {
        let different: BTreeSet<i128> = self.0.values().copied().collect();
        let Some(last) = different.len().checked_sub(1).and_then(|last| u8::try_from(last).ok()) else {
            return Vec::new();
        };
        let mask = self.0.keys().fold(0_u32, |mask, place| mask | (1 << place));
        let mut bytes = mask.to_be_bytes().to_vec();
        bytes.push(last);
        for code in &different {
            push_sevens(&mut bytes, (code & bits(LOW)) | (((code >> HIGH) & bits(RARE - HIGH)) << LOW));
            push_sevens(&mut bytes, code >> RARE);
        }
        let numbers = self.0.values().filter_map(|code| different.iter().position(|one| one == code));
        let of_bits = |number: usize| (0..width(last)).rev().map(move |bit| number & (1 << bit) != 0);
        let packed: Vec<bool> = numbers.flat_map(of_bits).collect();
        let byte = |eight: &[bool]| {
            let set = (0..).zip(eight).filter(|(_, set)| **set);
            set.fold(0_u8, |byte, (at, _)| byte | (128 >> at))
        };
        bytes.extend(packed.chunks(8).map(byte));
        bytes.chunks(PART).map(<[u8]>::to_vec).collect()
    }

    /// From the bytes of all [`Codes::parts`] together; `None` for what these never are.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Codes> {
        let mut rest = bytes.iter().copied();
        let mask = (0..4).try_fold(0_u32, |mask, _| Some((mask << 8) | u32::from(rest.next()?)))?;
        let last = rest.next()?;
        let different: Vec<i128> = (0..=last).map(|_| next_code(&mut rest)).collect::<Option<_>>()?;
        let packed: Vec<bool> = rest.flat_map(|byte| (0..8).map(move |at| byte & (128 >> at) != 0)).collect();
        let mut codes = BTreeMap::new();
        for (at, place) in (0..32).filter(|place| mask & (1 << place) != 0).enumerate() {
            let bits = (at * width(last)..).take(width(last)).map(|bit| packed.get(bit).copied());
            let number =
                bits.into_iter().try_fold(0, |number, bit| Some((number << 1) | usize::from(bit?)))?;
            codes.insert(place, *different.get(number)?);
        }
        Some(Codes(codes)).filter(|codes| !codes.is_empty())
    }
}

impl FromIterator<(u8, i128)> for Codes {
    fn from_iter<I: IntoIterator<Item = (u8, i128)>>(all: I) -> Codes {
        Codes(all.into_iter().collect())
    }
}

/// How many bits the numbers from 0 to this take.
fn width(last: u8) -> usize {
    usize::try_from(u8::BITS - last.leading_zeros()).unwrap_or_default()
}

/// So many bits, all of them set.
fn bits(count: u32) -> i128 {
    (1 << count) - 1
}

fn push_sevens(bytes: &mut Vec<u8>, number: i128) {
    let mut left = number.cast_unsigned();
    loop {
        let seven = u8::try_from(left & 127).unwrap_or_default();
        left >>= 7;
        if left == 0 {
            return bytes.push(seven);
        }
        bytes.push(seven | 128);
    }
}

fn next_sevens(rest: &mut impl Iterator<Item = u8>) -> Option<i128> {
    let mut number = 0_i128;
    for at in 0..MOST_SEVENS {
        let byte = rest.next()?;
        number |= i128::from(byte & 127) << (7 * at);
        if byte & 128 == 0 {
            return Some(number);
        }
    }
    None
}

fn next_code(rest: &mut impl Iterator<Item = u8>) -> Option<i128> {
    let (usual, rare) = (next_sevens(rest)?, next_sevens(rest)?);
    let code = (usual & bits(LOW)) | ((usual >> LOW) << HIGH) | (rare << RARE);
    Some(code).filter(|code| Codes::fits(*code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Channel, Class, Country, Credits, Details, MOST_RATE, Stamp, Units};

    fn code(units: i64, rate: i64, class: &str, country: &str) -> i128 {
        let (class, country) = (Class::parse(class), Country::parse(country));
        let details = Details { units: Units::new(units).unwrap(), class, country, reference: None };
        Stamp::code(Credits(units * rate), Channel::WHATSAPP, &details).unwrap()
    }

    fn size(codes: &Codes) -> usize {
        codes.parts().concat().len()
    }

    #[test]
    fn any_debits_come_back_from_their_bytes() {
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..2_000 {
            let kinds: Vec<_> = (0..rng.usize(1..26))
                .map(|_| match rng.u32(..4) {
                    0 => Stamp::held(code(rng.i64(1..=1_000_000), rng.i64(0..=MOST_RATE), "utility", "ZZ")),
                    1 => Stamp::code_of_before(Credits(rng.i64(0..4_096)), Channel::SMS),
                    2 => code(1, rng.i64(0..=MOST_RATE), "", "ID"),
                    _ => code(1, 2, "", ""),
                })
                .collect();
            let count = rng.usize(1..26);
            let codes: Codes = (0..count).map(|_| (rng.u8(..32), kinds[rng.usize(..kinds.len())])).collect();
            assert!(kinds.iter().all(|code| Codes::fits(*code)));
            assert!(codes.parts().iter().all(|part| !part.is_empty() && part.len() <= PART));
            assert_eq!(Codes::parse(&codes.parts().concat()), Some(codes));
        }
    }

    #[test]
    fn usual_debits_take_few_bytes() {
        let all =
            |code: &dyn Fn(u8) -> i128| -> Codes { (0..25).map(|place| (place, code(place))).collect() };
        assert_eq!(size(&all(&|_| code(1, 2, "", ""))), 5 + 4);
        assert_eq!(size(&all(&|_| code(1, 2, "", "ID"))), 5 + 5);
        assert_eq!(size(&all(&|_| code(1, 2, "utility", "ID"))), 5 + 7);
        let twelve = |place: u8| {
            code(1 + i64::from(place % 3), 2, "", ["ID", "SG", "MY", "US"][usize::from(place / 3 % 4)])
        };
        assert_eq!(size(&all(&twelve)), 5 + 12 * 5 + 13, "with four bits for each place");
        assert_eq!(size(&all(&|place| code(1 + i64::from(place), 2, "", "ID"))), 5 + 25 * 5 + 16);
        let largest =
            all(&|place| Stamp::held(code(1_000_000, MOST_RATE - i64::from(place), "utility", "ZZ")));
        assert_eq!((size(&largest), largest.parts().len()), (5 + 25 * 12 + 16, 14));
    }

    #[test]
    fn what_no_group_is_written_as_is_nothing() {
        let codes: Codes = [(3, code(1, 2, "", "ID")), (9, code(1, 2, "", "ID")), (4, code(2, 2, "", ""))]
            .into_iter()
            .collect();
        let bytes = codes.parts().concat();
        for end in 0..bytes.len() {
            assert_ne!(Codes::parse(&bytes[..end]).as_ref(), Some(&codes), "{end}");
        }
        let wrong: [&[u8]; 5] =
            [&[], &[0; 4], &[0; 7], &[0, 0, 0, 1, 1, 1, 0], &[0, 0, 0, 1, 2, 1, 0, 2, 0, 3, 0, 255]];
        for wrong in wrong {
            assert_eq!(Codes::parse(wrong), None, "{wrong:?}");
        }
        assert_eq!(
            Codes::parse(&[vec![0, 0, 0, 1, 0], vec![255; 18]].concat()),
            None,
            "more than a code has"
        );
        assert!(!Codes::fits(1 << 16) && !Codes::fits(1 << 59) && !Codes::fits(1 << 125) && !Codes::fits(-1));
    }
}
