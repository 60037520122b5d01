//! The alarms of the template, and whether each would ring over what was counted here.
use std::collections::BTreeMap;

use serde_yaml_ng::Value as Yaml;

use super::NAMESPACE;
use super::expression;
use super::numbers::{Dimensions, Numbers, Series, Stretch};
use crate::template::{TEMPLATE, TemplateError};

/// One alarm.
#[derive(Debug)]
pub struct Alarm {
    pub id: String,
    pub description: String,
    terms: Vec<Term>,
    period_ms: i64,
    evaluated: i64,
    above: bool,
    threshold: i64,
    missing_rings: bool,
}

#[derive(Debug)]
struct Term {
    id: String,
    returned: bool,
    of: Source,
}

#[derive(Debug)]
enum Source {
    Series {
        namespace: String,
        metric: String,
        dimensions: Dimensions,
        statistic: String,
    },
    /// The largest series of a metric.
    Largest {
        namespace: String,
        metric: String,
        statistic: String,
    },
    Expression(String),
}

/// Every alarm of the template.
pub fn alarms() -> Result<Vec<Alarm>, TemplateError> {
    let root: Yaml = serde_yaml_ng::from_str(TEMPLATE).map_err(|error| TemplateError(error.to_string()))?;
    let resources = root["Resources"].as_mapping().into_iter().flatten();
    let alarms = resources.filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm");
    alarms
        .map(|(id, resource)| {
            let id = id.as_str().unwrap_or_default();
            read(id, &resource["Properties"])
                .ok_or_else(|| TemplateError(format!("{id} is not understood here")))
        })
        .collect()
}

impl Alarm {
    /// As many periods as it looks at, the last one ending now, are all beyond the threshold.
    pub(super) fn rings(&self, numbers: &Numbers, now_ms: i64) -> bool {
        (0..self.evaluated).all(|back| {
            let to_ms = now_ms + 1 - back * self.period_ms;
            let during = Stretch { from_ms: to_ms - self.period_ms, to_ms };
            match self.value(numbers, during) {
                None => self.missing_rings,
                Some(value) if self.above => value > self.threshold,
                Some(value) => value < self.threshold,
            }
        })
    }

    fn value(&self, numbers: &Numbers, during: Stretch) -> Option<i64> {
        let told = |source: &Source| match source {
            Source::Series { namespace, metric, dimensions, statistic } => {
                numbers.statistic(&Series { namespace, metric, dimensions }, statistic, during)
            }
            Source::Largest { namespace, metric, statistic } => {
                numbers.largest(namespace, metric, statistic, during)
            }
            Source::Expression(_) => None,
        };
        let returned = self.terms.iter().find(|term| term.returned)?;
        let Source::Expression(expression) = &returned.of else { return told(&returned.of) };
        let all: BTreeMap<String, Option<i64>> = self
            .terms
            .iter()
            .filter(|term| !matches!(term.of, Source::Expression(_)))
            .map(|term| (term.id.clone(), told(&term.of)))
            .collect();
        if all.values().all(Option::is_none) {
            return None;
        }
        let known = all.into_iter().map(|(id, value)| (id, value.unwrap_or_default())).collect();
        expression::value(expression, &known)
    }
}

fn read(id: &str, alarm: &Yaml) -> Option<Alarm> {
    let terms = match alarm["Metrics"].as_sequence() {
        Some(terms) => terms.iter().map(term).collect::<Option<Vec<_>>>()?,
        None => {
            let of = series(alarm, alarm["Statistic"].as_str()?)?;
            vec![Term { id: String::new(), returned: true, of }]
        }
    };
    let periods = terms_of(alarm).map(|one| &one["MetricStat"]["Period"]).chain([&alarm["Period"]]);
    let periods = periods.chain(terms_of(alarm).map(|one| &one["Period"]));
    let period = periods.filter_map(Yaml::as_i64).next()?;
    Some(Alarm {
        id: id.to_owned(),
        description: alarm["AlarmDescription"].as_str()?.to_owned(),
        terms,
        period_ms: period * 1000,
        evaluated: alarm["EvaluationPeriods"].as_i64()?,
        above: match alarm["ComparisonOperator"].as_str()? {
            "GreaterThanThreshold" => true,
            "LessThanThreshold" => false,
            _ => return None,
        },
        threshold: alarm["Threshold"].as_i64()?,
        missing_rings: match alarm["TreatMissingData"].as_str()? {
            "breaching" => true,
            "notBreaching" => false,
            _ => return None,
        },
    })
}

fn terms_of(alarm: &Yaml) -> impl Iterator<Item = &Yaml> {
    alarm["Metrics"].as_sequence().into_iter().flatten()
}

fn term(term: &Yaml) -> Option<Term> {
    let of = match term["Expression"].as_str() {
        None => series(&term["MetricStat"]["Metric"], term["MetricStat"]["Stat"].as_str()?)?,
        Some(query) if query.starts_with("SELECT") => largest(query)?,
        Some(expression) => Source::Expression(expression.to_owned()),
    };
    Some(Term {
        id: term["Id"].as_str()?.to_owned(),
        returned: term["ReturnData"].as_bool().unwrap_or(true),
        of,
    })
}

fn series(metric: &Yaml, statistic: &str) -> Option<Source> {
    let dimensions = metric["Dimensions"].as_sequence().into_iter().flatten();
    Some(Source::Series {
        namespace: named(&metric["Namespace"])?,
        metric: metric["MetricName"].as_str()?.to_owned(),
        dimensions: dimensions
            .map(|one| Some((one["Name"].as_str()?.to_owned(), named(&one["Value"])?)))
            .collect::<Option<_>>()?,
        statistic: statistic.to_owned(),
    })
}

/// `SELECT SUM("5xx") FROM SCHEMA("AWS/ApiGateway", …) … GROUP BY … ORDER BY SUM() DESC LIMIT 1`.
fn largest(query: &str) -> Option<Source> {
    let rest = query.strip_prefix("SELECT ")?;
    let (statistic, rest) = rest.split_once("(\"")?;
    let (metric, rest) = rest.split_once("\") FROM SCHEMA(\"")?;
    let (namespace, rest) = rest.split_once('"')?;
    let statistic = match statistic {
        "SUM" => "Sum",
        "AVG" => "Average",
        "MAX" => "Maximum",
        _ => return None,
    };
    if !(rest.contains(" GROUP BY ") && rest.trim_end().ends_with("DESC LIMIT 1")) {
        return None;
    }
    Some(Source::Largest {
        namespace: namespace.to_owned(),
        metric: metric.to_owned(),
        statistic: statistic.to_owned(),
    })
}

/// What a reference names: a resource by its logical id, the stack as its namespace here.
fn named(value: &Yaml) -> Option<String> {
    let text = match value {
        Yaml::Tagged(tagged) => tagged.value.as_str()?.split('.').next()?,
        other => other.as_str()?,
    };
    Some(if text == "AWS::StackName" { NAMESPACE.to_owned() } else { text.to_owned() })
}
