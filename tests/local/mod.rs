//! What the local program promises: gateway, queue, scheduler, survival.
mod check_stripe;
mod doctor;
mod gateway;
mod grants;
mod poller;
mod queue;
mod secrets;
mod survival;
