//! The routes of the HTTP API: exact segments win over path parameters.
use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

/// One route of the template.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    method: String,
    segments: Vec<Segment>,
    key: String,
}

#[derive(Debug, Clone)]
enum Segment {
    Exact(String),
    Parameter(String),
    Rest(String),
}

impl Pattern {
    pub(super) fn new(method: &str, path: &str) -> Pattern {
        let segments = path.trim_matches('/').split('/').map(|segment| {
            match segment.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) {
                Some(name) => match name.strip_suffix('+') {
                    Some(name) => Segment::Rest(name.to_owned()),
                    None => Segment::Parameter(name.to_owned()),
                },
                None => Segment::Exact(segment.to_owned()),
            }
        });
        Pattern { method: method.to_owned(), segments: segments.collect(), key: format!("{method} {path}") }
    }

    /// `GET /v1/top-ups/{id}`
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// The path parameters when this pattern fits, with its rank: more exact segments rank higher.
    pub(super) fn fit(&self, method: &str, path: &str) -> Option<(usize, BTreeMap<String, String>)> {
        if self.method != method && self.method != "ANY" {
            return None;
        }
        let mut given = path.strip_prefix('/')?.split('/').peekable();
        let mut parameters = BTreeMap::new();
        let mut rank = 0;
        for segment in &self.segments {
            match segment {
                Segment::Exact(name) => {
                    (given.next()? == name).then_some(())?;
                    rank += 2;
                }
                Segment::Parameter(name) => {
                    let value = given.next().filter(|value| !value.is_empty())?;
                    parameters.insert(name.clone(), decoded(value));
                    rank += 1;
                }
                Segment::Rest(name) => {
                    let rest: Vec<_> = given.by_ref().collect();
                    parameters.insert(name.clone(), decoded(&rest.join("/")));
                }
            }
        }
        given.next().is_none().then_some((rank, parameters))
    }
}

pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_segments_win_and_parameters_are_decoded() {
        let exact = Pattern::new("GET", "/v1/top-ups");
        let one = Pattern::new("GET", "/v1/top-ups/{id}");
        assert!(exact.fit("GET", "/v1/top-ups").is_some());
        assert!(exact.fit("POST", "/v1/top-ups").is_none());
        assert!(exact.fit("GET", "/v1/top-ups/").is_none());
        let (_, parameters) = one.fit("GET", "/v1/top-ups/a%20b").unwrap();
        assert_eq!(parameters["id"], "a b");
        assert!(one.fit("GET", "/v1/top-ups/a/b").is_none());
        assert!(Pattern::new("GET", "/").fit("GET", "/").is_some());
        assert!(Pattern::new("GET", "/").fit("GET", "/v1").is_none());
    }
}
