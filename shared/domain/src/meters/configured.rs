//! The meters of a deployment: a matter of configuration, checked as a whole.

use std::collections::BTreeMap;

use super::json::Json;
use super::rates::{ClassTariff, MOST_CREDITS, MOST_RATE, Price, PriceError, RateVersion, Tariff, Units};
use super::{Channel, Class, Country};
use crate::{Credits, Language, Timestamp};

/// Meters of one deployment at the most.
pub const MOST_METERS: usize = 64;
/// Later lists of rates at the most.
const MOST_CHANGES: usize = 16;
/// Classes of one meter at the most.
const MOST_CLASSES: usize = 32;
/// The longest word of a page, in bytes.
const LONGEST_WORD: usize = 40;
/// What a unit is where the configuration does not say it.
const MESSAGE: &str = "message";

/// What a deployment sells: at least one meter and at most [`MOST_METERS`], each with a rate at every time. Debits of two of
/// them, or of two classes, are never taken for each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meters {
    meters: BTreeMap<Channel, Meter>,
    /// From the earliest on; the first one holds from ever.
    versions: Vec<Version>,
}

/// How a meter is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meter {
    /// What is counted, like `message`.
    pub unit: String,
    /// The meter's own name, in the languages of which it is known.
    pub names: BTreeMap<&'static str, String>,
    /// Its unit, likewise.
    pub units: BTreeMap<&'static str, String>,
    /// One of the pages' icons.
    pub icon: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Version {
    number: RateVersion,
    from: Option<Timestamp>,
    tariffs: BTreeMap<Channel, Tariff>,
}

/// Why configured meters cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetersError(pub String);

impl Meters {
    /// Reads `{"email":{"default":1},"whatsapp":{"unit":"message","default":2,"class":{"utility":0},"US":5}}`: for each meter
    /// the credits of one unit, by default and where a country or a class differs, and how it is shown (`unit`, `words`,
    /// `icon`). `version` numbers the rates, 1 by default; `changes` are later ones, each with `version`, `from` and the
    /// `rates` of the meters that change: `{"version":2,"from":"2026-12-01","rates":{"email":{"default":2}}}`.
    ///
    /// # Errors
    /// Names the meter and what is wrong with it.
    pub fn from_json(text: &str) -> Result<Meters, MetersError> {
        let read: Json = serde_json::from_str(text).map_err(|error| MetersError(error.to_string()))?;
        let mut first = Version { number: RateVersion(1), from: None, tariffs: BTreeMap::new() };
        let (mut meters, mut changes) = (BTreeMap::new(), Vec::new());
        for (name, value) in object("the meters", read)? {
            match name.as_str() {
                "version" => first.number = version("version", &value)?,
                "changes" => changes = list("changes", value)?,
                _ => {
                    let channel = channel(&name)?;
                    let (meter, tariff) = meter(&name, value)?;
                    meters.insert(channel, meter);
                    first.tariffs.insert(channel, tariff);
                }
            }
        }
        if meters.is_empty() || meters.len() > MOST_METERS {
            return wrong("the meters", &format!("there are 1 to {MOST_METERS}, not {}", meters.len()));
        }
        if changes.len() > MOST_CHANGES {
            return wrong("changes", &format!("there are {MOST_CHANGES} at the most"));
        }
        let mut all = Meters { meters, versions: vec![first] };
        for one in changes {
            all.add_change(one)?;
        }
        all.check_numbers()?;
        Ok(all)
    }

    /// What so many units cost at the rates of the moment `at`.
    ///
    /// # Errors
    /// When there is no such meter or class, or when it would cost more than one debit may.
    pub fn price(
        &self,
        channel: Channel,
        class: Option<Class>,
        country: Option<Country>,
        units: Units,
        at: Timestamp,
    ) -> Result<Price, PriceError> {
        let version = self.at(at).ok_or_else(|| PriceError::UnknownChannel(Vec::new()))?;
        let known = || PriceError::UnknownChannel(self.meters.keys().copied().collect());
        let tariff = version.tariffs.get(&channel).ok_or_else(known)?;
        if class.is_some_and(|class| !tariff.by_class.contains_key(&class)) {
            return Err(PriceError::UnknownClass(tariff.by_class.keys().copied().collect()));
        }
        let rate = tariff.rate(class, country);
        let credits = units.at(rate).ok_or(PriceError::TooMuch(rate))?;
        Ok(Price { credits, rate, version: version.number })
    }

    /// Each meter with what its units cost at `at`, by name.
    pub fn all(&self, at: Timestamp) -> impl Iterator<Item = (Channel, &Meter, &Tariff)> {
        let tariffs = self.at(at).into_iter().flat_map(|version| &version.tariffs);
        tariffs.filter_map(|(channel, tariff)| Some((*channel, self.meters.get(channel)?, tariff)))
    }

    /// The names of all meters.
    pub fn channels(&self) -> impl Iterator<Item = Channel> + '_ {
        self.meters.keys().copied()
    }

    /// The meter, and the class of it, that [`Channel::number`] gives this number; `None` where there is none such.
    #[must_use]
    pub fn of_number(&self, number: u32) -> Option<(Channel, Option<Class>)> {
        self.numbered().into_iter().find(|(channel, class)| channel.number(*class) == number)
    }

    /// The version that held at `at`, if a unit of this cost that by it.
    #[must_use]
    pub fn version_at(
        &self,
        at: Timestamp,
        rate: Credits,
        channel: Channel,
        class: Option<Class>,
        country: Option<Country>,
    ) -> Option<RateVersion> {
        let price = self.price(channel, class, country, Units::ONE, at).ok()?;
        (price.rate == rate).then_some(price.version)
    }

    fn at(&self, at: Timestamp) -> Option<&Version> {
        self.versions.iter().rev().find(|version| version.from.is_none_or(|from| from <= at))
    }

    /// Rates that differ from those before them.
    fn add_change(&mut self, change: Json) -> Result<(), MetersError> {
        let (mut number, mut from, mut rates) = (None, None, Vec::new());
        for (name, value) in object("a change", change)? {
            match (name.as_str(), value) {
                ("version", value) => number = Some(version("changes version", &value)?),
                ("from", Json::Text(text)) => from = Some(moment(&text)?),
                ("rates", value) => rates = object("changes rates", value)?,
                _ => return wrong(&format!("changes {name}"), "not one of version, from, rates"),
            }
        }
        let (Some(number), Some(from)) = (number, from) else {
            return wrong("changes", "each has a version and the moment from when on it holds");
        };
        let Some(last) = self.versions.last() else { return wrong("changes", "there is nothing to change") };
        if number <= last.number || last.from.is_some_and(|before| before >= from) {
            return wrong("changes", "each has a higher version and a later moment than the one before it");
        }
        let mut tariffs = last.tariffs.clone();
        for (name, value) in rates {
            let (channel, place) = (channel(&name)?, format!("changes {name}"));
            if !self.meters.contains_key(&channel) {
                return wrong(&place, "there is no such meter");
            }
            let (shown, tariff) = meter(&place, value)?;
            if shown != Meter::unsaid() {
                return wrong(&place, "a change is of rates only");
            }
            tariffs.insert(channel, tariff);
        }
        self.versions.push(Version { number, from: Some(from), tariffs });
        Ok(())
    }

    /// All meters and their classes, of every version.
    fn numbered(&self) -> Vec<(Channel, Option<Class>)> {
        let of = |(channel, tariff): (&Channel, &Tariff)| {
            let channel = *channel;
            let classes: Vec<_> = tariff.by_class.keys().map(|class| Some(*class)).collect();
            std::iter::once(None).chain(classes).map(move |class| (channel, class))
        };
        let mut all: Vec<_> =
            self.versions.iter().flat_map(|version| version.tariffs.iter().flat_map(of)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn check_numbers(&self) -> Result<(), MetersError> {
        let mut numbers: BTreeMap<u32, (Channel, Option<Class>)> = BTreeMap::new();
        for (channel, class) in self.numbered() {
            if let Some(other) = numbers.insert(channel.number(class), (channel, class)) {
                let words = |(channel, class): (Channel, Option<Class>)| match class {
                    None => channel.as_str().to_owned(),
                    Some(class) => format!("{} {}", channel.as_str(), class.as_str()),
                };
                let what = format!("cannot be told from {}: give one of them another name", words(other));
                return wrong(&words((channel, class)), &what);
            }
        }
        Ok(())
    }
}

impl Meter {
    fn unsaid() -> Meter {
        Meter { unit: MESSAGE.to_owned(), names: BTreeMap::new(), units: BTreeMap::new(), icon: None }
    }
}

/// One meter: how it is shown, and what its units cost.
fn meter(place: &str, value: Json) -> Result<(Meter, Tariff), MetersError> {
    let mut meter = Meter::unsaid();
    let mut rates = ClassTariff::default();
    let mut by_class = BTreeMap::new();
    for (name, value) in object(place, value)? {
        let here = format!("{place} {name}");
        match (name.as_str(), value) {
            ("unit", Json::Text(text)) => {
                meter.unit = Channel::parse(&text).map_or_else(|| wrong(&here, NAME), |_| Ok(text))?
            }
            ("icon", Json::Text(text)) => {
                meter.icon = Some(Channel::parse(&text).map_or_else(|| wrong(&here, NAME), |_| Ok(text))?);
            }
            ("words", value) => words(&mut meter, &here, value)?,
            ("class", value) => by_class = classes(&here, value)?,
            (_, value) => rates.add(place, &name, &value)?,
        }
    }
    let Some(default) = rates.default else { return wrong(place, "has no default rate") };
    Ok((meter, Tariff { default, by_country: rates.by_country, by_class }))
}

const NAME: &str = "is a small letter, then small letters, digits and _, up to 24 in all";

fn channel(name: &str) -> Result<Channel, MetersError> {
    match Channel::parse(name) {
        Some(channel) if !channel.is_unnamed() => Ok(channel),
        Some(_) => wrong(name, "is kept for meters whose name is not known"),
        None => wrong(name, &format!("the name of a meter {NAME}")),
    }
}

fn words(meter: &mut Meter, place: &str, value: Json) -> Result<(), MetersError> {
    for (language, value) in object(place, value)? {
        let here = format!("{place} {language}");
        let Some(language) = Language::parse(&language).map(Language::as_str) else {
            return wrong(&here, "is not a language of the pages");
        };
        let said = match value {
            Json::Text(_) => vec![("name".to_owned(), value)],
            value => object(&here, value)?,
        };
        for (name, value) in said {
            let word = match value {
                Json::Text(text)
                    if (1..=LONGEST_WORD).contains(&text.len()) && !text.chars().any(char::is_control) =>
                {
                    text
                }
                _ => return wrong(&here, &format!("a word is a text of 1 to {LONGEST_WORD} bytes")),
            };
            match name.as_str() {
                "name" => meter.names.insert(language, word),
                "unit" => meter.units.insert(language, word),
                _ => return wrong(&format!("{here} {name}"), "is not name or unit"),
            };
        }
    }
    Ok(())
}

fn classes(place: &str, value: Json) -> Result<BTreeMap<Class, ClassTariff>, MetersError> {
    let mut all = BTreeMap::new();
    for (name, value) in object(place, value)? {
        let here = format!("{place} {name}");
        let Some(class) = Class::parse(&name) else {
            return wrong(&here, &format!("the name of a class {NAME}"));
        };
        let mut rates = ClassTariff::default();
        match value {
            Json::Object(members) => {
                for (name, value) in members {
                    rates.add(&here, &name, &value)?;
                }
            }
            value => rates.add(&here, "default", &value)?,
        }
        all.insert(class, rates);
    }
    if all.len() > MOST_CLASSES {
        return wrong(place, &format!("there are {MOST_CLASSES} at the most"));
    }
    Ok(all)
}

impl ClassTariff {
    fn add(&mut self, place: &str, name: &str, value: &Json) -> Result<(), MetersError> {
        let here = format!("{place} {name}");
        let country = Country::parse(name);
        if name != "default" && country.is_none() {
            return wrong(&here, "is none of default, class, unit, words, icon and no country code like US");
        }
        let credits = match value {
            Json::Number(credits) if (0..=MOST_RATE).contains(credits) => Credits(*credits),
            _ => return wrong(&here, &format!("a rate is 0 to {MOST_RATE} whole credits")),
        };
        match country {
            None => self.default = Some(credits),
            Some(country) => drop(self.by_country.insert(country, credits)),
        }
        Ok(())
    }
}

fn version(place: &str, value: &Json) -> Result<RateVersion, MetersError> {
    match value {
        Json::Number(number) if (1..=MOST_CREDITS).contains(number) => Ok(RateVersion(*number)),
        _ => wrong(place, "is a whole number from 1 on"),
    }
}

/// A day, which begins in UTC, or a moment.
fn moment(text: &str) -> Result<Timestamp, MetersError> {
    let day = Timestamp::parse(&format!("{text}T00:00:00Z"));
    match day.or_else(|| Timestamp::parse(text)) {
        Some(at) => Ok(at),
        None => wrong("changes from", "is a day like 2026-12-01, or a moment in RFC 3339"),
    }
}

fn object(place: &str, value: Json) -> Result<Vec<(String, Json)>, MetersError> {
    match value {
        Json::Object(members) => Ok(members),
        Json::Number(_) | Json::Text(_) | Json::List(_) => wrong(place, "is a JSON object"),
    }
}

fn list(place: &str, value: Json) -> Result<Vec<Json>, MetersError> {
    match value {
        Json::List(all) => Ok(all),
        Json::Number(_) | Json::Text(_) | Json::Object(_) => wrong(place, "is a JSON list"),
    }
}

fn wrong<T>(place: &str, what: &str) -> Result<T, MetersError> {
    Err(MetersError(format!("{place}: {what}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE: &str = r#""email":{"default":1},"whatsapp":{"unit":"message","default":2,"class":{"utility":0,"auth":{"US":3}},"US":5},"sms":{"default":3}"#;

    fn name(text: &str) -> Channel {
        Channel::parse(text).unwrap()
    }

    fn rate(meters: &Meters, channel: &str, class: &str, country: &str, day: &str) -> (i64, i64) {
        let at = moment(day).unwrap();
        let price = meters
            .price(name(channel), Class::parse(class), Country::parse(country), Units::ONE, at)
            .unwrap();
        (price.rate.0, price.version.0)
    }

    #[test]
    fn a_class_goes_before_a_country_and_both_before_the_default() {
        let meters = Meters::from_json(&format!("{{{THREE}}}")).unwrap();
        let of = |class, country| rate(&meters, "whatsapp", class, country, "2026-11-01").0;
        assert_eq!([of("", ""), of("", "US"), of("", "ID")], [2, 5, 2]);
        assert_eq!([of("utility", ""), of("utility", "US")], [0, 0]);
        assert_eq!([of("auth", "US"), of("auth", "ID")], [3, 2], "a class may differ in some countries only");
    }

    #[test]
    fn rates_hold_from_a_day_on() {
        let changes = r#""changes":[{"version":7,"from":"2026-12-01","rates":{"sms":{"default":4,"US":9}}},
            {"version":8,"from":"2027-01-01T12:00:00Z","rates":{"email":{"default":0}}}]"#;
        let meters = Meters::from_json(&format!("{{\"version\":6,{THREE},{changes}}}")).unwrap();
        assert_eq!(rate(&meters, "sms", "", "US", "2026-11-30T23:59:59.999Z"), (3, 6));
        assert_eq!(rate(&meters, "sms", "", "US", "2026-12-01"), (9, 7));
        assert_eq!(rate(&meters, "email", "", "", "2027-01-01"), (1, 7));
        assert_eq!(rate(&meters, "email", "", "", "2027-01-01T12:00:00Z"), (0, 8));
        assert_eq!(rate(&meters, "sms", "", "", "2028-01-01"), (4, 8), "what did not change holds on");
        let version =
            |rate, day| meters.version_at(moment(day).unwrap(), Credits(rate), Channel::SMS, None, None);
        assert_eq!(version(4, "2026-12-01"), Some(RateVersion(7)));
        assert_eq!(version(3, "2026-12-01"), None, "it was another one");
    }

    #[test]
    fn what_is_not_sold_has_no_price() {
        let meters = Meters::from_json(&format!("{{{THREE}}}")).unwrap();
        let at = Timestamp::from_ms(0);
        let price = |channel, class, units| {
            meters
                .price(name(channel), Class::parse(class), None, Units::new(units).unwrap(), at)
                .unwrap_err()
        };
        let three = vec![Channel::EMAIL, Channel::SMS, Channel::WHATSAPP];
        assert_eq!(price("voice", "", 1), PriceError::UnknownChannel(three));
        assert_eq!(price("sms", "utility", 1), PriceError::UnknownClass(Vec::new()));
        let dear = Meters::from_json(r#"{"voice":{"default":1001}}"#).unwrap();
        let most = Units::new(1_000_000_000).unwrap();
        assert_eq!(dear.price(name("voice"), None, None, most, at), Err(PriceError::TooMuch(Credits(1_001))));
    }

    #[test]
    fn sixty_four_meters_are_told_apart_by_their_numbers() {
        let many = |count| {
            let all: Vec<_> =
                (0..count).map(|at| format!("\"meter_of_{at}\":{{\"default\":{at}}}")).collect();
            Meters::from_json(&format!("{{{}}}", all.join(",")))
        };
        let meters = many(64).unwrap();
        for channel in meters.channels() {
            assert_eq!(meters.of_number(channel.number(None)), Some((channel, None)));
        }
        assert_eq!(meters.channels().count(), 64);
        let MetersError(words) = many(65).unwrap_err();
        assert_eq!(words, "the meters: there are 1 to 64, not 65");
        let with_class = Meters::from_json(&format!("{{{THREE}}}")).unwrap();
        let utility = Class::parse("utility");
        let number = Channel::WHATSAPP.number(utility);
        assert_eq!(with_class.of_number(number), Some((Channel::WHATSAPP, utility)));
        assert_eq!(with_class.of_number(17), None);
    }

    #[test]
    fn two_names_with_one_number_are_refused() {
        let names = (0..10_000).map(|at| format!("m{at}"));
        let mut numbers = BTreeMap::new();
        let pair = names.into_iter().find_map(|one| {
            let number = name(&one).number(None);
            numbers.insert(number, one.clone()).map(|other| (one, other))
        });
        let (one, other) = pair.unwrap();
        let text = format!("{{\"{one}\":{{\"default\":1}},\"{other}\":{{\"default\":1}}}}");
        let MetersError(words) = Meters::from_json(&text).unwrap_err();
        assert!(words.contains("cannot be told from") && words.contains(&one), "{words}");
    }

    #[test]
    fn how_a_meter_is_shown_is_read() {
        let text = r#"{"voice":{"unit":"minute","words":{"en":{"name":"Voice calls","unit":"minute"},"id":"Panggilan"},"icon":"phone","default":5}}"#;
        let meters = Meters::from_json(text).unwrap();
        let (channel, meter, tariff) = meters.all(Timestamp::from_ms(0)).next().unwrap();
        assert_eq!((channel.as_str(), meter.unit.as_str(), tariff.default), ("voice", "minute", Credits(5)));
        assert_eq!((meter.names["en"].as_str(), meter.names["id"].as_str()), ("Voice calls", "Panggilan"));
        assert_eq!((meter.units["en"].as_str(), meter.icon.as_deref()), ("minute", Some("phone")));
    }

    #[test]
    fn anything_else_is_refused_with_words() {
        for (text, words) in [
            ("", "EOF"),
            ("{}", "there are 1 to 64"),
            ("[]", "the meters: is a JSON object"),
            (r#"{"email":1}"#, "email: is a JSON object"),
            (r#"{"email":{}}"#, "email: has no default rate"),
            (r#"{"email":{"default":1},"email":{"default":2}}"#, "email stands there twice"),
            (r#"{"email":{"default":1,"US":2,"US":3}}"#, "US stands there twice"),
            (r#"{"email":{"default":-1}}"#, "email default: a rate is 0 to 1000000"),
            (r#"{"email":{"default":1000001}}"#, "email default: a rate"),
            (r#"{"email":{"default":1.5}}"#, "invalid type"),
            (r#"{"email":{"default":"1"}}"#, "email default: a rate"),
            (r#"{"email":{"default":18446744073709551615}}"#, "too large"),
            (r#"{"email":{"default":1,"usa":1}}"#, "email usa: is none of"),
            (r#"{"E-Mail":{"default":1}}"#, "E-Mail: the name of a meter"),
            (r#"{"meter_12":{"default":1}}"#, "meter_12: is kept"),
            (r#"{"email":{"default":1,"unit":""}}"#, "email unit"),
            (r#"{"email":{"default":1,"icon":"<b>"}}"#, "email icon"),
            (r#"{"email":{"default":1,"words":{"fr":"Courriel"}}}"#, "email words fr: is not a language"),
            (r#"{"email":{"default":1,"words":{"en":""}}}"#, "a word is"),
            (r#"{"email":{"default":1,"words":{"en":{"plural":"x"}}}}"#, "is not name or unit"),
            (r#"{"email":{"default":1,"class":{"A":1}}}"#, "email class A: the name of a class"),
            (r#"{"email":{"default":1,"class":{"a":-1}}}"#, "email class a default: a rate"),
            (r#"{"version":0,"email":{"default":1}}"#, "version: is a whole number"),
            (r#"{"email":{"default":1},"changes":{}}"#, "changes: is a JSON list"),
            (r#"{"email":{"default":1},"changes":[{"version":2}]}"#, "each has a version and the moment"),
            (r#"{"email":{"default":1},"changes":[{"version":1,"from":"2026-12-01"}]}"#, "a higher version"),
            (r#"{"email":{"default":1},"changes":[{"version":2,"from":"tomorrow"}]}"#, "is a day like"),
            (
                r#"{"email":{"default":1},"changes":[{"version":2,"from":"2026-12-01","rates":{"fax":{"default":1}}}]}"#,
                "changes fax: there is no such meter",
            ),
            (
                r#"{"email":{"default":1},"changes":[{"version":2,"from":"2026-12-01","rates":{"email":{"default":1,"icon":"x"}}}]}"#,
                "changes email: a change is of rates only",
            ),
        ] {
            let MetersError(told) = Meters::from_json(text).unwrap_err();
            assert!(told.contains(words), "{text}: {told}");
        }
    }
}
