//! Who may call a function, and how often: the way in of every call with a token.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use lambda_http::Request;
use saldo_domain::{CallBudget, CallBudgets, CallKind, Permission, Taken};

use super::{Caller, ClaimNames, Problem, Staff};
use crate::clock::Clock;
use crate::config::{ConfigError, Env};
use crate::world::World;

/// Reads the claims of a token and takes the call out of the budgets of its organisation and its caller. Clones share them.
#[derive(Clone, Debug)]
pub struct Callers {
    names: ClaimNames,
    budgets: CallBudgets,
    /// By hashes of who calls, under a key of this process: it is of a bounded size, whatever tokens say.
    taken: Arc<Mutex<Taken<u64>>>,
    hashes: RandomState,
    clock: Clock,
}

impl Callers {
    /// Reads the claim names and `SALDO_CALL_BUDGETS`.
    ///
    /// # Errors
    /// When the budgets cannot be read.
    pub fn connect(env: &Env, world: &World) -> Result<Callers, ConfigError> {
        Ok(Callers {
            names: env.claim_names(),
            budgets: env.budgets()?,
            taken: Arc::default(),
            hashes: RandomState::new(),
            clock: world.clock(),
        })
    }

    /// The caller, if they may do what is `needed`; the organisation comes from the verified claims and nowhere else.
    ///
    /// # Errors
    /// The refusal, as for [`Callers::read`] or for want of the permission.
    pub fn authorize(
        &self,
        request: &Request,
        kind: CallKind,
        needed: Permission,
    ) -> Result<Caller, Problem> {
        let caller = self.read(request, kind)?;
        caller.may(needed)?;
        Ok(caller)
    }

    /// The caller; what they may do is still to be checked.
    ///
    /// # Errors
    /// The refusal of a token that does not say who calls, or `too_many_requests` with the time after which there is room.
    pub fn read(&self, request: &Request, kind: CallKind) -> Result<Caller, Problem> {
        let caller = Caller::read(request, &self.names)?;
        let budgets = self.budgets.of(kind);
        let (org, who) = (caller.org.as_str(), caller.actor.to_string());
        let (all, one) = (self.hashes.hash_one((kind, org)), self.hashes.hash_one((kind, org, who)));
        self.take([(all, budgets.organisation), (one, budgets.caller)])?;
        Ok(caller)
    }

    /// Someone of the staff, over all organisations; their budget is their own.
    ///
    /// # Errors
    /// The refusal of a token that is not theirs, or `too_many_requests`.
    pub fn staff(&self, request: &Request) -> Result<Staff, Problem> {
        let staff = Staff::authorize(request, &self.names)?;
        let who = self.hashes.hash_one((CallKind::Operate, staff.actor.to_string()));
        self.take([(who, self.budgets.of(CallKind::Operate).caller)])?;
        Ok(staff)
    }

    fn take<const N: usize>(&self, budgets: [(u64, CallBudget); N]) -> Result<(), Problem> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.take(budgets, self.clock.now()).map_err(Problem::too_many_requests)
    }
}
