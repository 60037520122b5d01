//! What an item of a balance shard says to be pending, read by other code than the one that writes it.
use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use saldo_domain::DebitId;

/// Every pending debit and its stamp: those by themselves, and those of groups.
pub(crate) fn of(members: &HashMap<String, AttributeValue>) -> Vec<(String, i128)> {
    let mut all = Vec::new();
    for (name, value) in members {
        match (name.len(), name.contains('.')) {
            (22, false) => all.push((id(name, 0), number(value))),
            (21, false) => {
                let codes = codes(&bytes(members, name));
                all.extend(
                    codes
                        .into_iter()
                        .map(|(place, code)| (id(&format!("{name}A"), place), number(value) + code)),
                );
            }
            (23, true) => assert!(members.contains_key(&name[..21]), "{name} is a part of nothing"),
            _ => panic!("nothing is known of {name}"),
        }
    }
    all
}

fn number(value: &AttributeValue) -> i128 {
    value.as_n().unwrap().parse().unwrap()
}

fn id(name: &str, place: u8) -> String {
    let mut bytes: [u8; 16] = URL_SAFE_NO_PAD.decode(name).unwrap().try_into().unwrap();
    bytes[15] |= place;
    DebitId::from_bytes(bytes).unwrap().to_string()
}

/// All parts of a group, which is named so.
fn bytes(members: &HashMap<String, AttributeValue>, group: &str) -> Vec<u8> {
    let digits = "0123456789abcdef".chars();
    let parts = digits.map_while(|digit| members.get(&format!("{group}.{digit}")));
    parts.flat_map(|part| part.as_b().unwrap().as_ref().to_vec()).collect()
}

/// Places and codes: a mask of places, the different codes, each in two numbers of sevens, and which of them each place has.
fn codes(bytes: &[u8]) -> Vec<(u8, i128)> {
    let (mut at, mut different) = (5, Vec::new());
    let mut next = || {
        let (mut number, mut factor) = (0_i128, 1);
        loop {
            let byte = bytes[at];
            at += 1;
            number += i128::from(byte % 128) * factor;
            factor *= 128;
            if byte < 128 {
                return number;
            }
        }
    };
    for _ in 0..=bytes[4] {
        let (usual, rare) = (next(), next());
        different.push(usual % 65_536 + usual / 65_536 * (1 << 60) + rare * (1 << 86));
    }
    let width = 8 - bytes[4].leading_zeros() as usize;
    let packed: String = bytes[at..].iter().map(|byte| format!("{byte:08b}")).collect();
    let mask = u32::from_be_bytes(bytes[..4].try_into().unwrap());
    let places = (0..32).filter(|place| mask >> place & 1 == 1);
    let code = |at: usize| match width {
        0 => different[0],
        _ => different[usize::from_str_radix(&packed[at * width..(at + 1) * width], 2).unwrap()],
    };
    places.enumerate().map(|(at, place)| (place, code(at))).collect()
}
