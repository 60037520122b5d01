//! What each function is told fits into what Lambda takes, whatever is deployed, and what is sold fits beside it.
use std::collections::BTreeMap;

use saldo_adapters::config::Env;
use saldo_domain::Meters;
use saldo_local::Locals;
use saldo_local::template::{Plan, TEMPLATE};
use serde_yaml_ng::Value;

use crate::support::meters;

/// Lambda refuses a function whose variables are longer, written as JSON.
const MOST_BYTES: usize = 4_096;
/// Parameters that are JSON, whose quotation marks count twice.
const JSON: [&str; 4] = ["Prices", "Meters", "Shards", "CallBudgets"];
/// What names of stacks, tables and queues can be, in bytes, and the number of the configuration in digits.
const LONGEST: [(&str, usize); 6] = [
    ("SALDO_METRICS", 128),
    ("SALDO_DEPLOYMENT", 128),
    ("SALDO_TABLE", 255),
    ("SALDO_QUEUE_URL", 160),
    ("SALDO_DEAD_LETTERS_URL", 160),
    ("SALDO_CONFIGURATION", 10),
];

/// The longest value that the template takes for each parameter.
fn longest() -> BTreeMap<String, String> {
    let template: Value = serde_yaml_ng::from_str(TEMPLATE).unwrap();
    let mut longest = BTreeMap::new();
    for (name, parameter) in template["Parameters"].as_mapping().unwrap() {
        let name = name.as_str().unwrap();
        let number = |key: &str| parameter[key].as_u64();
        let allowed = parameter["AllowedValues"].as_sequence().and_then(|all| {
            let words = all.iter().map(|one| one.as_str().map_or_else(|| format!("{one:?}"), str::to_owned));
            words.max_by_key(String::len)
        });
        let value = match (allowed, number("MaxLength")) {
            (Some(allowed), _) => allowed,
            (None, Some(most)) => filled(name, usize::try_from(most).unwrap()),
            (None, None) if parameter["Type"] == "Number" => number("MaxValue").unwrap_or(999).to_string(),
            (None, None) => continue,
        };
        longest.insert(name.to_owned(), value);
    }
    longest
}

fn filled(parameter: &str, characters: usize) -> String {
    let part = match parameter {
        json if JSON.contains(&json) => "\"a\":1,",
        "ProductName" => "𝕊",
        _ => "x",
    };
    part.chars().cycle().take(characters).collect()
}

/// As Lambda measures it.
fn measured(environment: &BTreeMap<String, String>) -> usize {
    serde_json::to_string(environment).unwrap().len()
}

#[test]
fn whatever_is_deployed_no_function_is_told_more_than_lambda_takes() {
    let mut parameters = longest();
    let bounded: Vec<_> = parameters.keys().cloned().collect();
    // No function is told who signs tokens: API Gateway looks at them.
    for name in ["JwtIssuer", "JwtAudience"] {
        parameters.insert(name.to_owned(), "https://id.example.com".to_owned());
    }
    let plan = Plan::read(TEMPLATE, &Locals { parameters, sqs_url: String::new() }).unwrap();
    let counted = TEMPLATE.lines().filter_map(|line| line.trim().split_once("=${"));
    for (parameter, _) in counted.filter(|(name, _)| name.chars().all(char::is_alphanumeric)) {
        assert!(bounded.iter().any(|known| known == parameter), "{parameter} may be of any length");
    }
    for function in &plan.functions {
        let mut environment = function.environment.clone();
        for (variable, bytes) in LONGEST {
            if let Some(value) = environment.get_mut(variable) {
                *value = "x".repeat(bytes);
            }
        }
        let bytes = measured(&environment);
        assert!(bytes <= MOST_BYTES, "{} would be told {bytes} bytes", function.name);
    }
}

#[test]
fn what_is_sold_where_no_parameter_says_it_is_the_file_that_was_built_in() {
    let file = include_str!("../infra/meters.json");
    assert_eq!(Env::default().meters().unwrap(), Meters::from_json(file).unwrap());
    let voice = r#"{"voice":{"default":5}}"#;
    let env: Env = [("SALDO_METERS".to_owned(), voice.to_owned())].into_iter().collect();
    assert_eq!(env.meters().unwrap(), Meters::from_json(voice).unwrap(), "a parameter goes before it");
}

#[test]
fn sixty_four_meters_with_full_words_in_both_languages_are_far_more_than_a_function_can_be_told() {
    let sold = meters::with_full_words(64);
    assert!(sold.len() > 2 * MOST_BYTES, "{} bytes", sold.len());
    assert_eq!(Meters::from_json(&sold).unwrap().channels().count(), 64);
}
