//! The Stripe stand-in refuses what Stripe refuses.
