//! What `sam build` made, deployed by the real SAM CLI on an emulator that enforces IAM: uploads, roles, tokens and the journey.
//!
//! Run it with `cargo test -p saldo-tests deployed -- --ignored` after
//! `sam build --config-env dev --parameter-overrides Architecture=x86_64`.
mod cloud;
mod customer;
mod gaps;
mod issuer;
mod roles;

use std::sync::Arc;

use saldo_stripe_stand_in::{Options, StandIn, Webhook};
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::data_folder::DataFolder;
use cloud::{Cloud, SECRET, root};
use customer::{Customer, eventually, pay};
use issuer::Issuer;

const STACK: &str = "saldo-deployed";
const RESTORED: &str = "saldo-restored";
const AUDIENCE: &str = "saldo-deployed";
const BUILT: &str = ".aws-sam/build/template.yaml";
const BRIDGED: &str = ".aws-sam/build/bridged.json";
/// What a function may weigh, unpacked.
const LARGEST: u64 = 6_000_000;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs `sam build` and the emulator"]
async fn deployed_as_the_readme_says_one_program_per_function_is_uploaded_and_nothing_else() {
    let folder = DataFolder::new("deployed-uploads");
    let cloud = Cloud::start(folder.path()).await;
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let command = "sam deploy --config-env dev";
    assert!(readme.contains(command), "README.md says how to deploy");
    let mut arguments: Vec<_> = command.split(' ').skip(1).collect();
    // It is about what is packed; the emulator could not make what the template describes.
    arguments.push("--no-execute-changeset");
    let _ = cloud.sam(&arguments).await;

    let uploads = cloud.ask("uploads", &[]).await;
    let (zips, others): (Vec<_>, Vec<_>) =
        uploads.as_array().unwrap().iter().partition(|upload| !upload["inside"].is_null());
    let functions = std::fs::read_dir(root().join("functions")).unwrap().count();
    assert_eq!(zips.len(), functions, "one zip for each function: {uploads}");
    for zip in zips {
        let [file] = zip["inside"].as_array().unwrap().as_slice() else {
            panic!("more than a program: {zip}")
        };
        assert_eq!((&file["name"], &file["mode"]), (&json!("bootstrap"), &json!("0o755")), "{zip}");
        assert!((1..LARGEST).contains(&file["bytes"].as_u64().unwrap()), "{zip}");
        println!("{} bytes, packed {}", file["bytes"], zip["bytes"]);
    }
    for other in others {
        assert!(
            other["key"].as_str().unwrap().ends_with(".template"),
            "uploaded beside the programs: {other}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs `sam build` and the emulator"]
async fn deployed_it_sells_credits_and_spends_them() {
    let folder = DataFolder::new("deployed");
    let saldo = Deployed::start(folder.path()).await;

    saldo.the_webhook_waits_for_its_secret().await;
    saldo.tell_the_secret().await;
    saldo.only_good_tokens_are_let_in().await;
    saldo.credits_are_bought_and_spent_in_rupiah().await;
    saldo.credits_are_bought_by_card_in_dollars().await;
    saldo.cleanup_finds_a_payment_that_nobody_told().await;
    saldo.what_cannot_be_handled_lies_with_the_dead_letters().await;
    saldo.pages_and_health_are_open_to_all().await;
    roles::are_exact(&saldo.cloud, &saldo.stack).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs `sam build` and the emulator"]
async fn deployed_over_a_restored_table_it_goes_on_and_its_books_are_clean() {
    let folder = DataFolder::new("deployed-restored");
    let mut saldo = Deployed::start(folder.path()).await;
    saldo.tell_the_secret().await;
    saldo.a_table_is_restored_adopted_and_reconciles_clean().await;
}

/// The system as it was deployed, its Stripe, and its identity provider.
struct Deployed {
    cloud: Cloud,
    issuer: Issuer,
    stripe: StandIn,
    stripe_url: String,
    stack: Value,
    /// The API's root on the emulator.
    api: String,
}

impl Deployed {
    async fn start(folder: &std::path::Path) -> Deployed {
        let cloud = Cloud::start(folder).await;
        let issuer = Issuer::start(&cloud.ask("key", &[]).await).await;
        let (stripe, stripe_url) = stand_in().await;
        let built = std::fs::read_to_string(root().join(BUILT)).expect("`sam build` was run");
        std::fs::write(root().join(BRIDGED), gaps::bridged(&built)).unwrap();
        let stack = Value::Null;
        let mut saldo = Deployed { cloud, issuer, stripe, stripe_url, stack, api: String::new() };
        for (name, value) in [
            ("write_key", "rk_test_deployed_write"),
            ("read_key", "rk_test_deployed_read"),
            ("webhook_secrets", "none"),
        ] {
            saldo.put_secret(name, value).await;
        }
        saldo.deploy(&[]).await;
        saldo.stack = saldo.cloud.ask("stack", &[STACK]).await;
        assert_eq!(saldo.stack["status"], "CREATE_COMPLETE");
        let outputs = &saldo.stack["outputs"];
        let (host, _) = outputs["ApiUrl"].as_str().unwrap().split_once("/v1").unwrap();
        assert_eq!(outputs["DashboardUrl"], format!("{host}/billing"));
        assert_eq!(outputs["StripeWebhookUrl"], format!("{host}/stripe/webhook"));
        let api = saldo.stack["resources"]["Api"].as_str().unwrap();
        saldo.api = format!("{}/_aws/execute-api/{api}/$default", saldo.cloud.url());
        saldo
    }

    /// As an operator does it: nothing else is needed for the functions to know.
    async fn put_secret(&self, name: &str, value: &str) {
        self.cloud.ask("secret", &[&format!("{SECRET}/{name}"), value]).await;
    }

    /// Deploys, or deploys again, with these parameters besides.
    async fn deploy(&self, more: &[String]) {
        let parameters = [
            "Architecture=x86_64".to_owned(),
            format!("JwtIssuer={}", self.issuer.url),
            format!("JwtAudience={AUDIENCE}"),
            format!("StripeSecret={SECRET}"),
            "StripeLivemode=false".to_owned(),
            format!("StripeUrl={}", self.stripe_url),
            "Release=AllAtOnce".to_owned(),
            "WebhookConcurrency=20".to_owned(),
            "WorkerConcurrency=10".to_owned(),
        ];
        let mut arguments = vec!["deploy", "--template-file", BRIDGED, "--stack-name", STACK, "--resolve-s3"];
        arguments.extend([
            "--capabilities",
            "CAPABILITY_IAM",
            "--no-confirm-changeset",
            "--parameter-overrides",
        ]);
        arguments.extend(parameters.iter().chain(more).map(String::as_str));
        let said = self.cloud.sam(&arguments).await;
        assert!(said.well, "{}\n{}", said.words, self.cloud.ask("why", &[STACK]).await);
    }

    async fn the_webhook_waits_for_its_secret(&self) {
        let answer = Client::new(&self.api).send("POST", "/stripe/webhook", &[], "{}").await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "webhook_secret_missing"));
        assert!(answer.json()["detail"].as_str().unwrap().contains("Stripe sends the event again"));
    }

    async fn tell_the_secret(&self) {
        let secret = "whsec_deployed";
        self.put_secret("webhook_secrets", secret).await;
        // A process that asked a moment ago asks again after a minute.
        for _ in 0..70 {
            let answer = Client::new(&self.api).send("POST", "/stripe/webhook", &[], "{}").await;
            if answer.code() == "invalid_signature" {
                break;
            }
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "webhook_secret_missing"));
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
        let url = format!("{}/stripe/webhook", self.api);
        self.stripe.set_webhook(Some(Webhook { url, secrets: vec![secret.to_owned()] }));
    }

    async fn only_good_tokens_are_let_in(&self) {
        let stranger = Issuer::start(&self.cloud.ask("key", &[]).await).await;
        let view = json!({ "org_id": "acme", "permissions": ["billing:view"] });
        let with = |name: &str, value: Value| {
            let mut claims = view.clone();
            claims[name] = value;
            self.issuer.token(AUDIENCE, &claims)
        };
        let cases = [
            ("a good one", self.issuer.token(AUDIENCE, &view), 200),
            ("permissions as text", with("permissions", json!("billing:view billing:subscribe")), 200),
            ("no permission", with("permissions", json!([])), 403),
            ("another permission", with("permissions", json!(["credits:spend"])), 403),
            ("no organisation", with("org_id", Value::Null), 403),
            ("over", with("exp", json!(1_700_000_000)), 401),
            ("not yet", with("nbf", json!(4_000_000_000_u32)), 401),
            ("another issuer", with("iss", json!("https://issuer.example.com")), 401),
            ("another audience", self.issuer.token("others", &view), 401),
            ("another key", stranger.token(AUDIENCE, &with_issuer(&view, &self.issuer.url)), 401),
            ("no token", "not.a.token".to_owned(), 401),
        ];
        for (what, token, status) in cases {
            let answer = Client::new(&self.api).with_token(token).get("/v1/balance").await;
            assert_eq!(answer.status.as_u16(), status, "{what}: {}", String::from_utf8_lossy(&answer.body));
        }
        assert_eq!(Client::new(&self.api).get("/v1/balance").await.status, 401, "without a token");
    }

    async fn credits_are_bought_and_spent_in_rupiah(&self) {
        let acme = self.customer("acme", None);
        let early = acme.debit(&debit_id(), "sms").await;
        assert_eq!((early.status.as_u16(), early.code().as_str()), (402, "insufficient_credits"));
        let top_up = acme.open(1000).await;
        pay(&self.stripe_url, &top_up, "bank=bri&action=transfer").await;
        acme.until_credits(1000).await;
        let paid = acme.get(&format!("/v1/top-ups/{}", top_up["id"].as_str().unwrap())).await;
        assert_eq!(paid["status"], "paid");

        let id = debit_id();
        let first = acme.debit(&id, "sms").await;
        assert_eq!((first.status.as_u16(), &first.json()["credits"]), (201, &json!(3)));
        assert_eq!(acme.debit(&id, "sms").await.status, 200, "the same again");
        acme.until_credits(997).await;
        assert_eq!(acme.ask("POST", &format!("/v1/debits/{id}/reverse"), &Value::Null).await.status, 200);
        acme.until_credits(1000).await;
        let run = debit_id();
        let debits: Vec<_> =
            (0..3).map(|at| json!({ "id": format!("{}{at:02x}", &run[..34]), "channel": "email" })).collect();
        assert_eq!(acme.ask("POST", "/v1/debit-batches", &json!({ "debits": debits })).await.status, 201);
        acme.until_credits(997).await;
        assert!(acme.get("/v1/entries").await["entries"].as_array().unwrap().len() >= 6);

        let second = acme.open(1000).await;
        let cancel = format!("/v1/top-ups/{}/cancel", second["id"].as_str().unwrap());
        let canceled = acme.ask("POST", &cancel, &Value::Null).await;
        assert_eq!((canceled.status.as_u16(), &canceled.json()["status"]), (200, &json!("canceled")));
        let other = self.customer("globex", None).get("/v1/balance").await;
        assert_eq!(other["available_credits"], 0, "one organisation never sees another");
    }

    async fn credits_are_bought_by_card_in_dollars(&self) {
        let initech = self.customer("initech", Some("USD"));
        let top_up = initech.open(2500).await;
        assert_eq!(top_up["total"]["currency"], "USD");
        pay(&self.stripe_url, &top_up, "number=4242424242424242&expiry=12+%2F+34&code=123&action=card").await;
        initech.until_credits(2500).await;
    }

    async fn cleanup_finds_a_payment_that_nobody_told(&self) {
        let umbrella = self.customer("umbrella", None);
        self.stripe.pause_webhooks(true);
        let top_up = umbrella.open(1000).await;
        pay(&self.stripe_url, &top_up, "bank=bca&action=transfer").await;
        let table = self.stack["outputs"]["TableName"].as_str().unwrap();
        self.cleanup_credits(&umbrella, table).await;
        self.stripe.pause_webhooks(false);
    }

    /// Runs cleanup over what waits in this table until the customer has 1000 credits.
    async fn cleanup_credits(&self, customer: &Customer, table: &str) {
        let function = format!("{}:live", self.stack["resources"]["Cleanup"].as_str().unwrap());
        // On a loaded machine one run may give up on Stripe or the table; the next one does what it could not.
        eventually("cleanup credits it", async || {
            self.cloud.ask("due", &[table]).await;
            let ran = self.cloud.ask("invoke", &[&function, r#"{"source":"aws.events"}"#]).await;
            assert_eq!(ran["error"], Value::Null, "{ran}");
            let balance = customer.get("/v1/balance").await;
            (balance["available_credits"] == 1000).then_some(())
        })
        .await;
    }

    /// Credits are bought and spent, an order waits for its payment; then the table is restored, and what happens in it afterwards
    /// is lost: a payment, and a hand that makes a balance wrong.
    async fn a_table_is_restored_adopted_and_reconciles_clean(&mut self) {
        let acme = self.customer("acme", None);
        let top_up = acme.open(1000).await;
        pay(&self.stripe_url, &top_up, "bank=bri&action=transfer").await;
        acme.until_credits(1000).await;
        let id = debit_id();
        assert_eq!(acme.debit(&id, "sms").await.status, 201);
        acme.until_credits(997).await;
        let globex = self.customer("globex", None);
        let waiting = globex.open(1000).await;

        let table = self.stack["outputs"]["TableName"].as_str().unwrap().to_owned();
        let restored = self.cloud.ask("restore", &[&table, RESTORED]).await;
        assert_eq!(
            restored,
            json!({ "ttl": "ENABLED", "point_in_time_recovery": "ENABLED", "deletion_protection": true })
        );
        pay(&self.stripe_url, &waiting, "bank=bca&action=transfer").await;
        globex.until_credits(1000).await;
        let wrong = json!({ "pk": "ORG#acme", "sk": "BALANCE" }).to_string();
        self.cloud.ask("spoil", &[&table, &wrong]).await;
        assert_ne!(self.reconciled().await["verdict"], "clean", "the books of the old table are wrong");

        self.deploy(&[format!("ExistingTable={RESTORED}")]).await;
        self.stack = self.cloud.ask("stack", &[STACK]).await;
        assert_eq!(self.stack["status"], "UPDATE_COMPLETE");
        assert_eq!(self.stack["outputs"]["TableName"], RESTORED);
        assert_eq!(self.cloud.ask("exists", &[&table]).await, true, "the old table is kept");
        acme.until_credits(997).await;
        assert_eq!(acme.debit(&id, "sms").await.status, 200, "what was done before the moment is known");
        self.cleanup_credits(&globex, RESTORED).await;
        eventually("the books are clean", async || {
            (self.reconciled().await["verdict"] == "clean").then_some(())
        })
        .await;
        let next = acme.open(1000).await;
        pay(&self.stripe_url, &next, "bank=bri&action=transfer").await;
        acme.until_credits(1997).await;
    }

    /// Everything compared now, closed months too.
    async fn reconciled(&self) -> Value {
        let function = format!("{}:live", self.stack["resources"]["Reconcile"].as_str().unwrap());
        let ran = self.cloud.ask("invoke", &[&function, r#"{"everything":true}"#]).await;
        assert_eq!(ran["error"], Value::Null, "{ran}");
        ran["answer"].clone()
    }

    async fn what_cannot_be_handled_lies_with_the_dead_letters(&self) {
        let url = |name: &str| self.stack["outputs"][name].as_str().unwrap().to_owned();
        let (queue, dead) = (url("QueueUrl"), url("DeadLetterQueueUrl"));
        eventually("every message is handled", async || {
            (self.cloud.ask("waiting", &[&queue]).await == 0).then_some(())
        })
        .await;
        assert_eq!(self.cloud.ask("waiting", &[&dead]).await, 0);
        // Five times three minutes, made shorter.
        self.cloud.ask("hurry", &[&queue]).await;
        self.cloud.ask("send", &[&queue, "not a message of ours"]).await;
        eventually("it lies with the dead letters", async || {
            (self.cloud.ask("waiting", &[&dead]).await == 1).then_some(())
        })
        .await;
    }

    async fn pages_and_health_are_open_to_all(&self) {
        let anyone = Client::new(&self.api);
        for path in ["/", "/billing", "/healthz"] {
            assert_eq!(anyone.get(path).await.status, 200, "{path}");
        }
    }

    fn customer(&self, organisation: &str, currency: Option<&str>) -> Customer {
        let permissions = ["billing:view", "billing:subscribe", "credits:spend"];
        let claims = json!({
            "org_id": organisation, "permissions": permissions, "billing_currency": currency,
            "email": "billing@example.test",
        });
        Customer::new(&self.api, self.issuer.token(AUDIENCE, &claims))
    }
}

async fn stand_in() -> (StandIn, String) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let now = || i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let options =
        Options { database: None, public_url: url.clone(), webhook: None, now: Arc::new(now), chaos: None };
    let stripe = StandIn::open(options).unwrap();
    let router = stripe.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let delivering = stripe.clone();
    tokio::spawn(async move { delivering.deliver(std::future::pending()).await });
    (stripe, url)
}

fn with_issuer(claims: &Value, issuer: &str) -> Value {
    let mut claims = claims.clone();
    claims["iss"] = json!(issuer);
    claims
}

/// A UUIDv7 of now, the first of a run.
fn debit_id() -> String {
    let ms = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let random = fastrand::u64(..);
    format!(
        "{:08x}-{:04x}-7{:03x}-8{:03x}-{:010x}00",
        ms >> 16,
        ms & 0xffff,
        random & 0xfff,
        random >> 12 & 0xfff,
        random >> 24
    )
}
