//! The queue of what the worker could not handle.

use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::QueueAttributeName;

use crate::PortError;

/// The dead-letter queue of payment messages.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    client: aws_sdk_sqs::Client,
    url: String,
}

/// What SQS says of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// About how many messages lie there: SQS counts loosely.
    pub messages: u64,
    arn: String,
}

impl DeadLetters {
    pub(crate) fn new(client: aws_sdk_sqs::Client, url: &str) -> DeadLetters {
        DeadLetters { client, url: url.to_owned() }
    }

    /// How many messages lie there, those that somebody looks at just now not counted.
    pub async fn waiting(&self) -> Result<Waiting, PortError> {
        let (count, arn) = (QueueAttributeName::ApproximateNumberOfMessages, QueueAttributeName::QueueArn);
        let asked = self.client.get_queue_attributes().queue_url(&self.url);
        let answer = asked.attribute_names(count.clone()).attribute_names(arn.clone()).send().await;
        let answer = answer.map_err(|error| unavailable("GetQueueAttributes", &error))?;
        let of = |name| answer.attributes().and_then(|all| all.get(&name));
        let messages = of(count).and_then(|count| count.parse().ok());
        match (messages, of(arn)) {
            (Some(messages), Some(arn)) => Ok(Waiting { messages, arn: arn.clone() }),
            _ => Err(PortError::Broken("the dead-letter queue does not say what it is".to_owned())),
        }
    }

    /// Begins to move all of them back to where they came from. While a move is under way another one is refused:
    /// [`PortError::Unavailable`].
    pub async fn move_back(&self, waiting: &Waiting) -> Result<(), PortError> {
        let started = self.client.start_message_move_task().source_arn(&waiting.arn).send().await;
        started.map(drop).map_err(|error| unavailable("StartMessageMoveTask", &error))
    }
}

fn unavailable<E: std::error::Error>(call: &str, error: &E) -> PortError {
    PortError::Unavailable(format!("{call}: {}", DisplayErrorContext(error)))
}
