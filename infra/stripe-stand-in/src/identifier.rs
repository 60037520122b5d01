//! Identifiers that look like Stripe's and cannot be guessed.

use ring::rand::{SecureRandom, SystemRandom};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `prefix` and `length` random letters and digits.
pub(crate) fn new(prefix: &str, length: usize) -> String {
    let mut random = vec![0_u8; length];
    if SystemRandom::new().fill(&mut random).is_err() {
        random.fill_with(|| fastrand::u8(..));
    }
    let letters = random.iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
    prefix.chars().chain(letters).collect()
}
