//! What a pod, its account and its cluster say of themselves.

use std::collections::BTreeSet;

use crate::command::connection::Connection;
use crate::command::failure::Failure;
use crate::command::verify_pod::Asked;
use crate::gather::facts::facts;
use crate::kubernetes::client::ClusterClient;
use crate::kubernetes::pod::Pod;
use crate::model::guid::{ClientId, TenantId};
use crate::model::kinds::identity::LiveIdentity;
use crate::model::kinds::service_account::{
    ANNOTATION_CLIENT_ID, ANNOTATION_TENANT_ID, LiveServiceAccount, ServiceAccountKey,
    ServiceAccounts,
};
use crate::model::pod::{LABEL_USE, USES_IDENTITY};
use crate::model::shell;
use crate::model::text::{Audience, ClusterName, Issuer, TOKEN_EXCHANGE_AUDIENCE};
use crate::observed::evidence::Issued;
use crate::observed::read::Read;
use crate::observed::webhook::Webhook;
use crate::ports::read::{ClusterRead, Clusters, KindRead};
use crate::ports::workload::WorkloadTokens;

/// The account of pods that name none.
const DEFAULT: &str = "default";
/// The audience of tokens that the cluster itself exchanges, by its identity bindings.
/// <https://learn.microsoft.com/azure/aks/identity-bindings-concepts>
const BINDING_AUDIENCE: &str = "api://AKSIdentityBinding";

/// What was seen of a pod.
pub(super) struct Seen {
    pub(super) client: ClusterClient,
    pub(super) pod: Pod,
    /// Its account.
    pub(super) key: ServiceAccountKey,
    /// The account as it is; `None` inside where it does not exist.
    pub(super) account: Read<Option<LiveServiceAccount>>,
    /// The cluster's own issuer.
    pub(super) issuer: Issuer,
    /// Its webhook.
    pub(super) webhook: Read<Option<Webhook>>,
}

/// Reads the pod, its account and the issuer of its cluster.
pub(super) async fn look(connection: &Connection, asked: Asked<'_>) -> Result<Seen, Failure> {
    let cluster = ClusterName::from(asked.context);
    let client = connection.connect(&cluster).await?;
    let (pod, issuer, webhook) =
        futures::join!(client.pod(asked.pod), client.issuer(), client.webhook());
    let pod = pod?.ok_or_else(|| Failure::Input {
        what: format!(
            "there is no pod `{}` on the cluster of context `{}`",
            asked.pod, asked.context
        ),
        hint: format!("see those that there are with `{}`", listing(asked)),
    })?;
    let key = ServiceAccountKey::new(cluster, asked.pod.namespace().clone(), pod.account.clone());
    let account = facts(KindRead::<ServiceAccounts>::find(&client, &key).await);
    let issuer = match issuer {
        Ok(issuer) => issuer,
        // Who may not read the document may still ask for a token, which names the issuer as well.
        Err(error) => {
            let audience = audience(&pod);
            let given = client.token(&key, &audience, None).await.map(|given| given.issued);
            match given {
                Ok(Issued::Token(claims)) => claims.issuer,
                Ok(Issued::NoAccount | Issued::Rejected(_)) | Err(_) => return Err(error.into()),
            }
        }
    };
    Ok(Seen { client, pod, key, account, issuer, webhook: facts(webhook) })
}

/// The audience of a pod's token: its own, or where it has none yet, the one that the webhook usually gives.
pub(super) fn audience(pod: &Pod) -> Audience {
    pod.audience.clone().unwrap_or_else(|| Audience::from(TOKEN_EXCHANGE_AUDIENCE))
}

/// The command that lists the pods beside this one.
fn listing(asked: Asked<'_>) -> String {
    let (namespace, context) = (asked.pod.namespace(), shell::quote(asked.context));
    format!("kubectl get pods --namespace {namespace} --context {context}")
}

impl Seen {
    /// What of the pod itself is in the way of its token, beside which its account and identity can be verified: the
    /// place of the checks of pods.
    pub(super) fn obstacles(&self, asked: Asked<'_>) -> Vec<Failure> {
        let Pod { label, finished, is_leaving, has_token_file, .. } = &self.pod;
        let pod = asked.pod;
        let mut obstacles = Vec::new();
        let over = match (finished, is_leaving) {
            (Some(how), _) => Some(format!("pod `{pod}` has finished ({how})")),
            (None, true) => Some(format!("pod `{pod}` is being deleted")),
            (None, false) => None,
        };
        obstacles.extend(over.map(|what| Failure::Input {
            what: format!("{what}: only its account and its identity can be verified"),
            hint: format!("verify a pod that runs: `{}`", listing(asked)),
        }));
        if label.as_deref() != Some(USES_IDENTITY) && !has_token_file {
            let found = match label {
                Some(value) => format!("has the label `{LABEL_USE}: {value:?}`"),
                None => format!("has no label `{LABEL_USE}`"),
            };
            obstacles.push(Failure::Broken {
                what: format!("pod `{pod}` {found}, and no container of it has AZURE_FEDERATED_TOKEN_FILE"),
                hint: format!(
                    "label the template that makes it `{LABEL_USE}: \"{USES_IDENTITY}\"`, then make the pod anew: the \
                     webhook gives pods their token when they are created"
                ),
            });
        }
        obstacles
    }

    /// The client ids that the pod asks for: those in its variables, else that of its account.
    pub(super) fn client_ids(&self, asked: Asked<'_>) -> Result<BTreeSet<ClientId>, Failure> {
        if self.pod.audience.as_ref().is_some_and(|audience| audience.as_str() == BINDING_AUDIENCE)
        {
            return Err(Failure::Input {
                what: format!(
                    "pod `{}` uses an identity binding of AKS: its token is exchanged inside the cluster, which cannot \
                     be proved from here",
                    asked.pod
                ),
                hint: "look at the bindings of the cluster and at the pod's own log".to_owned(),
            });
        }
        let (holder, texts, hint) = if self.pod.client_ids.is_empty() {
            let holder = format!("account `{}/{}`", self.key.namespace, self.key.name);
            (holder, BTreeSet::from([self.annotated(asked)?]), self.annotate(asked))
        } else {
            let hint = format!(
                "correct the variable in the template that sets it; where none does, {}",
                self.annotate(asked)
            );
            let holder = format!("AZURE_CLIENT_ID of pod `{}`", asked.pod);
            (holder, self.pod.client_ids.clone(), hint)
        };
        let parse = |text: &String| {
            text.parse().map_err(|_| Failure::Broken {
                what: format!("{holder} has the client id `{text}`, which is no GUID"),
                hint: hint.clone(),
            })
        };
        texts.iter().map(parse).collect()
    }

    /// The tenant that the pod signs in to, where none of its identities is in it.
    pub(super) fn strange_tenant(
        &self,
        asked: Asked<'_>,
        identities: &[LiveIdentity],
    ) -> Option<Failure> {
        let tenant = identities.first()?.tenant_id;
        let is_known = |text: &&String| {
            let parsed = text.parse::<TenantId>();
            parsed.is_ok_and(|parsed| identities.iter().any(|live| live.tenant_id == parsed))
        };
        let strange = self.pod.tenant_ids.iter().find(|text| !is_known(text))?;
        Some(Failure::Broken {
            what: format!(
                "pod `{}` has AZURE_TENANT_ID `{strange}`, and its identity is in tenant `{tenant}`",
                asked.pod
            ),
            hint: format!(
                "name the tenant with `{}`, and make the pod anew",
                self.annotation(asked, ANNOTATION_TENANT_ID, &tenant.to_string())
            ),
        })
    }

    /// The client id in the account's annotation.
    fn annotated(&self, asked: Asked<'_>) -> Result<String, Failure> {
        let (pod, account) = (asked.pod, &self.key.name);
        let broken = |what: String| Failure::Broken { what, hint: self.annotate(asked) };
        let live = match &self.account {
            Read::Facts(Some(live)) => live,
            Read::Facts(None) => {
                let what = format!("account `{account}` of pod `{pod}` does not exist");
                let hint = format!("make it, then: {}", self.annotate(asked));
                return Err(Failure::Broken { what, hint });
            }
            Read::Unread(unread) => {
                return Err(Failure::Input {
                    what: format!(
                        "account `{account}` of pod `{pod}` could not be read: {}",
                        unread.why
                    ),
                    hint: "verify as somebody who may read it".to_owned(),
                });
            }
        };
        let absent = format!("which has no annotation `{ANNOTATION_CLIENT_ID}`");
        match &live.client_id {
            Some(text) => Ok(text.to_string()),
            None if account.as_str() == DEFAULT => Err(Failure::Broken {
                what: format!("pod `{pod}` runs as account `{DEFAULT}`, {absent}"),
                hint: "set `serviceAccountName` in the template that makes it to the workload's account, and make the pod \
                       anew"
                    .to_owned(),
            }),
            None => Err(broken(format!("pod `{pod}` runs as account `{account}`, {absent}"))),
        }
    }

    /// How the account is told its identity.
    fn annotate(&self, asked: Asked<'_>) -> String {
        format!(
            "name the identity with `{}`, and make the pod anew",
            self.annotation(asked, ANNOTATION_CLIENT_ID, "CLIENT_ID")
        )
    }

    /// The command that sets an annotation of the account.
    fn annotation(&self, asked: Asked<'_>, key: &str, value: &str) -> String {
        format!(
            "kubectl annotate serviceaccount {} --namespace {} {key}={value} --overwrite --context {}",
            shell::quote(self.key.name.as_str()),
            self.key.namespace,
            shell::quote(asked.context)
        )
    }
}
