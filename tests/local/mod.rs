//! What the local program promises: gateway, queue, scheduler, survival.
mod gateway;
mod grants;
mod poller;
mod queue;
mod survival;
