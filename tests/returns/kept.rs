//! Keys of the staff, and who did what.
use std::collections::BTreeMap;

use saldo_domain::{Audit, IdempotencyKey};
use saldo_top_ups::Asked;

/// By key and by id.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) asked: Vec<(IdempotencyKey, Asked)>,
    pub(super) audits: BTreeMap<String, Audit>,
    /// For which key each operation is.
    pub(super) keys: BTreeMap<String, String>,
}
