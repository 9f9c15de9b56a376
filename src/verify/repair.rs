//! The commands that repair a workload: `widctl sync`, or where no profile says what is wanted, those of `az` and
//! `kubectl` that make the one thing that is missing.

use crate::model::kinds::service_account::{
    ANNOTATION_CLIENT_ID, ANNOTATION_TENANT_ID, ANNOTATION_TOKEN_EXPIRATION, ServiceAccountKey,
};
use crate::observed::read::Read;
use crate::verify::scene::{Case, Chain};

/// The life of a token where nobody says another one, in seconds.
/// <https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html>
const USUAL_EXPIRATION: &str = "3600";

/// What lets the account in. Azure takes a pair of issuer and subject once on an identity: where another credential has
/// it, that one is changed; else one is made beside those of others.
/// <https://learn.microsoft.com/cli/azure/identity/federated-credential>
pub(super) fn credential(case: &Case<'_, Chain<'_>>) -> Option<Vec<String>> {
    let Case { scene, subject: chain } = case;
    if !scene.asking.has_no_profile() {
        return Some(scene.asking.sync.clone());
    }
    let (id, issuer) = (chain.key.identity.id(), scene.expected_issuer(chain.cluster)?);
    let listed = scene.observed.credentials.get(&chain.key.identity).and_then(Read::facts);
    let taken = listed
        .into_iter()
        .flatten()
        .find(|live| live.issuer == *issuer && live.subject.as_ref() == Some(chain.subject));
    let (verb, name) = match taken {
        Some(live) => ("update", &live.name),
        None => ("create", &chain.key.name),
    };
    let subscription = id.subscription()?.to_string();
    let arguments = [
        "az",
        "identity",
        "federated-credential",
        verb,
        "--subscription",
        &subscription,
        "--resource-group",
        id.resource_group()?,
        "--identity-name",
        id.name(),
        "--name",
        name.as_str(),
        "--issuer",
        issuer.as_str(),
        "--subject",
        chain.subject.as_str(),
        "--audiences",
        chain.wanted.audience.as_str(),
    ];
    Some(arguments.map(str::to_owned).to_vec())
}

/// What sets one of the webhook's annotations on the account.
pub(super) fn annotation(case: &Case<'_, Chain<'_>>, key: &str) -> Option<Vec<String>> {
    let Case { scene, subject: chain } = case;
    if !scene.asking.has_no_profile() {
        return Some(scene.asking.sync.clone());
    }
    let identity = case.identity().ok()?;
    let value = match key {
        ANNOTATION_CLIENT_ID => identity.client_id.to_string(),
        ANNOTATION_TENANT_ID => identity.tenant_id.to_string(),
        ANNOTATION_TOKEN_EXPIRATION => USUAL_EXPIRATION.to_owned(),
        _ => return None,
    };
    let ServiceAccountKey { cluster, namespace, name, .. } = &chain.account;
    let value = format!("{key}={value}");
    let words = ["annotate", "serviceaccount", name.as_str(), &value, "--overwrite"];
    Some(scene.kubectl(cluster, Some(namespace.as_str()), &words))
}
