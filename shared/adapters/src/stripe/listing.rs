//! What Stripe lists: events since a moment, invoices since a moment, newest first.

use miniserde::Deserialize;
use miniserde::json::Value;
use saldo_books::{ListedEvent, Page, Provider};
use saldo_domain::{Evidence, Timestamp};
use saldo_top_ups::{InvoicesError, Told};
use stripe::StripeRequest;
use stripe_billing::invoice::ListInvoice;
use stripe_core::event::ListEvent;
use stripe_types::{RangeBoundsTs, RangeQueryTs};

use super::answers::InvoiceList;
use super::event::{Event, EventType, Meaning};
use super::invoices::Stripe;

/// What is asked for at a time, the most that Stripe gives.
const PAGE: i64 = 100;

#[derive(Deserialize)]
struct EventList {
    data: Vec<EventAnswer>,
    has_more: bool,
}

#[derive(Deserialize)]
struct EventAnswer {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    livemode: Option<bool>,
    created: Option<i64>,
    account: Option<Value>,
    data: Option<DataAnswer>,
}

#[derive(Deserialize)]
struct DataAnswer {
    object: Option<ObjectAnswer>,
}

#[derive(Deserialize)]
struct ObjectAnswer {
    id: Option<String>,
}

impl Provider for Stripe {
    async fn events(
        &self,
        since: Timestamp,
        until: Timestamp,
        after: Option<&str>,
    ) -> Result<Page<ListedEvent>, InvoicesError> {
        let types: Vec<String> = EventType::ALL.iter().map(|kind| kind.as_str().to_owned()).collect();
        let mut request = ListEvent::new().types(types).created(between(since, until)).limit(PAGE);
        if let Some(after) = after {
            request = request.starting_after(after);
        }
        let list: EventList = self.ask(request.build(), None).await?;
        let next = list.data.last().map(|event| event.id.clone()).filter(|_| list.has_more);
        let items = list.data.into_iter().map(|event| self.listed(event)).collect();
        Ok(Page { items, next })
    }

    async fn invoices(
        &self,
        since: Timestamp,
        until: Timestamp,
        after: Option<&str>,
    ) -> Result<Page<Evidence>, InvoicesError> {
        let mut request = ListInvoice::new().created(between(since, until)).limit(PAGE);
        if let Some(after) = after {
            request = request.starting_after(after);
        }
        let list: InvoiceList = self.ask(request.build(), None).await?;
        let next = list.data.last().map(|invoice| invoice.id.clone()).filter(|_| list.has_more);
        let mut items = Vec::new();
        for answer in list.data {
            // An invoice of another system may be in a currency that we do not know: it is not ours.
            items.extend(self.evidence_of(answer));
        }
        Ok(Page { items, next })
    }
}

impl Stripe {
    fn listed(&self, answer: EventAnswer) -> ListedEvent {
        let event = Event {
            id: answer.id,
            kind: answer.kind,
            livemode: answer.livemode,
            created: answer.created,
            account: answer.account.map(|_| String::new()),
            object: answer.data.and_then(|data| data.object).and_then(|object| object.id),
        };
        let of_this_mode = event.livemode.is_none_or(|livemode| livemode == self.is_live());
        let told = match event.meaning() {
            Meaning::Invoice(invoice) if event.account.is_none() && of_this_mode => {
                let refused = event.kind == EventType::InvoicePaymentFailed.as_str();
                let failed_at = event.created.filter(|_| refused).map(Timestamp::from_secs);
                Some(Told { invoice: invoice.to_owned(), failed_at })
            }
            Meaning::Invoice(_) | Meaning::Nothing | Meaning::Unreadable => None,
        };
        ListedEvent { id: event.id, told }
    }
}

fn between(since: Timestamp, until: Timestamp) -> RangeQueryTs {
    RangeQueryTs::Bounds(RangeBoundsTs {
        gte: Some(since.secs()),
        lte: Some(until.secs()),
        ..RangeBoundsTs::default()
    })
}
