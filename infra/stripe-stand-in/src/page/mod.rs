//! The hosted invoice pages: server-rendered, without scripts.

mod buttons;
mod cards;
mod html;
mod index;
mod invoice;
mod panel;
mod pdf;
mod routes;
mod words;

pub(crate) use routes::routes;
