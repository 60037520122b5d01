//! The reference in docs/api.md says what the API does: no more, no less, and nothing else.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lambda_http::http::StatusCode;
use saldo_adapters::http::ProblemCode;
use saldo_domain::Permission;
use saldo_local::template::Trigger;
use saldo_local::{Options, Saldo};

use crate::support::client::Client;

/// What every call with a token may answer, which is said once.
pub(crate) const OF_ALL: [&str; 5] =
    ["unauthorized", "organisation_required", "subject_invalid", "permission_required", "too_many_requests"];

/// A call as the reference has it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) permission: Option<String>,
    pub(crate) codes: BTreeSet<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_in_the_reference_and_the_reverse() {
    let saldo = Saldo::start(Options { poll: false, ..Options::default() }).await.unwrap();
    let routes = |saldo: &Saldo| -> BTreeMap<String, bool> {
        let triggers = saldo.plan().functions.iter().flat_map(|function| &function.triggers);
        let route = |trigger: &Trigger| match trigger {
            Trigger::Route { method, path, authorizer } => {
                Some((format!("{method} {path}"), authorizer.is_some()))
            }
            Trigger::Queue { .. } | Trigger::Schedule { .. } => None,
        };
        // HEAD is GET without a body, as the reference says once.
        triggers.filter_map(route).filter(|(route, _)| !route.starts_with("HEAD ")).collect()
    };
    let documented = calls();
    let names: BTreeSet<_> = documented.keys().cloned().collect();
    let routes = routes(&saldo);
    assert_eq!(names, routes.keys().cloned().collect());
    // What is said about permissions is what is asked for.
    let token = saldo.token("acme", &[], None).unwrap();
    let nobody = Client::new(saldo.api_url()).with_token(token);
    for (name, call) in &documented {
        assert_eq!(
            call.permission.is_some(),
            routes[name],
            "{name}: a permission is said where a token is needed"
        );
        let Some(permission) = &call.permission else { continue };
        assert!(Permission::parse(permission).is_some(), "{name}: {permission}");
        let (method, path) = name.split_once(' ').unwrap();
        let answer =
            nobody.send(method, &path.replace("{id}", "x").replace("{month}", "2026-11"), &[], "").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}");
        assert_eq!(answer.json()["permission"], permission.as_str(), "{name}");
        for code in OF_ALL {
            assert!(!call.codes.contains(code), "{name} repeats {code}, which every call may answer");
        }
    }
    saldo.stop().await;
}

#[test]
fn every_problem_is_in_the_reference_with_its_status_and_the_reverse() {
    let known: BTreeMap<_, _> =
        ProblemCode::ALL.iter().map(|code| (code.as_str().to_owned(), code.status().as_u16())).collect();
    assert_eq!(problems(), known);
    let told: BTreeSet<_> = calls().into_values().flat_map(|call| call.codes).collect();
    for code in &told {
        assert!(known.contains_key(code), "{code} is told by a call and is none");
    }
    for code in known.keys().filter(|code| !OF_ALL.contains(&code.as_str())) {
        assert!(told.contains(code), "no call says that it may answer {code}");
    }
}

fn reference() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api.md")).unwrap()
}

/// `### GET /v1/quote`, `Permission: …` and the codes in the table rows `| 422 `credits_below_minimum` | … |` below it.
pub(crate) fn calls() -> BTreeMap<String, Call> {
    let reference = reference();
    let sections = reference.split("\n### ").skip(1);
    let call = |section: &str| {
        let (name, body) = section.split_once('\n').unwrap();
        let body = body.split("\n## ").next().unwrap();
        let permission = body.lines().find_map(|line| line.strip_prefix("Permission: "));
        let permission = permission.map(|text| text.trim_matches(['`', '.']).to_owned());
        let codes = body.lines().filter_map(|line| {
            let cell = line.strip_prefix("| ")?.split('|').next()?;
            let (status, code) = cell.trim().split_once(' ')?;
            let code = code.trim().strip_prefix('`')?.strip_suffix('`')?;
            let known = ProblemCode::ALL.iter().find(|known| known.as_str() == code);
            let status: u16 = status.parse().unwrap_or_else(|_| panic!("{name}: {line}"));
            assert!(known.is_none_or(|known| known.status().as_u16() == status), "{name}: {line}");
            Some(code.to_owned())
        });
        (name.to_owned(), Call { permission, codes: codes.collect() })
    };
    sections.map(call).collect()
}

/// The rows of the section Problems: `| 400 | `invalid_request` | … |`.
fn problems() -> BTreeMap<String, u16> {
    let reference = reference();
    let section = reference.split("\n## Problems\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let status = cells.next()?.parse().ok()?;
        Some((cells.next()?.trim_matches('`').to_owned(), status))
    };
    section.lines().filter_map(row).collect()
}
