//! Faults on request, all of them by counters and clocks, none by chance; and switches for what is
//! not known of the real services.

use std::time::Duration;

use axum::http::{Method, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wildmatch::WildMatch;

use super::answer::{Answer, Content};
use super::call::{Api, Call};
use super::state::Inner;
use super::{arm, kubernetes};

/// Everything that can be asked for; the default is a sandbox without faults.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// How long answers take.
    pub latency: Latency,
    /// Faults of single requests; the first rule that strikes decides.
    pub rules: Vec<FaultRule>,
    /// Whether the documented rates are enforced.
    pub throttling: Throttling,
    /// For how long ARM goes on showing a document as it was before a write, in milliseconds.
    pub stale_reads_ms: u64,
    /// How many exchanges fail before a new or changed credential works.
    pub credential_propagation: u32,
    /// How many role assignments fail before a new identity's principal is known.
    pub principal_replication: u32,
    /// What callers may not do in clusters; access reviews say the same.
    pub denied: Vec<Denied>,
    /// Actions of ARM that nobody may do, as `Microsoft.Authorization/*/write`; `permissions` says the same.
    pub denied_actions: Vec<String>,
    /// Choices where the behaviour of the real services is not known.
    pub unverified: Unverified,
}

/// How long answers take, in milliseconds of tokio's clock.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Latency {
    /// Reading one document, or a cluster's credentials.
    pub read_ms: u64,
    /// Reading a list.
    pub list_ms: u64,
    /// Anything that writes.
    pub write_ms: u64,
    /// Getting a token from Entra.
    pub token_ms: u64,
}

/// One fault: which requests, how often, and what happens to them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// Only requests for this service.
    #[serde(default)]
    pub api: Option<Api>,
    /// Only this method.
    #[serde(default)]
    pub method: Option<String>,
    /// Only paths like this: `*` stands for any text, `?` for one sign, case does not matter.
    #[serde(default)]
    pub path: Option<String>,
    /// How many matching requests pass first.
    #[serde(default)]
    pub skip: u64,
    /// After that, only every so many-th; each where it is absent.
    #[serde(default)]
    pub every: Option<u64>,
    /// How often it strikes in all; without end where it is absent.
    #[serde(default)]
    pub times: Option<u64>,
    /// What happens.
    pub effect: Effect,
}

/// What happens to a request that a rule strikes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It is answered so, and nothing else happens.
    Answer(ScriptedAnswer),
    /// The connection is dropped without an answer.
    Drop(Dropped),
    /// The answer ends half way.
    Truncate,
    /// The answer is a page of HTML.
    NotJson,
    /// The answer's `nextLink` points to this origin, as `https://example.com`.
    ForeignNextLink(String),
    /// ARM answers that a policy forbids it.
    PolicyDenial,
    /// The caller lacks the permission.
    Forbidden,
}

/// When a connection is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dropped {
    /// Before the request had any effect.
    Before,
    /// After it took effect, so that only the answer is lost.
    After,
}

/// An answer written down beforehand, in the error envelope of the service that is asked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScriptedAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The error code (ARM), reason (Kubernetes) or `AADSTS` number (Entra).
    pub code: String,
    /// The text for people.
    pub message: String,
    /// Seconds for a `Retry-After` header.
    pub retry_after: Option<u64>,
}

/// Whether the documented rates are enforced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Throttling {
    /// Never throttled.
    #[default]
    Off,
    /// Token buckets with the rates that Microsoft documents.
    Documented,
}

/// Something that callers may not do in clusters. Absent fields stand for everything.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Denied {
    /// The cluster's key.
    pub cluster: Option<String>,
    /// The verb, as `patch`.
    pub verb: Option<String>,
    /// The resource, as `serviceaccounts` or `serviceaccounts/token`.
    pub resource: Option<String>,
    /// The namespace.
    pub namespace: Option<String>,
}

/// Choices where the behaviour of the real services is not known.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Unverified {
    /// The HTTP status of a second credential with the same issuer and subject: 400 as documented,
    /// or 409 with the code `Conflict` as seen in the wild.
    pub duplicate_pair_status: u16,
    /// Whether issuer and subject of two credentials are the same pair regardless of case.
    pub duplicate_pair_ignores_case: bool,
    /// The HTTP status of the 21st credential.
    pub credential_limit_status: u16,
    /// The error code of the 21st credential.
    pub credential_limit_code: String,
    /// Whether a PATCH with tags keeps the tags it does not name.
    pub patch_merges_tags: bool,
    /// How many entries a page of an ARM list holds.
    pub page_size: usize,
    /// For how many seconds' worth of requests a throttling bucket holds tokens.
    pub burst_seconds: f64,
    /// Whether a failed match is answered with the general code 70021 alone.
    pub exchange_gives_general_code: bool,
}

impl Default for Unverified {
    fn default() -> Self {
        Self {
            duplicate_pair_status: 400,
            duplicate_pair_ignores_case: false,
            credential_limit_status: 400,
            credential_limit_code: "BadRequest".to_owned(),
            patch_merges_tags: false,
            page_size: 100,
            burst_seconds: 1.0,
            exchange_gives_general_code: false,
        }
    }
}

/// The effect of the first rule that strikes this request; every rule that matches counts it.
pub(super) fn strike(inner: &mut Inner, call: &Call, api: Api) -> Option<Effect> {
    let mut struck = None;
    for (rule, matches) in inner.faults.rules.iter().zip(&mut inner.rule_matches) {
        if !rule.matches(api, call) {
            continue;
        }
        *matches += 1;
        if struck.is_none() && rule.strikes_at(*matches) {
            struck = Some(rule.effect.clone());
        }
    }
    struck
}

impl FaultRule {
    fn matches(&self, api: Api, call: &Call) -> bool {
        self.api.is_none_or(|wanted| api == wanted)
            && self.method.as_ref().is_none_or(|m| m.eq_ignore_ascii_case(call.method.as_str()))
            && self.path.as_ref().is_none_or(|pattern| is_like(pattern, &call.path))
    }

    fn strikes_at(&self, matches: u64) -> bool {
        let every = self.every.unwrap_or(1).max(1);
        let Some(after_skip) = matches.checked_sub(self.skip).filter(|n| *n > 0) else {
            return false;
        };
        after_skip.is_multiple_of(every)
            && self.times.is_none_or(|times| after_skip / every <= times)
    }
}

/// Whether a text is like a pattern with `*` and `?`, case aside.
fn is_like(pattern: &str, text: &str) -> bool {
    WildMatch::new_case_insensitive(pattern).matches(text)
}

/// Whether the world's faults deny an action of ARM.
pub(super) fn denies_action(inner: &Inner, action: &str) -> bool {
    let mut denied = inner.faults.denied_actions.iter();
    denied.any(|pattern| is_like(pattern, action))
}

/// How long the answer to this request takes.
pub(super) fn delay(inner: &Inner, call: &Call, api: Api) -> Duration {
    let latency = &inner.faults.latency;
    // The POSTs that give out a kubeconfig, ask Resource Graph or ask for a review change nothing.
    let reads = matches!(call.method, Method::GET | Method::HEAD)
        || arm::is_reading_post(call)
        || kubernetes::is_review(call);
    let is_list = match api {
        Api::Arm => arm::is_list(call),
        Api::Kubernetes => kubernetes::is_list(call),
        Api::Entra | Api::Oidc => false,
    };
    Duration::from_millis(if api == Api::Entra && call.method == Method::POST {
        latency.token_ms
    } else if call.method == Method::GET && is_list {
        latency.list_ms
    } else if reads {
        latency.read_ms
    } else {
        latency.write_ms
    })
}

/// The answer of an effect that takes the place of the service's own.
pub(super) fn instead(effect: &Effect, api: Api, call: &Call) -> Option<Answer> {
    match effect {
        Effect::Answer(scripted) => Some(written(scripted, api)),
        Effect::PolicyDenial => Some(denied_by_policy(call)),
        Effect::Forbidden if api == Api::Kubernetes => Some(kubernetes::forbidden(call)),
        Effect::Forbidden => Some(arm::forbidden(call)),
        Effect::Drop(_) | Effect::Truncate | Effect::NotJson | Effect::ForeignNextLink(_) => None,
    }
}

/// <https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-policy-requestdisallowedbypolicy>
fn denied_by_policy(call: &Call) -> Answer {
    let subscription = call.segments.get(1).map_or("", String::as_str);
    let scope = format!("/subscriptions/{subscription}");
    let provider = format!("{scope}/providers/Microsoft.Authorization");
    let assignment = format!("{provider}/policyAssignments/sandbox");
    let definition = format!("{provider}/policyDefinitions/no-such-resources");
    let identifiers = json!([{
        "policyAssignment": { "name": "sandbox", "id": assignment },
        "policyDefinition": { "name": "no-such-resources", "id": definition },
    }]);
    let name = call.segments.last().map_or("", String::as_str);
    let message =
        format!("Resource '{name}' was disallowed by policy. Policy identifiers: '{identifiers}'.");
    let info = json!({
        "policyDefinitionDisplayName": "No such resources",
        "policyDefinitionName": "no-such-resources",
        "policyDefinitionId": definition,
        "policyDefinitionEffect": "deny",
        "policyAssignmentName": "sandbox",
        "policyAssignmentId": assignment,
        "policyAssignmentScope": scope,
    });
    let error = json!({
        "code": "RequestDisallowedByPolicy", "target": name, "message": message,
        "additionalInfo": [{ "type": "PolicyViolation", "info": info }],
    });
    Answer::json(StatusCode::FORBIDDEN, json!({ "error": error }))
}

fn written(scripted: &ScriptedAnswer, api: Api) -> Answer {
    let ScriptedAnswer { status, code, message, retry_after } = scripted;
    let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = match api {
        Api::Kubernetes => json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": code, "code": status.as_u16(),
        }),
        Api::Entra => json!({
            "error": "temporarily_unavailable",
            "error_description": format!("AADSTS{code}: {message}"),
            "error_codes": code.parse::<u64>().ok().into_iter().collect::<Vec<_>>(),
        }),
        Api::Arm | Api::Oidc => {
            json!({ "error": { "code": code, "message": message } })
        }
    };
    let answer = Answer::json(status, body);
    match retry_after {
        Some(seconds) => answer.with_header(header::RETRY_AFTER, seconds.to_string()),
        None => answer,
    }
}

/// Spoils an answer on its way out.
pub(super) fn spoil(effect: &Effect, mut answer: Answer) -> Answer {
    match (effect, &mut answer.content) {
        (Effect::Truncate, Content::Json(body)) => {
            let mut bytes = body.to_string().into_bytes();
            bytes.truncate(bytes.len() / 2);
            answer.content = Content::Raw(bytes);
        }
        (Effect::NotJson, _) => {
            answer.content =
                Content::Raw(b"<html><body>Service Unavailable</body></html>".to_vec());
        }
        (Effect::ForeignNextLink(origin), Content::Json(body)) => {
            if let Some(page) = body.as_object_mut() {
                page.insert("nextLink".to_owned(), Value::from(format!("{origin}/next")));
            }
        }
        (
            Effect::Truncate
            | Effect::ForeignNextLink(_)
            | Effect::Answer(_)
            | Effect::Drop(_)
            | Effect::PolicyDenial
            | Effect::Forbidden,
            _,
        ) => {}
    }
    answer
}
