//! The Billing pages in a real browser.
mod access;
mod amounts;
mod browser;
mod dialog;
mod history;
mod looks;
mod page;
mod payment;
mod stack;
mod wire;
