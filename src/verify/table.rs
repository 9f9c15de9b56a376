//! All checks, each after those that it needs.

use crate::model::kinds::identity::IdentityKey;
use crate::model::text::ClusterName;
use crate::verify::checks::{
    account, cluster, controllers, credential, exchange, injection, isolation, pods, rights,
    service, token, webhook,
};
use crate::verify::controllers::Controlled;
use crate::verify::probe::Probed;
use crate::verify::scene::{Case, Chain, Federation};
use crate::verify::services::Call;
use crate::verify::verdict::Verdict;
use crate::verify::workloads::Used;

/// One check.
#[derive(Debug)]
pub struct Check {
    /// Its stable code.
    pub code: &'static str,
    /// What it checks, as a statement that holds where it passes.
    pub title: &'static str,
    /// Why it matters, or why it does not pass.
    pub cause: &'static str,
    /// What fixes it, where a finding knows no more.
    pub fix: &'static str,
    /// The codes of the checks that have to pass first: of the same thing, or of its cluster.
    pub needs: &'static [&'static str],
    pub(super) run: Run,
}

/// What a check is about, and what it does.
#[derive(Debug)]
pub(super) enum Run {
    Cluster(fn(&Case<'_, ClusterName>) -> Verdict),
    Identity(fn(&Case<'_, IdentityKey>) -> Verdict),
    Account(fn(&Case<'_, Chain<'_>>) -> Verdict),
    /// Of what makes pods, and of a pod that nothing known has made.
    Template(fn(&Case<'_, Used<'_>>) -> Verdict),
    Pod(fn(&Case<'_, Used<'_>>) -> Verdict),
    Team(fn(&Case<'_, Probed<'_>>) -> Verdict),
    Federation(fn(&Case<'_, Federation<'_>>) -> Verdict),
    Controller(fn(&Case<'_, Controlled<'_>>) -> Verdict),
    Call(fn(&Case<'_, Call<'_>>) -> Verdict),
}

/// Builds the table.
macro_rules! checks {
    ($($about:ident $code:literal, $title:literal, [$($need:literal),*], $run:path, $cause:literal, $fix:literal;)+) => {
        /// All checks.
        pub static CHECKS: &[Check] = &[$(Check {
            code: $code,
            title: $title,
            cause: $cause,
            fix: $fix,
            needs: &[$($need),*],
            run: Run::$about($run),
        }),+];
    };
}

/// The check of the exchange: what it needs has to pass before a token is sent to Entra.
pub(super) const EXCHANGE: &str = "WID-V-EXCHANGE";
/// The check of a pod that is created for show.
pub(super) const INJECTION: &str = "WID-V-INJECTION";
/// The check of what controllers are told, which speaks for objects that could not be listed as well.
pub(super) const CONTROLLER: &str = "WID-V-CONTROLLER-CLIENT-ID";
/// The check of the label, which speaks for objects that could not be listed as well.
pub(super) const LABEL: &str = "WID-V-POD-LABEL";

checks! {
    Cluster "WID-V-CLUSTER", "the API server answers", [], cluster::reached,
        "the API server could not be reached, or refused the sign-in: then nothing of its workloads is known",
        "do what the finding's hint says: reach the API server, or sign in to it";
    Cluster "WID-V-ISSUER-ENABLED", "the OIDC issuer is enabled", [], cluster::issuer_enabled,
        "without an OIDC issuer nobody outside the cluster can check its tokens",
        "`az aks update --enable-oidc-issuer`, which restarts the API server and cannot be undone";
    Cluster "WID-V-DISCOVERY", "the issuer's public document can be read without signing in",
        ["WID-V-ISSUER-ENABLED"], cluster::discovery,
        "Entra reads the issuer's document without credentials; a private or closed one ends every exchange",
        "publish the document and its keys, or bind `system:service-account-issuer-discovery` to `system:unauthenticated`";
    Cluster "WID-V-ISSUER", "the document and the tokens name the same issuer, byte for byte",
        ["WID-V-DISCOVERY"], cluster::issuer,
        "Entra compares the issuer of the token, of the document and of the credential byte for byte",
        "make the cluster's issuer and the profile's the same, then `widctl sync`";
    Cluster "WID-V-JWKS", "the issuer publishes keys for RS256", ["WID-V-DISCOVERY"], cluster::keys,
        "Entra checks tokens by RS256 with the keys that the issuer publishes, the first 100 of them",
        "have the issuer publish its signing keys";
    Cluster "WID-V-WEBHOOK", "the workload identity webhook is registered", ["WID-V-CLUSTER"], webhook::registered,
        "without the webhook pods get neither token nor variables, however their account is annotated",
        "`az aks update --enable-workload-identity`, or the webhook's Helm chart";
    Cluster "WID-V-WEBHOOK-READY", "the webhook answers", ["WID-V-WEBHOOK"], webhook::ready,
        "nothing ready is behind the webhook's service: its pods do not run, or the API server cannot reach them",
        "`kubectl get pods -n NAMESPACE -l app=workload-identity-webhook`, and what their events say";
    Cluster "WID-V-WEBHOOK-CERT", "the API server trusts the webhook's certificate",
        ["WID-V-WEBHOOK-READY"], webhook::certificate,
        "the CA bundle in the webhook's configuration is not that of its certificate: it has expired, or its renewal could not be written",
        "`kubectl rollout restart deployment/azure-wi-webhook-controller-manager -n NAMESPACE`; its account must be able to update the configuration";
    Cluster "WID-V-WEBHOOK-ONCE", "the webhook is installed once", ["WID-V-WEBHOOK"], webhook::once,
        "the add-on of AKS and the chart are installed together and share one configuration",
        "`helm uninstall` the chart, or switch the add-on off";
    Cluster "WID-V-TOKEN-HUBS", "nobody but the system and cluster-admins gets tokens of other accounts everywhere",
        ["WID-V-CLUSTER"], isolation::token_hubs,
        "`create` on `serviceaccounts/token` in a ClusterRole that is bound cluster-wide makes its holder every workload of the cluster, with every identity",
        "give it in a Role of each namespace, with `resourceNames`; External Secrets has `rbac.serviceAccountTokenCreate=false` for that";
    Cluster "WID-V-RETIRING", "no credential trusts an issuer that the cluster had before", [], isolation::retiring,
        "`also_trust` keeps credentials for an issuer of the cluster as it was: whoever holds its signing keys gets in by them",
        "once no pod has a token of it, take the issuer out of `also_trust` and `widctl sync --prune`";
    Identity "WID-V-FOREIGN-TRUST", "the identity lets in nobody whom the profile does not name", [],
        isolation::foreign_trust,
        "a credential of somebody else, or an identity binding of AKS, gives the identity to whoever it lets in; widctl neither changes nor deletes it",
        "delete the credential or the binding; a credential that is meant is listed in `trusted` of `[policy]`";
    Identity "WID-V-ROLES", "the identity has the role assignments of the profile", [], rights::roles,
        "without its role assignments the identity gets a token and is refused where it uses it",
        "`widctl sync`; a new role assignment takes up to 10 minutes";
    Account "WID-V-ACCOUNT", "the service account exists", ["WID-V-CLUSTER"], account::exists,
        "pods that name it do not start, and nobody gives tokens of it",
        "`widctl sync`";
    Account "WID-V-ANNOTATIONS", "the webhook's annotations are well formed",
        ["WID-V-ACCOUNT"], account::annotations,
        "the webhook reads ids and the token's life from annotations; a misspelt key or a value of the wrong form is as good as none",
        "`widctl sync`";
    Account "WID-V-CLIENT-ID", "the account names the workload's identity",
        ["WID-V-ANNOTATIONS"], account::client_id,
        "the client id says which identity a pod asks for; another one has no credential for the account",
        "`widctl sync`, then start the pods again";
    Account "WID-V-TENANT-ID", "the account names the tenant of the identity",
        ["WID-V-CLIENT-ID"], account::tenant_id,
        "the tenant says which Entra a pod asks; the identity is in its own tenant alone",
        "`widctl sync`, then start the pods again";
    Account "WID-V-INJECTION", "a labelled pod of the account gets its variables and its token",
        ["WID-V-WEBHOOK-READY", "WID-V-WEBHOOK-CERT", "WID-V-ANNOTATIONS"], injection::injected,
        "a pod that was created for show came back without them, or was refused",
        "compare the account's annotations with what the finding shows, and the webhook's logs";
    Account "WID-V-CREDENTIAL", "the identity has a federated credential for the account",
        ["WID-V-CLIENT-ID"], credential::exists,
        "the identity trusts no token of the account",
        "`widctl sync`";
    Account "WID-V-CREDENTIAL-ISSUER", "the credential's issuer is the cluster's, byte for byte",
        ["WID-V-CREDENTIAL"], credential::issuer,
        "a credential trusts one issuer, byte for byte; after a cluster was recreated it is the old one",
        "`widctl sync`";
    Account "WID-V-CREDENTIAL-SUBJECT", "the credential's subject is the account's, byte for byte",
        ["WID-V-CREDENTIAL"], credential::subject,
        "a credential trusts one subject, byte for byte, case included",
        "`widctl sync`";
    Account "WID-V-CREDENTIAL-AUDIENCE", "the credential's audience is the token's, byte for byte",
        ["WID-V-CREDENTIAL"], credential::audience,
        "a credential trusts tokens for its audience alone",
        "`widctl sync`";
    Account "WID-V-TOKEN", "the API server gives a token of the account",
        ["WID-V-ACCOUNT"], token::issued,
        "the API server gives no token of the account to whoever runs widctl",
        "allow `create` on `serviceaccounts/token` in the team's namespace";
    Account "WID-V-TOKEN-CLAIMS", "the token is about the account and for the audience",
        ["WID-V-TOKEN"], token::claims,
        "the token names another account or audience than it was asked for",
        "compare the API server's flags `--api-audiences` and `--service-account-issuer`, and what stands before it";
    Account "WID-V-TOKEN-SIGNATURE", "a published key verifies the token",
        ["WID-V-TOKEN", "WID-V-JWKS"], token::signature,
        "the issuer's published keys are not those that sign tokens, as after a rotation that was not published",
        "publish the keys that the API server signs with";
    Account "WID-V-TOKEN-REVIEW", "the API server takes the token for the account's",
        ["WID-V-TOKEN"], token::review,
        "the API server does not accept its own token",
        "compare `--api-audiences` and the keys of the API servers of this cluster";
    Account "WID-V-EXCHANGE", "Entra exchanges the token for one of the identity",
        [
            "WID-V-TENANT-ID", "WID-V-CREDENTIAL-ISSUER", "WID-V-CREDENTIAL-SUBJECT",
            "WID-V-CREDENTIAL-AUDIENCE", "WID-V-TOKEN-CLAIMS"
        ], exchange::exchanged,
        "Entra did not give a token for the account's",
        "`widctl explain AADSTS…` with the code of the finding; after a sync Entra may need minutes, `--wait`";
    Account "WID-V-EXCHANGE-IDENTITY", "the access token's tenant, client and principal are the identity's",
        ["WID-V-EXCHANGE"], exchange::identity,
        "the token that Entra gave is another identity's",
        "compare the account's client id with the identity's, then `widctl sync`";
    Account "WID-V-RBAC", "the account's Role and RoleBinding are as the profile wants",
        ["WID-V-CLUSTER"], rights::rbac,
        "the workload may not do in the cluster what the profile gives it",
        "`widctl sync`";
    Federation "WID-V-FEDERATION", "the identity has the pipeline's credential, field by field", [], credential::federated,
        "a pipeline gets no token of the identity without a credential with the issuer, the subject and the audience of its own",
        "`widctl sync`";
    Federation "WID-V-FEDERATION-EXCHANGE", "Entra exchanges the pipeline's token for one of the identity",
        ["WID-V-FEDERATION"], credential::federated_exchange,
        "nobody but the pipeline has its tokens, so that no exchange of it can be tried from here",
        "sign in as the identity in the pipeline itself";
    Template "WID-V-POD-LABEL", "the pod template has the webhook's label", [], pods::label,
        "the webhook is called for pods with the label `azure.workload.identity/use: \"true\"` alone: on a Job, a Deployment or an account the label does nothing",
        "label the pod template; a Job has to be deleted and created with it, a Prefect job where its work pool describes it";
    Template "WID-V-POD-ACCOUNT", "labelled pods run as an account with an identity", [], pods::account,
        "a pod without `serviceAccountName` runs as `default`, which has no identity",
        "set `serviceAccountName` in the pod template, or annotate the account with its identity's client id; a Job has to be deleted and created with it";
    Template "WID-V-POD-ENV", "the template sets no variable that wins over the webhook's", [], pods::environment,
        "the webhook leaves a variable alone that the container sets itself, and the SDKs of Azure try a secret, a certificate or a user before the token",
        "remove the variable: `kubectl set env KIND/NAME VARIABLE-`";
    Template "WID-V-POD-PATH", "nothing names the token's old path", [], pods::path,
        "since its version 1.6 the webhook puts the token elsewhere than at `/var/run/secrets/azure/tokens/azure-identity-token`",
        "read the path from the variable AZURE_FEDERATED_TOKEN_FILE";
    Template "WID-V-POD-ADMISSION", "pods by the template are not refused", ["WID-V-INJECTION"], pods::admission,
        "a policy, Pod Security or a quota refuses the pods, so none runs",
        "change the template as the refusal says";
    Pod "WID-V-POD-INJECTED", "each container got its variables when it was created", ["WID-V-WEBHOOK"], pods::injected,
        "the pod was created while the webhook was away, or before it was labelled",
        "`kubectl rollout restart` what made the pod; a Job has to be created again";
    Pod "WID-V-POD-AGE", "the pod was given what its account has today", ["WID-V-CLIENT-ID", "WID-V-TENANT-ID"], pods::age,
        "a pod keeps what it was given when it was created, whatever its account is changed to",
        "`kubectl rollout restart` what made the pod";
    Team "WID-V-ISOLATION", "Entra refuses the tokens of other teams that were presented for identities of the team",
        [], isolation::probed,
        "Entra gave an account of one team a token of another team's identity, as a credential behind widctl's back lets it",
        "delete the credential that lets the account in: `WID-V-FOREIGN-TRUST` names it";
    Controller "WID-V-CONTROLLER-CLIENT-ID", "the client id that a controller is given is that of an identity that trusts whoever asks with it",
        [], controllers::client_id,
        "KEDA and cert-manager ask as their own account, the Secrets Store as the pod's, External Secrets as the account that the store names: Entra refuses the token (AADSTS700213) where the identity does not trust that account",
        "add the account to the identity as a workload with mode `trust-only`, or name an identity that trusts it";
    Call "WID-V-SERVICE", "the API server tells the caller's token for the service from every other one",
        ["WID-V-CLUSTER", "WID-V-TOKEN"], service::called,
        "a service asks the API server whose a token is, and lets in its callers: the token of another account, or for another audience, must not pass for a caller's",
        "compare the API server's flags `--api-audiences` and `--service-account-issuer`, and what stands before it";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::CHECKS;

    #[test]
    fn codes_are_unique_and_each_check_comes_after_what_it_needs() {
        let mut seen = BTreeSet::new();
        for check in CHECKS {
            for need in check.needs {
                assert!(seen.contains(need), "{} needs {need}", check.code);
            }
            assert!(seen.insert(check.code), "{} is there twice", check.code);
        }
        assert!(seen.contains(super::EXCHANGE));
    }
}
