//! Meters: what is sold, in which units, and what one of them costs.

mod configured;
mod json;
mod names;
mod rates;

pub use configured::{MOST_METERS, Meter, Meters, MetersError};
pub use names::{Channel, Class, Country};
pub use rates::{
    ClassTariff, MOST_CREDITS, MOST_RATE, MOST_UNITS, Price, PriceError, RateVersion, Tariff, Units,
};
