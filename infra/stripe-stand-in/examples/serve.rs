//! Serves a stand-in in memory on 127.0.0.1:4001 (or the address given), to point an SDK or a browser at.

use std::sync::Arc;

use saldo_stripe_stand_in::{Options, StandIn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:4001".to_owned());
    let listener = tokio::net::TcpListener::bind(&address).await?;
    let public_url = format!("http://{}", listener.local_addr()?);
    println!("{public_url}");
    let now = Arc::new(|| time::UtcDateTime::now().unix_timestamp());
    let stand_in = StandIn::open(Options { database: None, public_url, webhook: None, now, chaos: None })?;
    axum::serve(listener, stand_in.router()).await?;
    Ok(())
}
