//! What entries add up to: per day and channel, and within it per class and country where that is asked for.

use std::collections::BTreeMap;

use saldo_domain::{Channel, Class, Country, Credits, Entry, Meters, Used};
use serde_json::{Map, Value, json};

use crate::span::By;

/// What is told apart within a day; `None` also for what is not known of an entry.
type Line = (Channel, Option<Class>, Option<Country>);

/// Date -> what was used.
#[derive(Debug)]
pub(crate) struct Days {
    by: By,
    days: BTreeMap<String, BTreeMap<Line, Used>>,
}

impl Days {
    pub(crate) fn new(by: By) -> Days {
        Days { by, days: BTreeMap::new() }
    }

    /// Counts one entry more.
    pub(crate) fn count(&mut self, entry: &Entry) {
        let Some(channel) = entry.channel else { return };
        let line =
            (channel, entry.class.filter(|_| self.by.class), entry.country.filter(|_| self.by.country));
        let uses = entry.uses();
        let counted = Used {
            messages: uses,
            units: uses.saturating_mul(entry.units.get()),
            credits: entry.credits.negated(),
        };
        add(self.days.entry(entry.at.date()).or_default().entry(line).or_default(), &counted);
    }

    /// Every day with every meter that is sold, and with what was used of others.
    pub(crate) fn json(&self, meters: &Meters) -> Vec<Value> {
        let day = |(date, lines): (&String, &BTreeMap<Line, Used>)| {
            let mut channels: BTreeMap<_, _> =
                meters.channels().map(|channel| (channel, Used::default())).collect();
            for ((channel, ..), used) in lines {
                add(channels.entry(*channel).or_default(), used);
            }
            let channels: Map<_, _> =
                channels.iter().map(|(channel, used)| (channel.as_str().to_owned(), json_of(used))).collect();
            let mut day = json!({"date": date, "channels": channels});
            if self.by.any() {
                day["lines"] = lines.iter().map(|(line, used)| self.line_json(line, used)).collect();
            }
            day
        };
        self.days.iter().map(day).collect()
    }

    fn line_json(&self, (channel, class, country): &Line, used: &Used) -> Value {
        let mut line = json_of(used);
        line["channel"] = json!(channel);
        if self.by.class {
            line["class"] = json!(class);
        }
        if self.by.country {
            line["country"] = json!(country);
        }
        line
    }

    /// A row for each line, the days in order. None of it needs quotes.
    pub(crate) fn csv(&self) -> String {
        let names = [(true, "channel"), (self.by.class, "class"), (self.by.country, "country")];
        let mut text = String::from("date");
        for (_, name) in names.iter().filter(|(asked, _)| *asked) {
            text.push(',');
            text.push_str(name);
        }
        text.push_str(",messages,units,credits\r\n");
        for (date, lines) in &self.days {
            for ((channel, class, country), Used { messages, units, credits }) in lines {
                text.push_str(date);
                let cells = [
                    (true, Some(channel.as_str())),
                    (self.by.class, class.as_ref().map(Class::as_str)),
                    (self.by.country, country.as_ref().map(Country::as_str)),
                ];
                for (_, cell) in cells.iter().filter(|(asked, _)| *asked) {
                    text.push(',');
                    text.push_str(cell.unwrap_or_default());
                }
                text.push_str(&format!(",{messages},{units},{credits}\r\n"));
            }
        }
        text
    }
}

fn add(used: &mut Used, more: &Used) {
    used.messages = used.messages.saturating_add(more.messages);
    used.units = used.units.saturating_add(more.units);
    used.credits = Credits(used.credits.0.saturating_add(more.credits.0));
}

fn json_of(used: &Used) -> Value {
    json!({"messages": used.messages, "units": used.units, "credits": used.credits})
}
