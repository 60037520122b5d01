//! DynamoDB on this machine, on a thread of its own, with the tables of the template.
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use dynoxide::Database;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::StartError;
use crate::template::TablePlan;

const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// A running DynamoDB.
pub(crate) struct TableServer {
    url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TableServer {
    /// Serves the tables kept in `file` (in memory without one), making those of `plans` that are absent.
    /// With `sweep`, items whose time to live has passed are deleted about once a minute.
    pub(crate) fn start(
        file: Option<&Path>,
        plans: &[TablePlan],
        sweep: bool,
    ) -> Result<TableServer, StartError> {
        let database = match file {
            Some(file) => Database::new(&file.to_string_lossy()),
            None => Database::memory(),
        };
        let database = database.map_err(|error| StartError::Table(error.to_string()))?;
        for plan in plans {
            ensure(&database, plan)?;
        }
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .map_err(|error| StartError::Table(error.to_string()))?;
        let address = listener.local_addr().map_err(|error| StartError::Table(error.to_string()))?;
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| StartError::Table(error.to_string()))?;
        let thread = std::thread::Builder::new()
            .name("dynamodb".to_owned())
            .spawn(move || runtime.block_on(serve(listener, database, stopped, sweep)))
            .map_err(|error| StartError::Table(error.to_string()))?;
        Ok(TableServer { url: format!("http://{address}"), stop: Some(stop), thread: Some(thread) })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for TableServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Serves until `stopped`. Idle keep-alive connections are dropped with the runtime; every write is on disk by then.
async fn serve(
    listener: std::net::TcpListener,
    database: Database,
    stopped: oneshot::Receiver<()>,
    sweep: bool,
) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let sweeping = database.clone();
    tokio::select! {
        () = dynoxide::server::serve_on(listener, database) => {}
        _ = stopped => {}
        () = sweep_forever(sweeping), if sweep => {}
    }
}

async fn sweep_forever(database: Database) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        if let Err(error) = database.sweep_ttl() {
            tracing::warn!(%error, "expired items were not swept");
        }
    }
}

fn ensure(database: &Database, plan: &TablePlan) -> Result<(), StartError> {
    let name = plan.create["TableName"].as_str().unwrap_or_default();
    let described = request(json!({ "TableName": name })).and_then(|request| {
        database.describe_table(request).map_err(|error| StartError::Table(error.to_string()))
    });
    match described {
        Ok(found) => {
            let found = serde_json::to_value(found).map_err(|error| StartError::Table(error.to_string()))?;
            same_shape(&found["Table"], &plan.create)
        }
        Err(_) => create(database, plan),
    }
}

fn create(database: &Database, plan: &TablePlan) -> Result<(), StartError> {
    database
        .create_table(request(plan.create.clone())?)
        .map_err(|error| StartError::Table(error.to_string()))?;
    if let Some(time_to_live) = &plan.time_to_live {
        database
            .update_time_to_live(request(time_to_live.clone())?)
            .map_err(|error| StartError::Table(error.to_string()))?;
    }
    Ok(())
}

/// A table made from another template is not silently used.
fn same_shape(found: &Value, wanted: &Value) -> Result<(), StartError> {
    let indexes = |table: &Value| {
        let mut indexes: Vec<_> = table["GlobalSecondaryIndexes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|index| (index["IndexName"].to_string(), index["KeySchema"].to_string()))
            .collect();
        indexes.sort();
        indexes
    };
    if found["KeySchema"] == wanted["KeySchema"] && indexes(found) == indexes(wanted) {
        Ok(())
    } else {
        Err(StartError::Table(
            "the data folder holds a table of another shape than the template's; start with --fresh or --data".to_owned(),
        ))
    }
}

fn request<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, StartError> {
    serde_json::from_value(value).map_err(|error| StartError::Table(error.to_string()))
}
