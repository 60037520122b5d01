//! What names content by what it is: the same for the same bytes, another for any others.

/// FNV-1a of 64 bits, in hexadecimal.
pub(crate) fn of(bytes: impl Iterator<Item = u8>) -> String {
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}
