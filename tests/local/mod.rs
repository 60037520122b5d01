//! What the local program promises: gateway, queue, scheduler, survival.
mod gateway;
mod poller;
mod queue;
