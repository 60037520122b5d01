//! Form-encoded parameters with Stripe's nested keys, read one by one so that what nobody reads is refused.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::api_error::{ApiError, ApiResult};

const MAXIMUM_PAIRS: usize = 5_000;
const MAXIMUM_DEPTH: usize = 8;

/// One parameter: a text, or a table of parameters (an array is a table with numbers as its keys).
#[derive(Clone, Debug)]
enum Node {
    Text(String),
    Table(BTreeMap<String, Node>),
}

/// The parameters of a request, or of one object inside it. Reading removes; [`Params::finish`] refuses the rest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params {
    name: String,
    table: BTreeMap<String, Node>,
}

impl Params {
    /// Reads `application/x-www-form-urlencoded` text, with `a[b][0][c]=` and `a[]=` for nesting.
    pub(crate) fn parse(encoded: &str) -> ApiResult<Params> {
        let mut params = Params::default();
        for (count, pair) in encoded.split('&').filter(|pair| !pair.is_empty()).enumerate() {
            if count >= MAXIMUM_PAIRS {
                return Err(malformed("too many parameters"));
            }
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            insert(&mut params.table, &path_of(&decode(key)?)?, decode(value)?)?;
        }
        Ok(params)
    }

    /// One text parameter.
    pub(crate) fn single(name: &str, value: &str) -> Params {
        let table = BTreeMap::from([(name.to_owned(), Node::Text(value.to_owned()))]);
        Params { name: String::new(), table }
    }

    pub(crate) fn text(&mut self, name: &str) -> ApiResult<Option<String>> {
        match self.table.remove(name) {
            None => Ok(None),
            Some(Node::Text(text)) if text.chars().count() <= 5_000 => Ok(Some(text)),
            Some(Node::Text(_)) => Err(self.invalid(name, "must be at most 5000 characters")),
            Some(Node::Table(_)) => Err(self.invalid(name, "must be a string")),
        }
    }

    /// A text of which the empty one says "unset": null.
    pub(crate) fn nullable(&mut self, name: &str) -> ApiResult<Option<Value>> {
        let text = self.text(name)?;
        Ok(text.map(|text| if text.is_empty() { Value::Null } else { Value::String(text) }))
    }

    pub(crate) fn integer(&mut self, name: &str) -> ApiResult<Option<i64>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let refuse = || {
            let param = self.path(name);
            ApiError::parameter("parameter_invalid_integer", &param, format!("Invalid integer: {text}"))
        };
        text.parse().map(Some).map_err(|_| refuse())
    }

    pub(crate) fn boolean(&mut self, name: &str) -> ApiResult<Option<bool>> {
        match self.text(name)?.as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(self.invalid(name, &format!("must be true or false, not {other}"))),
        }
    }

    /// One of a few words.
    pub(crate) fn choice(&mut self, name: &str, words: &[&str]) -> ApiResult<Option<String>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        if words.contains(&text.as_str()) {
            return Ok(Some(text));
        }
        Err(self.invalid(name, &format!("must be one of {}", words.join(", "))))
    }

    /// An object; the empty text counts as an empty one.
    pub(crate) fn object(&mut self, name: &str) -> ApiResult<Option<Params>> {
        match self.table.remove(name) {
            None => Ok(None),
            Some(Node::Table(table)) => Ok(Some(Params { name: self.path(name), table })),
            Some(Node::Text(text)) if text.is_empty() => {
                Ok(Some(Params { name: self.path(name), table: BTreeMap::new() }))
            }
            Some(Node::Text(_)) => Err(self.invalid(name, "must be an object")),
        }
    }

    /// An array of objects, in the order of its indexes.
    pub(crate) fn objects(&mut self, name: &str) -> ApiResult<Option<Vec<Params>>> {
        let Some(nodes) = self.array(name)? else { return Ok(None) };
        let path = self.path(name);
        let each = |(index, node)| match node {
            Node::Table(table) => Ok(Params { name: format!("{path}[{index}]"), table }),
            Node::Text(_) => Err(self.invalid(name, "must be an array of objects")),
        };
        nodes.into_iter().enumerate().map(each).collect::<ApiResult<Vec<Params>>>().map(Some)
    }

    /// An array of texts; the empty text is the empty array.
    pub(crate) fn texts(&mut self, name: &str) -> ApiResult<Option<Vec<String>>> {
        let Some(nodes) = self.array(name)? else { return Ok(None) };
        let each = |node| match node {
            Node::Text(text) => Ok(text),
            Node::Table(_) => Err(self.invalid(name, "must be an array of strings")),
        };
        nodes.into_iter().map(each).collect::<ApiResult<Vec<String>>>().map(Some)
    }

    /// Applies `metadata` to what is there: an empty value removes its key, an empty `metadata` all of them.
    pub(crate) fn metadata(&mut self, current: &Value) -> ApiResult<Value> {
        let mut merged = current.as_object().cloned().unwrap_or_default();
        let Some(given) = self.object("metadata")? else { return Ok(Value::Object(merged)) };
        if given.table.is_empty() {
            return Ok(Value::Object(Map::new()));
        }
        for (key, node) in given.table {
            let param = format!("metadata[{key}]");
            let Node::Text(value) = node else {
                return Err(ApiError::parameter(
                    "parameter_invalid_string",
                    &param,
                    "Metadata values are strings.",
                ));
            };
            if key.is_empty() || key.chars().count() > 40 || value.chars().count() > 500 {
                let message = "Metadata keys have up to 40 characters and values up to 500.";
                return Err(ApiError::parameter("parameter_invalid_string", &param, message));
            }
            if value.is_empty() {
                merged.remove(&key)
            } else {
                merged.insert(key, Value::String(value))
            };
        }
        if merged.len() > 50 {
            let message = "You can set at most 50 metadata keys.";
            return Err(ApiError::parameter("metadata_invalid", "metadata", message));
        }
        Ok(Value::Object(merged))
    }

    /// Refuses parameters that Stripe knows and the stand-in does not.
    pub(crate) fn unsupported(&self, names: &[&str]) -> ApiResult<()> {
        let given = names.iter().find(|name| self.table.contains_key(**name));
        given.map_or(Ok(()), |name| Err(ApiError::unsupported(&self.path(name))))
    }

    /// Everything that is left, as JSON: for parts which are only echoed.
    pub(crate) fn into_json(self) -> Value {
        to_json(Node::Table(self.table))
    }

    /// Refuses what nobody read.
    pub(crate) fn finish(self) -> ApiResult<()> {
        let Some(first) = self.table.keys().next() else { return Ok(()) };
        let param = self.path(first);
        let message = format!("Received unknown parameter: {param}");
        Err(ApiError::parameter("parameter_unknown", &param, message))
    }

    /// The refusal for a parameter that must be there.
    pub(crate) fn required(&self, name: &str) -> ApiError {
        let param = self.path(name);
        ApiError::parameter("parameter_missing", &param, format!("Missing required param: {param}."))
    }

    pub(crate) fn invalid(&self, name: &str, rule: &str) -> ApiError {
        let param = self.path(name);
        let message = format!("Invalid {param}: {rule}");
        ApiError::new(400, "invalid_request_error", message).with("param", param)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        if self.name.is_empty() { name.to_owned() } else { format!("{}[{name}]", self.name) }
    }

    /// The same for equal parameters, whatever their order.
    pub(crate) fn fingerprint(&self) -> String {
        to_json(Node::Table(self.table.clone())).to_string()
    }

    fn array(&mut self, name: &str) -> ApiResult<Option<Vec<Node>>> {
        match self.table.remove(name) {
            None => Ok(None),
            Some(Node::Text(text)) if text.is_empty() => Ok(Some(Vec::new())),
            Some(Node::Text(_)) => Err(self.invalid(name, "must be an array")),
            Some(Node::Table(table)) => {
                let numbered = table.into_iter().map(|(key, node)| Some((key.parse::<usize>().ok()?, node)));
                let numbered: Option<BTreeMap<usize, Node>> = numbered.collect();
                let refuse = || self.invalid(name, "must be an array");
                numbered.map(|nodes| Some(nodes.into_values().collect())).ok_or_else(refuse)
            }
        }
    }
}

fn insert(table: &mut BTreeMap<String, Node>, path: &[String], value: String) -> ApiResult<()> {
    let Some((first, rest)) = path.split_first() else { return Err(malformed("an empty parameter name")) };
    let key = if first.is_empty() { table.len().to_string() } else { first.clone() };
    if rest.is_empty() {
        table.insert(key, Node::Text(value));
        return Ok(());
    }
    match table.entry(key).or_insert_with(|| Node::Table(BTreeMap::new())) {
        Node::Table(inner) => insert(inner, rest, value),
        Node::Text(_) => Err(malformed("a parameter that is both a string and an object")),
    }
}

/// `a[b][0]` as `["a", "b", "0"]`.
fn path_of(key: &str) -> ApiResult<Vec<String>> {
    let Some((first, rest)) = key.split_once('[') else { return Ok(vec![key.to_owned()]) };
    let inner = rest.strip_suffix(']').ok_or_else(|| malformed("unbalanced brackets"))?;
    let mut path = vec![first.to_owned()];
    path.extend(inner.split("][").map(str::to_owned));
    if first.is_empty() || path.len() > MAXIMUM_DEPTH {
        return Err(malformed("parameters nested too deeply"));
    }
    Ok(path)
}

/// Percent-decoding with `+` for a space; refuses what is not UTF-8.
pub(crate) fn decode(encoded: &str) -> ApiResult<String> {
    let bytes = encoded.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail) {
            (b'+', _) => decoded.push(b' '),
            (b'%', [high, low, after @ ..]) => {
                let digits = [*high, *low];
                let hex = std::str::from_utf8(&digits).ok().filter(|hex| !hex.starts_with('+'));
                let value = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
                decoded.push(value.ok_or_else(|| malformed("a broken percent-encoding"))?);
                rest = after;
            }
            (b'%', _) => return Err(malformed("a broken percent-encoding")),
            _ => decoded.push(byte),
        }
    }
    String::from_utf8(decoded).map_err(|_| malformed("text that is not UTF-8"))
}

fn to_json(node: Node) -> Value {
    match node {
        Node::Text(text) => Value::String(text),
        Node::Table(table) => {
            Value::Object(table.into_iter().map(|(key, node)| (key, to_json(node))).collect())
        }
    }
}

fn malformed(what: &str) -> ApiError {
    ApiError::new(400, "invalid_request_error", format!("The request could not be read: {what}."))
}
