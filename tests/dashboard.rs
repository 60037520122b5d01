//! The Billing pages in a real browser.
