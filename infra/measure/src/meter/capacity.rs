//! What DynamoDB says that a request consumed.

use std::ops::Add;

use serde_json::{Map, Value};

/// What a call costs. Capacity is in half units, since an eventually consistent read of 4 KB costs half a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Requests to DynamoDB.
    pub(crate) dynamodb: u32,
    pub(crate) table_writes: u32,
    pub(crate) index_writes: u32,
    pub(crate) reads: u32,
    /// Requests to Stripe.
    pub(crate) stripe: u32,
    /// Requests to SQS.
    pub(crate) sqs: u32,
}

impl Counts {
    /// Whether any figure is above that of `other`.
    pub(crate) fn exceeds(self, other: Counts) -> bool {
        self.dynamodb > other.dynamodb
            || self.table_writes > other.table_writes
            || self.index_writes > other.index_writes
            || self.reads > other.reads
            || self.stripe > other.stripe
            || self.sqs > other.sqs
    }
}

impl Add for Counts {
    type Output = Counts;

    fn add(self, other: Counts) -> Counts {
        Counts {
            dynamodb: self.dynamodb + other.dynamodb,
            table_writes: self.table_writes + other.table_writes,
            index_writes: self.index_writes + other.index_writes,
            reads: self.reads + other.reads,
            stripe: self.stripe + other.stripe,
            sqs: self.sqs + other.sqs,
        }
    }
}

/// The capacity that the request `action` consumed, by the answer that asked for `ReturnConsumedCapacity`.
pub(crate) fn of_answer(action: &str, request: &Value, answer: &Value) -> Counts {
    let consumed: Vec<&Value> = match &answer["ConsumedCapacity"] {
        Value::Array(tables) => tables.iter().collect(),
        Value::Null => return canceled(action, request, answer),
        table => vec![table],
    };
    let all: u32 = consumed.iter().map(|table| halves(&table["CapacityUnits"])).sum();
    let of_indexes: u32 = consumed
        .iter()
        .filter_map(|table| table["GlobalSecondaryIndexes"].as_object())
        .flat_map(Map::values)
        .map(|index| halves(&index["CapacityUnits"]))
        .sum();
    if is_write(action) {
        let table_writes = all.saturating_sub(of_indexes);
        Counts { table_writes, index_writes: of_indexes, ..Counts::default() }
    } else {
        Counts { reads: all, ..Counts::default() }
    }
}

fn is_write(action: &str) -> bool {
    ["TransactWriteItems", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"].contains(&action)
}

/// A refused write reports nothing and is billed all the same: counted as if it had been written, without the index.
fn canceled(action: &str, request: &Value, answer: &Value) -> Counts {
    if !is_write(action) || answer.get("__type").is_none() {
        return Counts::default();
    }
    let units: u32 = match request["TransactItems"].as_array() {
        Some(items) => items.iter().map(|item| 2 * kilobytes(&item["Put"]["Item"])).sum(),
        None => kilobytes(&request["Item"]),
    };
    Counts { table_writes: 2 * units, ..Counts::default() }
}

fn kilobytes(item: &Value) -> u32 {
    u32::try_from(item_bytes(item).div_ceil(1024).max(1)).unwrap_or(u32::MAX)
}

/// The size of an item as DynamoDB bills it, in bytes: names and values; Saldo has only texts and numbers.
pub(crate) fn item_bytes(item: &Value) -> usize {
    let attributes = item.as_object().into_iter().flatten();
    attributes
        .map(|(name, value)| {
            let text = value["S"].as_str().map_or(0, str::len);
            let number = value["N"].as_str().map_or(0, |digits| digits.len().div_ceil(2) + 1);
            name.len() + text + number
        })
        .sum()
}

/// `2.5` as 5; a finer fraction is rounded up.
fn halves(units: &Value) -> u32 {
    let text = units.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
    let whole: u32 = whole.parse().unwrap_or_default();
    let rest = match fraction.trim_end_matches('0') {
        "" => 0,
        small if small <= "5" => 1,
        _ => 2,
    };
    2 * whole + rest
}
