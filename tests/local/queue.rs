//! The local SQS, judged by the AWS SDK.
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, QueueAttributeName, SendMessageBatchRequestEntry};
use saldo_local::queue::{Queues, router};
use saldo_local::template::{QueuePlan, Redrive};

#[tokio::test]
async fn a_message_comes_back_until_it_is_deleted() {
    let sqs = Sqs::start(None).await;
    sqs.send("hello").await;
    let first = sqs.receive().await.pop().unwrap();
    assert_eq!(first.body(), Some("hello"));
    assert_eq!(first.md5_of_body(), Some("5d41402abc4b2a76b9719d911017c592"));
    assert!(sqs.receive().await.is_empty(), "it is hidden while someone works on it");
    sqs.pass(30);
    let second = sqs.receive().await.pop().unwrap();
    assert_eq!(second.message_id(), first.message_id());
    assert_ne!(second.receipt_handle(), first.receipt_handle());
    sqs.delete(first.receipt_handle().unwrap()).await;
    sqs.pass(30);
    let third = sqs.receive().await.pop().expect("an old receipt deletes nothing");
    sqs.delete(third.receipt_handle().unwrap()).await;
    sqs.pass(30);
    assert!(sqs.receive().await.is_empty());
}

#[tokio::test]
async fn a_message_received_too_often_goes_to_the_dead_letters() {
    let sqs = Sqs::start(None).await;
    sqs.send("poison").await;
    for _ in 0..3 {
        assert_eq!(sqs.receive().await.len(), 1);
        sqs.pass(30);
    }
    assert!(sqs.receive().await.is_empty());
    let dead = sqs.receive_from("dead").await;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].body(), Some("poison"));
    assert_eq!(sqs.depth("main").await, "0");
}

#[tokio::test]
async fn one_command_brings_the_dead_letters_back_as_new_messages() {
    let sqs = Sqs::start(None).await;
    sqs.send("not yet").await;
    let first = sqs.receive().await.pop().unwrap();
    for _ in 0..3 {
        sqs.pass(30);
        sqs.receive().await;
    }
    assert_eq!(sqs.depth("dead").await, "1");
    let back = |queue| {
        let arn = format!("arn:aws:sqs:us-east-1:000000000000:{queue}");
        sqs.client.start_message_move_task().source_arn(arn).send()
    };
    let refused = back("main").await.unwrap_err();
    assert_eq!(refused.code(), Some("InvalidParameterValue"), "main is nobody's dead-letter queue");
    assert!(back("dead").await.unwrap().task_handle().is_some());
    assert_eq!((sqs.depth("dead").await, sqs.depth("main").await), ("0".to_owned(), "1".to_owned()));
    let again = sqs.receive().await.pop().unwrap();
    assert_eq!(again.body(), Some("not yet"));
    assert_ne!(again.message_id(), first.message_id());
    for _ in 0..2 {
        sqs.pass(30);
        assert_eq!(sqs.receive().await.len(), 1, "its tries are counted anew");
    }
}

#[tokio::test]
async fn visibility_can_be_given_and_taken_back() {
    let sqs = Sqs::start(None).await;
    sqs.send("a").await;
    let message = sqs.receive().await.pop().unwrap();
    let change = |seconds| {
        let request = sqs.client.change_message_visibility().queue_url(sqs.url("main"));
        request.receipt_handle(message.receipt_handle().unwrap()).visibility_timeout(seconds).send()
    };
    change(100).await.unwrap();
    sqs.pass(99);
    assert!(sqs.receive().await.is_empty());
    change(0).await.unwrap();
    assert_eq!(sqs.receive().await.len(), 1);
}

#[tokio::test]
async fn a_waiting_receiver_wakes_at_once() {
    let sqs = Sqs::start(None).await;
    let waiting = sqs.client.receive_message().queue_url(sqs.url("main")).wait_time_seconds(20).send();
    let waiting = tokio::spawn(waiting);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let sent = Instant::now();
    sqs.send("now").await;
    let received = waiting.await.unwrap().unwrap();
    assert_eq!(received.messages().len(), 1);
    assert!(sent.elapsed() < Duration::from_millis(500), "{:?}", sent.elapsed());
}

#[tokio::test]
async fn batches_answer_for_each_entry() {
    let sqs = Sqs::start(None).await;
    let entry = |id: usize, body: &str| {
        SendMessageBatchRequestEntry::builder().id(id.to_string()).message_body(body).build().unwrap()
    };
    let entries = (0..9).map(|id| entry(id, &format!("m{id}"))).chain([entry(9, "")]).collect();
    let request = sqs.client.send_message_batch().queue_url(sqs.url("main"));
    let sent = request.set_entries(Some(entries)).send().await.unwrap();
    assert_eq!((sent.successful().len(), sent.failed().len()), (9, 1));
    assert!(sent.failed()[0].sender_fault());
    let messages = sqs.receive().await;
    let bodies: Vec<_> = messages.iter().map(|message| message.body().unwrap().to_owned()).collect();
    assert_eq!(bodies, (0..9).map(|id| format!("m{id}")).collect::<Vec<_>>());
    let entry = |(id, receipt): (usize, &str)| {
        DeleteMessageBatchRequestEntry::builder().id(id.to_string()).receipt_handle(receipt).build().unwrap()
    };
    let receipts = messages.iter().map(|message| message.receipt_handle().unwrap()).chain(["nonsense"]);
    let request = sqs.client.delete_message_batch().queue_url(sqs.url("main"));
    let deleted = request.set_entries(Some(receipts.enumerate().map(entry).collect())).send().await.unwrap();
    assert_eq!((deleted.successful().len(), deleted.failed().len()), (9, 1));
    sqs.pass(30);
    assert!(sqs.receive().await.is_empty());
}

#[tokio::test]
async fn what_was_accepted_survives_a_restart_and_what_was_deleted_stays_away() {
    let folder = std::env::temp_dir().join(format!("saldo-queue-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("queue.db");
    let sqs = Sqs::start(Some(&file)).await;
    sqs.send("kept").await;
    sqs.send("done").await;
    let done = sqs.receive().await.pop().unwrap();
    sqs.delete(done.receipt_handle().unwrap()).await;
    drop(sqs);
    let sqs = Sqs::start(Some(&file)).await;
    assert!(sqs.receive().await.is_empty(), "visibility survives too");
    sqs.pass(30);
    let again = sqs.receive().await;
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].body(), Some("kept"));
    drop(sqs);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn what_a_lost_process_worked_on_shows_again_at_once() {
    let sqs = Sqs::start(None).await;
    sqs.send("a").await;
    for _ in 0..5 {
        assert_eq!(sqs.receive().await.len(), 1);
        sqs.queues.recover().unwrap();
    }
    assert_eq!(sqs.receive().await.len(), 1, "lost attempts do not lead to the dead letters");
}

#[tokio::test]
async fn what_sqs_refuses_is_refused_with_its_code() {
    let sqs = Sqs::start(None).await;
    let client = &sqs.client;
    let missing = client.send_message().queue_url(sqs.url("absent")).message_body("x").send().await;
    assert!(missing.unwrap_err().into_service_error().is_queue_does_not_exist());
    let receipt = client.delete_message().queue_url(sqs.url("main")).receipt_handle("x").send().await;
    assert!(receipt.unwrap_err().into_service_error().is_receipt_handle_is_invalid());
    let huge = "x".repeat(1_048_577);
    let huge = client.send_message().queue_url(sqs.url("main")).message_body(huge).send().await;
    assert_eq!(huge.unwrap_err().code(), Some("InvalidParameterValue"));
    let many = client.receive_message().queue_url(sqs.url("main")).max_number_of_messages(11).send().await;
    assert!(many.is_err());
}

#[tokio::test]
async fn a_queue_can_be_made_found_and_emptied() {
    let sqs = Sqs::start(None).await;
    let made = sqs.client.create_queue().queue_name("other").send().await.unwrap();
    let found = sqs.client.get_queue_url().queue_name("other").send().await.unwrap();
    assert_eq!(made.queue_url(), found.queue_url());
    sqs.client.send_message().queue_url(sqs.url("other")).message_body("x").send().await.unwrap();
    assert_eq!(sqs.depth("other").await, "1");
    sqs.client.purge_queue().queue_url(sqs.url("other")).send().await.unwrap();
    assert_eq!(sqs.depth("other").await, "0");
}

struct Sqs {
    client: Client,
    queues: Queues,
    base: String,
    clock: Arc<AtomicI64>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Sqs {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Sqs {
    async fn start(file: Option<&std::path::Path>) -> Self {
        let clock = Arc::new(AtomicI64::new(1_800_000_000_000));
        let time = Arc::clone(&clock);
        let now = Arc::new(move || time.load(Ordering::SeqCst));
        let dead = plan("dead", None);
        let redrive = Redrive { target_arn: dead.arn.clone(), max_receive_count: 3 };
        let queues = Queues::open(file, &[plan("main", Some(redrive)), dead], now).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let app = router(queues.clone(), base.clone());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { client: client(&base), queues, base, clock, server }
    }

    fn url(&self, queue: &str) -> String {
        format!("{}/000000000000/{queue}", self.base)
    }

    fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    async fn send(&self, body: &str) {
        self.client.send_message().queue_url(self.url("main")).message_body(body).send().await.unwrap();
    }

    async fn receive(&self) -> Vec<aws_sdk_sqs::types::Message> {
        self.receive_from("main").await
    }

    async fn receive_from(&self, queue: &str) -> Vec<aws_sdk_sqs::types::Message> {
        let request = self.client.receive_message().queue_url(self.url(queue)).max_number_of_messages(10);
        request.send().await.unwrap().messages.unwrap_or_default()
    }

    async fn delete(&self, receipt: &str) {
        self.client
            .delete_message()
            .queue_url(self.url("main"))
            .receipt_handle(receipt)
            .send()
            .await
            .unwrap();
    }

    async fn depth(&self, queue: &str) -> String {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let request =
            self.client.get_queue_attributes().queue_url(self.url(queue)).attribute_names(name.clone());
        request.send().await.unwrap().attributes.unwrap()[&name].clone()
    }
}

fn plan(name: &str, redrive: Option<Redrive>) -> QueuePlan {
    QueuePlan {
        name: name.to_owned(),
        arn: format!("arn:aws:sqs:us-east-1:000000000000:{name}"),
        visibility: Duration::from_secs(30),
        retention: Duration::from_secs(1_209_600),
        redrive,
    }
}

fn client(url: &str) -> Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .endpoint_url(url)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}
