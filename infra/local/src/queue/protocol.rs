//! The AWS JSON 1.0 protocol of SQS: one POST, the action in `X-Amz-Target`.
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::store::{Message, NewMessage, QueueError, Queues, md5_hex};
use crate::template::{QueuePlan, Redrive};

const MAX_MESSAGE_BYTES: usize = 1_048_576;
const MAX_BATCH: usize = 10;

/// SQS for `queues`; queue URLs start with `url`.
pub fn router(queues: Queues, url: String) -> Router {
    Router::new()
        .fallback(serve)
        .layer(DefaultBodyLimit::max(4 * MAX_MESSAGE_BYTES))
        .with_state(Endpoint { queues, url })
}

#[derive(Clone)]
struct Endpoint {
    queues: Queues,
    url: String,
}

struct SqsError {
    code: &'static str,
    query_code: &'static str,
    message: String,
    status: StatusCode,
}

impl SqsError {
    fn invalid(message: impl Into<String>) -> SqsError {
        SqsError::sender("InvalidParameterValue", "InvalidParameterValue", message)
    }

    fn sender(code: &'static str, query_code: &'static str, message: impl Into<String>) -> SqsError {
        SqsError { code, query_code, message: message.into(), status: StatusCode::BAD_REQUEST }
    }
}

impl From<QueueError> for SqsError {
    fn from(error: QueueError) -> SqsError {
        let message = error.to_string();
        match error {
            QueueError::NoSuchQueue => {
                SqsError::sender("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", message)
            }
            QueueError::InvalidReceipt => {
                SqsError::sender("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", message)
            }
            QueueError::NotInFlight => {
                SqsError::sender("MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", message)
            }
            QueueError::NoDeadLetters => SqsError::invalid(message),
            QueueError::Storage(_) => SqsError {
                code: "InternalError",
                query_code: "InternalError",
                message,
                status: StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }
}

async fn serve(State(endpoint): State<Endpoint>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let action = target.strip_prefix("AmazonSQS.").unwrap_or_default();
    let result = match serde_json::from_slice::<Value>(&body) {
        Ok(request) => endpoint.act(action, &request).await,
        Err(error) => Err(SqsError::invalid(format!("the body is not JSON: {error}"))),
    };
    let kind = ("content-type", "application/x-amz-json-1.0".to_owned());
    match result {
        Ok(answer) => (StatusCode::OK, [kind], answer.to_string()).into_response(),
        Err(error) => {
            let fault = if error.status.is_server_error() { "Receiver" } else { "Sender" };
            let query = ("x-amzn-query-error", format!("{};{fault}", error.query_code));
            let body =
                json!({ "__type": format!("com.amazonaws.sqs#{}", error.code), "message": error.message });
            (error.status, [kind, query], body.to_string()).into_response()
        }
    }
}

impl Endpoint {
    async fn act(&self, action: &str, request: &Value) -> Result<Value, SqsError> {
        match action {
            "CreateQueue" => self.create_queue(request),
            "GetQueueUrl" => self.get_queue_url(request),
            "GetQueueAttributes" => self.attributes(request),
            "SendMessage" => self.send(request),
            "SendMessageBatch" => self.send_batch(request),
            "ReceiveMessage" => self.receive(request).await,
            "DeleteMessage" => {
                self.queues.delete(queue(request)?, text(request, "ReceiptHandle")?)?;
                Ok(json!({}))
            }
            "ChangeMessageVisibility" => self.change_visibility(queue(request)?, request),
            "DeleteMessageBatch" => batch(request, |entry| {
                self.queues.delete(queue(request)?, text(entry, "ReceiptHandle")?)?;
                Ok(json!({}))
            }),
            "ChangeMessageVisibilityBatch" => {
                batch(request, |entry| self.change_visibility(queue(request)?, entry))
            }
            "PurgeQueue" => {
                self.queues.purge(queue(request)?)?;
                Ok(json!({}))
            }
            "StartMessageMoveTask" if request["DestinationArn"].is_null() => {
                self.queues.move_back(name_of(text(request, "SourceArn")?))?;
                Ok(json!({ "TaskHandle": uuid::Uuid::now_v7().to_string() }))
            }
            _ => Err(SqsError::sender(
                "UnsupportedOperation",
                "AWS.SimpleQueueService.UnsupportedOperation",
                format!("{action} is not supported locally"),
            )),
        }
    }

    fn url_of(&self, name: &str) -> String {
        format!("{}/000000000000/{name}", self.url)
    }

    fn create_queue(&self, request: &Value) -> Result<Value, SqsError> {
        let name = text(request, "QueueName")?;
        if name.len() > 80 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        {
            return Err(SqsError::invalid("QueueName takes up to 80 letters, digits, - and _"));
        }
        let attribute = |key: &str, default: u64| match &request["Attributes"][key] {
            Value::Null => Ok(Duration::from_secs(default)),
            value => value
                .as_str()
                .and_then(|text| text.parse().ok())
                .map(Duration::from_secs)
                .ok_or_else(|| SqsError::invalid(format!("{key} is not a number"))),
        };
        let redrive = match request["Attributes"]["RedrivePolicy"].as_str() {
            None => None,
            Some(policy) => Some(redrive(policy)?),
        };
        self.queues.create(QueuePlan {
            name: name.to_owned(),
            arn: format!("arn:aws:sqs:us-east-1:000000000000:{name}"),
            visibility: attribute("VisibilityTimeout", 30)?,
            retention: attribute("MessageRetentionPeriod", 345_600)?,
            redrive,
        });
        Ok(json!({ "QueueUrl": self.url_of(name) }))
    }

    fn get_queue_url(&self, request: &Value) -> Result<Value, SqsError> {
        let plan = self.queues.plan(text(request, "QueueName")?)?;
        Ok(json!({ "QueueUrl": self.url_of(&plan.name) }))
    }

    fn attributes(&self, request: &Value) -> Result<Value, SqsError> {
        let plan = self.queues.plan(queue(request)?)?;
        let depth = self.queues.depth(&plan.name)?;
        let mut all = json!({
            "QueueArn": plan.arn,
            "VisibilityTimeout": plan.visibility.as_secs().to_string(),
            "MessageRetentionPeriod": plan.retention.as_secs().to_string(),
            "ApproximateNumberOfMessages": depth.visible.to_string(),
            "ApproximateNumberOfMessagesNotVisible": depth.in_flight.to_string(),
            "ApproximateNumberOfMessagesDelayed": depth.delayed.to_string(),
        });
        if let Some(redrive) = plan.redrive {
            let policy = json!({ "deadLetterTargetArn": redrive.target_arn, "maxReceiveCount": redrive.max_receive_count });
            all["RedrivePolicy"] = Value::String(policy.to_string());
        }
        let asked = request["AttributeNames"].as_array().map(Vec::as_slice).unwrap_or_default();
        if let (Some(map), false) = (all.as_object_mut(), asked.iter().any(|name| name == "All")) {
            map.retain(|key, _| asked.iter().any(|name| name == key.as_str()));
        }
        Ok(json!({ "Attributes": all }))
    }

    fn send(&self, request: &Value) -> Result<Value, SqsError> {
        let message = new_message(request)?;
        let md5 = md5_hex(&message.body);
        let ids = self.queues.send(queue(request)?, &[message])?;
        Ok(json!({ "MessageId": ids.first(), "MD5OfMessageBody": md5 }))
    }

    fn send_batch(&self, request: &Value) -> Result<Value, SqsError> {
        batch(request, |entry| {
            let message = new_message(entry)?;
            let md5 = md5_hex(&message.body);
            let ids = self.queues.send(queue(request)?, &[message])?;
            Ok(json!({ "MessageId": ids.first(), "MD5OfMessageBody": md5 }))
        })
    }

    async fn receive(&self, request: &Value) -> Result<Value, SqsError> {
        let most = number(request, "MaxNumberOfMessages", 1, 1..=10)?;
        let wait = Duration::from_secs(number(request, "WaitTimeSeconds", 0, 0..=20)?);
        let visibility = match &request["VisibilityTimeout"] {
            Value::Null => None,
            _ => Some(Duration::from_secs(number(request, "VisibilityTimeout", 30, 0..=43_200)?)),
        };
        let most = usize::try_from(most).unwrap_or(MAX_BATCH);
        let messages = self.queues.receive(queue(request)?, most, wait, visibility).await?;
        let messages: Vec<_> = messages.iter().map(received).collect();
        Ok(if messages.is_empty() { json!({}) } else { json!({ "Messages": messages }) })
    }

    fn change_visibility(&self, queue: &str, entry: &Value) -> Result<Value, SqsError> {
        let visibility = Duration::from_secs(number(entry, "VisibilityTimeout", 0, 0..=43_200)?);
        self.queues.change_visibility(queue, text(entry, "ReceiptHandle")?, visibility)?;
        Ok(json!({}))
    }
}

fn received(message: &Message) -> Value {
    json!({
        "MessageId": message.id,
        "ReceiptHandle": message.receipt,
        "MD5OfBody": message.md5,
        "Body": message.body,
        "Attributes": {
            "ApproximateReceiveCount": message.receive_count.to_string(),
            "SentTimestamp": message.sent_ms.to_string(),
            "ApproximateFirstReceiveTimestamp": message.first_received_ms.to_string(),
        },
    })
}

/// Runs `each` for every entry; one that is refused does not hinder the others.
fn batch(request: &Value, each: impl Fn(&Value) -> Result<Value, SqsError>) -> Result<Value, SqsError> {
    let entries = request["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
    if entries.is_empty() {
        return Err(SqsError::sender(
            "EmptyBatchRequest",
            "AWS.SimpleQueueService.EmptyBatchRequest",
            "the batch has no entries",
        ));
    }
    if entries.len() > MAX_BATCH {
        return Err(SqsError::sender(
            "TooManyEntriesInBatchRequest",
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            "a batch takes up to 10 entries",
        ));
    }
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in entries {
        match each(entry) {
            Ok(mut done) => {
                done["Id"] = entry["Id"].clone();
                successful.push(done);
            }
            Err(error) => failed.push(json!({
                "Id": entry["Id"], "Code": error.query_code, "Message": error.message,
                "SenderFault": !error.status.is_server_error(),
            })),
        }
    }
    Ok(json!({ "Successful": successful, "Failed": failed }))
}

fn new_message(request: &Value) -> Result<NewMessage, SqsError> {
    if request["MessageAttributes"].as_object().is_some_and(|attributes| !attributes.is_empty()) {
        return Err(SqsError::sender(
            "UnsupportedOperation",
            "AWS.SimpleQueueService.UnsupportedOperation",
            "message attributes are not supported locally",
        ));
    }
    let body = text(request, "MessageBody")?;
    if body.is_empty() || body.len() > MAX_MESSAGE_BYTES {
        return Err(SqsError::invalid("MessageBody takes 1 to 1048576 bytes"));
    }
    let delay = Duration::from_secs(number(request, "DelaySeconds", 0, 0..=900)?);
    Ok(NewMessage { body: body.to_owned(), delay })
}

/// The last part of an ARN.
fn name_of(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or_default()
}

fn redrive(policy: &str) -> Result<Redrive, SqsError> {
    let policy: Value =
        serde_json::from_str(policy).map_err(|_| SqsError::invalid("RedrivePolicy is not JSON"))?;
    let most = &policy["maxReceiveCount"];
    let most = most.as_u64().or_else(|| most.as_str().and_then(|text| text.parse().ok()));
    Ok(Redrive {
        target_arn: text(&policy, "deadLetterTargetArn")?.to_owned(),
        max_receive_count: most
            .and_then(|most| u32::try_from(most).ok())
            .filter(|most| (1..=1000).contains(most))
            .ok_or_else(|| SqsError::invalid("maxReceiveCount takes 1 to 1000"))?,
    })
}

/// The name at the end of the request's queue URL.
fn queue(request: &Value) -> Result<&str, SqsError> {
    text(request, "QueueUrl").map(|url| url.rsplit('/').next().unwrap_or(url))
}

fn text<'v>(value: &'v Value, key: &str) -> Result<&'v str, SqsError> {
    value[key].as_str().ok_or_else(|| {
        SqsError::sender("MissingParameter", "MissingParameter", format!("the parameter {key} is missing"))
    })
}

fn number(
    value: &Value,
    key: &str,
    default: u64,
    allowed: std::ops::RangeInclusive<u64>,
) -> Result<u64, SqsError> {
    let number = match &value[key] {
        Value::Null => Some(default),
        given => given.as_u64(),
    };
    number
        .filter(|number| allowed.contains(number))
        .ok_or_else(|| SqsError::invalid(format!("{key} takes {} to {}", allowed.start(), allowed.end())))
}
