//! The settings of an organisation, and how the payment provider knows it: one item.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use saldo_domain::{
    Actor, BillingContact, ContactField, FailureReason, OrgId, Payer, PortError, Settings, Timestamp,
};

use super::Store;
use super::attributes::{Item, Reader, number, text};
use super::errors::port_error;
use super::keys;

const VERSION: &str = "version";
const PAYER: &str = "payer";
/// What the provider was last told, as a map of the parts.
const TOLD: &str = "told";
/// Why the provider last refused to sell; absent once it sold again.
const REFUSED_FOR: &str = "refused_for";
const CHANGED_AT: &str = "changed_at";
const CHANGED_BY: &str = "changed_by";
/// Puts the organisation on the list of those whose books are compared, once: nobody buys before this item is written.
const LISTED: &str = "#due = if_not_exists(#due, :due), #due_at = if_not_exists(#due_at, :first)";

impl Store {
    /// The settings as they are now; empty with version 0 before the first change.
    pub async fn settings(&self, org: &OrgId) -> Result<Settings, PortError> {
        self.item(keys::settings(org)).await?.as_ref().map_or_else(|| Ok(Settings::default()), settings_of)
    }

    /// Replaces the billing contact of the settings with version `before`; the version is one more then.
    ///
    /// [`PortError::Conflict`] means that they have changed since.
    pub async fn change_settings(
        &self,
        org: &OrgId,
        billing: &BillingContact,
        before: i64,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), PortError> {
        let condition = if before == 0 { "attribute_not_exists(#version)" } else { "#version = :before" };
        let mut set = ["#version = :after", "#at = :at", "#by = :by", LISTED].map(str::to_owned).to_vec();
        let mut remove = Vec::new();
        let mut update = self
            .listing_update(org)
            .condition_expression(condition)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_names("#at", CHANGED_AT)
            .expression_attribute_names("#by", CHANGED_BY)
            .expression_attribute_values(":after", number(before.saturating_add(1)))
            .expression_attribute_values(":at", number(now.ms()))
            .expression_attribute_values(":by", text(actor.to_string()));
        if before != 0 {
            update = update.expression_attribute_values(":before", number(before));
        }
        for field in ContactField::ALL {
            let name = field.as_str();
            update = update.expression_attribute_names(format!("#{name}"), name);
            match billing.get(field) {
                Some(value) => {
                    set.push(format!("#{name} = :{name}"));
                    update = update.expression_attribute_values(format!(":{name}"), text(value));
                }
                None => remove.push(format!("#{name}")),
            }
        }
        let remove = if remove.is_empty() { String::new() } else { format!(" REMOVE {}", remove.join(", ")) };
        let update = update.update_expression(format!("SET {}{remove}", set.join(", ")));
        update.send().await.map(drop).map_err(|error| port_error(&error))
    }

    /// Remembers the provider's name of an organisation and what it was told. `replacing` is one that the provider no longer
    /// knows.
    ///
    /// [`PortError::Conflict`] means that another one is remembered.
    pub async fn keep_payer(
        &self,
        org: &OrgId,
        payer: &str,
        told: &BillingContact,
        replacing: Option<&str>,
    ) -> Result<(), PortError> {
        let update = self
            .listing_update(org)
            .update_expression(format!("SET #payer = :payer, #told = :told, {LISTED}"))
            .expression_attribute_names("#payer", PAYER)
            .expression_attribute_names("#told", TOLD)
            .expression_attribute_values(":payer", text(payer))
            .expression_attribute_values(":told", parts_of(told));
        let update = match replacing {
            None => update.condition_expression("attribute_not_exists(#payer)"),
            Some(old) => {
                update.condition_expression("#payer = :old").expression_attribute_values(":old", text(old))
            }
        };
        update.send().await.map(drop).map_err(|error| port_error(&error))
    }

    /// Remembers what the provider was told of the payer.
    ///
    /// [`PortError::Conflict`] means that another name is remembered.
    pub async fn keep_told(&self, org: &OrgId, payer: &str, told: &BillingContact) -> Result<(), PortError> {
        let update = self
            .settings_update(org)
            .update_expression("SET #told = :told")
            .condition_expression("#payer = :payer")
            .expression_attribute_names("#payer", PAYER)
            .expression_attribute_names("#told", TOLD)
            .expression_attribute_values(":payer", text(payer))
            .expression_attribute_values(":told", parts_of(told));
        update.send().await.map(drop).map_err(|error| port_error(&error))
    }

    /// An update that says [`LISTED`].
    fn listing_update(&self, org: &OrgId) -> UpdateItemFluentBuilder {
        let partition = keys::due_partition(keys::Work::Books, org.as_str());
        self.settings_update(org)
            .expression_attribute_names("#due", keys::DUE_PK)
            .expression_attribute_names("#due_at", keys::DUE_AT)
            .expression_attribute_values(":due", text(partition))
            .expression_attribute_values(":first", text(keys::due_at(Timestamp::from_ms(0))))
    }

    /// Remembers why the provider refused to sell; `None` that it sold again.
    pub async fn keep_refusal(&self, org: &OrgId, why: Option<FailureReason>) -> Result<(), PortError> {
        let update = self.settings_update(org).expression_attribute_names("#refused", REFUSED_FOR);
        let update = match why {
            Some(why) => update
                .update_expression("SET #refused = :why")
                .expression_attribute_values(":why", text(why.as_str())),
            None => update.update_expression("REMOVE #refused"),
        };
        update.send().await.map(drop).map_err(|error| port_error(&error))
    }

    fn settings_update(&self, org: &OrgId) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).set_key(Some(keys::settings(org)))
    }
}

fn parts_of(contact: &BillingContact) -> AttributeValue {
    let part = |field: ContactField| contact.get(field).map(|value| (field.as_str().to_owned(), text(value)));
    AttributeValue::M(ContactField::ALL.into_iter().filter_map(part).collect())
}

fn settings_of(item: &Item) -> Result<Settings, PortError> {
    let row = Reader(item);
    let told = item.get(TOLD).and_then(|told| told.as_m().ok());
    let payer = match row.optional_text(PAYER) {
        Some(id) => Some(Payer { id: id.to_owned(), told: told.map(contact_of).transpose()? }),
        None => None,
    };
    let version = row.optional_number(VERSION).unwrap_or_default();
    let refused = row.optional_text(REFUSED_FOR).and_then(FailureReason::parse);
    Ok(Settings { billing: contact_of(item)?, version, payer, refused })
}

fn contact_of(item: &Item) -> Result<BillingContact, PortError> {
    let row = Reader(item);
    let mut contact = BillingContact::default();
    for field in ContactField::ALL {
        let stored = row.optional_text(field.as_str()).unwrap_or_default();
        contact.set(field, stored).map_err(|_| row.fault(field.as_str()))?;
    }
    Ok(contact)
}
