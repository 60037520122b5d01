//! Values of the template, checked where they are read.
use std::time::Duration;

use serde_json::Value;

/// What is wrong with the template, in words that name the place.
#[derive(Debug)]
pub struct TemplateError(pub String);

impl std::fmt::Display for TemplateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "infra/template.yaml: {}", self.0)
    }
}

impl std::error::Error for TemplateError {}

pub(super) fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

pub(super) fn text<'v>(value: &'v Value, id: &str, key: &str) -> Result<&'v str, TemplateError> {
    value.as_str().ok_or_else(|| TemplateError(format!("{id}: {key} is missing or not text")))
}

pub(super) fn scalar(value: &Value, id: &str, key: &str) -> Result<String, TemplateError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        _ => Err(TemplateError(format!("{id}: {key} is not a plain value"))),
    }
}

pub(super) fn count(value: &Value, id: &str, key: &str) -> Result<usize, TemplateError> {
    value
        .as_u64()
        .and_then(|number| usize::try_from(number).ok())
        .filter(|number| *number > 0)
        .ok_or_else(|| TemplateError(format!("{id}: {key} is missing or not a positive whole number")))
}

pub(super) fn seconds(value: &Value, id: &str, key: &str) -> Result<Duration, TemplateError> {
    count(value, id, key).map(|number| Duration::from_secs(number as u64))
}
