//! The whole system with `--chaos`: webhooks and messages are doubled, delayed, reordered and fail, and the books hold.
use std::time::Duration;

use saldo_adapters::clock::Clock;
use saldo_local::{Options, Saldo};
use saldo_stripe_stand_in::Method;

use crate::support::books;
use crate::support::system;

const ORGANISATIONS: usize = 12;
/// How long the chaos may take to bring everything through.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn every_payment_arrives_once_through_chaos() {
    let clock = Clock::system();
    let saldo =
        Saldo::start(Options { chaos: Some(11), clock: clock.clone(), ..Options::default() }).await.unwrap();
    for number in 0..ORGANISATIONS {
        let org = format!("org-{number}");
        let (id, invoice) = system::open_top_up(&saldo, &org).await;
        match number % 4 {
            0 => assert_eq!(system::cancel(&saldo, &saldo.world(), &org, &id).await.0, 200),
            1 => {
                let declined = Method::DeclinedCard { code: "insufficient_funds".to_owned() };
                saldo.stand_in().pay(&invoice, declined).unwrap();
                saldo.stand_in().pay(&invoice, Method::Card).unwrap();
            }
            _ => saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap(),
        }
    }
    let everything = async {
        for number in 0..ORGANISATIONS {
            let expected = if number % 4 == 0 { 0 } else { 1000 };
            let org = format!("org-{number}");
            while system::balance(&saldo, &org).await.1["available_credits"] != expected {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        let left = |queue| saldo.queues().depth(queue).unwrap();
        while saldo.stand_in().undelivered() > 0 || left("saldo-local-Payments").in_flight > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, everything).await.expect("the chaos brings everything through");
    books::prove_at_rest(&saldo, "after the chaos").await;
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "at rest").await;
}
