//! The template, `infra/template.yaml`, is complete and grants no more than needed.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use saldo_local::Locals;
use saldo_local::template::{Plan, TEMPLATE};
use serde_yaml_ng::Value;

/// A resource and the actions allowed on it.
type Grant = (&'static str, &'static [&'static str]);

/// The table wherever it is named: the stack's own, or the one that was there already.
const TABLES: &[(&str, &str)] = &[
    ("!Ref Table", "!Ref ExistingTable"),
    ("!GetAtt Table.Arn", EXISTING_ARN),
    ("!Sub ${Table.Arn}/index/due", EXISTING_INDEX),
];
const EXISTING_ARN: &str =
    "!Sub arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${ExistingTable}";
const EXISTING_INDEX: &str =
    "!Sub arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${ExistingTable}/index/due";

/// What each function may do beside writing its own log.
const GRANTS: &[(&str, &[Grant])] = &[
    ("quote", &[]),
    ("create-top-up", &[("!GetAtt Table.Arn", SETTLE), WRITE_KEY]),
    ("cancel-top-up", &[("!GetAtt Table.Arn", SETTLE), WRITE_KEY]),
    ("balance", &[("!GetAtt Table.Arn", FINISH), ("!GetAtt Table.Arn", &["dynamodb:Query"])]),
    ("history", &[("!GetAtt Table.Arn", FINISH), ("!GetAtt Table.Arn", &["dynamodb:Query"])]),
    ("settings", &[("!GetAtt Table.Arn", FINISH)]),
    ("spend", &[("!GetAtt Table.Arn", FINISH), ("!GetAtt Table.Arn", &["dynamodb:PutItem"])]),
    ("stripe-webhook", &[("!GetAtt Payments.Arn", &["sqs:SendMessage"]), WEBHOOK]),
    (
        "credit-worker",
        &[
            ("!GetAtt Table.Arn", SETTLE),
            (
                "!GetAtt Payments.Arn",
                &[
                    "sqs:ReceiveMessage",
                    "sqs:DeleteMessage",
                    "sqs:GetQueueAttributes",
                    "sqs:SendMessage",
                    "sqs:ChangeMessageVisibility",
                ],
            ),
            READ_KEY,
        ],
    ),
    (
        "cleanup",
        &[
            WRITE_KEY,
            ("!GetAtt Table.Arn", SETTLE),
            ("!GetAtt Table.Arn", FINISH),
            ("!GetAtt Table.Arn", &["dynamodb:Query"]),
            ("!Sub ${Table.Arn}/index/due", &["dynamodb:Query"]),
        ],
    ),
    (
        "reconcile",
        &[
            READ_KEY,
            ("!GetAtt Table.Arn", SETTLE),
            ("!GetAtt Table.Arn", FINISH),
            ("!GetAtt Table.Arn", &["dynamodb:Query"]),
            ("!Sub ${Table.Arn}/index/due", &["dynamodb:Query"]),
        ],
    ),
    (
        "operate",
        &[
            WRITE_KEY,
            ("!GetAtt Table.Arn", SETTLE),
            ("!GetAtt Table.Arn", &["dynamodb:BatchGetItem", "dynamodb:Query"]),
            ("!Sub ${Table.Arn}/index/due", &["dynamodb:Query"]),
            ("!GetAtt PaymentsDeadLetters.Arn", REDRIVE),
            ("!GetAtt Payments.Arn", &["sqs:SendMessage"]),
        ],
    ),
    ("dashboard", &[]),
];

/// The six characters are those that Secrets Manager puts behind a name.
macro_rules! secret {
    ($name:literal) => {
        concat!(
            "!Sub arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${StripeSecret}/",
            $name,
            "-??????"
        )
    };
}

/// Name below `StripeSecret` -> the resource of a role that may read it.
pub(crate) const SECRETS: [(&str, &str); 3] = [
    ("read_key", secret!("read_key")),
    ("webhook_secrets", secret!("webhook_secrets")),
    ("write_key", secret!("write_key")),
];
const READ_KEY: Grant = (secret!("read_key"), &["secretsmanager:GetSecretValue"]);
const WRITE_KEY: Grant = (secret!("write_key"), &["secretsmanager:GetSecretValue"]);
const WEBHOOK: Grant = (secret!("webhook_secrets"), &["secretsmanager:GetSecretValue"]);

const SETTLE: &[&str] =
    &["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"];

/// To count dead letters and to move them back, which SQS does in the name of who asks.
const REDRIVE: &[&str] =
    &["sqs:GetQueueAttributes", "sqs:StartMessageMoveTask", "sqs:ReceiveMessage", "sqs:DeleteMessage"];

/// To finish the debits that were left half done, which whoever meets them does.
const FINISH: &[&str] = &["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"];

/// Functions that are only asked and may write all the same: what, and why.
const READERS_THAT_WRITE: &[(&str, &str, &str)] = &[
    (
        "balance",
        "dynamodb:UpdateItem",
        "finishes debits that died between their two writes: until then they count as spent and are in no history",
    ),
    (
        "history",
        "dynamodb:UpdateItem",
        "finishes them too, so that the entries shown add up to the balance shown",
    ),
];

const OPEN_ROUTES: &[&str] = &[
    "GET /",
    "GET /assets/{file}",
    "GET /billing",
    "GET /billing/{page}",
    "GET /healthz",
    "GET /operate",
    "GET /operate/{page}",
    "GET /v1/openapi.json",
    "HEAD /",
    "HEAD /assets/{file}",
    "HEAD /billing",
    "HEAD /billing/{page}",
    "HEAD /healthz",
    "HEAD /operate",
    "HEAD /operate/{page}",
    "HEAD /v1/openapi.json",
    "POST /stripe/webhook",
];

const CLOSED_ROUTES: &[&str] = &[
    "DELETE /v1/budgets/{id}",
    "GET /v1/balance",
    "GET /v1/budgets",
    "GET /v1/entries",
    "GET /v1/holds/{id}",
    "GET /v1/operate/adjustments",
    "GET /v1/operate/customers/{id}",
    "GET /v1/operate/dead-letters",
    "GET /v1/operate/organisations/{id}",
    "GET /v1/operate/reconciliations",
    "GET /v1/operate/reviews",
    "GET /v1/operate/search",
    "GET /v1/operate/top-ups/{id}",
    "GET /v1/quote",
    "GET /v1/settings",
    "GET /v1/statements/{month}",
    "GET /v1/top-ups",
    "GET /v1/top-ups/{id}",
    "GET /v1/top-ups/{id}/trail",
    "GET /v1/usage",
    "POST /v1/debit-batches",
    "POST /v1/debits",
    "POST /v1/debits/{id}/reverse",
    "POST /v1/holds/{id}/capture",
    "POST /v1/holds/{id}/extend",
    "POST /v1/holds/{id}/release",
    "POST /v1/holds/{id}/reverse",
    "POST /v1/operate/adjustments",
    "POST /v1/operate/adjustments/{id}/approve",
    "POST /v1/operate/customers/{id}/zero-balance",
    "POST /v1/operate/dead-letters/redrive",
    "POST /v1/operate/top-ups/{id}/extend",
    "POST /v1/operate/top-ups/{id}/refund",
    "POST /v1/operate/top-ups/{id}/release",
    "POST /v1/operate/top-ups/{id}/settle",
    "POST /v1/operate/top-ups/{id}/void",
    "POST /v1/top-ups",
    "POST /v1/top-ups/{id}/cancel",
    "PUT /v1/budgets/{id}",
    "PUT /v1/debits/{id}",
    "PUT /v1/holds/{id}",
    "PUT /v1/settings",
];

#[test]
fn every_function_folder_is_in_the_template_and_the_reverse() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    let folders: BTreeSet<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    let described: BTreeSet<_> = functions().into_keys().collect();
    assert_eq!(folders, described);
}

#[test]
fn each_function_may_do_exactly_what_it_needs() {
    let expected: BTreeMap<_, BTreeSet<_>> = GRANTS
        .iter()
        .map(|(name, grants)| {
            let grants = grants.iter().flat_map(|(resource, actions)| {
                actions.iter().map(|action| ((*resource).to_owned(), (*action).to_owned()))
            });
            ((*name).to_owned(), grants.collect())
        })
        .collect();
    assert_eq!(granted(), expected);
}

#[test]
fn who_is_only_asked_writes_nothing_or_says_why() {
    let mut writing = Vec::new();
    let granted = granted();
    for (name, (_, function)) in functions() {
        let events = function["Properties"]["Events"].as_mapping().unwrap();
        let asked =
            |event: &Value| event["Type"] == "HttpApi" && shown(&event["Properties"]["Method"]) == "GET";
        if events.values().all(asked) {
            let reads = ["GetItem", "BatchGetItem", "Query"].map(|action| format!("dynamodb:{action}"));
            let writes = granted[&name].iter().map(|(_, action)| action).filter(|one| !reads.contains(one));
            writing.extend(writes.map(|action| (name.clone(), action.clone())));
        }
    }
    let known = READERS_THAT_WRITE.iter().map(|(name, action, _)| ((*name).to_owned(), (*action).to_owned()));
    assert_eq!(writing, known.collect::<Vec<_>>());
}

#[test]
fn every_function_has_a_role_of_its_own() {
    let roles: BTreeSet<_> =
        functions().values().map(|(_, function)| shown(&function["Properties"]["Role"])).collect();
    assert_eq!(roles.len(), functions().len());
    for (name, (_, function)) in functions() {
        assert!(function["Properties"].get("Policies").is_none(), "{name} adds policies beside its role");
    }
}

#[test]
fn calls_are_traced_where_the_parameter_says_so_and_every_role_may_tell() {
    let template: Value = serde_yaml_ng::from_str(TEMPLATE).unwrap();
    assert_eq!(shown(&template["Globals"]["Function"]["Tracing"]), "!Ref Tracing");
    let parameter = &template["Parameters"]["Tracing"];
    assert_eq!(
        (parameter["Default"].as_str(), parameter["AllowedValues"][1].as_str()),
        (Some("PassThrough"), Some("Active"))
    );
    for (name, (_, function)) in functions() {
        assert!(function["Properties"].get("Tracing").is_none(), "{name} is traced in a way of its own");
        let policies = list(&role_of(&function)["Properties"]["Policies"]);
        assert_eq!(policies.iter().filter(|policy| is_tracing(policy)).count(), 1, "{name}");
    }
}

#[test]
fn no_policy_has_a_wildcard() {
    let roles = resources("AWS::IAM::Role");
    assert!(!roles.is_empty());
    for (id, role) in roles {
        assert!(role["Properties"].get("ManagedPolicyArns").is_none(), "{id} takes a managed policy");
        for (resource, action) in statements(&role) {
            assert!(!resource.contains('*'), "{id}: {resource}");
            assert!(!action.contains('*'), "{id}: {action}");
        }
    }
}

#[test]
fn every_route_is_authorised_but_the_webhook_the_pages_and_health() {
    let (mut open, mut closed) = (Vec::new(), Vec::new());
    for (name, (_, function)) in functions() {
        for (_, event) in function["Properties"]["Events"].as_mapping().unwrap() {
            let properties = &event["Properties"];
            if event["Type"] != "HttpApi" {
                continue;
            }
            let route = format!("{} {}", shown(&properties["Method"]), shown(&properties["Path"]));
            match properties["Auth"]["Authorizer"].as_str() {
                Some("NONE") => open.push(route),
                Some("Token") => closed.push(route),
                other => panic!("{name}: {route} names the authoriser {other:?}"),
            }
        }
    }
    open.sort();
    closed.sort();
    assert_eq!(open, OPEN_ROUTES);
    assert_eq!(closed, CLOSED_ROUTES);
    let auth = &resources("AWS::Serverless::HttpApi")["Api"]["Properties"]["Auth"];
    assert_eq!(auth["DefaultAuthorizer"], "Token", "a forgotten authoriser must not open a route");
    let jwt = &auth["Authorizers"]["Token"]["JwtConfiguration"];
    assert_eq!(shown(&jwt["issuer"]), "!Ref JwtIssuer");
    assert_eq!(shown(&jwt["audience"][0]), "!Ref JwtAudience");
}

#[test]
fn a_message_stays_hidden_six_times_as_long_as_the_worker_may_run() {
    let worker = functions()["credit-worker"].1["Properties"]["Timeout"].as_u64().unwrap();
    let queue = resources("AWS::SQS::Queue")["Payments"]["Properties"].clone();
    assert!(queue["VisibilityTimeout"].as_u64().unwrap() >= 6 * worker);
    assert_eq!(shown(&queue["RedrivePolicy"]["deadLetterTargetArn"]), "!GetAtt PaymentsDeadLetters.Arn");
    let polling = &functions()["credit-worker"].1["Properties"]["Events"]["Payments"]["Properties"];
    assert_eq!(polling["FunctionResponseTypes"][0], "ReportBatchItemFailures");
}

#[test]
fn the_gateway_never_gives_up_before_a_function() {
    for (name, (_, function)) in functions() {
        let events = function["Properties"]["Events"].as_mapping().unwrap();
        if events.values().any(|event| event["Type"] == "HttpApi") {
            let timeout =
                function["Properties"].get("Timeout").map_or(5, |timeout| timeout.as_u64().unwrap());
            assert!(timeout < 30, "{name} may run {timeout} s, API Gateway waits 30 s");
        }
    }
}

#[test]
fn only_those_who_call_stripe_or_hear_from_it_know_its_secrets() {
    let knows = |variable: &str| -> Vec<_> {
        let named = |function: &Value| {
            function["Properties"]
                .get("Environment")
                .is_some_and(|environment| environment["Variables"].get(variable).is_some())
        };
        functions().into_iter().filter(|(_, (_, function))| named(function)).map(|(name, _)| name).collect()
    };
    assert_eq!(
        knows("SALDO_STRIPE_KEY_SECRET"),
        ["cancel-top-up", "cleanup", "create-top-up", "credit-worker", "operate", "reconcile"]
    );
    assert_eq!(knows("SALDO_STRIPE_WEBHOOK_SECRET"), ["stripe-webhook"]);
    assert_eq!(knows("SALDO_QUEUE_URL"), ["credit-worker", "stripe-webhook"]);
}

/// A function's configuration is shown to whoever may look at the function: it names secrets, and the role reads just these.
#[test]
fn no_secret_stands_in_a_configuration() {
    assert!(!TEMPLATE.contains("{{resolve:"), "a dynamic reference ends in the configuration");
    let granted = granted();
    for (name, (_, function)) in functions() {
        let variables = &function["Properties"]["Environment"]["Variables"];
        let mut named = BTreeSet::new();
        for (variable, value) in variables.as_mapping().into_iter().flatten() {
            let variable = shown(variable);
            let secret = ["KEY", "SECRET", "PASSWORD"].iter().any(|word| variable.contains(word));
            if secret {
                assert!(variable.ends_with("_SECRET"), "{name}: {variable}");
                let of_stripe = shown(value).strip_prefix("!Sub ${StripeSecret}/").map(str::to_owned);
                named.insert(of_stripe.unwrap_or_else(|| panic!("{name}: {variable} is no name")));
            }
        }
        let reads: BTreeSet<_> = granted[&name]
            .iter()
            .filter(|(_, action)| action == "secretsmanager:GetSecretValue")
            .map(|(resource, _)| SECRETS.iter().find(|(_, of)| of == resource).unwrap().0.to_owned())
            .collect();
        assert_eq!(reads, named, "{name}");
    }
}

#[test]
fn the_ledger_cannot_be_lost_by_a_deployment() {
    let tables = resources("AWS::DynamoDB::Table");
    let table = &tables["Table"];
    assert_eq!(table["DeletionPolicy"], "Retain");
    assert_eq!(table["UpdateReplacePolicy"], "Retain");
    let properties = &table["Properties"];
    assert_eq!(properties["DeletionProtectionEnabled"], true);
    assert_eq!(properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true);
    assert_eq!(properties["SSESpecification"]["SSEEnabled"], true);
    assert_eq!(properties["BillingMode"], "PAY_PER_REQUEST");
}

#[test]
fn what_a_deployment_must_not_replace_has_nothing_that_would_replace_it() {
    let table = &resources("AWS::DynamoDB::Table")["Table"]["Properties"];
    assert!(table.get("TableName").is_none() && table.get("LocalSecondaryIndexes").is_none());
    assert!(table.get("ImportSourceSpecification").is_none());
    let keys: Vec<_> = list(&table["KeySchema"])
        .iter()
        .map(|key| (shown(&key["AttributeName"]), shown(&key["KeyType"])))
        .collect();
    assert_eq!(keys, [("pk".to_owned(), "HASH".to_owned()), ("sk".to_owned(), "RANGE".to_owned())]);
    let policy: serde_json::Value =
        serde_json::from_str(include_str!("../infra/stack-policy.json")).expect("the stack policy is JSON");
    let denied = &policy["Statement"][1];
    assert_eq!((&denied["Effect"], &denied["Action"]), (&"Deny".into(), &"Update:Replace".into()));
    let mut guarded = vec!["LogicalResourceId/Table".to_owned()];
    for (id, queue) in resources("AWS::SQS::Queue") {
        assert!(queue["Properties"].get("QueueName").is_none(), "{id}: a name of its own may change");
        assert!(queue["Properties"].get("FifoQueue").is_none(), "{id}: another kind is another queue");
        assert_eq!(queue["DeletionPolicy"], "Retain", "{id}");
        assert_eq!(queue["UpdateReplacePolicy"], "Retain", "{id}");
        guarded.push(format!("LogicalResourceId/{id}"));
    }
    guarded.sort();
    let mut named: Vec<_> =
        denied["Resource"].as_array().unwrap().iter().map(|on| on.as_str().unwrap()).collect();
    named.sort_unstable();
    assert_eq!(named, guarded);
}

#[test]
fn a_table_that_was_there_already_is_used_everywhere_or_nowhere() {
    assert_eq!(resources("AWS::DynamoDB::Table")["Table"]["Condition"], "OwnTable");
    for line in TEMPLATE.lines().filter(|line| line.contains("Table.Arn") || line.contains("!Ref Table")) {
        let fits = TABLES.iter().any(|(own, existing)| {
            let line = line.replace('"', "");
            line.contains(&format!("!If [OwnTable, {own}, {existing}]"))
        });
        assert!(fits, "{line}");
    }
}

#[test]
fn with_an_existing_table_none_is_made() {
    let pairs = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let mut locals = Locals {
        parameters: pairs(&[
            ("JwtIssuer", "https://issuer.example"),
            ("JwtAudience", "saldo"),
            ("StripeSecret", "secret"),
            ("StripeLivemode", "false"),
        ]),
        sqs_url: String::new(),
    };
    let own = Plan::read(TEMPLATE, &locals).unwrap();
    assert_eq!(
        (own.tables.len(), own.environment("spend").unwrap()["SALDO_TABLE"].as_str()),
        (1, "saldo-local-Table")
    );
    locals.parameters.insert("ExistingTable".to_owned(), "restored".to_owned());
    let moved = Plan::read(TEMPLATE, &locals).unwrap();
    assert_eq!(
        (moved.tables.len(), moved.environment("spend").unwrap()["SALDO_TABLE"].as_str()),
        (0, "restored")
    );
}

#[test]
fn nothing_falls_back_to_the_secret_or_the_mode_of_production() {
    let template: Value = serde_yaml_ng::from_str(TEMPLATE).unwrap();
    for required in ["JwtIssuer", "JwtAudience", "StripeSecret", "StripeLivemode"] {
        assert!(template["Parameters"][required].get("Default").is_none(), "{required} is said, not guessed");
    }
    let (dev, prod) = (environment("dev"), environment("prod"));
    for named in ["JwtIssuer", "JwtAudience", "StripeSecret", "StripeLivemode"] {
        assert_ne!(dev[named], prod[named], "{named}");
    }
    assert_eq!((dev["StripeLivemode"].as_str(), prod["StripeLivemode"].as_str()), ("false", "true"));
}

#[test]
fn what_is_deployed_is_what_was_built() {
    for (section, line) in samconfig().filter(|(_, line)| line.starts_with("template_file")) {
        assert!(
            section.ends_with(".build.parameters") || section.ends_with(".validate.parameters"),
            "[{section}] {line}: `sam deploy` would upload the source folder"
        );
    }
}

#[test]
fn a_new_version_is_tried_before_it_takes_over() {
    let template: Value = serde_yaml_ng::from_str(TEMPLATE).unwrap();
    let globals = &template["Globals"]["Function"];
    assert_eq!(globals["AutoPublishAlias"], "live");
    let release = &globals["DeploymentPreference"];
    assert_eq!(shown(&release["Type"]), "!Ref Release");
    let alarms = resources("AWS::CloudWatch::Alarm");
    let brakes = list(&release["Alarms"]);
    assert!(!brakes.is_empty());
    for brake in brakes {
        assert!(alarms.contains_key(shown(&brake).strip_prefix("!Ref ").unwrap()), "{brake:?} is no alarm");
    }
    assert!(environment("prod")["Release"].starts_with("Canary"));
    for (name, (_, function)) in functions() {
        let properties = &function["Properties"];
        let missed = format!("{name}: what is changed would not reach its callers");
        assert_eq!(properties["AutoPublishAliasAllProperties"].as_bool(), Some(true), "{missed}");
        assert_eq!(
            shown(&properties["VersionDescription"]),
            "!Sub configuration ${Configuration}",
            "{missed}"
        );
    }
}

#[test]
fn every_parameter_that_a_function_is_told_is_counted() {
    let template: Value = serde_yaml_ng::from_str(TEMPLATE).unwrap();
    assert_eq!(
        shown(&template["Globals"]["Function"]["Environment"]["Variables"]["SALDO_CONFIGURATION"]),
        "!Ref Configuration"
    );
    let settings =
        &resources("AWS::AppConfig::HostedConfigurationVersion")["Configuration"]["Properties"]["Content"];
    let counted = shown(settings);
    let mut told = serde_yaml_ng::to_string(&template["Globals"]).unwrap();
    for (_, (_, function)) in functions() {
        told += &serde_yaml_ng::to_string(&function["Properties"]["Environment"]).unwrap();
    }
    for (parameter, _) in template["Parameters"].as_mapping().unwrap() {
        let parameter = shown(parameter);
        let is_told =
            told.contains(&format!("!Ref {parameter}\n")) || told.contains(&format!("${{{parameter}}}"));
        let releases = ["Architecture", "Release"].contains(&parameter.as_str());
        if is_told && !releases {
            assert!(
                counted.contains(&format!("{parameter}=${{{parameter}}}\n")),
                "{parameter} is not counted"
            );
        }
    }
}

#[test]
fn spending_cannot_starve_those_who_credit_payments() {
    let functions = functions();
    for (name, parameter) in
        [("stripe-webhook", "WebhookConcurrency"), ("credit-worker", "WorkerConcurrency")]
    {
        let Value::Tagged(choice) = &functions[name].1["Properties"]["ReservedConcurrentExecutions"] else {
            panic!("{name} reserves nothing")
        };
        let [_, reserved, nothing] = choice.value.as_sequence().unwrap().as_slice() else {
            panic!("{choice:?}")
        };
        assert_eq!(
            (shown(reserved), shown(nothing)),
            (format!("!Ref {parameter}"), "!Ref AWS::NoValue".to_owned())
        );
        assert!(environment("prod")[parameter].parse::<u32>().unwrap() > 0, "{parameter}");
    }
    let polling = &functions["credit-worker"].1["Properties"]["Events"]["Payments"]["Properties"];
    let at_once = polling["ScalingConfig"]["MaximumConcurrency"].as_u64().unwrap();
    assert!(environment("prod")["WorkerConcurrency"].parse::<u64>().unwrap() >= at_once);
}

#[test]
fn every_log_is_forgotten_some_day() {
    let logs = resources("AWS::Logs::LogGroup");
    for (id, log) in &logs {
        assert_eq!(shown(&log["Properties"]["RetentionInDays"]), "!Ref LogRetentionDays", "{id}");
    }
    for (name, (id, function)) in functions() {
        let log = shown(&function["Properties"]["LoggingConfig"]["LogGroup"]);
        assert_eq!(log, format!("!Ref {id}Logs"), "{name}");
        assert!(logs.contains_key(&format!("{id}Logs")), "{name}");
    }
}

/// Folder name -> (resource, action) that its role allows beside writing its own log.
pub(crate) fn granted() -> BTreeMap<String, BTreeSet<(String, String)>> {
    functions()
        .into_iter()
        .map(|(name, (id, function))| {
            let own_log = format!("!GetAtt {id}Logs.Arn");
            let grants = statements(&role_of(&function)).into_iter().filter(|(resource, action)| {
                *resource != own_log || !["logs:CreateLogStream", "logs:PutLogEvents"].contains(&&**action)
            });
            (name, grants.collect())
        })
        .collect()
}

/// Folder name -> logical id of the role.
pub(crate) fn role_ids() -> BTreeMap<String, String> {
    functions()
        .into_iter()
        .map(|(name, (_, function))| {
            let role = shown(&function["Properties"]["Role"]);
            (name, role.trim_start_matches("!GetAtt ").trim_end_matches(".Arn").to_owned())
        })
        .collect()
}

/// The lines of samconfig.toml with the section they stand in.
fn samconfig() -> impl Iterator<Item = (String, String)> {
    let mut section = String::new();
    include_str!("../samconfig.toml").lines().filter_map(move |line| {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
            return None;
        }
        Some((section.clone(), line.trim().to_owned()))
    })
}

/// The parameters that samconfig.toml gives to an environment.
fn environment(name: &str) -> BTreeMap<String, String> {
    samconfig()
        .filter(|(section, _)| *section == format!("{name}.deploy.parameters"))
        .filter_map(|(_, line)| {
            let (parameter, value) = line.strip_prefix('"')?.strip_suffix("\",")?.split_once('=')?;
            Some((parameter.to_owned(), value.to_owned()))
        })
        .collect()
}

/// Folder name -> logical id and resource.
pub(crate) fn functions() -> BTreeMap<String, (String, Value)> {
    resources("AWS::Serverless::Function")
        .into_iter()
        .map(|(id, function)| {
            let binary = shown(&function["Metadata"]["BuildProperties"]["Binary"]);
            (binary.strip_prefix("saldo-").unwrap().to_owned(), (id, function))
        })
        .collect()
}

pub(crate) fn resources(kind: &str) -> BTreeMap<String, Value> {
    let template: Value = serde_yaml_ng::from_str(TEMPLATE).unwrap();
    let resources = template["Resources"].as_mapping().unwrap();
    resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == kind)
        .map(|(id, resource)| (shown(id), resource.clone()))
        .collect()
}

fn role_of(function: &Value) -> Value {
    let role = shown(&function["Properties"]["Role"]);
    let id = role.strip_prefix("!GetAtt ").unwrap().strip_suffix(".Arn").unwrap();
    resources("AWS::IAM::Role")[id].clone()
}

/// Every (resource, action) that the role allows.
/// The one policy that a role has only where calls are traced. X-Ray knows no resource to name.
fn is_tracing(policy: &Value) -> bool {
    let Value::Tagged(tagged) = policy else { return false };
    let [condition, when, otherwise] = tagged.value.as_sequence().unwrap().as_slice() else {
        panic!("{tagged:?}")
    };
    assert_eq!((condition.as_str(), shown(otherwise).as_str()), (Some("Traces"), "!Ref AWS::NoValue"));
    let [statement] = list(&when["PolicyDocument"]["Statement"]).try_into().unwrap();
    assert_eq!(
        (shown(&statement["Effect"]).as_str(), shown(&statement["Resource"]).as_str()),
        ("Allow", "*")
    );
    let actions: Vec<_> = list(&statement["Action"]).iter().map(shown).collect();
    assert_eq!(actions, ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]);
    true
}

fn statements(role: &Value) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for policy in role["Properties"]["Policies"].as_sequence().unwrap() {
        if is_tracing(policy) {
            continue;
        }
        for statement in policy["PolicyDocument"]["Statement"].as_sequence().unwrap() {
            assert_eq!(statement["Effect"], "Allow");
            for action in list(&statement["Action"]) {
                pairs.extend(list(&statement["Resource"]).iter().map(|on| (shown(on), shown(&action))));
            }
        }
    }
    pairs
}

fn list(value: &Value) -> Vec<Value> {
    match value {
        Value::Sequence(values) => values.clone(),
        one => vec![one.clone()],
    }
}

/// `!GetAtt Table.Arn` as it is written; of a table's two names the one in this stack.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Tagged(tagged) if tagged.tag == "!If" => {
            let [condition, own, existing] = tagged.value.as_sequence().unwrap().as_slice() else {
                panic!("{tagged:?}")
            };
            let pair = (shown(own), shown(existing));
            assert_eq!(condition, "OwnTable");
            assert!(
                TABLES.iter().any(|(own, existing)| (*own, *existing) == (pair.0.as_str(), pair.1.as_str()))
            );
            pair.0
        }
        Value::Tagged(tagged) => format!("{} {}", tagged.tag, shown(&tagged.value)),
        other => other.as_str().unwrap_or_else(|| panic!("not text: {other:?}")).to_owned(),
    }
}
