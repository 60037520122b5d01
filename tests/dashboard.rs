//! The Billing pages in a real browser.
mod access;
mod amounts;
mod balance;
mod browser;
mod dialog;
mod history;
mod page;
mod payment;
mod purchase;
mod screenshots;
mod sign_in;
mod stack;
mod usage;
mod wire;
