//! Changes to tell stories with.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::model::arm_id::ArmId;
use crate::model::awaited::{Awaited, IdentityOutput};
use crate::model::guid::{ClientId, PrincipalId, RoleDefinitionId, SubscriptionId, TenantId};
use crate::model::kinds::federated_credential::{
    FederatedCredential, FederatedCredentialKey, FederatedCredentials, LiveFederatedCredential,
};
use crate::model::kinds::identity::{Identity, IdentityKey};
use crate::model::kinds::marks::{Claim, LiveMarks, Marks};
use crate::model::kinds::namespace::{NamespaceKey, PlannedNamespace};
use crate::model::kinds::rbac::{RoleBinding, RoleBindingKey, RoleKey, RoleRef, RoleSubject};
use crate::model::kinds::role_assignment::{RoleAssignment, RoleAssignmentKey};
use crate::model::kinds::service_account::{ServiceAccount, ServiceAccountKey};
use crate::model::kinds::{Kind, rbac, role_assignment};
use crate::model::location::Location;
use crate::model::subject;
use crate::plan::action::Action;
use crate::plan::change::{AnyChange, Change};
use crate::plan::ownership::Ours;

pub(super) const SUBSCRIPTION: SubscriptionId = SubscriptionId::new(Uuid::from_u128(0x5));
pub(super) const CLUSTER: &str = "weu";

pub(super) fn key(name: &str) -> IdentityKey {
    IdentityKey::new(SUBSCRIPTION, "rg-workload-identity", name)
}

/// The ids that the world gives to an identity of this name.
pub(super) fn output(name: &str) -> IdentityOutput {
    let guid = |what: &str| Uuid::new_v5(&Uuid::NAMESPACE_DNS, format!("{what}.{name}").as_bytes());
    IdentityOutput {
        client_id: ClientId::new(guid("client")),
        principal_id: PrincipalId::new(guid("principal")),
        tenant_id: TenantId::new(Uuid::from_u128(0x7)),
    }
}

fn marks() -> Marks {
    Marks { estate: "contoso".into(), team: "data-eng".into(), created: "0".into() }
}

pub(super) fn change<K: Kind>(key: K::Key, action: Action<K>) -> Change<K> {
    Change {
        key,
        team: Some("data-eng".into()),
        cluster: Some(CLUSTER.into()),
        action,
        reason: "the profile wants it".to_owned(),
        effects: Vec::new(),
    }
}

fn create<K: Kind>(key: K::Key, after: K::Planned) -> Change<K> {
    let after = Arc::new(after);
    change(key, Action::Create { after })
}

pub(super) fn identity(name: &str) -> AnyChange {
    let after = Identity { location: Location::new("westeurope"), tags: BTreeMap::new() };
    AnyChange::Identity(create(key(name), after))
}

fn trust(account: &str) -> FederatedCredential {
    FederatedCredential {
        issuer: "https://issuer.example/".into(),
        subject: subject::of_service_account(&"data".into(), &account.into()),
        audience: "api://AzureADTokenExchange".into(),
    }
}

pub(super) fn live_trust(name: &str, account: &str) -> LiveFederatedCredential {
    let trust = trust(account);
    LiveFederatedCredential {
        name: name.into(),
        issuer: trust.issuer,
        subject: Some(trust.subject),
        expression: None,
        audiences: vec![trust.audience],
    }
}

fn credential_key(identity: &str, name: &str) -> FederatedCredentialKey {
    FederatedCredentialKey { identity: key(identity), name: name.into() }
}

fn credential_action(
    identity: &str,
    name: &str,
    action: Action<FederatedCredentials>,
) -> AnyChange {
    AnyChange::FederatedCredential(change(credential_key(identity, name), action))
}

/// The credential `fc-<account>` of an identity, which trusts the account.
pub(super) fn credential(identity: &str, account: &str) -> AnyChange {
    let after = Arc::new(trust(account));
    credential_action(identity, &format!("fc-{account}"), Action::Create { after })
}

pub(super) fn delete_credential(identity: &str, account: &str) -> AnyChange {
    let name = format!("fc-{account}");
    let before = Ours::assumed(live_trust(&name, account));
    credential_action(identity, &name, Action::Delete { before })
}

pub(super) fn rename_credential(identity: &str, from: &str, account: &str) -> AnyChange {
    let action = Action::Replace {
        before_key: credential_key(identity, from),
        before: Ours::assumed(live_trust(from, account)),
        after: Arc::new(trust(account)),
    };
    credential_action(identity, &format!("fc-{account}"), action)
}

/// What the log calls the role assignment of [`role_assignment`].
pub(super) fn role_assignment_call(identity: &str) -> String {
    format!("put {}", role_assignment(identity, false).address())
}

/// A role for an identity, made by the run or known before.
pub(super) fn role_assignment(identity: &str, created: bool) -> AnyChange {
    let role = role_assignment::Role {
        id: RoleDefinitionId::new(Uuid::from_u128(0x4633)),
        name: "Key Vault Secrets User".into(),
    };
    let scope = ArmId::of_resource_group(SUBSCRIPTION, "rg-data");
    let key =
        RoleAssignmentKey { identity: key(identity), role: role.clone(), scope: scope.clone() };
    let value = (!created).then(|| output(identity).principal_id);
    let principal = Awaited { identity: key.identity.clone(), value };
    let after = RoleAssignment {
        scope,
        role: role.id,
        principal,
        condition: None,
        estate: "contoso".into(),
    };
    AnyChange::RoleAssignment(create(key, after))
}

pub(super) fn namespace() -> AnyChange {
    namespace_on(CLUSTER)
}

pub(super) fn namespace_on(cluster: &str) -> AnyChange {
    let key = NamespaceKey { cluster: cluster.into(), namespace: "data".into() };
    AnyChange::Namespace(create(key, PlannedNamespace { marks: marks() }))
}

fn role_key(name: &str) -> RoleKey {
    RoleKey::new(CLUSTER, "data", name)
}

pub(super) fn role(name: &str) -> AnyChange {
    let after = rbac::Role { rules: Arc::from([]), marks: marks() };
    AnyChange::Role(create(role_key(name), after))
}

pub(super) fn delete_role(name: &str) -> AnyChange {
    let before = Ours::assumed(rbac::LiveRole {
        rules: Arc::from([]),
        marks: LiveMarks::default(),
        owners: Vec::new(),
    });
    AnyChange::Role(change(role_key(name), Action::Delete { before }))
}

fn binding_key(name: &str) -> RoleBindingKey {
    RoleBindingKey::new(CLUSTER, "data", name)
}

fn role_ref(name: &str) -> RoleRef {
    RoleRef { kind: "Role".into(), name: name.into() }
}

/// The binding of the role of the same name to an account.
pub(super) fn role_binding(name: &str, account: &str) -> AnyChange {
    let after = RoleBinding {
        role: role_ref(name),
        subjects: vec![RoleSubject {
            kind: "ServiceAccount".into(),
            namespace: Some("data".into()),
            name: account.into(),
        }],
        marks: marks(),
    };
    AnyChange::RoleBinding(create(binding_key(name), after))
}

pub(super) fn delete_binding(name: &str) -> AnyChange {
    let before = Ours::assumed(rbac::LiveRoleBinding {
        role: role_ref(name),
        subjects: Vec::new(),
        marks: LiveMarks::default(),
        owners: Vec::new(),
    });
    AnyChange::RoleBinding(change(binding_key(name), Action::Delete { before }))
}

/// An account that names an identity, made by the run or known before.
pub(super) fn service_account(name: &str, identity: &str, created: bool) -> AnyChange {
    let value = (!created).then(|| output(identity).client_id);
    let client_id = Awaited { identity: key(identity), value };
    let account = ServiceAccountKey::new(CLUSTER, "data", name);
    let after = ServiceAccount {
        client_id,
        tenant_id: output(identity).tenant_id,
        token_expiration: 3600,
        claim: Claim::Owns(marks()),
    };
    AnyChange::ServiceAccount(create(account, after))
}

/// A whole new workload: its identity, role, trust, namespace, RBAC and account.
pub(super) fn workload(identity_name: &str, account: &str) -> Vec<AnyChange> {
    vec![
        identity(identity_name),
        role_assignment(identity_name, true),
        credential(identity_name, account),
        namespace(),
        role(account),
        role_binding(account, account),
        service_account(account, identity_name, true),
    ]
}
