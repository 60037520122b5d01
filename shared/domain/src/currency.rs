//! Currencies with the exponents that Stripe uses, which are not always ISO's.

use std::fmt;
use std::str::FromStr;

/// A three-letter currency code, upper case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

/// The text is not a three-letter currency code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCurrency;

/// Currencies whose API amounts have no decimals.
///
/// Source: <https://docs.stripe.com/currencies#zero-decimal>. ISK and UGX are missing on purpose: Stripe takes them
/// times 100 although they have no sen.
const ZERO_DECIMAL: [&[u8; 3]; 15] = [
    b"BIF", b"CLP", b"DJF", b"GNF", b"JPY", b"KMF", b"KRW", b"MGA", b"PYG", b"RWF", b"VND", b"VUV", b"XAF",
    b"XOF", b"XPF",
];

/// Currencies whose API amounts have three decimals. Source: <https://docs.stripe.com/currencies#three-decimal>.
const THREE_DECIMAL: [&[u8; 3]; 5] = [b"BHD", b"JOD", b"KWD", b"OMR", b"TND"];

impl Currency {
    pub const IDR: Currency = Currency(*b"IDR");
    pub const USD: Currency = Currency(*b"USD");

    /// How many decimals an amount in minor units has: IDR 2, USD 2, JPY 0, KWD 3.
    #[must_use]
    pub fn exponent(self) -> u32 {
        if ZERO_DECIMAL.contains(&&self.0) {
            0
        } else if THREE_DECIMAL.contains(&&self.0) {
            3
        } else {
            2
        }
    }

    /// The smallest step, in minor units, that a payer can really pay.
    ///
    /// IDR, ISK and UGX have no coins below the whole unit although the API counts in hundredths, and Stripe wants
    /// three-decimal amounts rounded to ten.
    #[must_use]
    pub fn payable_step(self) -> i64 {
        match &self.0 {
            b"IDR" | b"ISK" | b"UGX" => 100,
            _ if self.exponent() == 3 => 10,
            _ => 1,
        }
    }

    /// The largest amount in minor units that Stripe takes: twelve digits for IDR, eight for the others.
    ///
    /// Source: <https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts>.
    #[must_use]
    pub fn largest_amount(self) -> i64 {
        if self == Currency::IDR { 999_999_999_999 } else { 99_999_999 }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    /// Takes the code in either case, as Stripe writes it in lower case.
    fn from_str(text: &str) -> Result<Self, UnknownCurrency> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| UnknownCurrency)?;
        let code = code.map(|letter| letter.to_ascii_uppercase());
        if code.iter().all(u8::is_ascii_uppercase) { Ok(Currency(code)) } else { Err(UnknownCurrency) }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("not a three-letter currency code"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_are_stripes_not_isos() {
        for (code, exponent) in
            [("IDR", 2), ("USD", 2), ("JPY", 0), ("KRW", 0), ("ISK", 2), ("UGX", 2), ("KWD", 3)]
        {
            assert_eq!(code.parse::<Currency>().unwrap().exponent(), exponent, "{code}");
        }
    }

    #[test]
    fn only_three_letters_are_a_currency() {
        for text in ["", "ID", "IDRX", "1DR", "I R", "ÅÅ"] {
            assert_eq!(text.parse::<Currency>(), Err(UnknownCurrency), "{text}");
        }
        assert_eq!("idr".parse(), Ok(Currency::IDR));
    }
}
