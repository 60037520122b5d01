//! Whoever must be woken is: every alarm has its filter, and a page that says what to do.
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use saldo_domain::{Alarm, ReviewReason};
use serde_yaml_ng::Value;

use crate::template::{functions, resources, shown};

/// CloudWatch adds up no more metrics than these in one alarm.
const METRICS_OF_AN_ALARM: usize = 10;

#[test]
fn every_function_that_can_raise_an_alarm_is_heard() {
    let filters = resources("AWS::Logs::MetricFilter");
    let alarm = &resources("AWS::CloudWatch::Alarm")["NeedsALookAlarm"]["Properties"];
    let mut heard = BTreeSet::new();
    for (id, filter) in &filters {
        let filter = &filter["Properties"];
        assert_eq!(filter["FilterPattern"], "{ $.alarm = \"*\" }", "{id}");
        let metric = &filter["MetricTransformations"][0];
        assert_eq!(metric["MetricName"], alarm["MetricName"], "{id}");
        assert_eq!(shown(&metric["MetricNamespace"]), shown(&alarm["Namespace"]), "{id}");
        heard.insert(shown(&filter["LogGroupName"]));
    }
    // Any of them may come to raise one, through what they share.
    for (name, (_, function)) in functions() {
        let log = shown(&function["Properties"]["LoggingConfig"]["LogGroup"]);
        assert!(heard.contains(&log), "nobody hears the alarms of {name}");
    }
    assert_eq!(heard.len(), functions().len());
}

#[test]
fn every_function_that_crashes_is_heard() {
    let mut watched: BTreeMap<String, u32> = BTreeMap::new();
    for (id, alarm) in resources("AWS::CloudWatch::Alarm") {
        let metrics = alarm["Properties"].get("Metrics").and_then(Value::as_sequence).cloned();
        let metrics = metrics.unwrap_or_default();
        assert!(metrics.len() <= METRICS_OF_AN_ALARM + 1, "{id} adds up too many");
        let of_lambda = metrics.iter().filter_map(|metric| metric.get("MetricStat"));
        let of_lambda = of_lambda.filter(|metric| metric["Metric"]["Namespace"] == "AWS/Lambda");
        for metric in of_lambda.filter(|metric| metric["Metric"]["MetricName"] != "Throttles") {
            assert_eq!(metric["Metric"]["MetricName"], "Errors", "{id}");
            let function = shown(&metric["Metric"]["Dimensions"][0]["Value"]);
            *watched.entry(function.trim_start_matches("!Ref ").to_owned()).or_default() += 1;
        }
    }
    let all: BTreeMap<_, _> = functions().into_values().map(|(id, _)| (id, 1)).collect();
    assert_eq!(watched, all);
}

#[test]
fn every_alarm_names_a_page_of_the_runbook_and_the_reverse() {
    let runbook = std::fs::read_to_string(root().join("docs/runbook.md")).unwrap();
    let headings = |marks: &str| -> BTreeSet<String> {
        runbook.lines().filter_map(|line| line.strip_prefix(marks)).map(str::to_owned).collect()
    };
    let alarms = resources("AWS::CloudWatch::Alarm");
    for (id, alarm) in &alarms {
        let description = shown(&alarm["Properties"]["AlarmDescription"]);
        let page = format!("docs/runbook.md#{}", id.to_lowercase());
        assert!(description.contains(&page), "{id} says: {description}");
    }
    assert_eq!(
        headings("## ").into_iter().filter(|name| name.ends_with("Alarm")).collect::<BTreeSet<_>>(),
        alarms.into_keys().collect()
    );
    let told: BTreeSet<_> = Alarm::ALL.iter().map(|alarm| format!("`{alarm}`")).collect();
    assert_eq!(headings("### "), told, "one section for each value of the field alarm");
    for reason in ReviewReason::ALL {
        assert!(runbook.contains(&format!("`{}`", reason.as_str())), "{reason:?} is not explained");
    }
}

#[test]
fn no_alarm_is_a_free_text() {
    let mut raised = 0;
    for file in sources(&root().join("functions")).into_iter().chain(sources(&root().join("shared"))) {
        let text = std::fs::read_to_string(&file).unwrap();
        for line in text.lines().filter(|line| line.contains("alarm = ")) {
            assert!(line.contains("alarm = Alarm::"), "{}: {line}", file.display());
            raised += 1;
        }
    }
    assert!(raised > 3, "the field is still called so");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            files.push(path);
        }
    }
    files
}
