//! `service-auth`: what both sides of a call with a service account's token are configured with. Callers get a patch for
//! their pod template; a service gets, for each cluster, its settings and what Istio, Envoy or the API server need.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Document, Given, Target, Unrendered, pretty};
use crate::model::shell;
use crate::model::text::ClusterName;
use crate::profile::resolved::{Account, Caller, Cluster, Service, Team};

/// The target.
pub(super) const TARGET: Target = Target {
    name: "service-auth",
    title: "projected tokens of callers; settings, Istio, Envoy and TokenReview of services",
    render,
};

/// Where callers find their tokens, a file `TEAM/SERVICE` for each service.
const TOKENS: &str = "/var/run/secrets/services";
/// The name of their volume: one for all services, so that no two names of services can meet.
const VOLUME: &str = "service-tokens";
/// How long a token lasts, in seconds; the kubelet renews it after four fifths of that.
/// <https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken>
const LIFETIME: u32 = 3_600;
/// What stands for an issuer that only Azure knows. Those end with a slash.
const ISSUER: &str = "${ISSUER}";
/// The path of the keys below the issuer.
/// <https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery>
const KEYS: &str = "openid/v1/jwks";
/// The name of the provider in Envoy's configuration, and of what it keeps of a token.
const PROVIDER: &str = "kubernetes";

fn render(given: &Given<'_>) -> Result<Vec<Document>, Unrendered> {
    let mut documents = Vec::new();
    for team in given.teams()? {
        documents.extend(called_by(given, team).values().map(patch));
        for service in &team.services {
            let names = given.chosen(&service.clusters);
            let called = names.filter_map(|name| Called::new(given, team, service, name));
            documents.extend(called.flat_map(|called| called.documents()));
        }
    }
    if documents.is_empty() {
        let calls = if given.team.is_some() { " and calls none" } else { "" };
        let whose = format!("{}{calls}", given.nobody_has("service"));
        let hint = "add a `[[team.service]]` with its `callers` to the team whose service it is";
        return Err(Unrendered::usage(whose, hint));
    }
    Ok(documents)
}

/// An account that calls services, and which.
struct Calling<'a> {
    team: &'a Team,
    account: &'a Account,
    services: Vec<(&'a Team, &'a Service)>,
}

/// The accounts of a team that call services, with all services of the profile that they call: a patch replaces the
/// sources of a volume as a whole.
fn called_by<'a>(given: &Given<'a>, team: &'a Team) -> BTreeMap<&'a Account, Calling<'a>> {
    let mut calling: BTreeMap<&Account, Calling<'_>> = BTreeMap::new();
    for of in &given.profile.teams {
        for service in &of.services {
            for caller in service.callers.iter().filter(|caller| caller.team == team.name) {
                let account = &caller.account;
                let new = || Calling { team, account, services: Vec::new() };
                calling.entry(account).or_insert_with(new).services.push((of, service));
            }
        }
    }
    let is_chosen = |caller: &Caller| given.chosen(&caller.clusters).next().is_some();
    calling.retain(|account, Calling { services, .. }| {
        let callers = services.iter().flat_map(|(_, service)| &service.callers);
        callers.filter(|caller| caller.account == **account).any(is_chosen)
    });
    calling
}

/// The token volume of a caller's pods, as a strategic merge patch of what makes them.
fn patch(calling: &Calling<'_>) -> Document {
    let Calling { team, account: Account { namespace, name }, services } = calling;
    let sources = services.iter().map(|(of, service)| {
        json!({ "serviceAccountToken": {
            "audience": service.audience,
            "expirationSeconds": LIFETIME,
            "path": format!("{}/{}", of.name, service.name),
        } })
    });
    let volume = json!({ "name": VOLUME, "projected": { "sources": sources.collect::<Vec<_>>() } });
    let mount = json!({ "name": VOLUME, "mountPath": TOKENS, "readOnly": true });
    let patch = json!({ "spec": { "template": { "spec": {
        "serviceAccountName": name,
        "containers": [{ "name": "CONTAINER", "volumeMounts": [mount] }],
        "volumes": [volume],
    } } } });
    let mut next = vec![
        "set CONTAINER in it to the name of the container".to_owned(),
        format!(
            "kubectl --context CONTEXT --namespace {namespace} patch deployment NAME --patch-file FILE"
        ),
    ];
    next.extend(services.iter().map(|(of, service)| {
        let file = format!("{TOKENS}/{}/{}", of.name, service.name);
        format!(
            "the token for {}/{} is in {file}: it is renewed, so read it for each call",
            of.name, service.name
        )
    }));
    Document {
        name: format!("call.{}.{namespace}.{name}.json", team.name),
        text: pretty(&patch),
        next,
    }
}

/// A service on one cluster.
struct Called<'a> {
    team: &'a Team,
    service: &'a Service,
    name: &'a ClusterName,
    cluster: &'a Cluster,
    callers: Vec<&'a Caller>,
}

impl<'a> Called<'a> {
    /// Nothing where nobody calls it there.
    fn new(
        given: &Given<'a>,
        team: &'a Team,
        service: &'a Service,
        name: &'a ClusterName,
    ) -> Option<Self> {
        let callers = service.callers.iter().filter(|caller| caller.clusters.contains(name));
        let (callers, cluster) = (callers.collect::<Vec<_>>(), given.profile.clusters.get(name)?);
        (!callers.is_empty()).then_some(Self { team, service, name, cluster, callers })
    }

    fn documents(&self) -> [Document; 4] {
        let (service, namespace) = (&self.service.name, &self.service.account.namespace);
        let variables = format!("its pods take them with envFrom, configMapRef {service}-callers");
        let selected = format!(
            "they cover the pods of namespace {namespace} with the label app.kubernetes.io/name={service}, and no other"
        );
        let envoy = "its http_filters stand before the router; cluster kubernetes-issuer reaches the issuer's host by TLS";
        let review = "only where the service has tokens reviewed: it may then review every token of the cluster";
        [
            self.document("settings", &self.settings(), &variables),
            self.document("istio", &self.istio(), &selected),
            self.document("envoy", &self.envoy(), envoy),
            self.document("token-review", &self.token_review(), review),
        ]
    }

    /// A document, the command that uses it, and what has to be known of it.
    fn document(&self, kind: &str, value: &Value, remark: &str) -> Document {
        let Self { team, service, name, cluster, .. } = self;
        let text = pretty(value);
        let context = cluster.context().map_or("CONTEXT".into(), shell::quote);
        let apply = |from| format!("kubectl --context {context} apply -f {from}");
        let fill = read_issuer(cluster).filter(|_| text.contains(ISSUER));
        let fill = fill.map(|read| format!("sed \"s|\\${{ISSUER}}|$({read})|g\" FILE"));
        let command = match (fill, kind) {
            (Some(fill), "envoy") => Some(fill),
            (None, "envoy") => None,
            (Some(fill), _) => Some(format!("{fill} | {}", apply("-"))),
            (None, _) => Some(apply("FILE")),
        };
        let next = command.into_iter().chain([remark.to_owned()]).collect();
        let name = format!("service.{}.{}.{name}.{kind}.json", team.name, service.name);
        Document { name, text, next }
    }

    /// The issuer of the callers' tokens: known where the profile pins it.
    fn issuer(&self) -> &str {
        match self.cluster {
            Cluster::Pinned { issuer, .. } => issuer.as_str(),
            Cluster::Aks { .. } | Cluster::Arc { .. } => ISSUER,
        }
    }

    fn keys_at(&self) -> String {
        match self.issuer() {
            ISSUER => format!("{ISSUER}{KEYS}"),
            issuer => format!("{}/{KEYS}", issuer.trim_end_matches('/')),
        }
    }

    fn subjects(&self) -> Vec<String> {
        self.callers.iter().map(|caller| caller.account.subject().to_string()).collect()
    }

    /// What the service compares, as variables of its environment.
    fn settings(&self) -> Value {
        let Service { name, audience, account, .. } = self.service;
        json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": { "name": format!("{name}-callers"), "namespace": account.namespace },
            "data": {
                "TOKEN_AUDIENCE": audience,
                "TOKEN_ISSUER": self.issuer(),
                "TOKEN_JWKS_URI": self.keys_at(),
                "TOKEN_SUBJECTS": self.subjects().join(","),
            },
        })
    }

    /// Checks tokens, and lets nobody in but the callers: a request without a token passes the first object alone.
    /// <https://istio.io/latest/docs/reference/config/security/request_authentication/>
    fn istio(&self) -> Value {
        let Service { name, audience, account, .. } = self.service;
        let object = |kind: &str, mut spec: Value| {
            spec["selector"] = json!({ "matchLabels": { "app.kubernetes.io/name": name } });
            json!({
                "apiVersion": "security.istio.io/v1",
                "kind": kind,
                "metadata": { "name": format!("{name}-callers"), "namespace": account.namespace },
                "spec": spec,
            })
        };
        let issuer = self.issuer();
        let rule = json!({ "issuer": issuer, "jwksUri": self.keys_at(), "audiences": [audience] });
        let subjects = self.subjects().into_iter();
        let principals: Vec<String> =
            subjects.map(|subject| format!("{issuer}/{subject}")).collect();
        let allowed = json!({
            "from": [{ "source": { "requestPrincipals": principals } }],
            // The same issuer's tokens for another audience are somebody else's to take.
            "when": [{ "key": "request.auth.audiences", "values": [audience] }],
        });
        json!({
            "apiVersion": "v1",
            "kind": "List",
            "items": [
                object("RequestAuthentication", json!({ "jwtRules": [rule] })),
                object("AuthorizationPolicy", json!({ "action": "ALLOW", "rules": [allowed] })),
            ],
        })
    }

    /// The same for an Envoy of one's own.
    /// <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/jwt_authn_filter>
    fn envoy(&self) -> Value {
        let filter = |name: &str, kind: &str, mut config: Value| {
            let kind =
                format!("type.googleapis.com/envoy.extensions.filters.http.{name}.v3.{kind}");
            config["@type"] = kind.into();
            json!({ "name": format!("envoy.filters.http.{name}"), "typed_config": config })
        };
        let provider = json!({
            "issuer": self.issuer(),
            "audiences": [self.service.audience],
            "remote_jwks": {
                "http_uri": { "uri": self.keys_at(), "cluster": "kubernetes-issuer", "timeout": "5s" },
                "cache_duration": "300s",
            },
            "payload_in_metadata": PROVIDER,
        });
        let required = json!({
            "providers": { PROVIDER: provider },
            "rules": [{ "match": { "prefix": "/" }, "requires": { "provider_name": PROVIDER } }],
        });
        let principals = self.subjects().into_iter().map(|subject| {
            json!({ "sourced_metadata": { "metadata_matcher": {
                "filter": "envoy.filters.http.jwt_authn",
                "path": [{ "key": PROVIDER }, { "key": "sub" }],
                "value": { "string_match": { "exact": subject } },
            } } })
        });
        let policy = json!({
            "permissions": [{ "any": true }],
            "principals": principals.collect::<Vec<_>>(),
        });
        let rules = json!({ "rules": { "action": "ALLOW", "policies": { "callers": policy } } });
        json!({ "http_filters": [
            filter("jwt_authn", "JwtAuthentication", required),
            filter("rbac", "RBAC", rules),
        ] })
    }

    /// What lets the service ask its API server whose a token is.
    /// <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#webhook-token-authentication>
    fn token_review(&self) -> Value {
        let Account { namespace, name } = &self.service.account;
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": { "name": format!("{namespace}:{name}:auth-delegator") },
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "system:auth-delegator",
            },
            "subjects": [{ "kind": "ServiceAccount", "namespace": namespace, "name": name }],
        })
    }
}

/// The command that prints a cluster's issuer.
/// <https://learn.microsoft.com/azure/aks/use-oidc-issuer>,
/// <https://learn.microsoft.com/azure/azure-arc/kubernetes/workload-identity>
fn read_issuer(cluster: &Cluster) -> Option<String> {
    let (id, command) = match cluster {
        Cluster::Aks { id, .. } => (id, "aks"),
        Cluster::Arc { id, .. } => (id, "connectedk8s"),
        Cluster::Pinned { .. } => return None,
    };
    Some(format!(
        "az {command} show --subscription {} --resource-group {} --name {} --query oidcIssuerProfile.issuerUrl --output tsv",
        id.subscription().map(|id| id.to_string()).unwrap_or_default(),
        shell::quote(id.resource_group().unwrap_or_default()),
        shell::quote(id.name())
    ))
}
