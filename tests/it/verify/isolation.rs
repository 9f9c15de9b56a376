//! Who else gets in: by credentials and bindings of others, and by rights to make tokens.

use serde_json::{Value, json};

use super::estate::{Estate, State};

const IDENTITY: &str = "azure/identity/id-team-1";
const FOREIGN: &str = "WID-V-FOREIGN-TRUST";
const HUBS: &str = "WID-V-TOKEN-HUBS";
const STRANGER: &str = "system:serviceaccount:mail:app";
const ACCOUNT: &str = "account `app` of namespace `mail` of cluster k";

fn let_stranger_in(state: &mut State) {
    let issuer = state.issuer();
    state.add_credential("team-1", "theirs", &issuer, STRANGER);
}

fn account(namespace: &str, name: &str) -> Value {
    json!({ "kind": "ServiceAccount", "namespace": namespace, "name": name })
}

fn tokens() -> Value {
    json!({ "apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"] })
}

fn may_use(client: &Value) -> Value {
    json!({
        "apiGroups": ["cid.wi.aks.azure.com"], "resources": [client],
        "verbs": ["use-managed-identity"],
    })
}

#[test]
fn whom_a_credential_of_others_lets_in_is_a_warning_in_the_plans_words() {
    let estate = Estate::synced();
    let report = estate.verify(0, "");
    assert_eq!(report.check(IDENTITY, FOREIGN)["status"], "pass");
    estate.damage(let_stranger_in);
    let report = estate.verify(0, "");
    assert_eq!(report.with("warn"), [(IDENTITY.to_owned(), FOREIGN.to_owned())].into());
    let check = report.check(IDENTITY, FOREIGN);
    assert_eq!(check["found"], format!("{ACCOUNT} by credential `theirs`"));
    let plan = estate.0.expect(0, "plan teams.toml --sandbox --format json").json();
    assert!(plan["notes"][0]["text"].as_str().unwrap().contains(ACCOUNT), "{plan:#}");
    assert_eq!(plan["notes"][0]["fix"], report.fix(IDENTITY, FOREIGN).join(" "));
    // The estate's own leftovers are the plan's to prune, and another estate's identity is its own affair.
    estate.0.edit("teams.toml", "name = \"id-team-1\"", "name = \"id-team-1\"\ncreate = false");
    estate.damage(|state| state.forget_tags("team-1"));
    assert_eq!(estate.verify(0, "").check(IDENTITY, FOREIGN)["status"], "not-applicable");
}

#[test]
fn a_credential_of_an_issuer_that_retires_is_a_warning_until_it_is_gone() {
    const RETIRING: &str = "WID-V-RETIRING";
    const OLD: &str = "https://weu.oic.prod-aks.azure.com/t/old/";
    let estate = Estate::synced();
    let (subject, mut own) = ("system:serviceaccount:team-1:flows", String::new());
    estate.damage(|state| {
        own = state.issuer();
        state.add_credential("team-1", "before", OLD, subject);
    });
    let status = |code: i32, more: &str| {
        let report = estate.verify(code, more);
        report.check("k", RETIRING).clone()
    };
    assert_eq!(status(0, "")["status"], "not-applicable");
    // The issuer that the cluster has retires nothing.
    let cluster = "name = \"aks-k\"\n";
    let with = |issuers: &str| format!("{cluster}also_trust = [{issuers}]\n");
    estate.0.edit("teams.toml", cluster, &with(&format!("\"{own}\"")));
    assert_eq!(status(0, "")["status"], "not-applicable");
    estate.0.edit("teams.toml", &with(&format!("\"{own}\"")), &with(&format!("\"{OLD}\"")));
    let check = status(0, "");
    assert_eq!(check["status"], "warn");
    assert_eq!(
        check["found"],
        format!("{subject} of `{OLD}` on azure/identity/id-team-1 by credential `before`")
    );
    let faults = "[[rules]]\npath = \"*/federatedIdentityCredentials\"\neffect = \"forbidden\"\n";
    estate.0.write("faults.toml", faults);
    assert_eq!(status(1, "--sandbox-faults faults.toml")["status"], "unknown");
    estate.damage(|state| state.delete_resource(&["id-team-1", "before"]));
    assert_eq!(status(0, "")["status"], "pass");
}

#[test]
fn the_policy_counts_as_in_a_plan() {
    let estate = Estate::synced();
    estate.damage(let_stranger_in);
    let policy = |lines: &str, code: i32, more: &str| {
        let text = format!("estate = \"verify\"\n[policy]\n{lines}\n");
        estate.0.edit("teams.toml", "estate = \"verify\"\n", &text);
        let status = estate.verify(code, more).check(IDENTITY, FOREIGN)["status"].clone();
        estate.0.edit("teams.toml", &text, "estate = \"verify\"\n");
        status
    };
    assert_eq!(policy("foreign_trust = \"refuse\"", 0, ""), "warn");
    let allow = "foreign_trust = \"allow\"";
    assert_eq!(policy(allow, 0, ""), "not-applicable");
    // What is not judged need not be read.
    let faults = "[[rules]]\npath = \"*/federatedIdentityCredentials\"\neffect = \"forbidden\"\n";
    estate.0.write("faults.toml", faults);
    assert_eq!(policy(allow, 1, "--sandbox-faults faults.toml"), "not-applicable");
    let mut issuer = String::new();
    estate.damage(|state| issuer = state.issuer());
    let trusted = format!(
        "trusted = [{{ issuer = \"{issuer}\", subject = \"{STRANGER}\", identities = [\"id-{{team}}\"] }}]"
    );
    assert_eq!(policy(&trusted, 0, ""), "pass");
}

#[test]
fn what_was_not_read_is_no_pass() {
    let estate = Estate::synced();
    for (path, right) in [
        ("*/federatedIdentityCredentials", "federatedIdentityCredentials/read"),
        ("*/identityBindings", "identityBindings/read"),
    ] {
        let faults = format!("[[rules]]\npath = \"{path}\"\neffect = \"forbidden\"\n");
        estate.0.write("faults.toml", faults);
        let report = estate.verify(1, "--sandbox-faults faults.toml");
        let check = report.check(IDENTITY, FOREIGN);
        assert_eq!((&check["status"], &check["cause"]), (&json!("unknown"), &json!("unread")));
        assert!(check["why"].as_str().unwrap().contains(right), "{check}");
    }
    // What was found is told all the same.
    estate.damage(let_stranger_in);
    let report = estate.verify(1, "--sandbox-faults faults.toml");
    let found = report.check(IDENTITY, FOREIGN)["found"].as_str().unwrap();
    assert!(found.contains(ACCOUNT) && found.contains("unknown: the identity bindings"), "{found}");
}

#[test]
fn an_identity_binding_is_told_with_whom_cluster_roles_let_use_it() {
    let estate = Estate::synced();
    let found = || {
        let report = estate.verify(0, "");
        report.check(IDENTITY, FOREIGN)["found"].as_str().unwrap_or_default().to_owned()
    };
    // Without a binding the right opens nothing.
    estate.damage(|state| {
        let rule = may_use(&state.client_id("team-1"));
        let subjects = json!([account("mail", "app"), account("team-1", "flows")]);
        state.give_everywhere("payments", &rule, &subjects);
    });
    assert_eq!(found(), "");
    estate.damage(|state| state.add_identity_binding("team-1", "b"));
    let by = "ServiceAccount mail/app by ClusterRoleBinding payments to ClusterRole payments";
    assert_eq!(found(), format!("cluster k by identity binding `b`: {by}"));
    estate.damage(|state| {
        let rule = may_use(&state.client_id("team-2"));
        state.give_everywhere("payments", &rule, &json!([account("mail", "app")]));
    });
    assert!(found().contains("whom the binding itself allows was not read"), "{}", found());
    estate.0.write("faults.toml", "[[rules]]\npath = \"*/clusterroles\"\neffect = \"forbidden\"\n");
    let report = estate.verify(1, "--sandbox-faults faults.toml");
    let found = report.check(IDENTITY, FOREIGN)["found"].as_str().unwrap();
    assert!(found.contains("which accounts was not read"), "{found}");
}

#[test]
fn whoever_may_make_tokens_everywhere_is_one_warning_of_the_cluster() {
    let estate = Estate::synced();
    estate.damage(|state| {
        let user = |name: &str| json!([{ "kind": "User", "name": name }]);
        let limited = |name: &str| {
            let mut rule = tokens();
            rule["resourceNames"] = json!([name]);
            rule
        };
        let rule = |verb: &str, group: &str, resource: &str| json!({ "apiGroups": [group], "resources": [resource], "verbs": [verb] });
        let eso = json!([account("external-secrets", "external-secrets")]);
        state.give_everywhere("eso", &tokens(), &eso);
        state.give_everywhere("every-account", &tokens(), &json!([{ "kind": "Group", "name": "system:serviceaccounts" }]));
        for (name, rule) in [
            ("any-verb", rule("*", "", "serviceaccounts/token")),
            ("any-resource", rule("create", "*", "*")),
            ("any-token", rule("create", "", "*/token")),
            ("limited", limited("flows")),
        ] {
            state.give_everywhere(name, &rule, &user(name));
        }
        for (name, rule, subject) in [
            ("reads", rule("get", "", "serviceaccounts/token"), "reads"),
            ("accounts", rule("*", "", "serviceaccounts"), "accounts"),
            // API servers know no such wildcard.
            ("no-wildcard", rule("create", "", "serviceaccounts/*"), "no-wildcard"),
            ("other-group", rule("create", "apps", "serviceaccounts/token"), "other-group"),
            ("others", limited("somebody"), "others"),
            ("system", tokens(), "system:addon"),
        ] {
            state.give_everywhere(name, &rule, &user(subject));
        }
    });
    let report = estate.verify(0, "");
    assert_eq!(report.with("warn"), [("k".to_owned(), HUBS.to_owned())].into());
    let found = report.check("k", HUBS)["found"].as_str().unwrap();
    assert_eq!(
        found,
        "Group system:serviceaccounts by ClusterRoleBinding every-account to ClusterRole every-account; \
         ServiceAccount external-secrets/external-secrets by ClusterRoleBinding eso to ClusterRole eso; \
         User any-resource by ClusterRoleBinding any-resource to ClusterRole any-resource; \
         User any-token by ClusterRoleBinding any-token to ClusterRole any-token; \
         User any-verb by ClusterRoleBinding any-verb to ClusterRole any-verb; and 1 more"
    );
}

#[test]
fn cluster_admins_make_tokens_by_right() {
    let estate = Estate::synced();
    assert_eq!(estate.verify(0, "").check("k", HUBS)["status"], "pass");
    estate.damage(|state| {
        let everything = json!({ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] });
        let ada = json!([{ "kind": "User", "name": "ada" }]);
        state.give_everywhere("cluster-admin", &everything, &ada);
        state.give_everywhere("tokens", &tokens(), &ada);
    });
    assert_eq!(estate.verify(0, "").check("k", HUBS)["status"], "pass");
}

#[test]
fn cluster_roles_that_may_not_be_listed_are_unknown_with_the_right() {
    let estate = Estate::synced();
    for kind in ["clusterroles", "clusterrolebindings"] {
        let faults = format!("[[rules]]\npath = \"*/{kind}\"\neffect = \"forbidden\"\n");
        estate.0.write("faults.toml", faults);
        let report = estate.verify(1, "--sandbox-faults faults.toml");
        assert_eq!(report.with("unknown"), [("k".to_owned(), HUBS.to_owned())].into());
        let why = report.check("k", HUBS)["why"].as_str().unwrap();
        assert!(why.contains("list clusterroles and clusterrolebindings"), "{why}");
        assert!(why.contains(&format!("resources: [\"{kind}\"], verbs: [\"list\"]")), "{why}");
    }
}
