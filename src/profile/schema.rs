//! The file format: every table with its keys. The reader, the JSON Schema and the suggestions come from
//! this one place; the first line of a key's comment is what editors show.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};

use super::read::collections::{List, Literal, Named};
use super::read::federations::{Environment, Federation, GitRef, GithubId};
use super::read::globs::{FederationGrant, Glob, Subjects};
use super::read::names::{
    AccountName, AksName, CloudName, FederationName, GroupName, IdentityName, OwnerName,
    RepositoryName,
};
use super::read::services::{CallerName, ServiceAudience, ServiceName, TeamAccount};
use super::read::texts::{AnyText, ClusterKind, DeniedScope, Requirement, Text, Version, Whole};
use super::read::tokens::Expiration;
use super::read::variables::VariableName;
use super::read::{At, Required, tables};
use super::resolved::{ForeignVerdict, Mode, RoleChoice};
use crate::model::arm_id::ArmId;
use crate::model::guid::{SubscriptionId, TenantId};
use crate::model::location::Location;
use crate::model::text::{
    Audience, ClusterName, Estate, Issuer, Namespace, ObjectName, Subject, TeamName,
};
use crate::presets::Preset;

tables! {
    /// A widctl profile: the root file, or a team's file with nothing but `[[team]]`.
    RootFile {
        /// The version of this format: 1. Only in the root file.
        #[expect(dead_code, reason = "its errors matter, its value is used elsewhere")]
        version: Required<Version>,
        /// The name under which this profile owns what it creates. Two estates never touch each
        /// other's objects. Only in the root file.
        estate: Required<Estate>,
        /// The releases of widctl that may read this profile, `">=0.1"`. Only in the root file.
        required_version: Option<At<Requirement>>,
        /// The environment variables that `${NAME}` may take in this file. Only in the root file.
        #[expect(dead_code, reason = "its errors matter, its value is used elsewhere")]
        variables: Option<At<Literal<Vec<At<VariableName>>>>>,
        /// Where identities live unless they say otherwise. Only in the root file.
        azure: Option<At<AzureTable>>,
        /// The clusters by a short key. Only in the root file.
        clusters: Option<At<Named<ClusterName, ClusterTable>>>,
        /// The guardrails. Only in the root file.
        policy: Option<At<Literal<PolicyTable>>>,
        /// The teams.
        team: List<TeamTable>,
    }

    /// Where identities live unless they say otherwise.
    AzureTable {
        /// The cloud: `public` (the default), `usgovernment`, `china`, or a name from the cloud file.
        cloud: Option<At<CloudName>>,
        /// The tenant's GUID; discovered where it is left out.
        tenant: Option<At<TenantId>>,
        /// The GUID of the subscription of identities and AKS clusters.
        subscription: Option<At<SubscriptionId>>,
        /// The resource group of identities.
        resource_group: Option<At<GroupName>>,
        /// The region of identities, `westeurope`.
        location: Option<At<Location>>,
        /// GUIDs of further subscriptions where what the profile no longer has is looked for.
        also_read: List<SubscriptionId>,
    }

    /// A cluster: an AKS cluster by resource group and name, or any other by context and issuer.
    ClusterTable {
        /// What a cluster with a name in Azure is: `aks` (the default), or `arc` for one connected by Azure Arc.
        kind: Option<At<ClusterKind>>,
        /// The cluster's subscription in Azure; that of `[azure]` by default.
        subscription: Option<At<SubscriptionId>>,
        /// The cluster's resource group in Azure.
        resource_group: Option<At<GroupName>>,
        /// The cluster's name in Azure.
        name: Option<At<AksName>>,
        /// A kubeconfig context, used instead of the AKS credential call; needed where it is not AKS.
        context: Option<At<Text>>,
        /// The issuer of a cluster without a name in Azure, byte for byte.
        issuer: Option<At<Issuer>>,
        /// Issuers that the cluster had before. Credentials for them that exist are kept beside the new ones, none is
        /// made, until they are taken out of the list.
        also_trust: List<Issuer>,
        /// The one audience that an Entra token for the API server may have instead of the AKS server
        /// application: the `--server-id` of kubelogin in the kubeconfig.
        token_audience: Option<At<Text>>,
    }

    /// The guardrails. `${NAME}` is not allowed in them.
    PolicyTable {
        /// Roles that no identity gets. While any is denied, so is every role that may write
        /// authorization or federated credentials. Default: Owner, User Access Administrator and
        /// Role Based Access Control Administrator.
        denied_roles: List<RoleChoice>,
        /// Scopes too wide for a role: `management-group`, `subscription`, `resource-group`.
        /// Default: all three. The tenant's root is always denied.
        denied_scopes: List<DeniedScope>,
        /// Namespaces, or globs of them, that no workload may use. Default: `default`, `kube-system`,
        /// `kube-public` and `kube-node-lease`.
        denied_namespaces: List<Glob>,
        /// Whether two teams may use one identity, or trust one subject. Default: false.
        shared_identities: Option<At<bool>>,
        /// Whether subjects of GitHub and GitLab must have ids, not only names. Default: false.
        require_immutable_subjects: Option<At<bool>>,
        /// Whether two teams may have workloads in one namespace of a cluster. Default: false.
        shared_namespaces: Option<At<bool>>,
        /// What is done where an identity of the estate lets in whom the profile does not name: `allow` says
        /// nothing, `warn` tells it, `refuse` gives nothing more to that identity. Default: `warn`.
        foreign_trust: Option<At<ForeignVerdict>>,
        /// How much `--prune` may delete without `--allow-mass-delete`.
        mass_delete: Option<At<MassDeleteTable>>,
        /// Whom identities may let in besides.
        trusted: List<TrustedTable>,
        /// The account of each controller that asks for tokens of other accounts, `NAMESPACE/ACCOUNT`, by the
        /// preset.
        controllers: Option<At<Named<&'static Preset, AccountName>>>,
        /// What a team in its own file may claim.
        grants: Option<At<GrantsTable>>,
    }

    /// How much `--prune` may delete or release without `--allow-mass-delete`. What exceeds either needs it.
    MassDeleteTable {
        /// The most objects. Default: 10.
        objects: Option<At<Whole<1_000_000>>>,
        /// The largest share of what the estate has, in percent. Default: 25.
        percent: Option<At<Whole<100>>>,
    }

    /// Whom identities may let in although no team's entry names them.
    TrustedTable {
        /// Who signs the tokens, byte for byte.
        issuer: Required<Issuer>,
        /// Whom the tokens are about, a glob in which `*` and `?` cross neither `:` nor `/`. A credential that
        /// matches claims by an expression is meant only by the whole text of its expression.
        subject: Required<Text>,
        /// Names of the identities, or globs of them; `{team}` is the team's name.
        identities: Required<Vec<At<Glob>>>,
    }

    /// What every team in its own file may claim. `{team}` is the team's name; `*` and `?` are globs.
    GrantsTable {
        /// Namespaces. Default: `{team}` and `{team}-*`.
        namespaces: List<Glob>,
        /// Names of identities. Default: `id-{team}` and `id-{team}-*`.
        identities: List<Glob>,
        /// Azure scopes for roles, compared without regard to case. Default: none.
        scopes: List<Glob>,
        /// Subjects of foreign issuers for federations. Default: none.
        federations: List<FederationGrant>,
        /// Presets with rights that a team cannot ask for itself. Default: none.
        presets: List<&'static Preset>,
        /// Accounts of other teams that may call its services, `TEAM/NAMESPACE/ACCOUNT`. Default: none.
        callers: List<Glob>,
        /// What single teams may claim besides, by the team's name.
        teams: Option<At<Named<TeamName, TeamGrantsTable>>>,
    }

    /// What one team in its own file may claim besides.
    TeamGrantsTable {
        /// Namespaces.
        namespaces: List<Glob>,
        /// Names of identities.
        identities: List<Glob>,
        /// Azure scopes for roles, compared without regard to case.
        scopes: List<Glob>,
        /// Subjects of foreign issuers for federations.
        federations: List<FederationGrant>,
        /// Presets with rights that a team cannot ask for itself.
        presets: List<&'static Preset>,
        /// Accounts of other teams that may call its services, `TEAM/NAMESPACE/ACCOUNT`.
        callers: List<Glob>,
    }

    /// Subjects of one issuer that federations may trust.
    FederationGrantTable {
        /// The issuer, byte for byte.
        issuer: Required<Issuer>,
        /// Globs of subjects. `*` stands for any characters but `:` and `/`; at the end, after `:`, it covers
        /// the rest; alone it is everybody behind the issuer.
        subjects: Required<Subjects>,
    }

    /// A team.
    TeamTable {
        /// The team's name, unique in the profile.
        name: Required<TeamName>,
        /// Whom to ask about the team, a mail address for instance.
        owner: Option<At<Text>>,
        /// Whether the team leaves: nothing of it is wanted, and what exists is deleted with `--prune`.
        /// Default: false.
        retired: Option<At<bool>>,
        /// The namespace of its workloads, unless they say otherwise.
        namespace: Option<At<Namespace>>,
        /// The clusters of its workloads, unless they say less.
        clusters: List<ClusterName>,
        /// Whether namespaces are created where they are missing. They are never deleted. Default: false.
        create_namespace: Option<At<bool>>,
        /// Its managed identities.
        identity: List<IdentityTable>,
        /// Its workloads.
        workload: List<WorkloadTable>,
        /// Its services that take tokens of service accounts.
        service: List<ServiceTable>,
    }

    /// A managed identity of a team.
    IdentityTable {
        /// The identity's name, unique in the profile.
        name: Required<IdentityName>,
        /// Its subscription; that of `[azure]` by default. Only for teams in the root file.
        subscription: Option<At<SubscriptionId>>,
        /// Its resource group; that of `[azure]` by default. Only for teams in the root file.
        resource_group: Option<At<GroupName>>,
        /// Its region; that of `[azure]` by default. Only for teams in the root file.
        location: Option<At<Location>>,
        /// Tags beside widctl's own.
        tags: Option<At<Named<AnyText, AnyText>>>,
        /// Whether widctl creates it. With `false` it must exist and is never tagged, changed or deleted;
        /// its roles and credentials are managed all the same. Default: true.
        create: Option<At<bool>>,
        /// Whether there is one identity per cluster, named `<name>-<cluster>`: the way past 20
        /// credentials. Default: false.
        per_cluster: Option<At<bool>>,
        /// Its Azure roles.
        roles: List<RoleTable>,
        /// Subjects outside the clusters that it trusts.
        federation: List<Federation>,
    }

    /// An Azure role on a scope.
    RoleTable {
        /// The role's name, its GUID, or the full id of its definition.
        role: Required<RoleChoice>,
        /// Where it holds: an ARM id.
        scope: Required<ArmId>,
        /// An attribute-based condition that narrows it, as `az role assignment create --condition` takes it.
        condition: Option<At<Text>>,
    }

    /// Trust in a subject outside the clusters, a pipeline for instance.
    FederationTable {
        /// A name, unique under the identity.
        name: Required<FederationName>,
        /// Who signs the tokens, byte for byte. With `github` it is GitHub's, unless an enterprise has its own.
        issuer: Option<At<Issuer>>,
        /// Whom the tokens are about, byte for byte.
        subject: Option<At<Subject>>,
        /// A repository on GitHub whose jobs are trusted, instead of `subject`.
        github: Option<At<GithubTable>>,
        /// Whom the tokens are for. Default: `api://AzureADTokenExchange`, in other clouds what their Entra
        /// documents: `api://AzureADTokenExchangeUSGov`, `api://AzureADTokenExchangeChina`.
        audience: Option<At<Audience>>,
    }

    /// A repository on GitHub, and which of its jobs are trusted: one of `ref`, `environment`, `pull_request`.
    GithubTable {
        /// The owner's name, in GitHub's own case.
        owner: Required<OwnerName>,
        /// The owner's id. With both ids the subject survives no change of hands of the names.
        owner_id: Option<At<GithubId>>,
        /// The repository's name, in GitHub's own case.
        repository: Required<RepositoryName>,
        /// The repository's id.
        repository_id: Option<At<GithubId>>,
        /// Jobs for this branch or tag, `refs/heads/main`.
        r#ref: Option<At<GitRef>>,
        /// Jobs for this environment.
        environment: Option<At<Environment>>,
        /// Whether jobs of pull requests are trusted.
        pull_request: Option<At<bool>>,
    }

    /// A service account that gets an identity.
    WorkloadTable {
        /// The service account's name.
        service_account: Required<ObjectName>,
        /// The identity that its pods get by default; may be left out where the team has one.
        identity: Option<At<IdentityName>>,
        /// Identities that trust it besides.
        extra_identities: List<IdentityName>,
        /// Its namespace; the team's by default.
        namespace: Option<At<Namespace>>,
        /// Its clusters, some of the team's; all of them by default.
        clusters: List<ClusterName>,
        /// The audience of its tokens. Default: `api://AzureADTokenExchange`, which the webhook projects.
        audience: Option<At<Audience>>,
        /// How long a projected token lives, `1h` to `24h`. Default: `1h`.
        token_expiration: Option<At<Expiration>>,
        /// How much of the account widctl owns: `manage` all of it, `annotate` only the identity's
        /// annotations, `trust-only` nothing. Default: `manage`.
        mode: Option<At<Mode>>,
        /// RBAC for an orchestrator or a controller: `widctl presets` lists them.
        preset: Option<At<&'static Preset>>,
        /// RBAC rules of its own.
        rule: List<RuleTable>,
    }

    /// A service that other pods call with a token of their service account. Nothing of it is applied:
    /// `render --target service-auth` writes what both sides need, `verify` proves that it works.
    ServiceTable {
        /// The service's name, unique in its team.
        name: Required<ServiceName>,
        /// The audience of the tokens that it takes, of no other service on its clusters.
        audience: Required<ServiceAudience>,
        /// The service account of its pods, of a workload of this team: `ACCOUNT`, or `NAMESPACE/ACCOUNT`
        /// where the team has several of the name.
        account: Required<TeamAccount>,
        /// The accounts whose tokens it takes: `TEAM/ACCOUNT`, or `TEAM/NAMESPACE/ACCOUNT` where that
        /// team has several of the name.
        callers: Required<Vec<At<CallerName>>>,
    }

    /// An RBAC rule in the workload's namespace.
    RuleTable {
        /// API groups; `""`, the default, is the core group.
        api_groups: List<AnyText>,
        /// Resources and subresources, `pods` or `pods/log`.
        resources: Required<Vec<At<Text>>>,
        /// Names of objects that the rule is limited to. Default: all.
        resource_names: List<Text>,
        /// What may be done: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
        verbs: Required<Vec<At<Text>>>,
    }
}

/// The JSON Schema of the file format, for editors.
pub fn schema_json() -> String {
    let mut schema =
        SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<RootFile>();
    WithoutNull.transform(&mut schema);
    // A team's file is the same format without the root's keys.
    schema.remove("required");
    schema.insert("title".into(), "widctl profile".into());
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema has only string keys");
    text.push('\n');
    text
}

/// TOML has no null, so an optional key is absent or of its type.
#[derive(Clone, Debug)]
struct WithoutNull;

impl Transform for WithoutNull {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(words) = schema.get_mut("enum").and_then(|value| value.as_array_mut()) {
            words.retain(|word| !word.is_null());
        }
        if let Some(types) = schema.get_mut("type").and_then(|value| value.as_array_mut()) {
            types.retain(|name| name != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                schema.insert("type".into(), only);
            }
        }
        let only =
            schema.get_mut("anyOf").and_then(|value| value.as_array_mut()).and_then(|options| {
                options.retain(|option| option.get("type").is_none_or(|name| name != "null"));
                (options.len() == 1).then(|| options[0].clone())
            });
        if let Some(serde_json::Value::Object(only)) = only {
            schema.remove("anyOf");
            for (key, value) in only {
                schema.insert(key, value);
            }
        }
        transform_subschemas(self, schema);
    }
}
