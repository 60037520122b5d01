//! Top-ups in the table: what the use cases of buying ask of it.

use saldo_domain::{
    BillingContact, Commit, FailureReason, IdempotencyKey, Occasion, OrgId, Settings, TopUp, TopUpId,
};
use saldo_top_ups::{Begun, Rows};

use super::Store;
use super::attributes::{Item, Reader, Writer, number};
use super::errors::port_error;
use super::keys::{self, TTL};
use super::posting::{OVER_REVISION, RowChange};
use super::rows::{REVISION, TOP_UP_ID, pointer_of, top_up_item};
use crate::PortError;

/// How long a request's idempotency key is remembered, in seconds.
const REQUEST_LIFE_SECS: i64 = 30 * 24 * 3600;

const ORG: &str = "org_id";

impl Rows for Store {
    async fn begin(&self, top_up: &TopUp, request: &IdempotencyKey) -> Result<Begun, PortError> {
        const REQUEST: usize = 0;
        const SLOT: usize = 1;
        let request_item = Writer(keys::request(&top_up.org, request))
            .text(TOP_UP_ID, top_up.id.as_str())
            .number(TTL, top_up.created_at.plus_secs(REQUEST_LIFE_SECS).secs());
        let slot = Writer(keys::open_slot(&top_up.org))
            .text(TOP_UP_ID, top_up.id.as_str())
            .number("since", top_up.created_at.ms());
        let puts = [request_item.0, slot.0, top_up_item(top_up)].map(|item| self.put_if_absent(item));
        let mut puts = puts.into_iter().collect::<Result<Vec<_>, _>>()?;
        puts.push(self.occasion_put(top_up, &Occasion::ordered(top_up))?);
        let Err(refused) = self.transact(puts).await? else { return Ok(Begun::New) };
        let pointer = |item: Option<&Item>| item.map(pointer_of).unwrap_or(Err(PortError::Conflict));
        if refused.at(REQUEST) {
            pointer(refused.item_at(REQUEST)).map(Begun::Repeated)
        } else if refused.at(SLOT) {
            pointer(refused.item_at(SLOT)).map(Begun::SlotTaken)
        } else {
            Err(PortError::Conflict)
        }
    }

    async fn top_up(&self, org: &OrgId, id: &TopUpId) -> Result<Option<TopUp>, PortError> {
        Store::top_up(self, org, id).await
    }

    async fn requested_before(
        &self,
        org: &OrgId,
        request: &IdempotencyKey,
    ) -> Result<Option<TopUpId>, PortError> {
        self.item(keys::request(org, request)).await?.as_ref().map(pointer_of).transpose()
    }

    async fn keep_invoice(&self, invoice: &str, top_up: &TopUp) -> Result<(), PortError> {
        let item =
            Writer(keys::invoice(invoice)).text(ORG, top_up.org.as_str()).text(TOP_UP_ID, top_up.id.as_str());
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item.0));
        put.send().await.map(drop).map_err(|error| port_error(&error))
    }

    async fn kept_for(&self, invoice: &str) -> Result<Option<(OrgId, TopUpId)>, PortError> {
        let Some(item) = self.item(keys::invoice(invoice)).await? else { return Ok(None) };
        let org = Reader(&item).parsed(ORG, |org| OrgId::parse(org).ok())?;
        Ok(Some((org, pointer_of(&item)?)))
    }

    async fn commit(&self, commit: &Commit) -> Result<(), PortError> {
        let Commit { top_up, postings, release_slot, occasion } = commit;
        self.post_over_row(
            RowChange { top_up, release_slot: *release_slot, beside: Vec::new(), occasion },
            postings,
        )
        .await
    }

    async fn note(&self, top_up: &TopUp, occasion: &Occasion) -> Result<(), PortError> {
        self.put_occasion(top_up, occasion).await
    }

    async fn save(&self, top_up: &TopUp) -> Result<(), PortError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(top_up_item(top_up)))
            .condition_expression(OVER_REVISION)
            .expression_attribute_names("#revision", REVISION)
            .expression_attribute_values(":before", number(top_up.revision.saturating_sub(1)));
        put.send().await.map(drop).map_err(|error| port_error(&error))
    }

    async fn withdraw(&self, top_up: &TopUp, request: &IdempotencyKey) -> Result<(), PortError> {
        self.delete_intent(top_up, request).await
    }

    async fn settings(&self, org: &OrgId) -> Result<Settings, PortError> {
        Store::settings(self, org).await
    }

    async fn keep_payer(
        &self,
        org: &OrgId,
        payer: &str,
        told: &BillingContact,
        replacing: Option<&str>,
    ) -> Result<(), PortError> {
        Store::keep_payer(self, org, payer, told, replacing).await
    }

    async fn keep_refusal(&self, org: &OrgId, why: Option<FailureReason>) -> Result<(), PortError> {
        Store::keep_refusal(self, org, why).await
    }

    async fn keep_told(&self, org: &OrgId, payer: &str, told: &BillingContact) -> Result<(), PortError> {
        Store::keep_told(self, org, payer, told).await
    }
}
