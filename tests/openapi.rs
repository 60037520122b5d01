//! The description in docs/openapi.json is what the API does: the same routes, permissions, problems and words.
mod fuzz;
pub(crate) mod python;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use saldo_adapters::http::ProblemCode;
use saldo_domain::{
    Action, ContactField, DisputeStatus, EntryKind, FailureReason, Language, Permission, ReviewReason,
    Status, What,
};
use saldo_local::template::Trigger;
use saldo_local::{Options, Saldo};
use serde_json::{Value, json};

use crate::api_reference::{self, Call, OF_ALL};
use crate::support::client::Client;

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_described_and_the_reverse() {
    let saldo = Saldo::start(Options { poll: false, ..Options::default() }).await.unwrap();
    let triggers = saldo.plan().functions.iter().flat_map(|function| &function.triggers);
    let route = |trigger: &Trigger| match trigger {
        Trigger::Route { method, path, authorizer } => {
            Some((format!("{method} {path}"), authorizer.is_some()))
        }
        Trigger::Queue { .. } | Trigger::Schedule { .. } => None,
    };
    let routes: BTreeMap<_, _> =
        triggers.filter_map(route).filter(|(route, _)| !route.starts_with("HEAD ")).collect();
    let described = calls(&document());
    let closed = described.iter().map(|(name, call)| (name.clone(), call.permission.is_some())).collect();
    assert_eq!(routes, closed);
    let served = Client::new(saldo.api_url()).get("/v1/openapi.json").await;
    assert_eq!(served.json(), document(), "what is served is what is tested");
    saldo.stop().await;
}

#[test]
fn the_description_and_the_reference_say_the_same() {
    let told = |mut call: Call| {
        if call.permission.is_some() {
            for code in OF_ALL {
                assert!(call.codes.remove(code), "{code} is described for every call with a token");
            }
        }
        call
    };
    let described = calls(&document()).into_iter().map(|(name, call)| (name, told(call)));
    assert_eq!(described.collect::<BTreeMap<_, _>>(), api_reference::calls());
}

#[test]
fn every_problem_is_described_as_it_is_told_and_the_reverse() {
    let document = document();
    let mut known = BTreeSet::new();
    for code in ProblemCode::ALL {
        let name = format!("{code:?}Problem");
        let told = &document["components"]["schemas"][&name]["properties"];
        let status = code.status().as_u16();
        for (member, value) in [
            ("type", json!(format!("urn:saldo:problem:{code}"))),
            ("title", json!(code.title())),
            ("status", json!(status)),
            ("code", json!(code.as_str())),
        ] {
            assert_eq!(told[member]["const"], value, "{member} of {name}");
        }
        known.insert(name);
    }
    let schemas = document["components"]["schemas"].as_object().unwrap().keys().cloned();
    assert_eq!(schemas.filter(|name| name.ends_with("Problem")).collect::<BTreeSet<_>>(), known);
}

#[test]
fn every_word_is_one_of_ours_and_the_reverse() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let billing = schemas["Settings"]["properties"]["billing"]["properties"].as_object().unwrap();
    let fields: Vec<_> = billing.keys().map(String::as_str).collect();
    let mut ours = ContactField::ALL.map(ContactField::as_str);
    ours.sort_unstable();
    assert_eq!(fields, ours);
    for (place, ours) in [
        ("/TopUpStatus/enum", json!(Status::ALL.map(Status::as_str))),
        ("/Entry/properties/kind/enum", json!(EntryKind::ALL.map(EntryKind::as_str))),
        ("/TopUpFailure/properties/code/enum", json!(FailureReason::ALL.map(FailureReason::as_str))),
        (
            "/PermissionRequiredProblem/properties/permission/enum",
            json!(Permission::ALL.map(Permission::as_str)),
        ),
        ("/Operation/properties/action/enum", json!(Action::ALL.map(Action::as_str))),
        ("/Doubt/properties/reason/enum", json!(ReviewReason::ALL.map(ReviewReason::as_str))),
        ("/TrailStep/properties/what/enum", json!(customers_words())),
        ("/Language/enum", json!(Language::ALL.map(Language::as_str))),
        ("/Disputed/properties/status/enum", json!(DisputeStatus::ALL.map(DisputeStatus::as_str))),
        ("/Review/properties/code/enum", json!(ReviewReason::ALL.map(ReviewReason::as_str))),
    ] {
        assert_eq!(schemas.pointer(place), Some(&ours), "{place}");
    }
}

/// Two things of one name are one of them to most readers, and an error to some.
#[test]
fn nothing_is_said_twice() {
    // Of JSON it is the stricter reader.
    serde_yaml_ng::from_str::<serde_yaml_ng::Value>(&text()).unwrap();
}

#[test]
fn everything_that_is_named_is_there_and_everything_there_is_named() {
    let document = document();
    let mut named = BTreeSet::new();
    references(&document, &mut named);
    for reference in &named {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} is nowhere");
    }
    for (kind, components) in document["components"].as_object().unwrap() {
        for name in components.as_object().unwrap().keys() {
            let reference = format!("#/components/{kind}/{name}");
            assert!(kind == "securitySchemes" || named.contains(&reference), "{reference} is not used");
        }
    }
}

/// What a customer is told of a trail.
fn customers_words() -> Vec<&'static str> {
    What::ALL.into_iter().filter(|what| what.is_for_customers()).map(What::as_str).collect()
}

pub(crate) fn document() -> Value {
    serde_json::from_str(&text()).unwrap()
}

fn text() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json")).unwrap()
}

/// Each call by method and path, as the description has it.
fn calls(document: &Value) -> BTreeMap<String, Call> {
    let mut calls = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, call) in methods.as_object().unwrap() {
            assert!(METHODS.contains(&method.as_str()), "{method} {path}");
            let name = format!("{} {path}", method.to_uppercase());
            let permissions: Vec<_> = call["security"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|one| one["token"].as_array().unwrap())
                .collect();
            assert!(permissions.len() <= 1, "{name}");
            let permission = permissions.first().map(|word| word.as_str().unwrap().to_owned());
            calls.insert(name.clone(), Call { permission, codes: codes(document, &name, call) });
        }
    }
    calls
}

/// The problems of a call, each of which has to stand under its own status.
fn codes(document: &Value, name: &str, call: &Value) -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for (status, response) in call["responses"].as_object().unwrap() {
        let content = &resolved(document, response)["content"]["application/problem+json"]["schema"];
        let schemas = match content["oneOf"].as_array() {
            Some(several) => several.iter().collect(),
            None if content.is_null() => Vec::new(),
            None => vec![content],
        };
        for schema in schemas {
            let problem = &resolved(document, schema)["properties"];
            assert_eq!(problem["status"]["const"].to_string(), *status, "{name}: {problem}");
            let code =
                problem["code"]["const"].as_str().unwrap_or_else(|| panic!("{name} {status}: {problem}"));
            assert!(codes.insert(code.to_owned()), "{name} says {code} twice");
        }
    }
    codes
}

/// What a reference stands for.
fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                found.insert(reference.clone());
            }
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
