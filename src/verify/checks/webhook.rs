//! The workload identity webhook.
//! <https://azure.github.io/azure-workload-identity/docs/installation/mutating-admission-webhook.html>

use std::sync::Arc;

use crate::model::text::ClusterName;
use crate::observed::pods::Admitted;
use crate::observed::read::Read;
use crate::observed::webhook::WebhookTarget;
use crate::profile::resolved::Cluster;
use crate::verify::checks::cluster::update;
use crate::verify::scene::Case;
use crate::verify::verdict::Verdict;

/// The Deployment of the webhook, in the chart and in the AKS add-on alike.
const DEPLOYMENT: &str = "deployment/azure-wi-webhook-controller-manager";
/// The label of its pods.
const SELECTOR: &str = "app=workload-identity-webhook";
/// The namespace of the AKS add-on.
const ADD_ON: &str = "kube-system";

/// Whether a pod that was tried has been through the webhook.
fn has_answered(case: &Case<'_, ClusterName>) -> bool {
    case.scene.answers_of_webhook(case.subject).any(Admitted::webhook_answered)
}

/// What the API server says where it could not call the webhook.
fn uncalled<'a>(case: &Case<'a, ClusterName>) -> impl Iterator<Item = &'a Arc<str>> {
    case.scene.answers_of_webhook(case.subject).filter_map(|tried| match tried {
        Admitted::Uncalled(why) => Some(why),
        Admitted::Pod(_) | Admitted::Denied(_) | Admitted::Refused(_) => None,
    })
}

/// Whether the API server did not accept the webhook's certificate.
fn is_about_certificate(why: &str) -> bool {
    why.contains("x509: ")
}

pub(in crate::verify) fn registered(case: &Case<'_, ClusterName>) -> Verdict {
    const WHY: &str = "without it pods get neither token nor variables";
    const IGNORES: &str =
        "pods that start while the webhook is away get no identity, and nobody is told";
    const ONCE: &str = "a container that another webhook adds later gets no variables";
    // The accounts may all be somebody else's, whose pods need no webhook.
    if !case.scene.chains.iter().any(|chain| chain.cluster == case.subject && chain.is_annotated())
    {
        return Verdict::NotApplicable;
    }
    let objects = match case.scene.objects(case.subject) {
        Ok(objects) => objects,
        Err(why) => return Verdict::unread(why),
    };
    let webhook = match &objects.webhook {
        Read::Facts(Some(webhook)) => webhook,
        Read::Facts(None) => {
            return Verdict::fail("a MutatingWebhookConfiguration of it", "there is none", WHY)
                .repaired_by(install(case));
        }
        Read::Unread(_) if has_answered(case) => return Verdict::Pass,
        Read::Unread(unread) => return Verdict::unread(&*unread.why),
    };
    if webhook.ignores_failures {
        return Verdict::warn("failurePolicy: Fail", "failurePolicy: Ignore", IGNORES);
    }
    if !webhook.is_reinvoked {
        return Verdict::warn("reinvocationPolicy: IfNeeded", "reinvocationPolicy: Never", ONCE);
    }
    Verdict::Pass
}

/// The command that installs the webhook: AKS has an add-on, other clusters take the chart.
fn install(case: &Case<'_, ClusterName>) -> Option<Vec<String>> {
    let cluster = case.scene.desired.clusters.get(case.subject)?;
    let flags = ["--enable-oidc-issuer", "--enable-workload-identity"];
    if let Some(update) = update(cluster, &flags) {
        return Some(update);
    }
    let tenant = format!("azureTenantID={}", case.scene.observed.tenant?);
    let name = "workload-identity-webhook";
    let words = [
        "helm",
        "install",
        name,
        name,
        "--repo",
        "https://azure.github.io/azure-workload-identity/charts",
        "--namespace",
        "azure-workload-identity-system",
        "--create-namespace",
        "--kube-context",
        cluster.context()?,
        "--set",
        &tenant,
    ];
    Some(words.map(str::to_owned).to_vec())
}

pub(in crate::verify) fn ready(case: &Case<'_, ClusterName>) -> Verdict {
    const WHY: &str = "labelled pods are refused while the webhook does not answer";
    if has_answered(case) {
        return Verdict::Pass;
    }
    let (namespace, name) = match case.scene.webhook(case.subject).map(|webhook| &webhook.target) {
        Some(WebhookTarget::Service { namespace, name }) => (namespace, name),
        Some(WebhookTarget::Address) | None => return Verdict::NotApplicable,
    };
    let look = ["get", "pods", "--selector", SELECTOR];
    let fix = Some(case.scene.kubectl(case.subject, Some(namespace), &look));
    let wanted = format!("something ready behind service {namespace}/{name}");
    if let Some(why) = uncalled(case).find(|why| !is_about_certificate(why)) {
        return Verdict::fail(wanted, &**why, WHY).repaired_by(fix);
    }
    match case.scene.evidence.endpoints.get(case.subject) {
        Some(Read::Facts(true)) => Verdict::Pass,
        Some(Read::Facts(false)) => {
            Verdict::fail(wanted, "no EndpointSlice with a ready address", WHY).repaired_by(fix)
        }
        Some(Read::Unread(unread)) => Verdict::unread(&*unread.why),
        None => Verdict::unread("its service was not looked at"),
    }
}

pub(in crate::verify) fn certificate(case: &Case<'_, ClusterName>) -> Verdict {
    const WHY: &str = "the API server calls the webhook only by a certificate that it trusts, so labelled pods are refused";
    let webhook = case.scene.webhook(case.subject);
    let namespace = webhook.and_then(|webhook| match &webhook.target {
        WebhookTarget::Service { namespace, .. } => Some(&**namespace),
        WebhookTarget::Address => None,
    });
    let restart = ["rollout", "restart", DEPLOYMENT];
    let fix =
        namespace.map(|namespace| case.scene.kubectl(case.subject, Some(namespace), &restart));
    let wanted = "a certificate that the configuration's CA bundle trusts";
    if let Some(why) = uncalled(case).find(|why| is_about_certificate(why)) {
        return Verdict::fail(wanted, &**why, WHY).repaired_by(fix);
    }
    if has_answered(case) {
        return Verdict::Pass;
    }
    match webhook.and_then(|webhook| webhook.trusted_until) {
        Some(until) if until < case.scene.asking.now => {
            let found = format!("the CA bundle expired at {until}");
            Verdict::fail(wanted, found, WHY).repaired_by(fix)
        }
        Some(_) => Verdict::not_provable(
            "the CA bundle has not expired; whether it is that of the webhook's certificate only a pod shows, and none was created for show",
        ),
        None => Verdict::not_provable("the CA bundle has no certificate that can be read"),
    }
}

pub(in crate::verify) fn once(case: &Case<'_, ClusterName>) -> Verdict {
    const WHY: &str = "both take turns with one configuration and its certificate";
    let survey = case.scene.evidence.surveys.get(case.subject);
    let installations = match survey.and_then(|survey| survey.installations.as_ref()) {
        Some(Read::Facts(installations)) => installations,
        Some(Read::Unread(unread)) => return Verdict::unread(&*unread.why),
        None => return Verdict::NotApplicable,
    };
    if installations.len() < 2 {
        return Verdict::Pass;
    }
    let chart = installations.iter().find(|(namespace, _)| &***namespace != ADD_ON);
    let fix = chart.and_then(|(namespace, release)| {
        let context = case.scene.desired.clusters.get(case.subject).and_then(Cluster::context);
        let context = context.into_iter().flat_map(|context| ["--kube-context", context]);
        let words = ["helm", "uninstall", release.as_deref()?, "--namespace", namespace];
        Some(words.into_iter().chain(context).map(str::to_owned).collect())
    });
    let found: Vec<&str> = installations.keys().map(AsRef::as_ref).collect();
    let found = format!("Deployments of it in {}", found.join(" and "));
    Verdict::warn("the webhook installed once", found, WHY).repaired_by(fix)
}
