//! The Stripe that the functions talk to: the stand-in, started here, or Stripe's test mode.
use std::sync::Arc;

use saldo_adapters::world::STRIPE_URL;
use saldo_stripe_stand_in::{StandIn, Webhook};

use crate::background::{Background, listen};
use crate::data_folder::DataFolder;
use crate::{Now, Options, StartError, Stripe};

/// Where Stripe is, and what signs its webhooks.
pub(crate) struct StripeSide {
    pub(crate) url: String,
    pub(crate) webhook_secret: String,
    /// `None` in test mode.
    pub(crate) stand_in: Option<StandIn>,
}

impl StripeSide {
    pub(crate) async fn open(
        options: &Options,
        data: &DataFolder,
        api_url: &str,
        now: &Now,
        background: &mut Background,
    ) -> Result<StripeSide, StartError> {
        if let Stripe::TestMode { webhook_secret, .. } = &options.stripe {
            let webhook_secret = webhook_secret.clone();
            return Ok(StripeSide { url: STRIPE_URL.to_owned(), webhook_secret, stand_in: None });
        }
        let webhook_secret = data.webhook_secret()?;
        let (listener, url) = listen(options.stripe_port, "--stripe-port").await?;
        let now = Arc::clone(now);
        let stand_in = StandIn::open(saldo_stripe_stand_in::Options {
            database: data.file("stripe.db"),
            public_url: url.clone(),
            webhook: Some(Webhook {
                url: format!("{api_url}/stripe/webhook"),
                secrets: vec![webhook_secret.clone()],
            }),
            now: Arc::new(move || now().div_euclid(1000)),
            chaos: options.chaos,
        });
        let stand_in = stand_in.map_err(|error| StartError::Stripe(error.to_string()))?;
        background.serve(listener, stand_in.router());
        background.deliver(stand_in.clone());
        Ok(StripeSide { url, webhook_secret, stand_in: Some(stand_in) })
    }
}
