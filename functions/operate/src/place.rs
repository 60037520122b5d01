//! Which call a request is, and whom it is about.

use lambda_http::http::Method;
use lambda_http::{Request, RequestExt};
use saldo_adapters::http::{Problem, ProblemCode, query_parameter};
use saldo_domain::{OperationId, OrgId, TopUpId};

/// A call, with what its path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Search,
    Organisation(OrgId),
    TopUp(TopUpId),
    Reviews,
    Reconciliations,
    /// Those that wait for a second person.
    Adjustments,
    DeadLetters,
    Redrive,
    /// What Stripe keeps for an organisation.
    Customer(OrgId),
    Deed(Deed),
}

/// What is to be done, by the path alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Settle(TopUpId),
    Void(TopUpId),
    Release(TopUpId),
    Refund(TopUpId),
    Adjust,
    Approve(OperationId),
    ZeroBalance(OrgId),
}

impl Place {
    /// By the part of the path behind `/v1/operate/`; the id is taken from the parameters, so that it never is a route.
    pub(crate) fn of(request: &Request) -> Result<Place, Problem> {
        let path = request.raw_http_path();
        let (_, rest) = path.split_once("/v1/operate/").unwrap_or_default();
        let mut parts = rest.split('/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("search"), None, None) => Ok(Place::Search),
            (Some("reviews"), None, None) => Ok(Place::Reviews),
            (Some("reconciliations"), None, None) => Ok(Place::Reconciliations),
            (Some("dead-letters"), None, None) => Ok(Place::DeadLetters),
            (Some("dead-letters"), Some("redrive"), None) => Ok(Place::Redrive),
            (Some("organisations"), Some(_), None) => organisation(request).map(Place::Organisation),
            (Some("customers"), Some(_), None) => organisation(request).map(Place::Customer),
            (Some("customers"), Some(_), Some("zero-balance")) => {
                Ok(Place::Deed(Deed::ZeroBalance(organisation(request)?)))
            }
            (Some("top-ups"), Some(_), None) => top_up(request).map(Place::TopUp),
            (Some("top-ups"), Some(_), Some("settle")) => Ok(Place::Deed(Deed::Settle(top_up(request)?))),
            (Some("top-ups"), Some(_), Some("void")) => Ok(Place::Deed(Deed::Void(top_up(request)?))),
            (Some("top-ups"), Some(_), Some("release")) => Ok(Place::Deed(Deed::Release(top_up(request)?))),
            (Some("top-ups"), Some(_), Some("refund")) => Ok(Place::Deed(Deed::Refund(top_up(request)?))),
            (Some("adjustments"), None, None) if request.method() == Method::GET => Ok(Place::Adjustments),
            (Some("adjustments"), None, None) => Ok(Place::Deed(Deed::Adjust)),
            (Some("adjustments"), Some(_), Some("approve")) => {
                let proposal = id(request).and_then(|id| OperationId::parse(id).ok());
                let proposal = proposal.ok_or_else(|| {
                    let detail = "The organisation has no adjustment with this id that was proposed.";
                    Problem::new(ProblemCode::AdjustmentNotFound, detail)
                });
                Ok(Place::Deed(Deed::Approve(proposal?)))
            }
            _ => Err(Problem::new(ProblemCode::NotFound, "There is no such call.")),
        }
    }

    /// As it is logged.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Place::Search => "search",
            Place::Organisation(_) => "organisation",
            Place::TopUp(_) => "top-up",
            Place::Reviews => "reviews",
            Place::Reconciliations => "reconciliations",
            Place::Adjustments => "adjustments",
            Place::DeadLetters => "dead-letters",
            Place::Redrive => "redrive",
            Place::Customer(_) => "customer",
            Place::Deed(Deed::Settle(_)) => "settle",
            Place::Deed(Deed::Void(_)) => "void",
            Place::Deed(Deed::Release(_)) => "release",
            Place::Deed(Deed::Refund(_)) => "refund",
            Place::Deed(Deed::Adjust) => "adjust",
            Place::Deed(Deed::Approve(_)) => "approve",
            Place::Deed(Deed::ZeroBalance(_)) => "zero-balance",
        }
    }
}

/// The parameter `org`, which says whose something is.
pub(crate) fn org(request: &Request) -> Result<OrgId, Problem> {
    let org = query_parameter(request, "org")?.and_then(|org| OrgId::parse(&org).ok());
    org.ok_or_else(|| Problem::invalid("org", "org is the organisation whose it is, like ?org=acme."))
}

pub(crate) fn organisation_not_found() -> Problem {
    let detail = "Nothing is known of this organisation. Search for it by what you have at hand.";
    Problem::new(ProblemCode::OrganisationNotFound, detail)
}

fn organisation(request: &Request) -> Result<OrgId, Problem> {
    id(request).and_then(|id| OrgId::parse(id).ok()).ok_or_else(organisation_not_found)
}

fn top_up(request: &Request) -> Result<TopUpId, Problem> {
    id(request).and_then(|id| TopUpId::parse(id).ok()).ok_or_else(Problem::top_up_not_found)
}

fn id(request: &Request) -> Option<&str> {
    request.path_parameters_ref().and_then(|all| all.first("id"))
}
