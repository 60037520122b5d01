//! Who asks: the claims that API Gateway has verified.

use std::collections::{BTreeMap, HashMap};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lambda_http::http::header::AUTHORIZATION;
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};
use saldo_domain::{Actor, BillingContact, ContactField, Currency, OrgId, Permission, Permissions, Subject};
use serde_json::Value;

use super::{Problem, ProblemCode};

/// Under which names a token carries what is needed.
#[derive(Clone, Debug)]
pub struct ClaimNames {
    pub org: String,
    pub permissions: String,
    pub currency: String,
    pub subject: String,
    pub name: String,
    pub email: String,
}

/// The organisation that asks, by whom, and what it may do.
#[derive(Clone, Debug)]
pub struct Caller {
    pub org: OrgId,
    /// A person or a machine of the organisation.
    pub actor: Actor,
    pub permissions: Permissions,
    /// What the token says of the currency that the organisation is billed in.
    currency: Option<String>,
    /// Name and e-mail address, as far as the token has usable ones.
    pub contact: BillingContact,
}

/// The subject of a token that names neither a person nor a client.
const NAMELESS: &str = "unnamed";

impl Caller {
    /// The currency that the organisation is billed in, where the token says.
    pub fn currency(&self) -> Result<Option<Currency>, Problem> {
        let parsed =
            self.currency.as_deref().map(|code| code.parse().map_err(|_| Problem::currency_not_sold(code)));
        parsed.transpose()
    }

    /// Refuses who lacks the permission.
    pub fn may(&self, needed: Permission) -> Result<(), Problem> {
        if self.permissions.allow(needed) { Ok(()) } else { Err(Problem::permission_required(needed)) }
    }

    /// Reads the verified claims; what the caller may do is still to be checked.
    pub(super) fn read(request: &Request, names: &ClaimNames) -> Result<Caller, Problem> {
        let claims = Claims::of(request).ok_or_else(Problem::unauthorized)?;
        let Some(Ok(org)) = claims.get(&names.org).map(OrgId::parse) else {
            return Err(Problem::new(
                ProblemCode::OrganisationRequired,
                "This token names no organisation. Sign in with an organisation and try again.",
            ));
        };
        let currency = claims.get(&names.currency).filter(|code| !code.is_empty()).map(str::to_owned);
        Ok(Caller {
            org,
            actor: claims.actor(names)?,
            permissions: permissions(request, &claims, names),
            currency,
            contact: claims.contact(names),
        })
    }
}

/// Someone of the staff, over all organisations.
#[derive(Clone, Debug)]
pub struct Staff {
    /// An operator.
    pub actor: Actor,
}

impl Staff {
    /// Reads the verified claims; nothing but [`Permission::BillingOperate`] lets anyone pass. The token need name no
    /// organisation, and must say whom it is for, as every action is somebody's.
    pub(super) fn authorize(request: &Request, names: &ClaimNames) -> Result<Staff, Problem> {
        let claims = Claims::of(request).ok_or_else(Problem::unauthorized)?;
        let needed = Permission::BillingOperate;
        if !permissions(request, &claims, names).allow(needed) {
            return Err(Problem::permission_required(needed));
        }
        match claims.actor(names)? {
            Actor::Machine(who) if who.as_str() == NAMELESS => Err(Problem::new(
                ProblemCode::SubjectInvalid,
                "This token does not say whom it is for, and every action of the staff is somebody's.",
            )),
            Actor::Person(who) | Actor::Machine(who) | Actor::Operator(who) => {
                Ok(Staff { actor: Actor::Operator(who) })
            }
            Actor::System => Err(Problem::unauthorized()),
        }
    }
}

/// Claims as API Gateway hands them over: every one as text.
struct Claims<'a>(&'a HashMap<String, String>);

impl<'a> Claims<'a> {
    fn of(request: &'a Request) -> Option<Claims<'a>> {
        let RequestContext::ApiGatewayV2(context) = request.request_context_ref()? else { return None };
        Some(Claims(&context.authorizer.as_ref()?.jwt.as_ref()?.claims))
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).map(String::as_str)
    }

    /// A person by the subject, unless the token was given to a client for itself: then there is no subject, or it is the
    /// client (`client_id` in RFC 9068, `azp` in OpenID Connect; some issuers add `@clients`).
    fn actor(&self, names: &ClaimNames) -> Result<Actor, Problem> {
        let subject = |text| {
            Subject::parse(text).map_err(|_| {
                let detail =
                    "This token does not say usably whom it is for: its subject is too long or unreadable.";
                Problem::new(ProblemCode::SubjectInvalid, detail)
            })
        };
        let client =
            ["client_id", "azp"].into_iter().find_map(|name| self.get(name).filter(|id| !id.is_empty()));
        let Some(who) = self.get(&names.subject).filter(|who| !who.is_empty()) else {
            return Ok(Actor::Machine(subject(client.unwrap_or(NAMELESS))?));
        };
        let is_client = client.is_some_and(|client| who.strip_suffix("@clients").unwrap_or(who) == client);
        subject(who).map(if is_client { Actor::Machine } else { Actor::Person })
    }

    fn contact(&self, names: &ClaimNames) -> BillingContact {
        let mut contact = BillingContact::default();
        for (field, claim) in [(ContactField::Name, &names.name), (ContactField::Email, &names.email)] {
            // What is of no use is as if it were not there: nobody typed it here.
            let _ = contact.set(field, self.get(claim).unwrap_or_default());
        }
        contact
    }
}

/// What the claim says, and what the token itself says where that can be read.
///
/// API Gateway writes the list `["x billing:view"]` as it writes `["x","billing:view"]`; only the token tells them apart.
/// The token can only take away: that it is the verified one is known to the gateway alone.
fn permissions(request: &Request, claims: &Claims<'_>, names: &ClaimNames) -> Permissions {
    let told = Permissions::parse(claims.get(&names.permissions).unwrap_or_default());
    match claim_in_token(request, &names.permissions) {
        None | Some(Value::String(_)) => told,
        Some(Value::Array(words)) => match words.iter().map(Value::as_str).collect::<Option<Vec<_>>>() {
            Some(words) => told.and(Permissions::of_words(words)),
            None => Permissions::default(),
        },
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => Permissions::default(),
    }
}

/// The claim in the bearer token, where there is a token to read.
fn claim_in_token(request: &Request, claim: &str) -> Option<Value> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let payload = header.rsplit(' ').next()?.split('.').nth(1)?;
    let mut claims: BTreeMap<String, Value> =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    claims.remove(claim)
}

#[cfg(test)]
mod tests {
    use lambda_http::request::LambdaRequest;
    use serde_json::json;

    use super::*;
    use crate::config::Env;

    fn names() -> ClaimNames {
        Env::default().claim_names()
    }

    fn request(claims: &Value, token: Option<&Value>) -> Request {
        let token = token.map(|payload| URL_SAFE_NO_PAD.encode(payload.to_string()));
        let header = token.map_or_else(String::new, |payload| format!("Bearer e30.{payload}.sig"));
        let event = json!({
            "version": "2.0", "routeKey": "GET /", "rawPath": "/", "rawQueryString": "", "isBase64Encoded": false,
            "headers": {"authorization": header},
            "requestContext": {
                "authorizer": {"jwt": {"claims": claims, "scopes": null}},
                "http": {"method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": ""},
                "timeEpoch": 0,
            },
        });
        serde_json::from_value::<LambdaRequest>(event).unwrap().into()
    }

    fn actor(claims: Value) -> Result<Actor, ProblemCode> {
        let mut all = json!({"org_id": "acme"});
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        Caller::read(&request(&all, None), &names())
            .map(|caller| caller.actor)
            .map_err(|problem| problem.code)
    }

    #[test]
    fn a_person_is_the_subject_and_a_machine_its_client() {
        let (person, machine) = (
            |id| Actor::Person(Subject::parse(id).unwrap()),
            |id| Actor::Machine(Subject::parse(id).unwrap()),
        );
        assert_eq!(actor(json!({"sub": "auth0|ana"})), Ok(person("auth0|ana")));
        assert_eq!(actor(json!({"sub": "ana", "client_id": "pages"})), Ok(person("ana")));
        assert_eq!(actor(json!({"client_id": "sender"})), Ok(machine("sender")));
        assert_eq!(actor(json!({"azp": "sender"})), Ok(machine("sender")));
        assert_eq!(actor(json!({"sub": "sender", "client_id": "sender"})), Ok(machine("sender")));
        assert_eq!(actor(json!({"sub": "sender@clients", "azp": "sender"})), Ok(machine("sender@clients")));
        assert_eq!(actor(json!({"sub": ""})), Ok(machine("unnamed")));
        for sub in ["x".repeat(257), "a\nb".to_owned()] {
            assert_eq!(actor(json!({"sub": sub})), Err(ProblemCode::SubjectInvalid));
        }
    }

    #[test]
    fn staff_needs_no_organisation_and_has_a_name() {
        let staff = |claims: Value| {
            Staff::authorize(&request(&claims, None), &names())
                .map(|staff| staff.actor.to_string())
                .map_err(|problem| problem.code)
        };
        let ana = json!({"sub": "ana", "permissions": "[billing:operate]"});
        assert_eq!(staff(ana), Ok("operator:ana".to_owned()));
        assert_eq!(staff(json!({"permissions": "[billing:operate]"})), Err(ProblemCode::SubjectInvalid));
        let every = "[billing:view billing:subscribe credits:spend credits:reverse]";
        let customer = json!({"sub": "ana", "org_id": "acme", "permissions": every});
        assert_eq!(staff(customer), Err(ProblemCode::PermissionRequired));
    }

    #[test]
    fn the_token_takes_away_what_the_gateway_could_not_tell_apart_and_gives_nothing() {
        let may = |claim: &str, token: Option<Value>| {
            let claims = json!({"org_id": "acme", "permissions": claim});
            let token = token.map(|list| json!({ "permissions": list }));
            let caller = Caller::read(&request(&claims, token.as_ref()), &names()).unwrap();
            caller.permissions.allow(Permission::BillingSubscribe)
        };
        assert!(may("[x billing:subscribe]", None));
        assert!(may("[x billing:subscribe]", Some(json!(["x", "billing:subscribe"]))));
        assert!(!may("[x billing:subscribe]", Some(json!(["x billing:subscribe"]))));
        assert!(may("x billing:subscribe", Some(json!("x billing:subscribe"))));
        assert!(!may("[billing:view]", Some(json!(["billing:subscribe"]))));
        assert!(!may("[billing:subscribe 7]", Some(json!(["billing:subscribe", 7]))));
        assert!(!may("billing:subscribe", Some(json!({"billing:subscribe": false}))));
    }

    #[test]
    fn name_and_address_come_from_the_token_where_they_are_usable() {
        let claims = json!({"org_id": "acme", "name": " PT Acme ", "email": "nobody"});
        let contact = Caller::read(&request(&claims, None), &names()).unwrap().contact;
        assert_eq!((contact.name.as_deref(), contact.email), (Some("PT Acme"), None));
    }
}
