//! Plans as rows, made by hand.

use serde_json::{Map, Value, json};
use widctl::plan::action::ActionName;
use widctl::plan::contents::{Kept, KeptReason, Note, Plan, Severity, Unknown};
use widctl::plan::row::ChangeRow;
use widctl::report::missing::{MissingRight, Shared};
use widctl::report::rows::PlanRows;

/// Texts that try to do something to whoever shows them: colours, reading direction, new lines, workflow
/// commands, Markdown, HTML, mentions, links.
pub(super) const HOSTILE: &str = "a\u{1b}[31mred\u{202e}txt.\n::error::gone ##vso[task.complete] `code` | **b** <img src=x> @octocat #1 https://evil.example \u{200b}\u{9b}";

/// Where the rows are.
const GROUP: &str =
    "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-workload-identity";

const CLUSTER: &str = "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/rg-aks/providers/Microsoft.ContainerService/managedClusters/aks-weu-prod";

fn map(value: Value) -> Map<String, Value> {
    let Value::Object(fields) = value else {
        panic!("fields are an object");
    };
    fields
}

/// One side of a change.
#[expect(clippy::unnecessary_wraps, reason = "a row has its sides as options")]
fn fields(value: Value) -> Option<Map<String, Value>> {
    Some(map(value))
}

pub(super) fn row(action: ActionName, address: &str) -> ChangeRow {
    ChangeRow {
        kind: address.split('/').nth(1).unwrap_or("identity").to_owned(),
        address: address.to_owned(),
        place: if address.starts_with("azure/") { GROUP } else { CLUSTER }.to_owned(),
        identity: None,
        team: Some("data-eng".to_owned()),
        cluster: None,
        action,
        reason: String::new(),
        effects: Vec::new(),
        before: None,
        after: None,
        managers: Map::new(),
    }
}

/// A plan with the summary that its rows make.
pub(super) fn plan(changes: Vec<ChangeRow>, plan: &Plan) -> PlanRows<'_> {
    let mut rows = PlanRows::new(plan, changes.leak());
    let count = |name| rows.changes.iter().filter(|row| row.action == name).count();
    let mut summary = rows.summary;
    summary.adopt = count(ActionName::Adopt);
    summary.create = count(ActionName::Create);
    summary.update = count(ActionName::Update) + count(ActionName::Release);
    summary.replace = count(ActionName::Replace);
    summary.delete = count(ActionName::Delete);
    rows.summary = summary;
    rows
}

/// What a plan says beside its changes: kept, unknown, notes.
pub(super) fn remarks() -> Plan {
    Plan {
        kept: vec![
            Kept {
                address: "azure/federated-credential/id-old/widctl-1".to_owned(),
                team: None,
                cluster: None,
                reason: KeptReason::NotPruned,
                by_hand: None,
                releasable: false,
            },
            Kept {
                address: "azure/identity/id-old".to_owned(),
                team: Some("old".into()),
                cluster: None,
                reason: KeptReason::NeverDeleted,
                by_hand: Some("az identity delete --name id-old".to_owned()),
                releasable: true,
            },
        ],
        unknown: ["a", "b"]
            .map(|name| Unknown {
                address: format!("neu/service-account/{name}/worker"),
                team: Some(name.into()),
                cluster: Some("neu".into()),
                why: "could not list service accounts: cluster `neu` could not be reached".into(),
            })
            .into(),
        notes: vec![
            Note {
                code: "WID-WEBHOOK".into(),
                severity: Severity::Warning,
                address: "weu".to_owned(),
                text: "The workload identity webhook is not registered, so pods get no token."
                    .to_owned(),
                fix: Some(
                    "az aks update --resource-group rg-aks --name aks-weu --enable-workload-identity"
                        .to_owned(),
                ),
            },
            Note {
                code: "WID-SATISFIED".into(),
                severity: Severity::Note,
                address: "azure/federated-credential/id-data-eng/manual".to_owned(),
                text: "The same trust exists under a name of somebody else.".to_owned(),
                fix: None,
            },
        ],
        unchanged: 140,
        ..Plan::default()
    }
}

/// What a caller is likely not allowed to do, in Azure and on a cluster.
pub(super) fn missing() -> Vec<MissingRight> {
    vec![
        MissingRight {
            right: "Microsoft.Authorization/roleAssignments/write".to_owned(),
            scope: "/subscriptions/s/resourceGroups/rg".to_owned(),
            cluster: None,
            role: Some("Role Based Access Control Administrator".to_owned()),
            fix: Some("az role assignment create --assignee <object id>".to_owned()),
            shared: None,
            changes: vec![
                "azure/role-assignment/id-a/Reader@/subscriptions/s/resourceGroups/rg".to_owned(),
            ],
        },
        MissingRight {
            right: "create, patch serviceaccounts".to_owned(),
            scope: "namespace data-eng".to_owned(),
            cluster: Some("weu".to_owned()),
            role: None,
            fix: Some("allow it in a ClusterRole: {verbs: [\"create\", \"patch\"]}".to_owned()),
            shared: None,
            changes: ["a", "b", "c"]
                .map(|name| format!("weu/service-account/data-eng/{name}"))
                .into(),
        },
    ]
}

/// A missing right whose every text is hostile.
pub(super) fn hostile_missing() -> Vec<MissingRight> {
    vec![MissingRight {
        right: HOSTILE.to_owned(),
        scope: HOSTILE.to_owned(),
        cluster: Some(HOSTILE.to_owned()),
        role: Some(HOSTILE.to_owned()),
        fix: Some(HOSTILE.to_owned()),
        shared: Some(Shared { scope: HOSTILE.to_owned(), fix: Some(HOSTILE.to_owned()) }),
        changes: vec![HOSTILE.to_owned()],
    }]
}

/// One change of every action, on two clusters and for two teams and none.
pub(super) fn every_action() -> Vec<ChangeRow> {
    vec![
        ChangeRow {
            reason: "the profile has it and Azure has not".to_owned(),
            after: fields(json!({
                "location": "westeurope",
                "tags.managed-by": "widctl",
                "tags.widctl-estate": "contoso-prod",
            })),
            ..row(ActionName::Create, "azure/identity/id-data-eng")
        },
        ChangeRow {
            reason: "the cluster's issuer changed (cluster recreated?)".to_owned(),
            cluster: Some("weu".to_owned()),
            before: fields(json!({
                "issuer": "https://westeurope.oic.prod-aks.azure.com/00000000-0000-0000-0000-000000000000/11111111-1111-1111-1111-111111111111/",
                "subject": "system:serviceaccount:data-eng:worker",
            })),
            after: fields(json!({
                "issuer": "https://westeurope.oic.prod-aks.azure.com/00000000-0000-0000-0000-000000000000/22222222-2222-2222-2222-222222222222/",
                "subject": "system:serviceaccount:data-eng:worker",
            })),
            ..row(
                ActionName::Update,
                "azure/federated-credential/id-data-eng/widctl-5a-b",
            )
        },
        ChangeRow {
            reason: "its role binding names another role, which cannot be changed in place".to_owned(),
            cluster: Some("weu".to_owned()),
            before: fields(json!({"role": "Role/old", "subjects": ["ServiceAccount/data-eng/worker"]})),
            after: fields(json!({"role": "Role/new", "subjects": ["ServiceAccount/data-eng/worker"]})),
            ..row(ActionName::Replace, "weu/role-binding/data-eng/worker")
        },
        ChangeRow {
            reason: "somebody changed what is ours by hand".to_owned(),
            cluster: Some("weu".to_owned()),
            before: fields(json!({"client_id": "1111", "token_expiration": "3600"})),
            after: fields(json!({"client_id": "(known after apply: client id of id-data-eng)", "token_expiration": "7200", "tenant_id": "7777"})),
            managers: map(json!({"client_id": "kubectl-edit"})),
            effects: vec![
                "pods started before this keep the old client id: kubectl rollout restart deployment,statefulset,daemonset --namespace data-eng --selector app=worker".to_owned(),
            ],
            identity: Some(format!(
                "{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-data-eng"
            )),
            ..row(ActionName::Update, "weu/service-account/data-eng/worker")
        },
        ChangeRow {
            reason: "it exists without our marks and --adopt was given".to_owned(),
            cluster: Some("weu".to_owned()),
            team: Some("analytics".to_owned()),
            before: fields(json!({"managed_by": "helm"})),
            after: fields(json!({"managed_by": "widctl"})),
            ..row(ActionName::Adopt, "weu/service-account/analytics/worker")
        },
        ChangeRow {
            reason: "the workload's mode is annotate now".to_owned(),
            cluster: Some("weu".to_owned()),
            team: Some("analytics".to_owned()),
            before: fields(json!({"managed_by": "widctl", "estate": "contoso-prod"})),
            after: fields(json!({})),
            ..row(ActionName::Release, "weu/service-account/analytics/other")
        },
        ChangeRow {
            reason: "the profile no longer has it and --prune was given".to_owned(),
            team: None,
            before: fields(json!({"scope": "/subscriptions/s/resourceGroups/rg", "role": "Reader"})),
            ..row(
                ActionName::Delete,
                "azure/role-assignment/id-old/Reader@/subscriptions/s/resourceGroups/rg",
            )
        },
    ]
}

/// A change whose every text is hostile.
pub(super) fn hostile() -> ChangeRow {
    ChangeRow {
        place: HOSTILE.to_owned(),
        identity: Some(format!("x{HOSTILE}")),
        team: Some(HOSTILE.to_owned()),
        cluster: Some(HOSTILE.to_owned()),
        reason: HOSTILE.to_owned(),
        effects: vec![HOSTILE.to_owned()],
        before: fields(json!({"name": HOSTILE, HOSTILE: "x"})),
        after: fields(json!({"name": "harmless", HOSTILE: ["y", HOSTILE]})),
        managers: map(json!({"name": HOSTILE})),
        ..row(ActionName::Update, HOSTILE)
    }
}

/// Remarks whose every text is hostile.
pub(super) fn hostile_remarks() -> Plan {
    Plan {
        kept: vec![Kept {
            address: HOSTILE.to_owned(),
            team: None,
            cluster: None,
            reason: KeptReason::NotPruned,
            by_hand: None,
            releasable: true,
        }],
        unknown: vec![Unknown {
            address: HOSTILE.to_owned(),
            team: None,
            cluster: None,
            why: HOSTILE.into(),
        }],
        notes: vec![Note {
            code: "WID-X".into(),
            severity: Severity::Warning,
            address: HOSTILE.to_owned(),
            text: HOSTILE.to_owned(),
            fix: Some(HOSTILE.to_owned()),
        }],
        ..Plan::default()
    }
}
