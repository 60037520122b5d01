//! No token of a customer reaches what is for the staff, and none of the staff what is for customers.
use saldo_adapters::clock::Clock;
use saldo_domain::Permission;
use saldo_local::Saldo;
use saldo_local::template::Trigger;

use crate::support::client::Client;
use crate::support::system;

/// Every route behind a token: method, path with an id that may exist, and whether it is for the staff.
fn routes(saldo: &Saldo, id: &str) -> Vec<(String, String, bool)> {
    let triggers = saldo.plan().functions.iter().flat_map(|function| &function.triggers);
    let routes = triggers.filter_map(|trigger| match trigger {
        Trigger::Route { method, path, authorizer: Some(_) } => {
            Some((method.clone(), path.replace("{id}", id), path.starts_with("/v1/operate/")))
        }
        Trigger::Route { .. } | Trigger::Queue { .. } | Trigger::Schedule { .. } => None,
    });
    routes.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_permission_of_a_customer_reaches_what_is_for_the_staff() {
    let saldo = system::start(&Clock::system()).await;
    let (id, _) = system::open_top_up(&saldo, "acme").await;
    let customers: Vec<_> = Permission::ALL
        .into_iter()
        .filter(|one| *one != Permission::BillingOperate)
        .map(Permission::as_str)
        .collect();
    let mut sets: Vec<Vec<&str>> = customers.iter().map(|one| vec![*one]).collect();
    sets.push(customers);
    let mut seen = 0;
    for permissions in sets {
        let token = saldo.token("acme", &permissions, None).unwrap();
        let customer = Client::new(saldo.api_url()).with_token(token);
        for (method, path, _) in routes(&saldo, &id).into_iter().filter(|(_, _, staff)| *staff) {
            let path = format!("{path}?org=acme&q=acme");
            let answer = customer.send(&method, &path, &[("idempotency-key", "key")], "{}").await;
            assert_eq!(answer.status, 403, "{method} {path} with {permissions:?}");
            assert_eq!(
                answer.json()["permission"],
                "billing:operate",
                "{method} {path} with {permissions:?}"
            );
            seen += 1;
        }
    }
    assert!(seen >= 4 * 5, "{seen} calls");
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_are_no_customers() {
    let saldo = system::start(&Clock::system()).await;
    let (id, _) = system::open_top_up(&saldo, "acme").await;
    let token = saldo.token("acme", &["billing:operate"], None).unwrap();
    let staff = Client::new(saldo.api_url()).with_token(token);
    for (method, path, _) in routes(&saldo, &id).into_iter().filter(|(_, _, staff)| !*staff) {
        let answer = staff.send(&method, &path, &[("idempotency-key", "key")], "{}").await;
        assert_eq!(answer.status, 403, "{method} {path}");
        assert_ne!(answer.json()["permission"], "billing:operate", "{method} {path}");
    }
    saldo.stop().await;
}
