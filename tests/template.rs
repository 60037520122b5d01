//! The template, `infra/template.yaml`, is complete and grants no more than needed.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use saldo_local::template::TEMPLATE;
use serde_yaml_ng::Value;

/// A resource and the actions allowed on it.
type Grant = (&'static str, &'static [&'static str]);

/// What each function may do beside writing its own log.
const GRANTS: &[(&str, &[Grant])] = &[
    ("quote", &[]),
    ("create-top-up", &[("!GetAtt Table.Arn", SETTLE)]),
    ("cancel-top-up", &[("!GetAtt Table.Arn", SETTLE)]),
    ("balance", &[("!GetAtt Table.Arn", FINISH), ("!GetAtt Table.Arn", &["dynamodb:Query"])]),
    ("history", &[("!GetAtt Table.Arn", FINISH), ("!GetAtt Table.Arn", &["dynamodb:Query"])]),
    ("settings", &[("!GetAtt Table.Arn", &["dynamodb:GetItem", "dynamodb:UpdateItem"])]),
    ("spend", &[("!GetAtt Table.Arn", FINISH), ("!GetAtt Table.Arn", &["dynamodb:PutItem"])]),
    ("stripe-webhook", &[("!GetAtt Payments.Arn", &["sqs:SendMessage"])]),
    (
        "credit-worker",
        &[
            ("!GetAtt Table.Arn", SETTLE),
            ("!GetAtt Payments.Arn", &["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]),
        ],
    ),
    (
        "cleanup",
        &[
            ("!GetAtt Table.Arn", SETTLE),
            ("!GetAtt Table.Arn", FINISH),
            ("!Sub ${Table.Arn}/index/due", &["dynamodb:Query"]),
        ],
    ),
    ("dashboard", &[]),
];

const SETTLE: &[&str] =
    &["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"];

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
    "HEAD /",
    "HEAD /assets/{file}",
    "HEAD /billing",
    "HEAD /billing/{page}",
    "HEAD /healthz",
    "POST /stripe/webhook",
];

const CLOSED_ROUTES: &[&str] = &[
    "GET /v1/balance",
    "GET /v1/entries",
    "GET /v1/quote",
    "GET /v1/settings",
    "GET /v1/top-ups",
    "GET /v1/top-ups/{id}",
    "GET /v1/usage",
    "POST /v1/debit-batches",
    "POST /v1/debits/{id}/reverse",
    "POST /v1/top-ups",
    "POST /v1/top-ups/{id}/cancel",
    "PUT /v1/debits/{id}",
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
    assert_eq!(knows("SALDO_STRIPE_KEY"), ["cancel-top-up", "cleanup", "create-top-up", "credit-worker"]);
    assert_eq!(knows("SALDO_STRIPE_WEBHOOK_SECRETS"), ["stripe-webhook"]);
    assert_eq!(knows("SALDO_QUEUE_URL"), ["stripe-webhook"]);
    for (name, (_, function)) in functions() {
        for (variable, value) in
            function["Properties"]["Environment"]["Variables"].as_mapping().into_iter().flatten()
        {
            if shown(variable).contains("KEY") || shown(variable).contains("SECRET") {
                assert!(shown(value).starts_with("!Sub {{resolve:secretsmanager:"), "{name}: {variable:?}");
            }
        }
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
fn statements(role: &Value) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for policy in role["Properties"]["Policies"].as_sequence().unwrap() {
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
    value.as_sequence().cloned().unwrap_or_else(|| vec![value.clone()])
}

/// `!GetAtt Table.Arn` as it is written.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Tagged(tagged) => format!("{} {}", tagged.tag, shown(&tagged.value)),
        other => other.as_str().unwrap_or_else(|| panic!("not text: {other:?}")).to_owned(),
    }
}
