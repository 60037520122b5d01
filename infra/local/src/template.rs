//! Reads infra/template.yaml as the plan of the local system: functions, triggers, table and queues.
mod intrinsics;
mod values;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

pub use intrinsics::Locals;
use intrinsics::Resolver;
pub use values::TemplateError;
use values::{count, object, scalar, seconds, text};

/// The template as it is deployed.
pub const TEMPLATE: &str = include_str!("../../template.yaml");

/// Everything the template describes, with local values in place of what only AWS knows.
#[derive(Debug)]
pub struct Plan {
    /// Every parameter with its local or default value.
    pub parameters: BTreeMap<String, String>,
    pub functions: Vec<FunctionPlan>,
    pub queues: Vec<QueuePlan>,
    pub tables: Vec<TablePlan>,
}

/// One Lambda function with its triggers.
#[derive(Debug)]
pub struct FunctionPlan {
    /// Its logical id in the template.
    pub id: String,
    /// The folder below functions/, taken from the name of the binary.
    pub name: String,
    pub timeout: Duration,
    /// How many of it run at a time at the most; `None` where nothing is reserved for it.
    pub at_once: Option<usize>,
    pub environment: BTreeMap<String, String>,
    pub triggers: Vec<Trigger>,
}

/// What starts a function.
#[derive(Debug, Clone)]
pub enum Trigger {
    Route { method: String, path: String, authorizer: Option<Authorizer> },
    Queue { arn: String, batch_size: usize, concurrency: usize, partial_failures: bool },
    Schedule { every: Duration },
}

/// A JWT authoriser of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorizer {
    pub issuer: String,
    pub audiences: Vec<String>,
}

/// One SQS queue.
#[derive(Debug, Clone)]
pub struct QueuePlan {
    pub name: String,
    pub arn: String,
    pub visibility: Duration,
    pub retention: Duration,
    pub redrive: Option<Redrive>,
}

/// Where a message goes that was received too often.
#[derive(Debug, Clone)]
pub struct Redrive {
    pub target_arn: String,
    pub max_receive_count: u32,
}

/// One DynamoDB table: the request that makes it, and its time-to-live attribute.
#[derive(Debug, Clone)]
pub struct TablePlan {
    pub create: Value,
    pub time_to_live: Option<Value>,
}

impl Plan {
    /// Resolves `yaml` with `locals`.
    ///
    /// An error names what has no local counterpart.
    pub fn read(yaml: &str, locals: &Locals) -> Result<Plan, TemplateError> {
        let resolver = Resolver::new(yaml, locals)?;
        let mut plan = Plan {
            parameters: resolver.parameters()?,
            functions: Vec::new(),
            queues: Vec::new(),
            tables: Vec::new(),
        };
        for (id, kind) in resolver.resources()? {
            match kind.as_str() {
                "AWS::Serverless::Function" => plan.functions.push(function(&resolver, &id)?),
                "AWS::SQS::Queue" => plan.queues.push(queue(&resolver, &id)?),
                "AWS::DynamoDB::Table" => plan.tables.push(table(&resolver, &id)?),
                _ => {}
            }
        }
        Ok(plan)
    }

    /// The environment of the function in folder `name`, as Lambda would give it.
    #[must_use]
    pub fn environment(&self, name: &str) -> Option<&BTreeMap<String, String>> {
        self.functions.iter().find(|function| function.name == name).map(|function| &function.environment)
    }
}

/// The default of a parameter of the template; `None` when it has none.
pub fn default_of(parameter: &str) -> Result<Option<String>, TemplateError> {
    let locals = Locals { parameters: BTreeMap::new(), sqs_url: String::new() };
    let value = Resolver::new(TEMPLATE, &locals)?.at(&["Parameters", parameter, "Default"])?;
    if value.is_null() { Ok(None) } else { scalar(&value, "Parameters", parameter).map(Some) }
}

fn function(resolver: &Resolver<'_>, id: &str) -> Result<FunctionPlan, TemplateError> {
    let binary = resolver.at(&["Resources", id, "Metadata", "BuildProperties", "Binary"])?;
    let binary = text(&binary, id, "Metadata.BuildProperties.Binary")?;
    let name = binary
        .strip_prefix("saldo-")
        .ok_or_else(|| TemplateError(format!("{id}: the binary {binary} is not named saldo-<folder>")))?;
    let property = |key: &str| resolver.function_property(id, key);
    let timeout = seconds(&property("Timeout")?, id, "Timeout")?;
    let at_once = match property("ReservedConcurrentExecutions")? {
        Value::Null => None,
        // A parameter's value is text.
        reserved => scalar(&reserved, id, "ReservedConcurrentExecutions")?.parse().ok(),
    };
    let mut environment = BTreeMap::new();
    for (key, value) in object(&property("Environment")?["Variables"]) {
        environment.insert(key.clone(), scalar(value, id, key)?);
    }
    let mut triggers = Vec::new();
    for (_, event) in object(&property("Events")?) {
        triggers.push(trigger(resolver, id, event)?);
    }
    Ok(FunctionPlan { id: id.to_owned(), name: name.to_owned(), timeout, at_once, environment, triggers })
}

fn trigger(resolver: &Resolver<'_>, id: &str, event: &Value) -> Result<Trigger, TemplateError> {
    let properties = &event["Properties"];
    match event["Type"].as_str() {
        Some("HttpApi") => Ok(Trigger::Route {
            method: text(&properties["Method"], id, "Method")?.to_ascii_uppercase(),
            path: text(&properties["Path"], id, "Path")?.to_owned(),
            authorizer: authorizer(resolver, id, properties)?,
        }),
        Some("SQS") => Ok(Trigger::Queue {
            arn: text(&properties["Queue"], id, "Queue")?.to_owned(),
            batch_size: count(&properties["BatchSize"], id, "BatchSize")?,
            concurrency: count(&properties["ScalingConfig"]["MaximumConcurrency"], id, "MaximumConcurrency")?,
            partial_failures: properties["FunctionResponseTypes"]
                .as_array()
                .is_some_and(|types| types.iter().any(|kind| kind == "ReportBatchItemFailures")),
        }),
        Some("Schedule") => {
            Ok(Trigger::Schedule { every: rate(text(&properties["Schedule"], id, "Schedule")?)? })
        }
        other => Err(TemplateError(format!("{id}: the trigger {other:?} has no local counterpart"))),
    }
}

fn authorizer(resolver: &Resolver<'_>, id: &str, route: &Value) -> Result<Option<Authorizer>, TemplateError> {
    let api = route["ApiId"].as_str().unwrap_or("Api");
    let auth = resolver.at(&["Resources", api, "Properties", "Auth"])?;
    let named = route["Auth"]["Authorizer"].as_str().or_else(|| auth["DefaultAuthorizer"].as_str());
    let name = match named {
        None | Some("NONE") => return Ok(None),
        Some(name) => name,
    };
    let jwt = &auth["Authorizers"][name]["JwtConfiguration"];
    let audiences = jwt["audience"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(Some(Authorizer {
        issuer: text(&jwt["issuer"], id, "Authorizer.issuer")?.to_owned(),
        audiences: audiences.iter().filter_map(|audience| audience.as_str().map(str::to_owned)).collect(),
    }))
}

fn queue(resolver: &Resolver<'_>, id: &str) -> Result<QueuePlan, TemplateError> {
    let properties = resolver.at(&["Resources", id, "Properties"])?;
    let or = |key: &str, default: u64| match &properties[key] {
        Value::Null => Ok(Duration::from_secs(default)),
        value => seconds(value, id, key),
    };
    let redrive = match &properties["RedrivePolicy"] {
        Value::Null => None,
        policy => Some(Redrive {
            target_arn: text(&policy["deadLetterTargetArn"], id, "deadLetterTargetArn")?.to_owned(),
            max_receive_count: u32::try_from(count(&policy["maxReceiveCount"], id, "maxReceiveCount")?)
                .map_err(|_| TemplateError(format!("{id}: maxReceiveCount is too large")))?,
        }),
    };
    Ok(QueuePlan {
        name: resolver.physical_name(id),
        arn: resolver.queue_arn(id),
        visibility: or("VisibilityTimeout", 30)?,
        retention: or("MessageRetentionPeriod", 345_600)?,
        redrive,
    })
}

fn table(resolver: &Resolver<'_>, id: &str) -> Result<TablePlan, TemplateError> {
    let properties = resolver.at(&["Resources", id, "Properties"])?;
    let name = resolver.physical_name(id);
    let mut create = serde_json::json!({ "TableName": name });
    for key in ["AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode"] {
        if !properties[key].is_null() {
            create[key] = properties[key].clone();
        }
    }
    let time_to_live = match &properties["TimeToLiveSpecification"] {
        Value::Null => None,
        spec => Some(serde_json::json!({ "TableName": name, "TimeToLiveSpecification": spec })),
    };
    Ok(TablePlan { create, time_to_live })
}

/// `rate(5 minutes)` as a duration.
fn rate(expression: &str) -> Result<Duration, TemplateError> {
    let inner = expression.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')'));
    let parsed = inner.and_then(|inner| inner.split_once(' ')).and_then(|(number, unit)| {
        let number: u64 = number.parse().ok()?;
        let unit = match unit.trim_end_matches('s') {
            "minute" => 60,
            "hour" => 3_600,
            "day" => 86_400,
            _ => return None,
        };
        number.checked_mul(unit).filter(|seconds| *seconds > 0)
    });
    parsed
        .map(Duration::from_secs)
        .ok_or_else(|| TemplateError(format!("the schedule {expression} is not a rate(...)")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_minutes_hours_or_days() {
        assert_eq!(rate("rate(5 minutes)").unwrap(), Duration::from_secs(300));
        assert_eq!(rate("rate(1 hour)").unwrap(), Duration::from_secs(3_600));
        for wrong in ["rate(0 minutes)", "rate(5 parsecs)", "cron(0 12 * * ? *)", "5 minutes"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
