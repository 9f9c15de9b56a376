//! What the webhook gives a pod of an account that is created for show.
//! <https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html>

use crate::observed::pods::{Admitted, BINDING_AUDIENCE, PodFacts, Variable};
use crate::observed::read::Read;
use crate::verify::checks::account;
use crate::verify::scene::{Case, Chain};
use crate::verify::verdict::Verdict;

pub(in crate::verify) fn injected(case: &Case<'_, Chain<'_>>) -> Verdict {
    const REFUSED: &str = "pods of the account are refused in the same way";
    if !case.subject.is_annotated() {
        return Verdict::NotApplicable;
    }
    let wanted = "a pod of the account is created";
    match case.scene.evidence.dry_runs.get(&case.subject.account) {
        Some(Read::Facts(Admitted::Pod(pod))) => compare(case, pod),
        Some(Read::Facts(Admitted::Denied(why) | Admitted::Uncalled(why))) => {
            Verdict::fail(wanted, &**why, REFUSED)
        }
        Some(Read::Facts(Admitted::Refused(why))) => Verdict::not_provable(format!(
            "something else than the webhook refuses the pod that was tried: {why}"
        )),
        Some(Read::Unread(unread)) => Verdict::unread(&*unread.why),
        None => Verdict::unread("no pod was tried"),
    }
}

/// Compares a pod with its account as it is, variable by variable.
fn compare(case: &Case<'_, Chain<'_>>, pod: &PodFacts) -> Verdict {
    const WHY: &str = "the SDKs of Azure sign in by these variables and this file";
    const AUDIENCE: &str = "pods present the token that they are given, and Entra takes one for the credential's audience alone";
    let Ok(Some(live)) = account::live(case) else {
        return Verdict::unread("the account was not read");
    };
    let annotated = |value: &Option<_>| value.is_some();
    for (variable, is_wanted) in [
        (Variable::ClientId, annotated(&live.client_id)),
        (Variable::TenantId, true),
        (Variable::TokenFile, true),
        (Variable::AuthorityHost, true),
    ] {
        let found = pod.value(variable);
        if is_wanted && found.is_none() {
            return Verdict::fail(variable.name(), missing(case, pod), WHY);
        }
    }
    for (variable, annotation) in
        [(Variable::ClientId, &live.client_id), (Variable::TenantId, &live.tenant_id)]
    {
        if let (Some(wanted), Some(found)) = (annotation.as_deref(), pod.value(variable))
            && wanted != found
        {
            let named = |value: &str| format!("{}={value}", variable.name());
            return Verdict::fail(named(wanted), named(found), WHY);
        }
    }
    let Some(token) = pod.token() else {
        let file = pod.value(Variable::TokenFile).unwrap_or_default();
        return Verdict::fail(format!("a token at {file}"), "no volume brings one there", WHY);
    };
    let (wanted, found) = (case.subject.wanted.audience.as_str(), token.audience.as_deref());
    match found {
        Some(found) if found == wanted => Verdict::Pass,
        Some(BINDING_AUDIENCE) => Verdict::not_provable(
            "pods of this cluster sign in by the proxy of identity bindings, which cannot be tried from outside",
        ),
        found => {
            let found = found.unwrap_or("a token for the API server");
            Verdict::fail(wanted, found, AUDIENCE)
        }
    }
}

/// What a pod has instead of what is missing.
fn missing(case: &Case<'_, Chain<'_>>, pod: &PodFacts) -> String {
    let here: Vec<_> = Variable::INJECTED
        .into_iter()
        .filter(|variable| pod.value(*variable).is_some())
        .map(Variable::name)
        .collect();
    if !here.is_empty() {
        return here.join(", ");
    }
    let webhook = case.scene.webhook(case.subject.cluster);
    match webhook.and_then(|webhook| webhook.namespaces.as_deref()) {
        Some(selector) => {
            format!("a pod without any; the webhook is called for namespaces of {selector}")
        }
        None => "a pod without any".to_owned(),
    }
}
