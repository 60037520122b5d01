//! Objects, answers and deliveries in SQLite.

use std::sync::Mutex;

use rusqlite::{Connection, OptionalExtension, Row, ToSql, Transaction, params};
use serde_json::Value;

use crate::api_error::{ApiError, ApiResult};
use crate::faults::RefundPlan;
use crate::keys::Permissions;
use crate::seller::Seller;

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA busy_timeout = 5000;
    CREATE TABLE IF NOT EXISTS objects (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
        created INTEGER NOT NULL, json TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS objects_by_customer ON objects (kind, json_extract(json, '$.customer'));
    CREATE INDEX IF NOT EXISTS objects_by_invoice ON objects (kind, json_extract(json, '$.invoice'));
    CREATE INDEX IF NOT EXISTS objects_by_payment_intent ON objects (kind, json_extract(json, '$.payment_intent'));
    CREATE INDEX IF NOT EXISTS objects_by_charge ON objects (kind, json_extract(json, '$.charge'));
    CREATE INDEX IF NOT EXISTS objects_by_own_invoice ON objects (kind, json_extract(json, '$._invoice'));
    CREATE INDEX IF NOT EXISTS objects_by_token ON objects (json_extract(json, '$._token'))
        WHERE json_extract(json, '$._token') IS NOT NULL;
    CREATE TABLE IF NOT EXISTS answers (
        key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
        request TEXT NOT NULL, at INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS deliveries (
        event TEXT PRIMARY KEY, number INTEGER NOT NULL, body TEXT NOT NULL, created INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
";

/// Opens the database; WAL keeps every committed transaction through the death of the process.
pub(crate) fn open(path: Option<&std::path::Path>) -> rusqlite::Result<Connection> {
    let connection = match path {
        Some(path) => Connection::open(path)?,
        None => Connection::open_in_memory()?,
    };
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

/// What a request or a control sees: one transaction, the time, and who asked.
pub(crate) struct Store<'a> {
    pub(crate) transaction: &'a Transaction<'a>,
    /// Unix seconds.
    pub(crate) now: i64,
    /// Base of the hosted pages, without a slash at its end.
    pub(crate) public_url: &'a str,
    /// The endpoint that listens for events.
    pub(crate) webhook_url: Option<&'a str>,
    /// The account that sells.
    pub(crate) seller: &'a Seller,
    /// `request` of the events this transaction causes.
    pub(crate) request: Value,
    /// What the caller may do, beyond the endpoint itself: expanding, and making objects inline.
    pub(crate) permissions: Permissions,
    pub(crate) next_refund: &'a Mutex<Option<RefundPlan>>,
}

/// One condition of a list: SQL with one `?`, and what stands for it.
pub(crate) struct Condition {
    sql: String,
    value: Box<dyn ToSql>,
}

impl Condition {
    pub(crate) fn equal(field: &str, value: impl ToSql + 'static) -> Condition {
        Condition::compare(field, "=", value)
    }

    /// A JSON path, an operator, and what to compare with.
    pub(crate) fn compare(field: &str, operator: &str, value: impl ToSql + 'static) -> Condition {
        Condition { sql: format!("json_extract(json, '$.{field}') {operator} ?"), value: Box::new(value) }
    }

    /// A condition that is no comparison of one field; `sql` has one `?`.
    pub(crate) fn sql(sql: &str, value: impl ToSql + 'static) -> Condition {
        Condition { sql: sql.to_owned(), value: Box::new(value) }
    }
}

impl Store<'_> {
    pub(crate) fn get(&self, kind: &str, id: &str) -> ApiResult<Option<Value>> {
        let sql = "SELECT json FROM objects WHERE id = ?1 AND kind = ?2";
        let mut statement = self.transaction.prepare_cached(sql)?;
        let text: Option<String> = statement.query_row(params![id, kind], |row| row.get(0)).optional()?;
        Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
    }

    pub(crate) fn by_token(&self, kind: &str, token: &str) -> ApiResult<Option<Value>> {
        let sql = "SELECT json FROM objects WHERE json_extract(json, '$._token') = ?1 AND kind = ?2";
        let mut statement = self.transaction.prepare_cached(sql)?;
        let text: Option<String> = statement.query_row(params![token, kind], |row| row.get(0)).optional()?;
        Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
    }

    /// Inserts or replaces; the object says its own kind, id and creation.
    pub(crate) fn put(&self, object: &Value) -> ApiResult<()> {
        let sql = "INSERT INTO objects (id, kind, created, json) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (id) DO UPDATE SET json = excluded.json";
        let mut statement = self.transaction.prepare_cached(sql)?;
        let created = object["created"].as_i64().unwrap_or(self.now);
        let kind = object["object"].as_str();
        statement.execute(params![object["id"].as_str(), kind, created, object.to_string()])?;
        Ok(())
    }

    pub(crate) fn delete(&self, id: &str) -> ApiResult<()> {
        self.transaction.prepare_cached("DELETE FROM objects WHERE id = ?1")?.execute(params![id])?;
        Ok(())
    }

    /// Whether any object has this id.
    pub(crate) fn taken(&self, id: &str) -> ApiResult<bool> {
        Ok(self.transaction.prepare_cached("SELECT 1 FROM objects WHERE id = ?1")?.exists(params![id])?)
    }

    /// Place of an object in the order of creation.
    pub(crate) fn place(&self, kind: &str, id: &str) -> ApiResult<Option<i64>> {
        let sql = "SELECT seq FROM objects WHERE id = ?1 AND kind = ?2";
        let mut statement = self.transaction.prepare_cached(sql)?;
        Ok(statement.query_row(params![id, kind], |row| row.get(0)).optional()?)
    }

    /// Objects of a kind that meet all conditions, newest first or oldest first, between two places.
    pub(crate) fn select(
        &self,
        kind: &str,
        conditions: Vec<Condition>,
        range: Range,
    ) -> ApiResult<Vec<Value>> {
        let mut sql = "SELECT json FROM objects WHERE kind = ?".to_owned();
        let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(kind.to_owned())];
        for condition in conditions {
            sql.push_str(" AND ");
            sql.push_str(&condition.sql);
            values.push(condition.value);
        }
        if let Some(place) = range.before {
            sql.push_str(" AND seq < ?");
            values.push(Box::new(place));
        }
        if let Some(place) = range.after {
            sql.push_str(" AND seq > ?");
            values.push(Box::new(place));
        }
        sql.push_str(if range.oldest_first { " ORDER BY seq LIMIT ?" } else { " ORDER BY seq DESC LIMIT ?" });
        values.push(Box::new(range.limit));
        let mut statement = self.transaction.prepare_cached(&sql)?;
        let given: Vec<&dyn ToSql> = values.iter().map(AsRef::as_ref).collect();
        let rows = statement.query_map(&given[..], |row: &Row<'_>| row.get::<_, String>(0))?;
        rows.map(|text| Ok(serde_json::from_str(&text?)?)).collect()
    }

    /// All objects of a kind that meet the conditions, oldest first.
    pub(crate) fn all(&self, kind: &str, conditions: Vec<Condition>) -> ApiResult<Vec<Value>> {
        let range = Range { before: None, after: None, oldest_first: true, limit: i64::MAX };
        self.select(kind, conditions, range)
    }

    /// The next number of a counter, from 1.
    pub(crate) fn next(&self, counter: &str) -> ApiResult<i64> {
        let sql = "INSERT INTO counters (name, value) VALUES (?1, 1)
                   ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value";
        Ok(self.transaction.prepare_cached(sql)?.query_row(params![counter], |row| row.get(0))?)
    }

    /// The object of a path, or a 404.
    pub(crate) fn expect(&self, kind: &str, noun: &str, id: &str, param: &str) -> ApiResult<Value> {
        self.get(kind, id)?.ok_or_else(|| ApiError::missing(noun, id, param))
    }
}

/// Which part of a list, in places of creation.
pub(crate) struct Range {
    pub(crate) before: Option<i64>,
    pub(crate) after: Option<i64>,
    pub(crate) oldest_first: bool,
    pub(crate) limit: i64,
}
