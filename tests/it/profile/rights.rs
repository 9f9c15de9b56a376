//! Which RBAC rules a team in its own file may ask for.

use widctl::presets;
use widctl::profile::denied_rights;

use super::team_file;

/// A rule as the file has it: API groups, resources, names, verbs.
type Rule<'a> = (&'a [&'a str], &'a [&'a str], &'a [&'a str], &'a [&'a str]);

const CORE: &[&str] = &[""];

fn table((groups, resources, names, verbs): &Rule<'_>) -> String {
    format!(
        "[[team.workload.rule]]\napi_groups = {groups:?}\nresources = {resources:?}\n\
         resource_names = {names:?}\nverbs = {verbs:?}\n"
    )
}

/// What the team `a` is told about a rule in its own file.
fn told(rule: &Rule<'_>) -> Vec<String> {
    let team = format!("[[team.workload]]\nservice_account = \"app\"\n{}", table(rule));
    team_file("", "a", &team).refusals("WID-GRANT-RULE")
}

#[test]
fn secrets_are_refused_in_every_verb_without_names() {
    let secrets: Vec<&str> =
        vec!["get", "list", "watch", "update", "patch", "delete", "create", "deletecollection"];
    for verb in secrets {
        assert!(!told(&(CORE, &["secrets"], &[], &[verb])).is_empty(), "{verb}");
    }
}

#[test]
fn ways_into_other_pods_are_refused_named_or_not() {
    for resource in [
        "pods/exec",
        "pods/attach",
        "pods/portforward",
        "pods/proxy",
        "pods/ephemeralcontainers",
        "services/proxy",
        "nodes/proxy",
        "serviceaccounts/token",
    ] {
        for verb in ["get", "create", "patch"] {
            // A subresource of a named object is still a way in.
            for names in [&[][..], &["mine"]] {
                let rule = (CORE, &[resource][..], names, &[verb][..]);
                assert!(!told(&rule).is_empty(), "{rule:?}");
            }
        }
    }
}

const RBAC: &str = "rbac.authorization.k8s.io";

#[test]
fn changes_to_what_is_not_the_teams_are_refused_named_or_not() {
    for (group, resource) in [
        ("", "serviceaccounts"),
        (RBAC, "roles"),
        (RBAC, "rolebindings"),
        (RBAC, "clusterrolebindings"),
        ("", "namespaces"),
        ("", "namespaces/finalize"),
        ("", "pods/binding"),
        ("", "endpoints"),
        ("discovery.k8s.io", "endpointslices"),
        ("", "services/status"),
        ("", "nodes"),
        ("", "persistentvolumes"),
        ("certificates.k8s.io", "certificatesigningrequests/approval"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
        ("apiregistration.k8s.io", "apiservices"),
    ] {
        for verb in ["create", "update", "patch", "delete"] {
            let rule: Rule<'_> = (&[group], &[resource], &["mine"], &[verb]);
            assert!(!told(&rule).is_empty(), "{rule:?}");
        }
    }
}

#[test]
fn verbs_that_hand_out_rights_are_refused_named_or_not() {
    for (group, resource, verb) in [
        (RBAC, "roles", "bind"),
        (RBAC, "clusterroles", "escalate"),
        ("", "serviceaccounts", "impersonate"),
        ("authentication.k8s.io", "userextras/scopes", "impersonate"),
        ("authentication.k8s.io", "serviceaccounts", "impersonate:serviceaccount"),
        ("", "pods", "impersonate-on:serviceaccount:list"),
        ("certificates.k8s.io", "signers", "approve"),
        ("security.openshift.io", "securitycontextconstraints", "use"),
        ("cid.wi.aks.azure.com", "5a0db0c5-0000-4000-8000-00000000c11e", "use-managed-identity"),
    ] {
        let rule: Rule<'_> = (&[group], &[resource], &["mine"], &[verb]);
        assert!(!told(&rule).is_empty(), "{rule:?}");
    }
}

#[test]
fn names_lift_only_what_they_limit() {
    let names: &[&str] = &["mine"];
    for verb in ["get", "list", "watch", "update", "patch", "delete"] {
        let rule = (CORE, &["secrets"][..], names, &[verb][..]);
        assert_eq!(told(&rule), [""; 0], "{verb}");
    }
    // Created by an apply under the granted name, a secret can be a token of any account.
    let rule = (CORE, &["secrets"][..], names, &["create", "get", "patch"][..]);
    assert_eq!(told(&rule), ["team `a` in its own file cannot ask for `create` of `secrets`"]);
    let rule = (CORE, &["secrets"][..], names, &["deletecollection"][..]);
    assert_eq!(told(&rule).len(), 1);
    // An empty name matches every request that carries none, `list` and `create` among them.
    let rule = table(&(CORE, &["secrets"], &[""], &["get", "list"]));
    let team = format!("[[team.workload]]\nservice_account = \"app\"\n{rule}");
    assert_eq!(team_file("", "a", &team).codes(), ["WID-EMPTY-TEXT", "WID-GRANT-RULE"]);
}

#[test]
fn a_wildcard_is_refused_and_says_what_it_covers() {
    for (resource, covered) in [
        ("*", "`serviceaccounts/token`"),
        ("pods/*", "`pods/exec`"),
        ("*/exec", "`pods/exec`"),
        ("*/proxy", "`pods/proxy`"),
        ("*/*", "`serviceaccounts/token`"),
        ("pod*", "`pods/exec`"),
        ("Secret*", "`secrets`"),
    ] {
        let team = format!(
            "[[team.workload]]\nservice_account = \"app\"\n{}",
            table(&(CORE, &[resource], &[], &["create"]))
        );
        let refused = team_file("", "a", &team);
        assert_eq!(
            refused.refusals("WID-GRANT-RULE"),
            ["team `a` in its own file cannot ask for a wildcard"],
            "{resource}"
        );
        let help = &refused.helps("WID-GRANT-RULE")[0];
        assert!(help.contains(&format!("it covers {covered}:")), "{resource}: {help}");
    }
    // What the rule's other words do not reach is no example.
    let rule = table(&(&["example.com"], &["*"], &[], &["create"]));
    let team = format!("[[team.workload]]\nservice_account = \"app\"\n{rule}");
    let help = &team_file("", "a", &team).helps("WID-GRANT-RULE")[0];
    assert!(help.contains("it covers what nobody has named yet"), "{help}");
    for rule in [
        (&["*"][..], &["configmaps"][..], &[][..], &["get"][..]),
        (CORE, &["configmaps/*"], &[], &["get"]),
        (CORE, &["configmaps"], &["*"], &["get"]),
        (CORE, &["configmaps"], &[], &["*"]),
    ] {
        assert_eq!(told(&rule).len(), 1, "{rule:?}");
    }
    // The wildcard does not hide what is asked for by name beside it.
    let rule = (CORE, &["pods/*", "pods/exec"][..], &[][..], &["get"][..]);
    assert_eq!(told(&rule).len(), 2);
    let rule = (&["*"][..], &["secrets"][..], &[][..], &["get"][..]);
    assert_eq!(told(&rule).len(), 2);
}

#[test]
fn other_cases_of_a_word_count_as_the_word() {
    for (resource, verb) in [
        ("Secrets", "get"),
        ("SECRETS", "List"),
        ("secrets ", "list"),
        ("Pods/Exec", "Create"),
        ("pods", "Impersonate"),
    ] {
        assert_eq!(told(&(CORE, &[resource], &[], &[verb])).len(), 1, "{resource}");
    }
}

#[test]
fn what_workloads_need_stays_allowed() {
    let all: &[&str] =
        &["create", "delete", "get", "list", "patch", "update", "watch", "deletecollection"];
    for (group, resource) in [
        ("", "pods"),
        ("", "pods/log"),
        ("", "pods/status"),
        ("", "pods/eviction"),
        ("", "configmaps"),
        ("", "services"),
        ("", "events"),
        ("", "persistentvolumeclaims"),
        ("batch", "jobs"),
        ("apps", "deployments"),
        ("coordination.k8s.io", "leases"),
        ("authorization.k8s.io", "localsubjectaccessreviews"),
        ("argoproj.io", "workflows"),
        // A resource of that name in a group of its own is another resource.
        ("example.com", "secrets"),
    ] {
        assert_eq!(told(&(&[group], &[resource], &[], all)), [""; 0], "{resource}");
    }
    for resource in ["serviceaccounts", "namespaces", "endpoints", "nodes"] {
        let rule = (CORE, &[resource][..], &[][..], &["get", "list", "watch"][..]);
        assert_eq!(told(&rule), [""; 0], "{resource}");
    }
}

#[test]
fn a_preset_needs_a_grant_where_it_holds_a_right_that_is_denied() {
    for preset in presets::all() {
        let mut refused = 0;
        for rule in preset.rules("app") {
            let texts = |texts: &'_ [std::sync::Arc<str>]| -> Vec<String> {
                texts.iter().map(ToString::to_string).collect()
            };
            let (groups, resources) = (texts(&rule.api_groups), texts(&rule.resources));
            let (names, verbs) = (texts(&rule.resource_names), texts(&rule.verbs));
            let team = format!(
                "[[team.workload]]\nservice_account = \"app\"\n[[team.workload.rule]]\n\
                 api_groups = {groups:?}\nresources = {resources:?}\nresource_names = {names:?}\n\
                 verbs = {verbs:?}\n"
            );
            refused += team_file("", "a", &team).refusals("WID-GRANT-RULE").len();
        }
        let is_denied = matches!(&*preset.name, "airflow-scheduler" | "external-secrets");
        assert_eq!(refused > 0, is_denied, "{}", preset.name);
        assert_eq!(!denied_rights(preset).is_empty(), is_denied, "{}", preset.name);
    }
}

#[test]
fn a_team_in_the_root_file_may_ask_for_everything() {
    let rule = table(&(&["*"], &["*", "secrets", "pods/exec"], &[], &["*", "escalate"]));
    let team = format!("[[team.workload]]\nservice_account = \"app\"\n{rule}");
    assert_eq!(super::root_team("", "a", &team).codes(), [""; 0]);
}
