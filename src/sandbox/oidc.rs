//! A cluster's public issuer documents
//! (<https://openid.net/specs/openid-connect-discovery-1_0.html>).
//!
//! They are at `/oidc/{tenant}/{guid}/…`, for any issuer at `/oidc/at/{host}/{path}/…`, and under the issuer's own
//! name for a caller whose transport leads that name here.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::answer::Answer;
use super::call::Call;
use super::keys::Key;
use super::state::{Cluster, Inner};

/// Where the discovery document stands below an issuer.
pub(super) const DISCOVERY: &str = "/.well-known/openid-configuration";
/// Where the keys stand below an issuer.
pub(super) const KEYS: &str = "/openid/v1/jwks";

/// What an issuer shows everybody.
#[derive(Debug, Clone)]
pub(super) struct Published {
    /// The issuer, as its document names it.
    pub(super) issuer: String,
    /// Its keys (<https://www.rfc-editor.org/rfc/rfc7517#section-5>).
    pub(super) keys: Value,
}

/// What an issuer shows: what was set for it, else what its cluster signs with.
pub(super) fn published(inner: &Inner, issuer: &str) -> Option<Published> {
    let of_cluster = || {
        let cluster = inner.state.clusters.values().find(|cluster| cluster.issuer == issuer)?;
        Some(Published { issuer: cluster.issuer.clone(), keys: keys(cluster) })
    };
    inner.published.get(issuer).cloned().unwrap_or_else(of_cluster)
}

/// Whether a request addresses the documents of an issuer by the issuer's own name.
pub(super) fn is_for_issuer(inner: &Inner, call: &Call) -> bool {
    by_name(inner, call).is_some()
}

fn by_name<'a>(inner: &'a Inner, call: &Call) -> Option<(&'a Cluster, String)> {
    let base = base(call)?;
    let addressed = format!("{}{base}", call.host);
    let cluster =
        of_issuer(inner, &addressed).filter(|cluster| cluster.issuer.starts_with("https://"))?;
    Some((cluster, format!("https://{addressed}")))
}

/// By the issuer as a part of the path.
fn by_place<'a>(inner: &'a Inner, call: &Call) -> Option<(&'a Cluster, String)> {
    let base = base(call)?;
    let cluster = of_issuer(inner, base.strip_prefix("/oidc/at/")?)?;
    Some((cluster, format!("{}{base}", call.origin)))
}

/// What comes before the documents' names.
fn base(call: &Call) -> Option<&str> {
    call.path.strip_suffix(DISCOVERY).or_else(|| call.path.strip_suffix(KEYS))
}

/// The cluster whose issuer has this host and path.
fn of_issuer<'a>(inner: &'a Inner, place: &str) -> Option<&'a Cluster> {
    let mut clusters = inner.state.clusters.values();
    clusters.find(|cluster| {
        let (_, rest) = cluster.issuer.split_once("://").unwrap_or_default();
        rest.trim_end_matches('/') == place.trim_end_matches('/')
    })
}

/// Answers for the discovery document and the keys.
pub(super) fn answer(inner: &Inner, call: &Call) -> Answer {
    let found = by_name(inner, call).or_else(|| by_place(inner, call)).or_else(|| {
        let guid = call.segments.get(2)?;
        let cluster = inner.state.clusters.values().find(|cluster| &cluster.guid == guid)?;
        Some((cluster, format!("{}/oidc/{}/{guid}", call.origin, inner.state.tenant)))
    });
    let found = found.and_then(|(cluster, base)| Some((published(inner, &cluster.issuer)?, base)));
    match found {
        Some((shown, _)) if call.method == Method::GET && call.path.ends_with(KEYS) => {
            Answer::ok(shown.keys)
        }
        Some((shown, base)) if call.method == Method::GET && call.path.ends_with(DISCOVERY) => {
            Answer::ok(discovery(&shown.issuer, &format!("{base}{KEYS}")))
        }
        _ => Answer::empty(StatusCode::NOT_FOUND),
    }
}

/// The discovery document of an issuer, with the address of its keys.
pub(super) fn discovery(issuer: &str, keys_address: &str) -> Value {
    json!({
        "issuer": issuer,
        "jwks_uri": keys_address,
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    })
}

/// The keys that a cluster's tokens are checked with.
pub(super) fn keys(cluster: &Cluster) -> Value {
    let keys: Vec<Value> = cluster.shown_keys().into_iter().map(Key::jwk).collect();
    json!({ "keys": keys })
}
