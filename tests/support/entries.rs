//! Entries by the thousand, put into the table as spending writes them.
use saldo_adapters::clock::Clock;
use saldo_domain::DebitId;
use saldo_local::Saldo;
use serde_json::json;

use super::client::Client;
use super::system;

/// Puts entries of as many emails of now into the table, each of one credit, with this reference, and by itself in its run.
pub(crate) async fn write(saldo: &Saldo, org: &str, clock: &Clock, count: usize, reference: &str) {
    let table = saldo.plan().tables[0].create["TableName"].as_str().unwrap();
    let client = Client::new(saldo.dynamodb_url());
    let headers = [
        ("x-amz-target", "DynamoDB_20120810.BatchWriteItem"),
        ("content-type", "application/x-amz-json-1.0"),
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=local/20261123/local/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=0",
        ),
        ("x-amz-date", "20261123T000000Z"),
    ];
    let put = || {
        let id = DebitId::parse(&system::debit_id(clock, 0)).unwrap();
        let (run, month) = (id.run().first().to_string(), id.entry().month().digits());
        let debit = json!({"t": {"N": "17"}, "n": {"N": "1"}, "a": {"N": "0"}, "ch": {"S": "email"}, "r": {"S": reference}});
        json!({"PutRequest": {"Item": {
            "pk": {"S": format!("LEDGER#{org}#{month}")}, "sk": {"S": run}, "kind": {"S": "debits"},
            "by": {"S": "machine:sender-1"}, format!("{:02}", id.place()): {"M": debit}}}})
    };
    for start in (0..count).step_by(25) {
        let puts: Vec<_> = (start..count.min(start + 25)).map(|_| put()).collect();
        let body = json!({"RequestItems": {table: puts}}).to_string();
        let answer = client.send("POST", "/", &headers, body).await;
        assert_eq!(answer.json()["UnprocessedItems"], json!({}));
    }
}
