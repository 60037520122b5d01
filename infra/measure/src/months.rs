//! What a month costs at AWS' list prices for three sizes of customer, from the counts of each call.

use crate::counts::calls::{self, Measured};
use crate::failure::Failure;
use crate::flags::flags;
use crate::prices::{Prices, memory_mb};
use crate::spending::report::{self, fine_dollars, thousands};

/// How much a customer does in a month. The sizes are chosen, not measured.
struct Size {
    name: &'static str,
    /// Debits made one by one, through the API.
    single_debits: u64,
    /// Calls with ten debits of one run.
    batches: u64,
    top_ups: u64,
    /// Openings of the Billing page.
    visits: u64,
}

const DEBITS_OF_A_BATCH: u64 = 10;

const SIZES: [Size; 3] = [
    Size { name: "small", single_debits: 1_000, batches: 0, top_ups: 1, visits: 20 },
    Size { name: "medium", single_debits: 50_000, batches: 5_000, top_ups: 4, visits: 200 },
    Size { name: "large", single_debits: 0, batches: 1_000_000, top_ups: 30, visits: 1_000 },
];

/// Cleanups of 30 days, one in five minutes.
const CLEANUPS: u64 = 30 * 24 * 12;
/// Receives of 30 days by Lambda's five pollers, each of which waits 20 seconds.
const POLLS: u64 = 30 * 24 * 3600 / 20 * 5;

/// What is paid for, in so many calls.
#[derive(Clone, Copy, Default)]
struct Bill {
    /// Micro-dollars a million times over, so that nothing is rounded before the sum.
    units: u64,
    api_requests: u64,
    lambda_requests: u64,
    sqs_requests: u64,
}

pub(crate) async fn run(words: &[String]) -> Result<(), Failure> {
    let [] = flags(words, [])?;
    let (prices, memory_mb) = (Prices::read()?, memory_mb()?);
    let (measured, _) = calls::measure().await?;
    report::head(&[
        "a month",
        "messages",
        "top-ups",
        "visits",
        "DynamoDB",
        "API Gateway",
        "Lambda, requests",
        "SQS",
        "together, USD",
        "more for each 10 ms of Lambda",
        "a thousand messages",
    ]);
    for size in &SIZES {
        let messages = size.single_debits + DEBITS_OF_A_BATCH * size.batches;
        let bill = of(size, &measured, &prices)?;
        let figures = [messages, size.top_ups, size.visits].map(thousands);
        report::row(&row(size.name, &figures, bill, &prices, memory_mb, messages));
    }
    let mut own = Bill::default();
    own.add(CLEANUPS, prices.units(calls::find(&measured, "cleanup, nothing due")?), [0, 1, 0]);
    own.add(POLLS, 0, [0, 0, 1]);
    let none = ["", "", ""].map(str::to_owned);
    report::row(&row("the deployment itself, whoever uses it", &none, own, &prices, memory_mb, 0));
    println!();
    println!("Prices of {}; Lambda with {memory_mb} MB, arm64.", prices.region);
    Ok(())
}

/// Every call with its requests to API Gateway, to Lambda and to SQS. SQS takes a message, gives it and deletes it.
fn of(size: &Size, measured: &[Measured], prices: &Prices) -> Result<Bill, Failure> {
    let units = |call| calls::find(measured, call).map(|counts| prices.units(counts));
    let mut bill = Bill::default();
    bill.add(size.single_debits, units("debit, later ones")?, [1, 1, 0]);
    bill.add(size.batches, units("debits, a batch of ten in one run")?, [1, 1, 0]);
    for (call, requests) in [
        ("quote", [1, 1, 0]),
        ("create, later ones", [1, 1, 0]),
        ("webhook", [1, 1, 1]),
        ("worker, credits", [0, 1, 2]),
    ] {
        bill.add(size.top_ups, units(call)?, requests);
    }
    for call in ["balance, nothing open", "top-ups, a page of 20", "entries, a page of 20"] {
        bill.add(size.visits, units(call)?, [1, 1, 0]);
    }
    // The page itself, whose parts the browser keeps.
    bill.add(size.visits, 0, [1, 1, 0]);
    Ok(bill)
}

impl Bill {
    /// Adds `times` a call of which a million have units for so many micro-dollars.
    fn add(&mut self, times: u64, units: u64, [api, lambda, sqs]: [u64; 3]) {
        self.units += times * units;
        self.api_requests += times * api;
        self.lambda_requests += times * lambda;
        self.sqs_requests += times * sqs;
    }
}

fn row(
    name: &str,
    figures: &[String; 3],
    bill: Bill,
    prices: &Prices,
    memory_mb: u64,
    messages: u64,
) -> Vec<String> {
    let parts = [
        bill.units,
        bill.api_requests * prices.api_request,
        bill.lambda_requests * prices.lambda_request,
        bill.sqs_requests * prices.sqs_request,
    ];
    let together: u64 = parts.iter().sum();
    let time = 10 * bill.lambda_requests * prices.millisecond(memory_mb);
    let thousand = (together / 1000).checked_div(messages).map(fine_dollars).unwrap_or_default();
    let money =
        [parts[0], parts[1], parts[2], parts[3], together, time].map(|sum| fine_dollars(sum / 1_000_000));
    let mut cells = vec![name.to_owned()];
    cells.extend(figures.iter().cloned());
    cells.extend(money);
    cells.push(thousand);
    cells
}
