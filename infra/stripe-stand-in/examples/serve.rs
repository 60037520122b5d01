//! Serves a stand-in in memory, to point an SDK or a browser at: `serve [ADDRESS [WEBHOOK_URL WEBHOOK_SECRET]]`.

use std::sync::Arc;

use saldo_stripe_stand_in::{Options, StandIn, Webhook};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:4001".to_owned());
    let webhook =
        arguments.next().zip(arguments.next()).map(|(url, secret)| Webhook { url, secrets: vec![secret] });
    let listener = tokio::net::TcpListener::bind(&address).await?;
    let public_url = format!("http://{}", listener.local_addr()?);
    println!("{public_url}");
    let now = Arc::new(|| time::UtcDateTime::now().unix_timestamp());
    let stand_in = StandIn::open(Options { database: None, public_url, webhook, now, chaos: None })?;
    let delivering = stand_in.clone();
    tokio::spawn(async move { delivering.deliver(std::future::pending()).await });
    axum::serve(listener, stand_in.router()).await?;
    Ok(())
}
