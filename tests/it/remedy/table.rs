//! All advice on one page.

use std::fmt::Write;

use super::world::{self, Case, Names};

/// Names as people give them.
fn names() -> Names {
    Names {
        group: "rg-wi".into(),
        context: "onprem".into(),
        namespace: "kyverno".into(),
        webhook: "kyverno-svc".into(),
        scope: "/subscriptions/s/resourceGroups/rg-wi/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-a".into(),
        caller: "b2".into(),
        claims: "eyJh".into(),
        assignment: "/subscriptions/s/providers/Microsoft.Authorization/policyAssignments/deny".into(),
    }
}

fn page(cases: &[Case]) -> String {
    let mut page = String::new();
    for (name, error) in cases {
        writeln!(page, "{}\n  {}", name.trim(), error.help()).unwrap();
    }
    page
}

#[test]
fn all_advice_is_on_one_page() {
    let names = names();
    let sections = [
        ("Of a kind alone", world::bare()),
        ("Azure", world::of_azure(&names)),
        ("Clusters", world::of_clusters(&names)),
        ("Kubeconfigs", world::of_kubeconfigs(&names)),
        ("Connections and sign-ins", world::of_connections(&names)),
    ];
    let text = sections.map(|(title, cases)| format!("# {title}\n\n{}", page(&cases)));
    insta::assert_snapshot!("advice", text.join("\n"));
}

#[test]
fn a_role_is_proposed_only_where_the_code_says_that_one_is_missing() {
    for (name, error) in world::of_azure(&names()) {
        let proposes = error.help().contains("az role assignment create");
        assert_eq!(proposes, error.code.as_deref() == Some("AuthorizationFailed"), "{name}");
    }
}

#[test]
fn no_advice_has_the_words_that_nobody_uses() {
    let all = [
        world::bare(),
        world::of_azure(&names()),
        world::of_clusters(&names()),
        world::of_kubeconfigs(&names()),
        world::of_connections(&names()),
    ];
    for (name, error) in all.into_iter().flatten() {
        let help = error.help();
        for word in ["mend", " shall ", "is well", "stands there", "taken for granted", "as it is:"]
        {
            assert!(!help.contains(word), "{name}: {help}");
        }
    }
}
