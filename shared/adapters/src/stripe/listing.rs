//! What Stripe lists: events since a moment, invoices since a moment, newest first.

use miniserde::json::{self, Value};
use saldo_books::{ListedEvent, Page, Provider};
use saldo_domain::{Evidence, Timestamp};
use saldo_top_ups::{InvoicesError, Told};
use stripe::StripeRequest;
use stripe_billing::invoice::ListInvoice;
use stripe_core::event::ListEvent;
use stripe_types::{RangeBoundsTs, RangeQueryTs};

use super::answers::{InvoiceAnswer, List};
use super::event::{Event, EventType, Meaning};
use super::invoices::Stripe;
use crate::queue::{About, PaymentMessage};

/// What is asked for at a time, the most that Stripe gives.
const PAGE: i64 = 100;

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
        let list: List<Value> = self.ask(request.build(), None).await?;
        let all: Vec<_> = list.data.iter().filter_map(|event| Some((id_of(event)?, event))).collect();
        let next = all.last().map(|(id, _)| id.clone()).filter(|_| list.has_more);
        Ok(Page { items: all.iter().map(|(id, event)| self.listed(id, event)).collect(), next })
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
        let list: List<InvoiceAnswer> = self.ask(request.build(), None).await?;
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
    /// An event as the webhook would have read it.
    fn listed(&self, id: &str, event: &Value) -> ListedEvent {
        let told = Event::parse(json::to_string(event).as_bytes()).ok().and_then(|event| self.told(&event));
        ListedEvent { id: id.to_owned(), told }
    }

    fn told(&self, event: &Event) -> Option<Told> {
        let of_this_mode = event.livemode.is_none_or(|livemode| livemode == self.is_live());
        if event.account.is_some() || !of_this_mode {
            return None;
        }
        let about = match event.meaning() {
            Meaning::Invoice(invoice) => About::Invoice(invoice.to_owned()),
            Meaning::Payment(payment) => About::Payment(payment.to_owned()),
            Meaning::Nothing | Meaning::Unreadable => return None,
        };
        let (event_id, kind) = (event.id.clone(), event.kind.clone());
        let created = event.created.unwrap_or_default();
        Some(PaymentMessage { event: event_id, kind, about, created, waiting: None }.told())
    }
}

fn id_of(object: &Value) -> Option<String> {
    let Value::Object(fields) = object else { return None };
    match fields.get("id") {
        Some(Value::String(id)) => Some(id.clone()),
        Some(_) | None => None,
    }
}

fn between(since: Timestamp, until: Timestamp) -> RangeQueryTs {
    RangeQueryTs::Bounds(RangeBoundsTs {
        gte: Some(since.secs()),
        lte: Some(until.secs()),
        ..RangeBoundsTs::default()
    })
}
