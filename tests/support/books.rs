//! The books: what must be true of table and Stripe together, whatever went wrong before.
use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use saldo_domain::{Actor, DebitId, EntryId, EntryKind, RunId, What};
use saldo_local::Saldo;
use serde_json::Value;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// A client of the local table with nothing in between.
pub(crate) fn dynamodb(saldo: &Saldo) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("ap-southeast-3"))
        .credentials_provider(Credentials::new("books", "books", None, None, "books"))
        .endpoint_url(saldo.dynamodb_url())
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.build())
}

pub(crate) fn table(saldo: &Saldo) -> String {
    saldo.env_of("balance").get("SALDO_TABLE").unwrap().to_owned()
}

/// Every item of the table.
pub(crate) async fn items(saldo: &Saldo) -> Vec<Item> {
    let (client, table) = (dynamodb(saldo), table(saldo));
    let (mut items, mut next) = (Vec::new(), None);
    loop {
        let page = client.scan().table_name(&table).consistent_read(true).set_exclusive_start_key(next);
        let page = page.send().await.unwrap();
        items.extend(page.items().iter().cloned());
        next = page.last_evaluated_key().cloned();
        if next.is_none() {
            return items;
        }
    }
}

pub(crate) fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}

pub(crate) fn number(item: &Item, name: &str) -> Option<i64> {
    item.get(name).and_then(|value| value.as_n().ok()).and_then(|digits| digits.parse().ok())
}

/// What belongs to one organisation.
#[derive(Default)]
struct Account {
    balance: i64,
    slot: Option<String>,
    top_ups: BTreeMap<String, Item>,
    entries: Vec<Item>,
    /// Debits that may not have their entry yet, with their stamps; one may be pending on several shards.
    pending: Vec<(String, i128)>,
    /// When each debit that is marked as reversed was so.
    reversed: BTreeMap<String, i64>,
    /// The top-ups that idempotency keys stand for.
    requested: Vec<String>,
    /// The debits that keys of senders stand for.
    keyed: BTreeSet<String>,
    /// For which top-up each invoice is remembered.
    invoices: BTreeMap<String, String>,
    /// Where its open holds are.
    holds: Option<Item>,
    /// The occasions of each top-up's trail.
    trails: BTreeMap<String, Vec<Item>>,
}

/// A stamp's own part is below this, and so is the sequence of its shard.
const MARKS: i128 = 1 << 60;

/// Proves the books, at rest or not: nothing here may be false even for a moment.
///
/// - the table holds nothing but what is known here, and every entry is of a known kind and lies in its id's month;
/// - balance = sum of entries - pending debits without their entry;
/// - a debit has one entry, and a reversed one the reversal of as many credits, and its mark;
/// - every top-up that is credited has one entry of that, and what went with refunds and disputes of it is what its row says;
/// - every open hold is found by whoever ends them;
/// - only such a taking back makes debt, and an adjustment has a reason;
/// - an idempotency key stands for a top-up that exists, or for a debit that no other one stands for;
/// - a top-up is unfinished exactly when it holds its organisation's only slot, and exactly then it is on the work list;
/// - an invoice that can still be paid is named by an unfinished top-up;
/// - an invoice that a top-up names is remembered for it;
/// - the trail of a top-up begins with its order and ends with the row as it is, and moved the credits that the row has.
pub(crate) async fn prove_always(saldo: &Saldo, when: &str) {
    let accounts = accounts(saldo).await;
    for (org, account) in &accounts {
        let sum: i64 = account.entries.iter().map(|entry| number(entry, "credits").unwrap()).sum();
        let unwritten: i64 = unwritten(account).map(reserved).sum();
        assert_eq!(account.balance, sum - unwritten, "{when}: balance of {org} is the sum of its entries");
        let taken_back = ["refund", "dispute"].into_iter().any(|kind| of_kind(account, kind).count() > 0);
        assert!(account.balance >= 0 || taken_back, "{when}: {org} has spent what it did not have");
        prove_given_back(org, account, when);
        prove_ledger(org, account, when);
        prove_reversals(org, account, when);
        prove_entries(org, account, when);
        prove_holds(org, account, when);
        prove_slot(org, account, when);
        prove_invoices(org, account, when);
        prove_trails(org, account, when);
        for id in &account.requested {
            assert!(
                account.top_ups.contains_key(id),
                "{when}: a key of {org} stands for {id}, which is not there"
            );
        }
    }
    for invoice in saldo.stand_in().invoices() {
        let payable = ["open", "uncollectible"].contains(&invoice["status"].as_str().unwrap());
        if let Some(top_up) = top_up_of(&accounts, &invoice).filter(|_| payable) {
            let id = invoice["id"].as_str().unwrap();
            let status = text(top_up, "status");
            assert_eq!(text(top_up, "invoice"), id, "{when}: {id} can be paid, so its top-up names it");
            assert!(
                ["requested", "open"].contains(&status),
                "{when}: {id} can be paid, its top-up is {status}"
            );
        }
    }
}

/// Proves the books at rest, when every message is handled: also that credits granted = paid invoices.
pub(crate) async fn prove_at_rest(saldo: &Saldo, when: &str) {
    prove_always(saldo, when).await;
    let accounts = accounts(saldo).await;
    let mut paid = 0;
    for invoice in saldo.stand_in().invoices() {
        if invoice["status"] != "paid" {
            continue;
        }
        let top_up =
            top_up_of(&accounts, &invoice).unwrap_or_else(|| panic!("{when}: a paid invoice without a row"));
        assert_eq!(text(top_up, "status"), "paid", "{when}: the top-up of paid invoice {}", invoice["id"]);
        assert_eq!(
            number(top_up, "granted"),
            number(top_up, "credits"),
            "{when}: {} is credited",
            invoice["id"]
        );
        assert_eq!(
            number(top_up, "total"),
            invoice["amount_paid"].as_i64(),
            "{when}: the amount of {}",
            invoice["id"]
        );
        paid += 1;
    }
    let granted = accounts.values().flat_map(|account| of_kind(account, "top_up")).count();
    assert_eq!(granted, paid, "{when}: one entry per paid invoice");
}

/// Every organisation's credits.
pub(crate) async fn balances(saldo: &Saldo) -> Vec<(String, i64)> {
    accounts(saldo).await.into_iter().map(|(org, account)| (org, account.balance)).collect()
}

/// How many debits of every organisation are pending.
pub(crate) async fn pending(saldo: &Saldo) -> Vec<(String, usize)> {
    accounts(saldo).await.into_iter().map(|(org, account)| (org, account.pending.len())).collect()
}

/// Every entry is one of those that the other proofs look at, under the month of its id.
fn prove_ledger(org: &str, account: &Account, when: &str) {
    for entry in &account.entries {
        let (id, kind) = (text(entry, "sk"), text(entry, "kind"));
        match EntryKind::parse(kind) {
            None => panic!("{when}: {org} has an entry of kind {kind:?}"),
            Some(EntryKind::Debit | EntryKind::Reversal | EntryKind::TopUp) => {}
            Some(EntryKind::Refund | EntryKind::RefundUndone) => {}
            Some(EntryKind::Dispute | EntryKind::DisputeUndone) => {}
            Some(EntryKind::Adjustment) => {
                assert_ne!(text(entry, "cause"), "", "{when}: {org} was adjusted for no reason");
            }
        }
        let month = EntryId::parse(id).unwrap().month().digits();
        let ledger = text(entry, "pk");
        assert_eq!(ledger.split('#').nth(2), Some(month.as_str()), "{when}: entry {id} lies in {ledger}");
    }
}

fn prove_entries(org: &str, account: &Account, when: &str) {
    let mut credited: BTreeMap<&str, i64> = BTreeMap::new();
    for entry in of_kind(account, "top_up") {
        let before = credited.insert(text(entry, "cause"), number(entry, "credits").unwrap());
        assert_eq!(before, None, "{when}: {} of {org} is credited once", text(entry, "cause"));
    }
    for (id, top_up) in &account.top_ups {
        let entry = credited.remove(id.as_str());
        assert_eq!(entry, number(top_up, "granted"), "{when}: {id} of {org} says what its entry says");
        assert_eq!(
            entry.is_some(),
            text(top_up, "status") == "paid",
            "{when}: {id} of {org} is paid when credited"
        );
    }
    assert!(credited.is_empty(), "{when}: entries of {org} without a top-up: {credited:?}");
}

/// No open hold is passed over by whoever ends them, and what was reported of one after its end is charged once.
fn prove_holds(org: &str, account: &Account, when: &str) {
    let open = account.entries.iter().filter(|entry| entry.get("open") == Some(&AttributeValue::Bool(true)));
    for entry in open {
        let id = text(entry, "sk");
        let looked_for = account.holds.as_ref().unwrap_or_else(|| panic!("{when}: {org} may have no holds"));
        let from = number(looked_for, "from").unwrap();
        let carried = text(looked_for, "carried").split(' ').any(|one| one == id);
        let ahead = EntryId::parse(id).unwrap().at().ms() >= from;
        assert!(carried || ahead, "{when}: {id} of {org} is open and passed over: {looked_for:?}");
        assert!(looked_for.contains_key("due_pk"), "{when}: nobody looks for {id} of {org}");
    }
    let mut reported: BTreeMap<&str, i64> = BTreeMap::new();
    for entry in of_kind(account, "debit").filter(|entry| entry.contains_key("cause")) {
        let before = reported.insert(text(entry, "cause"), -number(entry, "credits").unwrap());
        assert_eq!(before, None, "{when}: what was used of a quota of {org} is charged once: {entry:?}");
    }
    for entry in &account.entries {
        let Some(credits) = number(entry, "reported") else { continue };
        let id = text(entry, "sk");
        assert_eq!(reported.remove(id), Some(credits), "{when}: {id} of {org} is charged as it was reported");
        let back = number(entry, "credits") == Some(0) || entry.contains_key("returned_late");
        assert!(back, "{when}: {id} of {org} came back before");
    }
    assert!(reported.is_empty(), "{when}: {org} is charged for what nobody reported: {reported:?}");
}

/// What went with refunds and disputes, less what came back, is of a top-up and what its row says.
fn prove_given_back(org: &str, account: &Account, when: &str) {
    for (posted, kinds) in
        [("refunded", ["refund", "refund_undone"]), ("disputed", ["dispute", "dispute_undone"])]
    {
        let mut gone: BTreeMap<&str, i64> = BTreeMap::new();
        for entry in kinds.into_iter().flat_map(|kind| of_kind(account, kind)) {
            *gone.entry(text(entry, "cause")).or_default() -= number(entry, "credits").unwrap();
        }
        for (id, top_up) in &account.top_ups {
            let (by_entries, row) = (gone.remove(id.as_str()), number(top_up, posted));
            assert_eq!(
                by_entries.unwrap_or(0),
                row.unwrap_or(0),
                "{when}: {id} of {org} says what its entries say of what was {posted}"
            );
        }
        assert!(gone.is_empty(), "{when}: {org} has entries of what was {posted} without a top-up: {gone:?}");
    }
}

fn of_kind<'a>(account: &'a Account, kind: &str) -> impl Iterator<Item = &'a Item> {
    account.entries.iter().filter(move |entry| text(entry, "kind") == kind)
}

/// The credits that a stamp stands for: its units, 30 bits from bit 86 on and one less, times its rate, whose lower 12 bits are
/// those from bit 4 on and whose upper 8 those from bit 116 on.
fn reserved(stamp: i128) -> i64 {
    let part = |from: u32, bits: u32| (stamp >> from) & ((1 << bits) - 1);
    let credits = (part(86, 30) + 1) * (part(4, 12) + (part(116, 8) << 12));
    i64::try_from(credits).unwrap()
}

/// The stamps of pending debits that no entry carries.
fn unwritten(account: &Account) -> impl Iterator<Item = i128> {
    let written = |id: &str, stamp: i128| {
        let mark = |entry: &Item| number(entry, "stamp").map(i128::from);
        of_kind(account, "debit").any(|entry| text(entry, "sk") == id && mark(entry) == Some(stamp % MARKS))
    };
    account.pending.iter().filter(move |(id, stamp)| !written(id, *stamp)).map(|(_, stamp)| *stamp)
}

fn prove_reversals(org: &str, account: &Account, when: &str) {
    let of_debits = |name: &'static str| -> BTreeMap<&str, i64> {
        let of = |entry| Some((text(entry, "sk"), number(entry, name)?));
        of_kind(account, "debit").filter_map(of).collect()
    };
    let (spent, mut late) = (of_debits("charge"), of_debits("returned_late"));
    let mut reversed = BTreeMap::new();
    for entry in of_kind(account, "reversal") {
        let (debit, credits) = (text(entry, "cause"), number(entry, "credits").unwrap());
        // What came back of a hold when its month took no changes any more.
        if late.get(debit) == Some(&credits) {
            late.remove(debit);
            continue;
        }
        assert_eq!(spent.get(debit), Some(&credits), "{when}: {debit} of {org} comes back as it was spent");
        assert_eq!(reversed.insert(debit, credits), None, "{when}: {debit} of {org} is reversed once");
        assert_eq!(
            account.reversed.get(debit).copied(),
            number(entry, "at"),
            "{when}: {debit} of {org} is marked as reversed, when it was"
        );
    }
    assert_eq!(account.reversed.len(), reversed.len(), "{when}: {org} has marks of reversals that were none");
    assert!(late.is_empty(), "{when}: holds of {org} gave back what has no entry: {late:?}");
}

/// The run that an item of the ledger is of, and whether it is of holds.
fn run_of(item: &Item) -> (RunId, bool) {
    let first = EntryId::parse(text(item, "sk")).unwrap();
    let is_hold = text(item, "pk").ends_with("#H");
    assert_eq!(first.hold().is_some(), is_hold, "holds have a ledger of their own: {item:?}");
    let first = first.hold().unwrap_or(first);
    (DebitId::parse(&first.to_string()).unwrap().run(), is_hold)
}

/// The credits of a debit, or what a hold still holds or was captured of it.
fn charged(debit: &Item, is_hold: bool) -> i64 {
    let held = number(debit, "n").unwrap();
    assert_eq!(debit.contains_key("h"), is_hold, "a hold says until when: {debit:?}");
    let captured = number(debit, "oc").filter(|_| !debit.contains_key("ol"));
    assert!(captured.is_none_or(|captured| (0..=held).contains(&captured)), "{debit:?}");
    captured.unwrap_or(held)
}

/// The debits of a run as entries of their own.
fn debits(run: &Item) -> Vec<Item> {
    let (first, is_hold) = run_of(run);
    assert!(text(run, "by").parse::<Actor>().is_ok(), "it is known who sent {run:?}");
    let debit = |(name, value): (&String, &AttributeValue)| {
        if ["pk", "sk", "kind", "by", "w"].contains(&name.as_str()) || name.starts_with('x') {
            return None;
        }
        if *value == AttributeValue::S("closed".to_owned()) {
            return None;
        }
        let AttributeValue::M(debit) = value else { panic!("{name} in {run:?} is no debit") };
        let id = first.id(name.parse().unwrap()).unwrap().to_string();
        let credits = -charged(debit, is_hold);
        let own = |name: &str, is: &str| debit.get(name).map(|value| (is.to_owned(), value.clone()));
        let late = debit.get("ol").and_then(|_| Some(number(debit, "n")? - number(debit, "oc")?));
        let late = late.map(|back| ("returned_late".to_owned(), AttributeValue::N(back.to_string())));
        // What there is to be taken back.
        let charge = own("lc", "charge").or(own("oc", "charge")).or(own("n", "charge"));
        let mut item = Item::from([
            ("pk".to_owned(), run["pk"].clone()),
            ("sk".to_owned(), AttributeValue::S(id)),
            ("kind".to_owned(), AttributeValue::S("debit".to_owned())),
            ("credits".to_owned(), AttributeValue::N(credits.to_string())),
            ("stamp".to_owned(), debit["t"].clone()),
            ("open".to_owned(), AttributeValue::Bool(is_hold && !debit.contains_key("o"))),
        ]);
        item.extend([own("lc", "reported"), late, charge].into_iter().flatten());
        Some(item)
    };
    run.iter().filter_map(debit).collect()
}

/// The debits of a run that are marked as reversed, and since when.
fn reversed(run: &Item) -> Vec<(String, i64)> {
    let (first, _) = run_of(run);
    let mark = |name: &String| {
        let place = name.strip_prefix('x')?.parse().unwrap();
        Some((first.id(place).unwrap().to_string(), number(run, name).unwrap()))
    };
    run.keys().filter_map(mark).collect()
}

/// The name of a pending debit as its id.
fn prove_slot(org: &str, account: &Account, when: &str) {
    let unfinished: Vec<_> = account
        .top_ups
        .iter()
        .filter(|(_, top_up)| ["requested", "open"].contains(&text(top_up, "status")))
        .map(|(id, _)| id.clone())
        .collect();
    let holder: Vec<_> = account.slot.iter().cloned().collect();
    assert_eq!(unfinished, holder, "{when}: the unfinished top-ups of {org} are the holder of its slot");
    for (id, top_up) in &account.top_ups {
        let listed = top_up.contains_key("due_pk") && top_up.contains_key("due_at");
        let in_part = |part: &str| listed && text(top_up, "due_pk").starts_with(part);
        let (in_doubt, refunding) = (in_part("DUE#REVIEW#"), in_part("DUE#REFUND#"));
        let listed = listed && !in_doubt && !refunding;
        assert_eq!(
            listed,
            unfinished.contains(id),
            "{when}: {id} of {org} is on the work list while unfinished"
        );
        assert_eq!(
            in_doubt,
            !listed && !refunding && top_up.contains_key("review"),
            "{when}: {id} of {org} is on the list of what is to be looked at while it is"
        );
        assert_eq!(
            refunding,
            !listed && top_up.contains_key("refund"),
            "{when}: {id} of {org} is on the list of refunds while one is under way"
        );
    }
}

/// An invoice may be remembered for a top-up that came to name none, or another; never the other way round.
fn prove_invoices(org: &str, account: &Account, when: &str) {
    for (invoice, id) in &account.invoices {
        assert!(account.top_ups.contains_key(id), "{when}: {invoice} is remembered for {id} of {org}");
    }
    for (id, top_up) in account.top_ups.iter().filter(|(_, top_up)| top_up.contains_key("invoice")) {
        let kept = account.invoices.get(text(top_up, "invoice"));
        assert_eq!(kept, Some(id), "{when}: the invoice that {id} of {org} names is remembered for it");
    }
}

/// The occasions that changed the row lead from its order to what it says now, one for each, and what left it as it is is
/// forgotten some day.
fn prove_trails(org: &str, account: &Account, when: &str) {
    for (id, top_up) in &account.top_ups {
        let trail = account.trails.get(id).map(Vec::as_slice).unwrap_or_default();
        let mut changes: Vec<_> = trail.iter().filter(|one| what(one).changes_the_row()).collect();
        changes.sort_by_key(|one| number(one, "revision"));
        let words: Vec<_> = changes.iter().map(|one| text(one, "what")).collect();
        assert_eq!(
            words.first(),
            Some(&"ordered"),
            "{when}: the trail of {id} of {org} begins with its order"
        );
        assert_eq!(words.iter().filter(|word| **word == "ordered").count(), 1, "{when}: {id} of {org}");
        let last = changes.last().unwrap();
        assert!(number(last, "revision") <= number(top_up, "revision"), "{when}: {id} of {org}: {words:?}");
        for name in ["status", "review"] {
            assert_eq!(
                text(last, name),
                text(top_up, name),
                "{when}: {name} of {id} of {org} after {words:?}"
            );
        }
        for name in ["granted", "refunded", "disputed"] {
            assert_eq!(
                number(last, name),
                number(top_up, name),
                "{when}: {name} of {id} of {org} after {words:?}"
            );
        }
        let moved = |one: &&&Item| ["credited", "taken_back", "given_again"].contains(&text(one, "what"));
        let moved: i64 =
            changes.iter().filter(moved).map(|one| text(one, "detail").parse::<i64>().unwrap()).sum();
        let posted = |name| number(top_up, name).unwrap_or_default();
        let credited = posted("granted") - posted("refunded") - posted("disputed");
        assert_eq!(moved, credited, "{when}: the trail of {id} of {org} moved what its row has: {words:?}");
    }
    for (id, trail) in &account.trails {
        for one in trail {
            let lasts = !one.contains_key("ttl");
            assert_eq!(lasts, what(one).is_lasting(), "{when}: {one:?} is kept as long as it should be");
            assert!(!lasts || account.top_ups.contains_key(id), "{when}: {one:?} is of no top-up");
        }
    }
}

fn what(occasion: &Item) -> What {
    What::parse(text(occasion, "what")).unwrap_or_else(|| panic!("nothing is known of {occasion:?}"))
}

/// By its metadata, or where staff took that away, by what it is remembered for.
fn top_up_of<'a>(accounts: &'a BTreeMap<String, Account>, invoice: &Value) -> Option<&'a Item> {
    let metadata = &invoice["metadata"];
    let named = |name: &str| metadata[name].as_str();
    if let (Some(org), Some(id)) = (named("org_id"), named("top_up_id")) {
        return accounts.get(org)?.top_ups.get(id);
    }
    let invoice = invoice["id"].as_str()?;
    accounts.values().find_map(|account| account.top_ups.get(account.invoices.get(invoice)?))
}

async fn accounts(saldo: &Saldo) -> BTreeMap<String, Account> {
    let mut accounts: BTreeMap<String, Account> = BTreeMap::new();
    for item in items(saldo).await {
        let (pk, sk) = (text(&item, "pk").to_owned(), text(&item, "sk").to_owned());
        let mut parts = pk.split('#');
        let (kind, id) = (parts.next().unwrap(), parts.next().unwrap_or_default().to_owned());
        if kind == "LEDGER" {
            let account = accounts.entry(id).or_default();
            if text(&item, "kind") == "debits" {
                account.reversed.extend(reversed(&item));
                account.entries.extend(debits(&item));
            } else {
                account.entries.push(item);
            }
            continue;
        }
        if kind == "RECONCILE" {
            assert!(sk.starts_with("SWEEP#") || sk.starts_with("RUN#"), "{pk} {sk}");
            continue;
        }
        if kind == "INVOICE" {
            assert_eq!(sk, "INVOICE", "{pk}");
            let (of, top_up) = (text(&item, "org_id").to_owned(), text(&item, "top_up_id").to_owned());
            accounts.entry(of).or_default().invoices.insert(id, top_up);
            continue;
        }
        if kind == "OPERATOR" {
            assert!(sk.starts_with("REQUEST#"), "{pk} {sk}");
            continue;
        }
        if kind == "DEADLETTERS" {
            assert!(sk.starts_with("AUDIT#"), "{pk} {sk}");
            continue;
        }
        if kind == "KEYS" {
            assert!(sk.starts_with("KEY#"), "{pk} {sk}");
            let debit = text(&item, "debit").to_owned();
            assert!(
                accounts.entry(id).or_default().keyed.insert(debit),
                "two keys stand for one debit: {item:?}"
            );
            continue;
        }
        if kind == "TRAIL" {
            let top_up = parts.next().unwrap().to_owned();
            accounts.entry(id).or_default().trails.entry(top_up).or_default().push(item);
            continue;
        }
        assert_eq!(kind, "ORG", "{pk}");
        let account = accounts.entry(id).or_default();
        match sk.as_str() {
            "BALANCE" => {
                // One that nobody ever bought for says only that someone was refused.
                let credits = number(&item, "credits").unwrap_or_default();
                assert!(
                    credits >= 0 || parts.next().is_none(),
                    "{pk} has {credits}: debt is on the main one"
                );
                account.balance += credits;
                if let Some(AttributeValue::M(members)) = item.get("q") {
                    account.pending.extend(super::pending::of(members));
                }
            }
            "BALANCE#SLOT" => account.slot = Some(text(&item, "top_up_id").to_owned()),
            "HOLDS" => account.holds = Some(item),
            "SETTINGS" | "BUDGETS" => {}
            named => match named.split_once('#') {
                Some(("TOPUP", id)) => drop(account.top_ups.insert(id.to_owned(), item)),
                Some(("AUDIT" | "ADJUSTMENT", _)) => {}
                Some(("CLOSING", _)) => {}
                Some(("REQUEST", _)) => account.requested.push(text(&item, "top_up_id").to_owned()),
                _ => panic!("nothing is known of {pk} {sk}"),
            },
        }
    }
    accounts
}
