//! What a plan remarks: it goes on, but people should know.

use std::fmt::Display;

use crate::model::guid::ClientId;
use crate::model::kinds::federated_credential::{
    CREDENTIALS_PER_IDENTITY, IDENTITY_BINDING_NAME, LiveFederatedCredential,
};
use crate::model::kinds::identity::IdentityKey;
use crate::model::kinds::marks::LABEL_MANAGED_BY;
use crate::model::kinds::role_assignment::RoleAssignmentKey;
use crate::model::rule::{Rule, rules};
use crate::model::text::{ClusterName, CredentialName, Issuer, TeamName};
use crate::model::{plural, shell};
use crate::observed::state::IdentityBinding;
use crate::plan::contents::{Note, Severity};
use crate::plan::kinds::marked::Held;
use crate::plan::refusals;
use crate::plan::refusals::cluster::az_update;
use crate::profile::resolved::{Cluster, Remark};

/// How many names a sentence has at most.
const MOST_NAMED: usize = 3;

rules! {
    ISSUER_SLASH = "WID-ISSUER-SLASH", Note;
        "a cluster's issuer and ARM's differ by one trailing slash",
        "Entra compares issuers byte for byte, and tokens carry what the discovery document says, so that value is used",
        "nothing to do";
    ISSUER_LEFT = "WID-ISSUER-UNCONFIRMED", Note;
        "a credential differs from ARM's issuer by one trailing slash and is left as it is",
        "the discovery document could not be read, so it is unknown which spelling the tokens carry",
        "make the issuer's discovery document reachable and plan again";
    ISSUER_PINNED = "WID-ISSUER-PINNED", Note;
        "a pinned issuer differs from what the cluster says",
        "the profile's issuer is used; tokens carry the cluster's own, so the exchange will fail if they differ",
        "write the cluster's issuer into the profile";
    IDENTITY_FOREIGN = "WID-IDENTITY-FOREIGN", Note;
        "an identity exists without widctl's tags",
        "it is used, and never tagged or changed",
        "--adopt takes it over; `create = false` says that it is somebody else's";
    CREDENTIAL_FOREIGN = "WID-CREDENTIAL-FOREIGN", Note;
        "another credential already trusts what the profile wants",
        "Azure takes a pair of issuer and subject once per identity, so the credential that exists is used",
        "--adopt renames it (delete, then create)";
    FOREIGN_TRUST = "WID-FOREIGN-TRUST", Note;
        "identities of the estate let in whom the profile does not name",
        "a credential of somebody else gives an identity to whoever it trusts; widctl neither changes nor deletes it",
        "delete the credential, or list it in `trusted` of `[policy]`; `foreign_trust` there says what is done about it";
    IDENTITY_BOUND = "WID-IDENTITY-BOUND", Note;
        "AKS has made a credential for identity bindings of an identity",
        "a binding lets accounts of its cluster use the identity; AKS keeps one credential for all bindings and never removes it",
        "az aks identity-binding list shows the bindings of a cluster";
    IDENTITY_BINDING = "WID-IDENTITY-BINDING", Note;
        "an identity binding opens an identity of the estate to an AKS cluster",
        "accounts of the cluster become the identity without a credential that names them; which of them, the binding's selectors and cluster roles say, which widctl does not read",
        "az aks identity-binding delete, if it is not meant";
    BINDINGS_UNREAD = "WID-BINDINGS-UNREAD", Note;
        "the identity bindings of an AKS cluster could not be read",
        "so it is unknown whether they open identities of the estate to it; the plan goes on",
        "`Microsoft.ContainerService/managedClusters/identityBindings/read` on the cluster, which Reader has";
    CREDENTIAL_SLOTS = "WID-CREDENTIAL-SLOTS", Note;
        "an identity is close to its limit of federated credentials",
        "an identity holds at most 20, foreign ones counted",
        "`per_cluster = true`, or several identities";
    ROLE_FOREIGN = "WID-ROLE-FOREIGN", Note;
        "an equal role assignment exists under another name",
        "Azure refuses a second one, so it is used and never deleted",
        "nothing to do";
    IDENTITY_UNREAD = "WID-IDENTITY-UNREAD", Note;
        "an account is pruned and its client id belongs to no identity that was read",
        "the identity is gone, or in a subscription that was not read; then what it trusts and its roles stay, unlisted",
        "name the identity's subscription in `also_read` of `[azure]`, and plan again";
    OBJECT_FOREIGN = "WID-OBJECT-FOREIGN", Note;
        "an object already is as the profile wants it, without widctl's ownership labels",
        "it is used, and never changed",
        "--adopt takes it over";
    MISPLACED = "WID-MARKS-MISPLACED", Note;
        "an object bears the estate's labels and does not belong to it",
        "`widctl.dev/created` names the object that it was written for, by cluster, kind, namespace and name; on a copy it names another one",
        "take the labels off, or --adopt where the profile wants the object";
    NOTHING_HELD = "WID-NOTHING-HELD", Note;
        "an object is labelled as the estate's, and widctl holds none of its fields",
        "a release gives up the fields that widctl applied, and here Kubernetes knows of none",
        "take the labels off";
    FIELD_SHARED = "WID-FIELD-SHARED", Note;
        "another tool declares a field of ours, with the same value",
        "both hold the field; as soon as the values differ, each would undo the other's",
        "remove the field from the other tool";
    ACCOUNT_WAITING = "WID-ACCOUNT-WAITING", Note;
        "an account of mode `annotate` does not exist yet",
        "somebody else creates it; widctl only annotates it",
        "plan again once it exists";
    RETIRING = "WID-RETIRING-ISSUER", Note;
        "credentials for an issuer in `also_trust` are kept",
        "whoever holds the signing keys of the cluster as it was gets in by them, so they stay until its pods have moved and no longer",
        "take the issuer out of `also_trust`, and prune";
    RETIRING_CURRENT = "WID-RETIRING-CURRENT", Note;
        "an issuer in `also_trust` is the one that the cluster has",
        "nothing of it retires; once the cluster has another one, its credentials would be kept",
        "take the issuer out of `also_trust`, or leave it there where the cluster is made anew next";
    RETIRED_STAYS = "WID-RETIRED-STAYS", Note;
        "a team that leaves used something that is not widctl's",
        "an identity or a namespace that others made is never deleted by widctl, and `sync --check` does not wait for it",
        "delete it by hand, once nothing uses it";
    RETIRED_GONE = "WID-RETIRED-GONE", Note;
        "nothing of a team that leaves was found",
        "all that the profile names was read, and nothing of the estate in it is that team's",
        "take its `[[team]]` out of the profile";
    WEBHOOK_MISSING = "WID-WEBHOOK-MISSING", Note;
        "the workload identity webhook is not registered on a cluster",
        "without it pods get no token and no variables",
        "install the webhook, or enable the add-on of AKS";
}

impl Rule {
    fn note(
        &self,
        severity: Severity,
        address: impl Display,
        text: String,
        fix: impl Into<Option<String>>,
    ) -> Note {
        Note {
            code: self.code.into(),
            severity,
            address: address.to_string(),
            text,
            fix: fix.into(),
        }
    }
}

/// What the profile itself has, whatever exists.
pub fn of_profile(remark: &Remark) -> Note {
    Note {
        code: remark.code.into(),
        severity: Severity::Warning,
        address: remark.place.to_string(),
        text: remark.text.clone(),
        fix: Some(remark.fix.clone()),
    }
}

pub(crate) fn issuer_slash(cluster: &ClusterName, discovered: &Issuer) -> Note {
    let text = format!(
        "ARM's issuer differs from the discovery document by one trailing slash; `{discovered}` of the document is used"
    );
    ISSUER_SLASH.note(Severity::Note, cluster, text, None)
}

pub(crate) fn issuer_left(address: impl Display, live: &Issuer) -> Note {
    let text = format!(
        "it trusts `{live}`, which differs from ARM's issuer by one trailing slash; the discovery document could not be read, so it is left as it is"
    );
    ISSUER_LEFT.note(Severity::Note, address, text, None)
}

pub(crate) fn issuer_pinned(cluster: &ClusterName, pinned: &Issuer, says: &Issuer) -> Note {
    let text = format!("the profile pins the issuer `{pinned}`, the cluster itself says `{says}`");
    let fix = format!("issuer = \"{says}\"");
    ISSUER_PINNED.note(Severity::Warning, cluster, text, fix)
}

pub(crate) fn foreign_identity(key: &IdentityKey) -> Note {
    let text = "it exists without widctl's tags and is used unchanged (--adopt takes it over)";
    IDENTITY_FOREIGN.note(Severity::Note, key, text.to_owned(), None)
}

/// `renamed` is whether `--adopt` would rename it.
pub(crate) fn foreign_credential(
    address: impl Display,
    name: &CredentialName,
    renamed: bool,
) -> Note {
    let adopt = if renamed { " (--adopt renames it)" } else { "" };
    let text = format!(
        "credential `{name}` already trusts the same issuer and subject and is used unchanged{adopt}"
    );
    CREDENTIAL_FOREIGN.note(Severity::Note, address, text, None)
}

/// `others` are the names of further identities that let in the same.
pub(crate) fn foreign_trust(
    identity: &IdentityKey,
    others: &[&str],
    who: impl Display,
    live: &LiveFederatedCredential,
) -> Note {
    let (also, credentials) = match others {
        [] => ("it also lets".to_owned(), format!("by credential `{}`, which is not", live.name)),
        [other] => (format!("it and `{other}` also let"), "by credentials that are not".to_owned()),
        several => {
            let named = several.iter().take(MOST_NAMED).map(|name| format!("`{name}`"));
            let mut named: Vec<String> = named.collect();
            named.extend((several.len() > MOST_NAMED).then(|| "…".to_owned()));
            let text = format!(
                "it and {} other identities ({}) also let",
                several.len(),
                named.join(", ")
            );
            (text, "by credentials that are not".to_owned())
        }
    };
    let text = format!(
        "{also} in {who}, {credentials} of this estate; what is meant is listed in `trusted` of `[policy]`"
    );
    let fix = refusals::credential::remove(identity, live);
    FOREIGN_TRUST.note(Severity::Warning, identity, text, fix)
}

pub(crate) fn bound_identity(identity: &IdentityKey) -> Note {
    let text = format!(
        "AKS made its credential `{IDENTITY_BINDING_NAME}` for identity bindings, which is never touched; bindings of clusters outside the profile are not read"
    );
    IDENTITY_BOUND.note(Severity::Note, identity, text, None)
}

pub(crate) fn identity_binding(cluster: &ClusterName, binding: &IdentityBinding) -> Note {
    let text = format!(
        "identity binding `{}` opens it to cluster {cluster}; which accounts there may use it was not read",
        binding.name
    );
    IDENTITY_BINDING.note(Severity::Note, &binding.identity, text, None)
}

pub(crate) fn bindings_unread(cluster: &ClusterName, why: &str) -> Note {
    let text = format!(
        "it is unknown whether its identity bindings open identities of the estate to it: {why}"
    );
    BINDINGS_UNREAD.note(Severity::Note, cluster, text, None)
}

pub(crate) fn credential_slots(key: &IdentityKey, count: usize) -> Note {
    let text =
        format!("it will hold {count} of at most {CREDENTIALS_PER_IDENTITY} federated credentials");
    let fix = "per_cluster = true, or several identities".to_owned();
    CREDENTIAL_SLOTS.note(Severity::Warning, key, text, fix)
}

pub(crate) fn foreign_role(key: &RoleAssignmentKey, name: &str) -> Note {
    let text = format!("assignment {name}, which widctl did not make, gives the same role");
    ROLE_FOREIGN.note(Severity::Note, key, text, None)
}

/// A client id that is none is shown, and stands in no command.
pub(crate) fn lost_identity(account: impl Display, written: &str, id: Option<ClientId>) -> Note {
    let text = format!(
        "its client id `{written}` belongs to no identity that was read, so nothing of that identity is pruned; \
         if it exists, name its subscription in `also_read` of `[azure]`"
    );
    let fix = id.map(|id| format!("az ad sp show --id {id} --query alternativeNames"));
    IDENTITY_UNREAD.note(Severity::Warning, account, text, fix)
}

/// An object of others that serves; `manager` is the other value of the label that says who manages it.
pub(crate) fn foreign_object(address: impl Display, manager: Option<&str>) -> Note {
    let text = match manager {
        None => "it already is as the profile wants it, without widctl's ownership labels (--adopt takes it over)"
            .to_owned(),
        Some(manager) => format!(
            "it exists as the profile wants it, and `{LABEL_MANAGED_BY}` is `{manager}`, so it is used unchanged (--adopt takes over only what no other tool manages)"
        ),
    };
    OBJECT_FOREIGN.note(Severity::Note, address, text, None)
}

/// An object that the profile wants has labels of the estate, and its mark does not name it.
pub(crate) fn misplaced(address: impl Display) -> Note {
    let text = "it exists as the profile wants it and has the estate's labels, but its `widctl.dev/created` does not name this object, so it is used unchanged (--adopt takes it over)";
    MISPLACED.note(Severity::Note, address, text.to_owned(), None)
}

/// As [`misplaced`], on an object that the profile does not have.
pub(crate) fn left(address: impl Display, unlabel: &str) -> Note {
    let text = "it has the estate's labels, but its `widctl.dev/created` does not name this object, so they do not belong to it: widctl treats it as unowned";
    MISPLACED.note(Severity::Note, address, text.to_owned(), unlabel.to_owned())
}

/// Fields that other tools declare as well, with the profile's values.
pub(crate) fn shared(address: impl Display, fields: &[Held<'_>]) -> Note {
    let held = fields.iter().map(|held| format!("`{}` by {}", held.field, held.by));
    let held = held.collect::<Vec<_>>().join(", ");
    let text = format!("another tool declares the same value: {held}");
    let fix = fields.iter().find_map(|held| held.by.tool).map(|tool| tool.drop.to_owned());
    FIELD_SHARED.note(Severity::Note, address, text, fix)
}

pub(crate) fn nothing_held(address: impl Display, unlabel: &str) -> Note {
    let text = "it is not in the profile and has the estate's labels, but Kubernetes records no field of it as widctl's, so there is nothing to release";
    NOTHING_HELD.note(Severity::Note, address, text.to_owned(), unlabel.to_owned())
}

pub(crate) fn waiting_account(address: impl Display, missing: &str) -> Note {
    let text = format!(
        "the {missing} does not exist yet; mode `annotate` leaves that to its owner, so plan again afterwards"
    );
    ACCOUNT_WAITING.note(Severity::Warning, address, text, None)
}

pub(crate) fn retiring(cluster: &ClusterName, issuer: &Issuer, count: usize) -> Note {
    let (text, fix) = match count {
        0 => (
            format!("no credential trusts its accounts by the retiring issuer `{issuer}` any more"),
            "take it out of `also_trust`",
        ),
        count => (
            format!(
                "{} for accounts of the retiring issuer `{issuer}` {} kept",
                plural::count(count, "credential"),
                if count == 1 { "is" } else { "are" }
            ),
            "once no pod has a token of it: take it out of `also_trust`, and sync with --prune",
        ),
    };
    RETIRING.note(Severity::Note, cluster, text, fix.to_owned())
}

pub(crate) fn retiring_current(cluster: &ClusterName, issuer: &Issuer) -> Note {
    let text = format!("`{issuer}` in `also_trust` is the issuer that it has");
    RETIRING_CURRENT.note(Severity::Warning, cluster, text, RETIRING_CURRENT.fix.to_owned())
}

pub(crate) fn retired_stays(address: impl Display, team: &TeamName, command: String) -> Note {
    let text = format!(
        "team {team} leaves and used it; widctl did not make it and never deletes it: by hand, once nothing uses it"
    );
    RETIRED_STAYS.note(Severity::Note, address, text, command)
}

pub(crate) fn retired_gone(team: &TeamName) -> Note {
    let text = "it leaves, and nothing of it was found where widctl looked".to_owned();
    RETIRED_GONE.note(Severity::Note, format!("team {team}"), text, RETIRED_GONE.fix.to_owned())
}

/// The webhook is missing; `addon` says whether AKS claims to run it.
pub(crate) fn webhook_missing(name: &ClusterName, cluster: &Cluster, addon: bool) -> Note {
    const FLAGS: &str = "--enable-oidc-issuer --enable-workload-identity";
    let text = match cluster {
        Cluster::Pinned { .. } => {
            "the workload identity webhook is not registered; pods get no token"
        }
        Cluster::Aks { .. } | Cluster::Arc { .. } if addon => {
            "the workload identity add-on is enabled, yet its webhook is not registered; pods get no token"
        }
        Cluster::Aks { .. } | Cluster::Arc { .. } => {
            "the workload identity add-on is disabled; pods get no token"
        }
    };
    let fix = az_update(cluster, FLAGS).unwrap_or_else(|| {
        let context = shell::quote(cluster.context().unwrap_or_default());
        format!(
            "helm install workload-identity-webhook workload-identity-webhook --repo https://azure.github.io/azure-workload-identity/charts --namespace azure-workload-identity-system --create-namespace --kube-context {context} --set azureTenantID=<tenant>"
        )
    });
    WEBHOOK_MISSING.note(Severity::Warning, name, text.to_owned(), fix)
}
