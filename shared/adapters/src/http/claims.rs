//! Who asks: the claims that API Gateway has verified.

use std::collections::HashMap;

use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};
use saldo_domain::{Currency, OrgId, Permission, Permissions, Subject};

use super::Problem;

/// Under which names a token carries what is needed.
#[derive(Clone, Debug)]
pub struct ClaimNames {
    pub org: String,
    pub permissions: String,
    pub currency: String,
}

/// The organisation that asks, and what it may do.
#[derive(Clone, Debug)]
pub struct Caller {
    pub org: OrgId,
    pub permissions: Permissions,
    /// Whose token it is, where the token says.
    pub subject: Option<Subject>,
    /// The currency that the organisation is billed in, where the token says.
    pub currency: Option<Currency>,
}

impl Caller {
    /// Reads the verified claims and checks the permission; the organisation comes from nowhere else.
    pub fn authorize(request: &Request, names: &ClaimNames, needed: Permission) -> Result<Caller, Problem> {
        let claims = claims(request).ok_or_else(Problem::unauthorized)?;
        let org = claims.get(&names.org).map(|org| OrgId::parse(org));
        let Some(Ok(org)) = org else {
            return Err(Problem::forbidden(
                "organisation_required",
                "This token names no organisation. Sign in with an organisation and try again.",
            ));
        };
        let permissions = Permissions::parse(claims.get(&names.permissions).map_or("", String::as_str));
        if !permissions.allow(needed) {
            return Err(Problem::permission_required(needed));
        }
        let currency = match claims.get(&names.currency).filter(|code| !code.is_empty()) {
            Some(code) => Some(code.parse().map_err(|_| Problem::currency_not_sold(code))?),
            None => None,
        };
        let subject = claims.get("sub").and_then(|subject| Subject::parse(subject).ok());
        Ok(Caller { org, permissions, subject, currency })
    }
}

fn claims(request: &Request) -> Option<HashMap<String, String>> {
    let RequestContext::ApiGatewayV2(context) = request.request_context_ref()? else { return None };
    Some(context.authorizer.as_ref()?.jwt.as_ref()?.claims.clone())
}
