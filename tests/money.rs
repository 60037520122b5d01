//! Money: the books are right in any order of things, after any failure, through chaos, and where others went wrong.
mod after_any_failure;
mod books_that_are_wrong;
mod finished_attempts;
mod given_back;
mod gone;
mod in_any_order;
mod known_mistakes;
mod not_ours;
mod outages;
mod paid_with;
mod refusals;
mod returned;
mod slow_provider;
mod through_chaos;
mod trail;
