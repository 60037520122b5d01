//! What sending one message costs in credits.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Credits;

/// A way of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Email,
    Whatsapp,
    Sms,
}

impl Channel {
    pub const ALL: [Channel; 3] = [Channel::Email, Channel::Whatsapp, Channel::Sms];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Channel::Email => "email",
            Channel::Whatsapp => "whatsapp",
            Channel::Sms => "sms",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Channel> {
        Channel::ALL.into_iter().find(|channel| channel.as_str() == text)
    }

    /// The number that stands for this channel in a [`crate::Stamp`]; never another one.
    pub(crate) fn code(self) -> i64 {
        match self {
            Channel::Email => 1,
            Channel::Whatsapp => 2,
            Channel::Sms => 3,
        }
    }

    pub(crate) fn of_code(code: i64) -> Option<Channel> {
        Channel::ALL.into_iter().find(|channel| channel.code() == code)
    }
}

/// A two-letter country code (ISO 3166-1 alpha-2), upper case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Country(String);

impl Country {
    #[must_use]
    pub fn parse(text: &str) -> Option<Country> {
        let fits = text.len() == 2 && text.bytes().all(|letter| letter.is_ascii_uppercase());
        fits.then(|| Country(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Credits per message of each channel, with overrides per country.
///
/// Every channel has a default; no rate is below 1 or above 1,000 credits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates(BTreeMap<Channel, ChannelRates>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct ChannelRates {
    default: Credits,
    by_country: BTreeMap<Country, Credits>,
}

/// Why a configured table of rates cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RatesError(pub String);

const LARGEST_RATE: i64 = 1_000;

impl Rates {
    /// Reads `{"email":{"default":1},"whatsapp":{"default":2,"US":5},"sms":{"default":3}}`.
    pub fn from_json(text: &str) -> Result<Rates, RatesError> {
        let table: BTreeMap<Channel, BTreeMap<String, i64>> =
            serde_json::from_str(text).map_err(|error| RatesError(error.to_string()))?;
        let mut rates = BTreeMap::new();
        for channel in Channel::ALL {
            let row = table.get(&channel).ok_or_else(|| RatesError(format!("{channel:?} has no rates")))?;
            rates.insert(channel, channel_rates(channel, row)?);
        }
        Ok(Rates(rates))
    }

    /// What one message costs.
    #[must_use]
    pub fn rate(&self, channel: Channel, country: Option<&Country>) -> Credits {
        self.0.get(&channel).map_or(Credits::ZERO, |rates| {
            country.and_then(|country| rates.by_country.get(country)).copied().unwrap_or(rates.default)
        })
    }

    /// Each channel with its default rate, in a fixed order.
    pub fn defaults(&self) -> impl Iterator<Item = (Channel, Credits)> + '_ {
        self.0.iter().map(|(channel, rates)| (*channel, rates.default))
    }
}

fn channel_rates(channel: Channel, row: &BTreeMap<String, i64>) -> Result<ChannelRates, RatesError> {
    let mut default = None;
    let mut by_country = BTreeMap::new();
    for (name, &credits) in row {
        if !(1..=LARGEST_RATE).contains(&credits) {
            return Err(RatesError(format!(
                "{channel:?} {name}: a rate is 1 to {LARGEST_RATE} credits, not {credits}"
            )));
        }
        if name == "default" {
            default = Some(Credits(credits));
        } else {
            let country = Country::parse(name).ok_or_else(|| {
                RatesError(format!("{channel:?} {name}: not `default` or a country code like US"))
            })?;
            by_country.insert(country, Credits(credits));
        }
    }
    let default = default.ok_or_else(|| RatesError(format!("{channel:?} has no default rate")))?;
    Ok(ChannelRates { default, by_country })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_overrides_the_default() {
        let rates = Rates::from_json(
            r#"{"email":{"default":1},"whatsapp":{"default":2,"US":5},"sms":{"default":3}}"#,
        )
        .unwrap();
        assert_eq!(rates.rate(Channel::Whatsapp, None), Credits(2));
        assert_eq!(rates.rate(Channel::Whatsapp, Country::parse("US").as_ref()), Credits(5));
        assert_eq!(rates.rate(Channel::Whatsapp, Country::parse("ID").as_ref()), Credits(2));
    }

    #[test]
    fn a_table_with_a_hole_is_refused() {
        for text in [
            "",
            "{}",
            r#"{"email":{"default":1},"whatsapp":{"default":2}}"#,
            r#"{"email":{"default":0},"whatsapp":{"default":2},"sms":{"default":3}}"#,
            r#"{"email":{"US":1},"whatsapp":{"default":2},"sms":{"default":3}}"#,
            r#"{"email":{"default":1,"usa":1},"whatsapp":{"default":2},"sms":{"default":3}}"#,
            r#"{"fax":{"default":1},"email":{"default":1},"whatsapp":{"default":2},"sms":{"default":3}}"#,
        ] {
            assert!(Rates::from_json(text).is_err(), "{text}");
        }
    }
}
