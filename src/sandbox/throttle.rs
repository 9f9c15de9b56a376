//! The documented rates as token buckets on tokio's clock. Sources:
//! <https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling>,
//! <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>,
//! <https://learn.microsoft.com/azure/aks/quotas-skus-regions>.

use std::time::Duration;

use axum::http::{Method, StatusCode, header};
use tokio::time::Instant;

use super::answer::Answer;
use super::arm;
use super::arm::error::ArmError;
use super::call::Call;
use super::faults::Throttling;
use super::state::{Inner, folded};

/// Tokens that come back at a steady rate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    tokens: f64,
    at: Instant,
}

/// A bucket that a request takes a token from.
struct Limit {
    name: String,
    per_second: f64,
    capacity: f64,
    code: &'static str,
}

/// Takes a token from every bucket the request falls into, or says when to come back.
pub(super) fn admit(inner: &mut Inner, call: &Call) -> Result<(), Answer> {
    if inner.faults.throttling == Throttling::Off {
        return Ok(());
    }
    let limits = limits(call, inner.faults.unverified.burst_seconds);
    let now = Instant::now();
    let mut wait = Duration::ZERO;
    let mut code = "TooManyRequests";
    for limit in &limits {
        let bucket = inner
            .buckets
            .entry(limit.name.clone())
            .or_insert(Bucket { tokens: limit.capacity, at: now });
        let refilled = bucket.tokens + (now - bucket.at).as_secs_f64() * limit.per_second;
        *bucket = Bucket { tokens: refilled.min(limit.capacity), at: now };
        // A float that counts time may fall short of a whole token by a rounding error.
        let missing = 1.0 - bucket.tokens;
        if missing > 1e-6 {
            let needed = Duration::from_secs_f64(missing / limit.per_second);
            code = if needed > wait { limit.code } else { code };
            wait = wait.max(needed);
        }
    }
    if wait.is_zero() {
        for limit in &limits {
            if let Some(bucket) = inner.buckets.get_mut(&limit.name) {
                bucket.tokens -= 1.0;
            }
        }
        return Ok(());
    }
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let resource = folded(&call.path);
    let message = format!(
        "Request is temporarily throttled because resource {resource} has issued too many requests. Retry after {seconds} seconds."
    );
    let refusal = ArmError::new(StatusCode::TOO_MANY_REQUESTS, code, message);
    Err(Answer::from(refusal).with_header(header::RETRY_AFTER, seconds.to_string()))
}

fn limits(call: &Call, burst_seconds: f64) -> Vec<Limit> {
    let lower: Vec<String> = call.segments.iter().map(|s| folded(s)).collect();
    let keys: Vec<&str> = lower.iter().map(String::as_str).collect();
    let ["subscriptions", subscription, ..] = keys.as_slice() else {
        return Vec::new();
    };
    let (class, capacity, per_second) = match call.method {
        Method::GET | Method::HEAD => ("reads", 250.0, 25.0),
        Method::DELETE => ("deletes", 200.0, 10.0),
        _ => ("writes", 200.0, 10.0),
    };
    let mut limits = vec![Limit {
        name: format!("arm/{subscription}/{class}"),
        per_second,
        capacity,
        code: "SubscriptionRequestsThrottled",
    }];
    // What another provider keeps at a resource counts against that provider's limits.
    let provider = keys.iter().rposition(|key| *key == "providers");
    let provider = provider.and_then(|at| keys.get(at + 1)).copied();
    let has = |name: &str| provider == Some(name);
    if has("microsoft.managedidentity") {
        limits.extend(identity_limits(call, &keys, subscription, burst_seconds));
    }
    if has("microsoft.containerservice") {
        limits.push(cluster_limit(call, &keys, subscription));
    }
    limits
}

fn identity_limits(
    call: &Call,
    keys: &[&str],
    subscription: &str,
    burst_seconds: f64,
) -> Vec<Limit> {
    // The page names identities, an older one of it credentials, with the same numbers: both bind.
    let (verb, of_subscription, of_resource) = match call.method {
        Method::GET if arm::is_list(call) => ("list", 5.0, 0.25),
        Method::GET | Method::HEAD => ("get", 10.0, 0.5),
        Method::DELETE => ("delete", 2.0, 0.25),
        _ => ("write", 2.0, 0.25),
    };
    let limit = |of: String, per_second: f64| Limit {
        name: format!("identity/{verb}/{of}"),
        per_second,
        capacity: (per_second * burst_seconds).max(1.0),
        code: "TooManyRequests",
    };
    let mut limits = vec![limit(subscription.to_owned(), of_subscription)];
    let identity = keys.iter().position(|key| *key == "userassignedidentities").map(|at| at + 2);
    if let Some(end) = identity.filter(|end| *end <= keys.len()) {
        limits.push(limit(keys[..end].join("/"), of_resource));
    }
    limits
}

fn cluster_limit(call: &Call, keys: &[&str], subscription: &str) -> Limit {
    let (name, capacity) = if call.method == Method::GET && arm::is_list(call) {
        (format!("cluster/list/{subscription}"), 500.0)
    } else if call.method == Method::GET {
        (format!("cluster/get/{}", keys.join("/")), 60.0)
    } else {
        (format!("cluster/other/{subscription}"), 60.0)
    };
    Limit { name, per_second: 1.0, capacity, code: "Throttled" }
}
