//! What the worker could not handle: how much of it lies there, and moving it back.

use lambda_http::Request;
use lambda_http::http::StatusCode;
use saldo_adapters::dynamo::{Redrive, RedriveAsked};
use saldo_adapters::http::{Problem, limited_body};
use saldo_domain::Actor;
use serde_json::{Value, json};

use crate::body::{Members, key, key_reused, members, reason};
use crate::shapes::redrive_json;
use crate::{Function, table};

/// How many of the times that they were moved back are shown.
const SHOWN: usize = 20;

impl Function {
    pub(crate) async fn waiting_letters(&self) -> Result<Value, Problem> {
        let waiting = self.dead_letters.waiting().await.map_err(|error| table(&error))?;
        let redrives = self.store.redrives(SHOWN).await.map_err(|error| table(&error))?;
        Ok(json!({
            "waiting": waiting.messages,
            "redrives": redrives.iter().map(redrive_json).collect::<Vec<_>>(),
        }))
    }

    /// Begins to move all of them back to the worker: 201, or 200 where it was done before.
    ///
    /// Who is cut off between the two finds the key without what is kept, and moves them once more, which is harmless.
    pub(crate) async fn redrive(&self, request: &Request, by: Actor) -> Result<(StatusCode, Value), Problem> {
        let key = key(request)?;
        let body: Members<'_> = members(limited_body(request)?)?;
        let (reason, at) = (reason(&body)?, self.clock.now());
        let asked = self.store.ask_redrive(&key, &by, &reason, at).await.map_err(|error| table(&error))?;
        let id = match asked {
            RedriveAsked::ToDo(id) => id,
            RedriveAsked::Done(redrive) => return Ok((StatusCode::OK, redrive_json(&redrive))),
            RedriveAsked::KeyReused => return Err(key_reused()),
        };
        let waiting = self.dead_letters.waiting().await.map_err(|error| table(&error))?;
        self.dead_letters.move_back(&waiting).await.map_err(|error| table(&error))?;
        let redrive = Redrive { id, by, at, reason, waiting: waiting.messages };
        self.store.keep_redrive(&redrive).await.map_err(|error| table(&error))?;
        Ok((StatusCode::CREATED, redrive_json(&redrive)))
    }
}
