//! What was counted, and statistics over a stretch of time.

use std::collections::{BTreeMap, VecDeque};

/// The dimensions of one series.
pub(super) type Dimensions = BTreeMap<String, String>;

/// As many as a long test makes; what is older is forgotten.
const MOST: usize = 200_000;

pub(super) struct Point {
    pub(super) at_ms: i64,
    pub(super) namespace: String,
    pub(super) metric: String,
    pub(super) dimensions: Dimensions,
    pub(super) amount: i64,
}

#[derive(Default)]
pub(super) struct Numbers(VecDeque<Point>);

/// One series of a metric.
pub(super) struct Series<'s> {
    pub(super) namespace: &'s str,
    pub(super) metric: &'s str,
    pub(super) dimensions: &'s Dimensions,
}

/// From when until when, in milliseconds since 1970; the end is not in it.
#[derive(Clone, Copy)]
pub(super) struct Stretch {
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
}

impl Numbers {
    pub(super) fn add(
        &mut self,
        at_ms: i64,
        namespace: &str,
        metric: &str,
        dimensions: Dimensions,
        amount: i64,
    ) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        let (namespace, metric) = (namespace.to_owned(), metric.to_owned());
        self.0.push_back(Point { at_ms, namespace, metric, dimensions, amount });
    }

    pub(super) fn points<'n>(&'n self, namespace: &str, metric: &str) -> impl Iterator<Item = &'n Point> {
        self.0.iter().filter(move |point| point.namespace == namespace && point.metric == metric)
    }

    /// A statistic of one series; `None` when nothing was told of it.
    pub(super) fn statistic(&self, of: &Series<'_>, statistic: &str, during: Stretch) -> Option<i64> {
        let points = self.points(of.namespace, of.metric).filter(|point| point.dimensions == *of.dimensions);
        let during = points.filter(|point| (during.from_ms..during.to_ms).contains(&point.at_ms));
        let amounts: Vec<i64> = during.map(|point| point.amount).collect();
        summed_up(&amounts, statistic)
    }

    /// The largest statistic among all series of a metric.
    pub(super) fn largest(
        &self,
        namespace: &str,
        metric: &str,
        statistic: &str,
        during: Stretch,
    ) -> Option<i64> {
        let mut by_series = BTreeMap::<&Dimensions, Vec<i64>>::new();
        for point in self.points(namespace, metric) {
            if (during.from_ms..during.to_ms).contains(&point.at_ms) {
                by_series.entry(&point.dimensions).or_default().push(point.amount);
            }
        }
        by_series.values().filter_map(|amounts| summed_up(amounts, statistic)).max()
    }
}

fn summed_up(amounts: &[i64], statistic: &str) -> Option<i64> {
    let sum: i64 = amounts.iter().sum();
    match statistic {
        _ if amounts.is_empty() => None,
        "Sum" => Some(sum),
        "Maximum" => amounts.iter().copied().max(),
        "Average" => Some(sum / i64::try_from(amounts.len()).unwrap_or(i64::MAX)),
        _ => None,
    }
}
