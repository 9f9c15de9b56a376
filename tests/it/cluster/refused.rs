//! What a real API server refuses and the sandbox does not imitate: growth of rights, policies, strangers.

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use serde_json::{Value, json};
use widctl::model::kinds::rbac::{
    PolicyRule, Role, RoleBinding, RoleBindingKey, RoleKey, RoleRef, RoleSubject,
};
use widctl::ports::error::{PortError, PortErrorKind};
use widctl::ports::store::WriteMode;

use super::cluster_wide::{make, remove};
use super::site::{Ground, Site, connect};
use crate::kubernetes::lists::WholeLists;
use crate::kubernetes::requests::{annotated, key, ours};

fn missing(site: &Site, action: &str) -> PortErrorKind {
    PortErrorKind::Refused {
        action: Some(action.into()),
        scope: Some(format!("namespace {}", site.namespace)),
    }
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn who_grants_more_than_it_has_is_told_what_is_missing() {
    let Some(site) = Site::real().await else {
        return;
    };
    let cluster = site.without("delete", "roles").await;
    let stores = cluster.stores();
    let role = RoleKey::new("weu", site.namespace.as_str(), "flows");
    let write = Role {
        rules: [PolicyRule {
            api_groups: vec!["batch".into()],
            resources: vec!["jobs".into()],
            resource_names: Vec::new(),
            verbs: vec!["create".into()],
        }]
        .into(),
        marks: ours(),
    };
    let error = stores.roles.put(&role, &write, WriteMode::Create).await.unwrap_err();
    assert_eq!(error.kind, missing(&site, "escalate roles"), "{error}");

    let administrator = site.cluster.stores().roles;
    administrator.put(&role, &write, WriteMode::Create).await.unwrap();
    let binding = RoleBindingKey::new("weu", site.namespace.as_str(), "flows");
    let write = RoleBinding {
        role: RoleRef { kind: "Role".into(), name: "flows".into() },
        subjects: vec![RoleSubject {
            kind: "ServiceAccount".into(),
            namespace: Some(site.namespace.as_str().into()),
            name: "flows".into(),
        }],
        marks: ours(),
    };
    let bindings = stores.role_bindings;
    let error = bindings.put(&binding, &write, WriteMode::Create).await.unwrap_err();
    assert_eq!(error.kind, missing(&site, "bind rolebindings"), "{error}");
    let allowing =
        "{apiGroups: [\"rbac.authorization.k8s.io\"], resources: [\"roles\"], verbs: [\"bind\"]}";
    let hint = error.help();
    assert!(hint.ends_with(allowing), "{hint}");
    site.leave().await;
}

/// Writes the account `flows` under a policy that refuses it with a reason.
async fn refused_by_policy(site: &Site, reason: &str) -> PortError {
    let (client, name) = (site.cluster.client(), &site.namespace);
    let policy = json!({
        "metadata": { "name": name },
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": name } },
                "resourceRules": [{
                    "apiGroups": [""], "apiVersions": ["v1"], "resources": ["serviceaccounts"],
                    "operations": ["CREATE"],
                }],
            },
            "validations": [{
                "expression": "object.metadata.name != 'flows'",
                "message": "teams cannot make accounts here", "reason": reason,
            }],
        },
    });
    make::<ValidatingAdmissionPolicy>(client, policy).await;
    let binding = json!({
        "metadata": { "name": name },
        "spec": { "policyName": name, "validationActions": ["Deny"] },
    });
    make::<ValidatingAdmissionPolicyBinding>(client, binding).await;
    let accounts = site.cluster.stores().service_accounts;
    let (key, write) = (key(name, "flows"), annotated(Some(ours())));
    let error = loop {
        // The policy takes a moment to be in force.
        match accounts.put(&key, &write, WriteMode::Create).await {
            Ok(_) => site.remove_account("flows").await,
            Err(error) => break error,
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    remove::<ValidatingAdmissionPolicyBinding>(client, name).await;
    remove::<ValidatingAdmissionPolicy>(client, name).await;
    error
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn a_policy_is_named_and_taken_for_no_missing_right() {
    for (reason, status) in [("Forbidden", 403), ("Invalid", 422)] {
        let Some(site) = Site::real().await else {
            return;
        };
        let error = refused_by_policy(&site, reason).await;
        assert_eq!(
            (&error.kind, error.status),
            (&PortErrorKind::Forbidden, Some(status)),
            "{error}"
        );
        assert!(
            error.help().contains("an admission policy of the cluster refused it"),
            "{error:?}"
        );
        let said = format!("ValidatingAdmissionPolicy '{}'", site.namespace);
        assert!(error.to_string().contains(&said), "{error}");
        assert!(error.to_string().contains("teams cannot make accounts here"), "{error}");
        site.leave().await;
    }
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn a_stranger_is_not_signed_in() {
    let Some(site) = Site::real().await else {
        return;
    };
    let Ground::Real(plane) = &site.ground else {
        unreachable!("the site is real");
    };
    let read = std::fs::read_to_string(&plane.kubeconfig).unwrap();
    let mut kubeconfig = kube::config::Kubeconfig::from_yaml(&read).unwrap();
    for user in &mut kubeconfig.auth_infos {
        let token: Value = "not-a-token".into();
        user.auth_info = Some(serde_json::from_value(json!({ "token": token })).unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stranger.kubeconfig");
    std::fs::write(&path, serde_json::to_string(&kubeconfig).unwrap()).unwrap();
    let cluster = connect(&path, &site.kept).await;
    let error = cluster.service_accounts().await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Unauthenticated, "{error}");
    let hint = error.help();
    assert!(hint.contains("stranger.kubeconfig"), "{hint}");
    site.leave().await;
}
