//! What starts each function: a route, a queue or a schedule.
use std::collections::BTreeMap;
use std::time::Duration;

use crate::StartError;
use crate::functions::{Function, QueueFunction, ScheduleFunction};
use crate::gateway::Route;
use crate::template::{FunctionPlan, Trigger};

/// The functions by what starts them.
#[derive(Default)]
pub(crate) struct EventSources {
    pub(crate) routes: Vec<Route>,
    pub(crate) queues: Vec<QueueSource>,
    pub(crate) schedules: BTreeMap<String, (ScheduleFunction, Duration)>,
}

/// A queue and who is handed its messages.
pub(crate) struct QueueSource {
    pub(crate) function: QueueFunction,
    pub(crate) arn: String,
    pub(crate) batch_size: usize,
    pub(crate) concurrency: usize,
    pub(crate) partial_failures: bool,
}

impl EventSources {
    pub(crate) fn bind(&mut self, plan: &FunctionPlan, connected: &Function) -> Result<(), StartError> {
        for trigger in &plan.triggers {
            match (trigger, connected) {
                (Trigger::Route { method, path, authorizer }, Function::Http(function)) => {
                    self.routes.push(Route {
                        method: method.clone(),
                        path: path.clone(),
                        authorizer: authorizer.clone(),
                        function: function.clone(),
                    });
                }
                (
                    Trigger::Queue { arn, batch_size, concurrency, partial_failures },
                    Function::Queue(function),
                ) => self.queues.push(QueueSource {
                    function: function.clone(),
                    arn: arn.clone(),
                    batch_size: *batch_size,
                    concurrency: *concurrency,
                    partial_failures: *partial_failures,
                }),
                (Trigger::Schedule { every }, Function::Schedule(function)) => {
                    self.schedules.insert(plan.name.clone(), (function.clone(), *every));
                }
                _ => {
                    return Err(StartError::Function {
                        name: plan.name.clone(),
                        reason: "the template starts it in a way it does not answer".to_owned(),
                    });
                }
            }
        }
        Ok(())
    }
}
