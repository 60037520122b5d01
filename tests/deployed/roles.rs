//! Every role may do on the deployed system exactly what the template grants it: tried out, one call at a time.
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::cloud::{Cloud, SECRET};
use crate::template::{SECRETS, granted, role_ids};

/// Each action on each resource, by a call that changes nothing a test looks at.
pub(super) async fn are_exact(cloud: &Cloud, stack: &Value) {
    let calls = calls(stack);
    let arguments = Value::Array(calls.iter().map(|(_, _, call)| call.clone()).collect()).to_string();
    let grants = granted();
    for (function, id) in role_ids() {
        let role = cloud.ask("role", &[stack["resources"][&id].as_str().unwrap()]).await;
        let outcomes = cloud.ask("probe", &[role.as_str().unwrap(), &arguments]).await;
        let may: BTreeSet<_> = calls
            .iter()
            .zip(outcomes.as_array().unwrap())
            .filter(|(_, outcome)| *outcome != "denied")
            .map(|((resource, action, _), _)| ((*resource).to_owned(), (*action).to_owned()))
            .collect();
        let mut granted = grants[&function].clone();
        // Asked by nobody but the staff's own test, as it would move what waits there.
        granted.retain(|(_, action)| action != "sqs:StartMessageMoveTask");
        assert_eq!(may, granted, "{function}: {outcomes}");
    }
}

fn calls(stack: &Value) -> Vec<(&'static str, &'static str, Value)> {
    let output = |name: &str| stack["outputs"][name].clone();
    let table = output("TableName");
    let key = json!({ "pk": { "S": "PROBE" }, "sk": { "S": "PROBE" } });
    let by = |name: &str| {
        json!({
            "KeyConditionExpression": format!("{name} = :probe"),
            "ExpressionAttributeValues": { ":probe": { "S": "PROBE" } },
        })
    };
    let on_table = |operation: &str, more: Value| {
        let mut arguments = json!({ "TableName": table });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "service": "dynamodb", "operation": operation, "arguments": arguments })
    };
    let batch = json!({ "RequestItems": { table.as_str().unwrap(): { "Keys": [key] } } });
    let mut due = by("due_pk");
    due["IndexName"] = json!("due");
    let mut calls = vec![
        ("!GetAtt Table.Arn", "dynamodb:GetItem", on_table("get_item", json!({ "Key": key }))),
        ("!GetAtt Table.Arn", "dynamodb:PutItem", on_table("put_item", json!({ "Item": key }))),
        ("!GetAtt Table.Arn", "dynamodb:UpdateItem", on_table("update_item", json!({ "Key": key }))),
        ("!GetAtt Table.Arn", "dynamodb:DeleteItem", on_table("delete_item", json!({ "Key": key }))),
        ("!GetAtt Table.Arn", "dynamodb:Query", on_table("query", by("pk"))),
        ("!Sub ${Table.Arn}/index/due", "dynamodb:Query", on_table("query", due)),
        ("!GetAtt Table.Arn", "dynamodb:Scan", on_table("scan", json!({}))),
        ("!GetAtt Table.Arn", "dynamodb:DescribeTable", on_table("describe_table", json!({}))),
        (
            "!GetAtt Table.Arn",
            "dynamodb:BatchGetItem",
            json!({ "service": "dynamodb", "operation": "batch_get_item", "arguments": batch }),
        ),
    ];
    for (resource, url) in [
        ("!GetAtt Payments.Arn", output("QueueUrl")),
        ("!GetAtt PaymentsDeadLetters.Arn", output("DeadLetterQueueUrl")),
    ] {
        let on_queue = |operation: &str, more: Value| {
            let mut arguments = json!({ "QueueUrl": url });
            arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({ "service": "sqs", "operation": operation, "arguments": arguments })
        };
        let peek = json!({ "VisibilityTimeout": 0, "WaitTimeSeconds": 0 });
        calls.extend([
            (resource, "sqs:SendMessage", on_queue("send_message", json!({ "MessageBody": "probe" }))),
            (resource, "sqs:ReceiveMessage", on_queue("receive_message", peek)),
            (resource, "sqs:DeleteMessage", on_queue("delete_message", json!({ "ReceiptHandle": "probe" }))),
            (
                resource,
                "sqs:ChangeMessageVisibility",
                on_queue(
                    "change_message_visibility",
                    json!({ "ReceiptHandle": "probe", "VisibilityTimeout": 1 }),
                ),
            ),
            (
                resource,
                "sqs:GetQueueAttributes",
                on_queue("get_queue_attributes", json!({ "AttributeNames": ["All"] })),
            ),
            (resource, "sqs:PurgeQueue", on_queue("purge_queue", json!({}))),
        ]);
    }
    for (name, resource) in SECRETS {
        let arguments = json!({ "SecretId": format!("{SECRET}/{name}") });
        calls.push((
            resource,
            "secretsmanager:GetSecretValue",
            json!({ "service": "secretsmanager", "operation": "get_secret_value", "arguments": arguments }),
        ));
    }
    calls
}
