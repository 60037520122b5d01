//! Credentials come from where the machine has them: each case runs this very test program in an environment of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "the child is told by its environment")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;

use saldo_adapters::config::Env;
use saldo_adapters::dynamo::Store;
use saldo_credits::Spender;
use saldo_domain::OrgId;

const CONTAINER: &str = r#"{"AccessKeyId":"AKIDCONTAINER","SecretAccessKey":"s","Token":"token-of-the-container","Expiration":"2099-01-01T00:00:00Z"}"#;

/// What a child of this test does: asks the table for something, whatever comes of it.
#[test]
#[ignore = "run by the others, in an environment of its own"]
fn ask_the_table() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let env = Env::of_process();
        let world = saldo_sender::connect(&env).await.unwrap();
        let spender: Spender<Store> = Spender::new(world.store(&env).unwrap());
        let _ = spender.repair_all(&OrgId::parse("acme").unwrap(), world.clock().now()).await;
    });
}

#[test]
fn a_containers_role_signs_the_calls() {
    let container = answering("HTTP/1.1 200 OK\r\ncontent-type: application/json", CONTAINER);
    let url = format!("{}/role", container.url);
    let asked = asked_with(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url)]);
    assert!(asked.contains("AKIDCONTAINER"), "{asked}");
    assert!(asked.contains("token-of-the-container"), "{asked}");
}

#[test]
fn the_environment_goes_before_a_containers_role() {
    let container = answering("HTTP/1.1 200 OK\r\ncontent-type: application/json", CONTAINER);
    let url = format!("{}/role", container.url);
    let asked = asked_with(&[
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url),
        ("AWS_ACCESS_KEY_ID", "AKIDENVIRONMENT"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
    ]);
    assert!(asked.contains("AKIDENVIRONMENT"), "{asked}");
}

/// The first request that DynamoDB gets from a program in this environment.
fn asked_with(environment: &[(&str, &str)]) -> String {
    let dynamodb = answering("HTTP/1.1 400 Bad Request", r#"{"__type":"ValidationException"}"#);
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ask_the_table", "--ignored"])
        .env_clear()
        .envs(environment.iter().copied())
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ENDPOINT_URL_DYNAMODB", &dynamodb.url)
        .env("SALDO_TABLE", "table")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(child.status.success(), "{said}{}", String::from_utf8_lossy(&child.stderr));
    dynamodb.asked.try_recv().unwrap_or_else(|_| panic!("the table was not asked: {said}"))
}

struct Server {
    url: String,
    asked: std::sync::mpsc::Receiver<String>,
}

/// A server that answers everything with this, and tells what it was asked.
fn answering(head: &str, body: &str) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = format!("{head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    let (tell, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = vec![0; 16 * 1024];
            let length = stream.read(&mut request).unwrap_or(0);
            let _ = tell.send(String::from_utf8_lossy(&request[..length]).into_owned());
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    Server { url, asked }
}
