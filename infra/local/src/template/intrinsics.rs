//! CloudFormation's functions (`!Ref`, `!Sub`, `!GetAtt`, `!If`) with local values.
use std::collections::BTreeMap;

use serde_json::{Map, Value};
use serde_yaml_ng::Value as Yaml;

use super::values::{TemplateError, scalar};

/// Local values for what only AWS knows.
#[derive(Debug, Clone, Default)]
pub struct Locals {
    /// Parameters that differ from the template's default.
    pub parameters: BTreeMap<String, String>,
    /// The base of queue URLs: `http://127.0.0.1:1234`.
    pub sqs_url: String,
}

const ACCOUNT: &str = "000000000000";
const REGION: &str = "us-east-1";

pub(super) struct Resolver<'l> {
    root: Yaml,
    locals: &'l Locals,
}

impl<'l> Resolver<'l> {
    pub(super) fn new(yaml: &str, locals: &'l Locals) -> Result<Resolver<'l>, TemplateError> {
        let root = serde_yaml_ng::from_str(yaml).map_err(|error| TemplateError(error.to_string()))?;
        Ok(Resolver { root, locals })
    }

    /// Logical id and type of every resource that is made, in the order of the file.
    pub(super) fn resources(&self) -> Result<Vec<(String, String)>, TemplateError> {
        let resources = self.root["Resources"].as_mapping();
        let resources = resources.ok_or_else(|| TemplateError("there are no Resources".to_owned()))?;
        let mut made = Vec::new();
        for (id, resource) in resources {
            let Some((id, kind)) = id.as_str().zip(resource["Type"].as_str()) else { continue };
            let wanted = match resource["Condition"].as_str() {
                Some(name) => self.condition(&self.root["Conditions"][name])?,
                None => true,
            };
            if wanted {
                made.push((id.to_owned(), kind.to_owned()));
            }
        }
        Ok(made)
    }

    /// Every parameter that has a value.
    pub(super) fn parameters(&self) -> Result<BTreeMap<String, String>, TemplateError> {
        let mut values = BTreeMap::new();
        for (name, _) in self.root["Parameters"].as_mapping().into_iter().flatten() {
            let name = name.as_str().unwrap_or_default();
            if let Some(value) = self.reference(name)? {
                values.insert(name.to_owned(), scalar(&value, "Parameters", name)?);
            }
        }
        Ok(values)
    }

    /// The resolved value at `path`; null when there is none.
    pub(super) fn at(&self, path: &[&str]) -> Result<Value, TemplateError> {
        let mut node = &self.root;
        for key in path {
            match node.get(key) {
                Some(next) => node = next,
                None => return Ok(Value::Null),
            }
        }
        Ok(self.resolve(node)?.unwrap_or(Value::Null))
    }

    /// A property of a function, laid over the one of Globals as SAM does: maps are merged, the rest replaced.
    pub(super) fn function_property(&self, id: &str, key: &str) -> Result<Value, TemplateError> {
        let mut value = self.at(&["Globals", "Function", key])?;
        merge(&mut value, self.at(&["Resources", id, "Properties", key])?);
        Ok(value)
    }

    /// The name CloudFormation would make up.
    pub(super) fn physical_name(&self, id: &str) -> String {
        format!("saldo-local-{id}")
    }

    pub(super) fn queue_arn(&self, id: &str) -> String {
        format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{}", self.physical_name(id))
    }

    fn resolve(&self, node: &Yaml) -> Result<Option<Value>, TemplateError> {
        match node {
            Yaml::Tagged(tagged) => self.call(&tagged.tag.to_string(), &tagged.value),
            Yaml::Mapping(map) => self.resolve_map(map),
            Yaml::Sequence(items) => {
                let resolved: Result<Vec<_>, _> = items.iter().map(|item| self.resolve(item)).collect();
                Ok(Some(Value::Array(resolved?.into_iter().flatten().collect())))
            }
            Yaml::String(text) => Ok(Some(Value::String(text.clone()))),
            Yaml::Bool(flag) => Ok(Some(Value::Bool(*flag))),
            Yaml::Number(number) => serde_json::to_value(number)
                .map(Some)
                .map_err(|error| TemplateError(format!("a number is out of range: {error}"))),
            Yaml::Null => Ok(Some(Value::Null)),
        }
    }

    fn resolve_map(&self, map: &serde_yaml_ng::Mapping) -> Result<Option<Value>, TemplateError> {
        if let Some((Yaml::String(key), argument)) = map.iter().next().filter(|_| map.len() == 1)
            && (key == "Ref" || key.starts_with("Fn::"))
        {
            return self.call(&format!("!{}", key.trim_start_matches("Fn::")), argument);
        }
        let mut resolved = Map::new();
        for (key, value) in map {
            let key = key.as_str().ok_or_else(|| TemplateError("a key is not text".to_owned()))?;
            if let Some(value) = self.resolve(value)? {
                resolved.insert(key.to_owned(), value);
            }
        }
        Ok(Some(Value::Object(resolved)))
    }

    fn call(&self, function: &str, argument: &Yaml) -> Result<Option<Value>, TemplateError> {
        let text = || {
            argument.as_str().ok_or_else(|| TemplateError(format!("{function} is only understood with text")))
        };
        match function {
            "!Ref" => self.reference(text()?),
            "!GetAtt" => {
                let name = text()?;
                let (id, attribute) = name
                    .split_once('.')
                    .ok_or_else(|| TemplateError(format!("{function} {name} has no attribute")))?;
                self.attribute(id, attribute).map(|value| Some(Value::String(value)))
            }
            "!Sub" => self.substitute(text()?).map(|value| Some(Value::String(value))),
            "!If" => match argument.as_sequence().map(Vec::as_slice) {
                Some([condition, then, otherwise]) => {
                    let name = condition.as_str().unwrap_or_default();
                    self.resolve(if self.condition(&self.root["Conditions"][name])? {
                        then
                    } else {
                        otherwise
                    })
                }
                _ => Err(TemplateError("!If takes a condition and two values".to_owned())),
            },
            other => Err(TemplateError(format!("{other} has no local counterpart"))),
        }
    }

    fn condition(&self, node: &Yaml) -> Result<bool, TemplateError> {
        let Yaml::Tagged(tagged) = node else {
            return Err(TemplateError("a condition is not a function".to_owned()));
        };
        let arguments = tagged.value.as_sequence().map(Vec::as_slice).unwrap_or_default();
        if let ("!Condition", Some(name)) = (tagged.tag.to_string().as_str(), tagged.value.as_str()) {
            return self.condition(&self.root["Conditions"][name]);
        }
        match (tagged.tag.to_string().as_str(), arguments) {
            ("!And", all) => all.iter().try_fold(true, |so_far, one| Ok(so_far && self.condition(one)?)),
            ("!Equals", [left, right]) => Ok(self.resolve(left)? == self.resolve(right)?),
            ("!Not", [inner]) => Ok(!self.condition(inner)?),
            (other, _) => Err(TemplateError(format!("the condition {other} has no local counterpart"))),
        }
    }

    fn reference(&self, name: &str) -> Result<Option<Value>, TemplateError> {
        if name == "AWS::NoValue" {
            return Ok(None);
        }
        if let Some(parameter) = self.root["Parameters"].get(name) {
            if let Some(value) = self.locals.parameters.get(name) {
                return Ok(Some(Value::String(value.clone())));
            }
            return match parameter.get("Default") {
                Some(default) => self.resolve(default),
                None => Err(TemplateError(format!("the parameter {name} has no default and no local value"))),
            };
        }
        let value = match name {
            "AWS::Region" => REGION.to_owned(),
            "AWS::AccountId" => ACCOUNT.to_owned(),
            "AWS::Partition" => "aws".to_owned(),
            "AWS::StackName" => "saldo-local".to_owned(),
            "AWS::URLSuffix" => "amazonaws.com".to_owned(),
            id => match self.root["Resources"][id]["Type"].as_str() {
                Some("AWS::SQS::Queue") => {
                    format!("{}/{ACCOUNT}/{}", self.locals.sqs_url, self.physical_name(id))
                }
                // The authoriser of a route is found under the logical id of its API.
                Some("AWS::Serverless::HttpApi") => id.to_owned(),
                Some(_) => self.physical_name(id),
                None => return Err(TemplateError(format!("{id} is neither a parameter nor a resource"))),
            },
        };
        Ok(Some(Value::String(value)))
    }

    fn attribute(&self, id: &str, attribute: &str) -> Result<String, TemplateError> {
        match (self.root["Resources"][id]["Type"].as_str(), attribute) {
            (Some("AWS::SQS::Queue"), "Arn") => Ok(self.queue_arn(id)),
            (Some("AWS::DynamoDB::Table"), "Arn") => {
                Ok(format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{}", self.physical_name(id)))
            }
            (Some(_), "Arn") => Ok(format!("arn:aws:local:{REGION}:{ACCOUNT}:{}", self.physical_name(id))),
            (Some("AWS::SQS::Queue"), "QueueName") => Ok(self.physical_name(id)),
            _ => Err(TemplateError(format!("!GetAtt {id}.{attribute} has no local counterpart"))),
        }
    }

    /// `${Name}` and `${Name.Attribute}` in `text`.
    fn substitute(&self, text: &str) -> Result<String, TemplateError> {
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| TemplateError(format!("!Sub {text} has a ${{ without }}")))?;
            result.push_str(before);
            match name.split_once('.') {
                Some((id, attribute)) => result.push_str(&self.attribute(id, attribute)?),
                None => match self.reference(name)? {
                    Some(Value::String(value)) => result.push_str(&value),
                    Some(value) => result.push_str(&value.to_string()),
                    None => {}
                },
            }
            rest = after;
        }
        result.push_str(rest);
        Ok(result)
    }
}

fn merge(base: &mut Value, over: Value) {
    match (base, over) {
        (_, Value::Null) => {}
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}
