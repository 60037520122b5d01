//! What Stripe's staff, banks and issuers do after a payment, for tests and for the local program.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::dispute_life::{self, DisputeKind, DisputeStep};
use crate::faults::RefundPlan;
use crate::refund_life::{self, RefundStep, Wanted};
use crate::stand_in::{Error, StandIn, locked};
use crate::store::Store;
use crate::{charge_object, credit_notes, fraud_warnings};

impl StandIn {
    /// Refunds a payment as the dashboard's button does: the invoice, payment intent or charge by its id, in minor
    /// units, or everything that is left. Gives the refund's id.
    pub fn refund(&self, payment: &str, amount: Option<i64>) -> Result<String, Error> {
        self.control(|store| id_of(&refund(store, &charge(store, payment)?, amount)?))
    }

    /// How the next refund begins, whoever asks for it.
    pub fn plan_refund(&self, plan: RefundPlan) {
        *locked(&self.shared.next_refund) = Some(plan);
    }

    /// What the bank makes of a refund.
    pub fn step_refund(&self, refund: &str, step: RefundStep) -> Result<(), Error> {
        self.control(|store| {
            let refund = store.expect("refund", "refund", refund, "id")?;
            refund_life::step(store, refund, step).map(drop)
        })
    }

    /// The payer's bank disputes a card payment, wholly or in part (minor units). Gives the dispute's id.
    pub fn dispute(&self, payment: &str, kind: DisputeKind, amount: Option<i64>) -> Result<String, Error> {
        self.control(|store| id_of(&dispute_life::open(store, charge(store, payment)?, kind, amount)?))
    }

    /// What becomes of a dispute.
    pub fn step_dispute(&self, dispute: &str, step: DisputeStep) -> Result<(), Error> {
        self.control(|store| {
            let dispute = store.expect("dispute", "dispute", dispute, "id")?;
            dispute_life::step(store, dispute, step).map(drop)
        })
    }

    /// The issuer reports a payment as fraud. Gives the warning's id.
    pub fn warn_of_fraud(&self, payment: &str) -> Result<String, Error> {
        self.control(|store| id_of(&fraud_warnings::warn(store, &charge(store, payment)?)?))
    }

    /// Voids a credit note, also one of a paid invoice, which the API refuses.
    pub fn void_credit_note(&self, note: &str) -> Result<(), Error> {
        self.control(|store| {
            let note = store.expect("credit_note", "credit note", note, "id")?;
            credit_notes::end(store, note).map(drop)
        })
    }
}

/// The whole of what is left, or a part of it.
pub(crate) fn refund(store: &Store<'_>, charge: &Value, amount: Option<i64>) -> ApiResult<Value> {
    let wanted = Wanted {
        amount,
        reason: "requested_by_customer".into(),
        instructions_email: Value::Null,
        metadata: json!({}),
    };
    refund_life::begin(store, charge.clone(), wanted)
}

fn charge(store: &Store<'_>, payment: &str) -> ApiResult<Value> {
    let found = charge_object::paid_by(store, payment)?;
    found.ok_or_else(|| ApiError::missing("charge", payment, "id"))
}

fn id_of(object: &Value) -> ApiResult<String> {
    Ok(object["id"].as_str().unwrap_or_default().to_owned())
}
