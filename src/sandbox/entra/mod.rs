//! Entra: the token endpoint of one tenant and its discovery documents.

mod error;
mod exchange;

use axum::http::{Method, StatusCode};
use serde_json::json;
use url::form_urlencoded;

use self::error::EntraError;
use super::answer::Answer;
use super::call::Call;
use super::jwt;
use super::jwt::Token;
use super::keys::Key;
use super::state::Inner;

/// How long an access token lasts, in seconds.
const LIFETIME: i64 = 3600;

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Answers one request to Entra.
pub(super) fn answer(inner: &mut Inner, call: &Call) -> Answer {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match (call.method == Method::POST, segments.as_slice()) {
        (true, [tenant, "oauth2", "v2.0", "token"]) => {
            let trace = inner.fresh_id();
            let granted = grant(inner, call, tenant);
            granted.unwrap_or_else(|error| error.into_answer(trace, inner.clock.now()))
        }
        (false, [tenant, .., ".well-known", "openid-configuration"]) => discovery(call, tenant),
        (false, ["common", "discovery", "instance"]) => instance(inner, call),
        (false, [_, "discovery", "v2.0", "keys"]) => {
            Answer::ok(json!({ "keys": [Key::Entra.jwk()] }))
        }
        _ => Answer::empty(StatusCode::NOT_FOUND),
    }
}

/// The parameters of a token request.
struct Form(Vec<(String, String)>);

impl Form {
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    fn required(&self, name: &str) -> Result<&str, EntraError> {
        self.get(name).ok_or_else(|| EntraError::missing(name))
    }
}

/// Who a token is for.
struct Caller {
    client_id: String,
    object_id: String,
}

/// The client credentials grant in its three forms
/// (<https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>).
fn grant(inner: &mut Inner, call: &Call, tenant: &str) -> Result<Answer, EntraError> {
    if !tenant.eq_ignore_ascii_case(&inner.state.tenant) {
        return Err(EntraError::tenant(tenant));
    }
    let form = Form(form_urlencoded::parse(&call.body).into_owned().collect());
    if form.required("grant_type")? != "client_credentials" {
        return Err(EntraError::grant_type());
    }
    let client_id = form.required("client_id")?.to_lowercase();
    let resource = resource(form.required("scope")?)?.to_owned();
    let caller = match (form.get("client_assertion"), form.get("client_secret")) {
        (Some(assertion), _) => {
            if form.required("client_assertion_type")? != JWT_BEARER {
                return Err(EntraError::malformed_assertion());
            }
            let assertion = Token::parse(assertion).ok_or_else(EntraError::malformed_assertion)?;
            if client_id == super::PRINCIPAL_CLIENT_ID {
                built_in()
            } else {
                exchange::exchange(inner, &client_id, &assertion)?
            }
        }
        (None, Some(_)) if client_id == super::PRINCIPAL_CLIENT_ID => built_in(),
        (None, Some(_)) if inner.identity_of_client(&client_id).is_some() => {
            return Err(EntraError::secret(&client_id));
        }
        (None, Some(_)) => return Err(EntraError::application(&client_id, tenant)),
        (None, None) => return Err(EntraError::missing("client_assertion' or 'client_secret")),
    };
    Ok(Answer::ok(json!({
        "token_type": "Bearer",
        "expires_in": LIFETIME,
        "ext_expires_in": LIFETIME,
        "access_token": access_token(inner, &caller, &resource),
    })))
}

fn built_in() -> Caller {
    Caller {
        client_id: super::PRINCIPAL_CLIENT_ID.to_owned(),
        object_id: super::PRINCIPAL_OBJECT_ID.to_owned(),
    }
}

/// The one resource of a scope `resource/.default`, which becomes the token's audience.
fn resource(scope: &str) -> Result<&str, EntraError> {
    let resource = scope.strip_suffix("/.default").filter(|resource| !resource.is_empty());
    resource.filter(|resource| !resource.contains(' ')).ok_or_else(|| EntraError::scope(scope))
}

fn access_token(inner: &mut Inner, caller: &Caller, resource: &str) -> String {
    let now = inner.clock.now().as_second();
    let tenant = inner.state.tenant.clone();
    let claims = json!({
        "aud": resource,
        "iss": format!("https://sts.windows.net/{tenant}/"),
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME,
        "appid": caller.client_id,
        "idtyp": "app",
        "oid": caller.object_id,
        "sub": caller.object_id,
        "tid": tenant,
        "uti": inner.fresh_id().simple().to_string(),
        "ver": "1.0",
    });
    jwt::sign(Key::Entra, &claims)
}

fn discovery(call: &Call, tenant: &str) -> Answer {
    let base = format!("{}/{tenant}", call.origin);
    Answer::ok(json!({
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "jwks_uri": format!("{base}/discovery/v2.0/keys"),
        "issuer": format!("{base}/v2.0"),
        "response_types_supported": ["token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }))
}

fn instance(inner: &Inner, call: &Call) -> Answer {
    let tenant = &inner.state.tenant;
    let endpoint = format!("{}/{tenant}/v2.0/.well-known/openid-configuration", call.origin);
    Answer::ok(
        json!({ "tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": [] }),
    )
}
