//! What a cluster serves: versions, groups and kinds.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::state::Cluster;
use super::kinds::Row;
use super::status::{KubernetesResult, Status};
use super::{VERSION, kinds};

/// Groups that have reviews alone.
const REVIEWS: [(&str, &str, &str); 2] = [
    ("authentication.k8s.io", "tokenreviews", "TokenReview"),
    ("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
];

/// Answers for the paths that describe the server itself.
pub(super) fn answer(cluster: &Cluster, segments: &[&str]) -> KubernetesResult {
    let body = match segments {
        ["version"] => version(),
        ["api"] => json!({
            "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [],
        }),
        ["apis"] => {
            let groups: Vec<Value> = groups(cluster).into_iter().map(group).collect();
            json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
        }
        ["api", "v1"] => resources("", "v1"),
        ["apis", name, version] if groups(cluster).contains(&(*name, *version)) => {
            resources(name, &format!("{name}/{version}"))
        }
        _ => return Err(Status::no_resource()),
    };
    Ok(Answer::ok(body))
}

fn version() -> Value {
    let (major, minor) = VERSION.split_once('.').unwrap_or_default();
    let minor = minor.split('.').next().unwrap_or_default();
    json!({
        "major": major, "minor": minor, "gitVersion": format!("v{VERSION}"), "gitCommit": "",
        "gitTreeState": "clean", "buildDate": "2026-07-14T00:00:00Z", "goVersion": "", "compiler": "gc",
        "platform": "linux/amd64",
    })
}

/// The groups and their versions.
fn groups(cluster: &Cluster) -> Vec<(&'static str, &'static str)> {
    let has_one = |row: &Row| {
        let path = row.path(None, None);
        let mut behind = cluster.objects.range(path.clone()..);
        behind.next().is_some_and(|(first, _)| first.starts_with(&path))
    };
    let rows = kinds::ROWS.iter().filter(|row| !row.is_defined() || has_one(row));
    let of_rows = rows.map(|row| (row.group, row.version));
    let of_reviews = REVIEWS.iter().map(|(group, _, _)| (*group, "v1"));
    let mut groups: Vec<_> =
        of_rows.chain(of_reviews).filter(|(group, _)| !group.is_empty()).collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

fn group((name, version): (&str, &str)) -> Value {
    let version = json!({ "groupVersion": format!("{name}/{version}"), "version": version });
    json!({ "name": name, "versions": [version], "preferredVersion": version })
}

fn resources(group: &str, group_version: &str) -> Value {
    let mut resources: Vec<Value> =
        kinds::ROWS.iter().filter(|row| row.group == group).map(resource).collect();
    if group.is_empty() {
        resources.push(json!({
            "name": "serviceaccounts/token", "singularName": "", "namespaced": true,
            "group": "authentication.k8s.io", "version": "v1", "kind": "TokenRequest", "verbs": ["create"],
        }));
    }
    for (_, plural, kind) in REVIEWS.iter().filter(|(of, _, _)| *of == group) {
        resources.push(json!({
            "name": plural, "singularName": "", "namespaced": false, "kind": kind, "verbs": ["create"],
        }));
    }
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": resources,
    })
}

fn resource(row: &Row) -> Value {
    let mut resource = json!({
        "name": row.plural,
        "singularName": row.kind.to_lowercase(),
        "namespaced": row.is_namespaced,
        "kind": row.kind,
        "verbs": ["create", "delete", "get", "list", "patch", "update"],
    });
    if !row.short_name.is_empty() {
        resource["shortNames"] = json!([row.short_name]);
    }
    resource
}
