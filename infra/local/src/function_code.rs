//! Which code is behind each function of the template.
use std::collections::BTreeMap;
use std::sync::Arc;

use saldo_adapters::config::Env;
use saldo_adapters::world::World;

use crate::StartError;
use crate::functions::{Function, HttpFunction, QueueFunction, ScheduleFunction};
use crate::template::FunctionPlan;

/// Connects `package` as the function that `plan` describes; `more` is what it is handed besides its event.
macro_rules! connected {
    ($kind:ident, $package:ident, $plan:ident, $world:ident $(, $more:ident)*) => {{
        let function = $package::connect(&env(&$plan.environment), $world)
            .map_err(|error| StartError::Function { name: $plan.name.clone(), reason: error.to_string() })?;
        let function = Arc::new(function);
        $kind::new(&$plan.name, $plan.timeout, move |event| {
            let function = Arc::clone(&function);
            async move { function.handle(event $(, $more)*).await }
        })
    }};
}

pub(crate) fn connect(plan: &FunctionPlan, world: &World) -> Result<Function, StartError> {
    let function = match plan.name.as_str() {
        "quote" => Function::Http(connected!(HttpFunction, saldo_quote, plan, world)),
        "create-top-up" => Function::Http(connected!(HttpFunction, saldo_create_top_up, plan, world)),
        "cancel-top-up" => Function::Http(connected!(HttpFunction, saldo_cancel_top_up, plan, world)),
        "balance" => Function::Http(connected!(HttpFunction, saldo_balance, plan, world)),
        "history" => Function::Http(connected!(HttpFunction, saldo_history, plan, world)),
        "settings" => Function::Http(connected!(HttpFunction, saldo_settings, plan, world)),
        "spend" => Function::Http(connected!(HttpFunction, saldo_spend, plan, world)),
        "stripe-webhook" => Function::Http(connected!(HttpFunction, saldo_stripe_webhook, plan, world)),
        "operate" => Function::Http(connected!(HttpFunction, saldo_operate, plan, world)),
        "dashboard" => Function::Http(connected!(HttpFunction, saldo_dashboard, plan, world)),
        "credit-worker" => {
            let left = plan.timeout;
            Function::Queue(connected!(QueueFunction, saldo_credit_worker, plan, world, left))
        }
        "cleanup" => Function::Schedule(connected!(ScheduleFunction, saldo_cleanup, plan, world)),
        "reconcile" => {
            let left = plan.timeout;
            Function::Schedule(connected!(ScheduleFunction, saldo_reconcile, plan, world, left))
        }
        _ => {
            return Err(StartError::Function {
                name: plan.name.clone(),
                reason: "the template names it, but no code is behind it here".to_owned(),
            });
        }
    };
    Ok(function)
}

pub(crate) fn env(variables: &BTreeMap<String, String>) -> Env {
    variables.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}
