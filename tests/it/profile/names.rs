//! To which of two teams a name belongs, where the name of one holds the other's.

use super::{Refused, root_file, team_table};

/// A profile of teams in files of their own, in this order.
fn teams(policy: &str, teams: &[(&str, &str)]) -> Refused {
    let root = ("root.toml".to_owned(), root_file(policy));
    let files = teams
        .iter()
        .enumerate()
        .map(|(index, (name, rest))| (format!("teams/{index}.toml"), team_table(name, rest)));
    Refused::of(&[root].into_iter().chain(files).collect::<Vec<_>>())
}

fn workload(namespace: &str) -> String {
    format!("[[team.workload]]\nservice_account = \"app\"\nnamespace = {namespace:?}\n")
}

fn identity(name: &str) -> String {
    format!("[[team.identity]]\nname = {name:?}\n")
}

fn refusal(team: &str, what: &str, name: &str, owner: &str) -> String {
    format!(
        "team `{team}` is not granted the {what} `{name}`, which is team `{owner}`'s by its name"
    )
}

#[test]
fn the_longer_name_owns_what_both_cover_whatever_the_order_of_the_files() {
    let (namespace, name) = (workload("data-eng-batch"), identity("ID-data-eng-batch"));
    for swapped in [false, true] {
        let both = |rest: &str| {
            let mut all = [("data", rest.to_owned()), ("data-eng", String::new())];
            if swapped {
                all.reverse();
            }
            let all: Vec<_> = all.iter().map(|(name, rest)| (*name, rest.as_str())).collect();
            teams("", &all)
        };
        assert_eq!(
            both(&namespace).refusals("WID-GRANT-NAMESPACE"),
            [refusal("data", "namespace", "data-eng-batch", "data-eng")]
        );
        assert_eq!(
            both(&name).refusals("WID-GRANT-IDENTITY"),
            [refusal("data", "identity", "ID-data-eng-batch", "data-eng")]
        );
        // The very name of the other team, and what the other team's name does not begin.
        assert_eq!(both(&workload("data-eng")).codes(), ["WID-GRANT-NAMESPACE"]);
        assert_eq!(both(&workload("data-engine")).codes(), [""; 0]);
        assert_eq!(both(&workload("data-x")).codes(), [""; 0]);
    }
    // The longer one may, and without it so may the shorter one.
    assert_eq!(teams("", &[("data", ""), ("data-eng", &namespace)]).codes(), [""; 0]);
    assert_eq!(teams("", &[("data", &namespace), ("eng", "")]).codes(), [""; 0]);
}

#[test]
fn an_identity_per_cluster_is_judged_by_the_names_that_it_takes() {
    let team = "per_cluster = true\n[[team.workload]]\nservice_account = \"app\"\n";
    let policy = "[policy.grants.teams.data-weu]\nscopes = []\n";
    let refused = teams(policy, &[("data", team)]);
    assert_eq!(
        refused.refusals("WID-GRANT-IDENTITY"),
        [refusal("data", "identity", "id-data-weu", "data-weu")]
    );
}

#[test]
fn the_longest_of_several_names_is_told() {
    let claim = workload("data-eng-batch-nightly");
    let all = [("data", claim.as_str()), ("data-eng", ""), ("data-eng-batch", "")];
    assert_eq!(
        teams("", &all).refusals("WID-GRANT-NAMESPACE"),
        [refusal("data", "namespace", "data-eng-batch-nightly", "data-eng-batch")]
    );
    let all = [("data", ""), ("data-eng", claim.as_str()), ("data-eng-batch", "")];
    assert_eq!(
        teams("", &all).refusals("WID-GRANT-NAMESPACE"),
        [refusal("data-eng", "namespace", "data-eng-batch-nightly", "data-eng-batch")]
    );
}

#[test]
fn a_team_in_the_root_file_and_one_that_has_grants_alone_own_their_names() {
    let own = team_table("data", &workload("data-eng-batch"));
    let root = root_file("") + &team_table("data-eng", "");
    let files = [("root.toml".to_owned(), root), ("data.toml".to_owned(), own)];
    let refused = Refused::of(&files);
    assert_eq!(refused.codes(), ["WID-GRANT-NAMESPACE"]);
    assert!(refused.helps("WID-GRANT-NAMESPACE")[0].contains("the other team: root.toml:"));

    let policy = "[policy.grants.teams.data-eng]\nfederations = [{ issuer = \"https://example.com\", subjects = [\"s\"] }]\n";
    let refused = teams(policy, &[("data", &workload("data-eng-batch"))]);
    assert_eq!(
        refused.refusals("WID-GRANT-NAMESPACE"),
        [refusal("data", "namespace", "data-eng-batch", "data-eng")]
    );
    // In the root file the shorter one may have it.
    let root = root_file("") + &team_table("data", &workload("data-eng-batch"));
    let files =
        [("root.toml".to_owned(), root), ("eng.toml".to_owned(), team_table("data-eng", ""))];
    assert_eq!(Refused::of(&files).codes(), [""; 0]);
}

#[test]
fn what_the_root_file_spells_out_wins() {
    let claim = workload("data-eng-batch");
    let both = [("data", claim.as_str()), ("data-eng", "")];
    for (list, granted) in [
        ("data-eng-batch", true),
        ("data-eng-*", true),
        ("{team}-eng-batch", true),
        ("*", true),
        ("data-*", false),
        ("{team}-*", false),
    ] {
        let policy = format!("[policy.grants.teams.data]\nnamespaces = [{list:?}]\n");
        let codes = teams(&policy, &both).codes();
        assert_eq!(codes.is_empty(), granted, "{list}: {codes:?}");
    }
    for (list, granted) in
        [("data-eng-batch", true), ("*-eng-*", true), ("{team}-*-*", false), ("*{team}*", false)]
    {
        let policy =
            format!("[policy.grants]\nnamespaces = [\"{{team}}\", \"{{team}}-*\", {list:?}]\n");
        let codes = teams(&policy, &both).codes();
        assert_eq!(codes.is_empty(), granted, "{list}: {codes:?}");
    }
}

#[test]
fn names_that_end_or_start_with_anothers_without_a_dash_are_judged_alike() {
    let policy = "[policy.grants]\nnamespaces = [\"{team}\", \"{team}*\", \"*-{team}\"]\n";
    for (short, long, namespace) in
        [("data", "database", "database-x"), ("eng", "data-eng", "x-data-eng")]
    {
        let refused = teams(policy, &[(short, &workload(namespace)), (long, "")]);
        assert_eq!(
            refused.refusals("WID-GRANT-NAMESPACE"),
            [refusal(short, "namespace", namespace, long)]
        );
    }
}

#[test]
fn scopes_and_subjects_with_the_teams_name_are_judged_alike() {
    const GROUP: &str = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups";
    let role = |group: &str| {
        format!(
            "roles = [{{ role = \"Reader\", scope = \"{GROUP}/{group}/providers/A.B/c/d\" }}]\n"
        )
    };
    let policy = "[policy.grants]\nscopes = [\"/subscriptions/*/resourceGroups/rg-{team}*\"]\n\
                  federations = [{ issuer = \"https://example.com\", subjects = [\"repo:contoso@1/{team}*:*\"] }]\n\
                  [policy.grants.teams.data]\n\
                  federations = [{ issuer = \"https://example.com\", subjects = [\"repo:contoso@1/Data-*:*\"] }]\n";
    let refused = teams(policy, &[("data", &role("RG-Data-Eng")), ("data-eng", "")]);
    let scope = format!("{GROUP}/RG-Data-Eng/providers/A.B/c/d");
    assert_eq!(refused.refusals("WID-GRANT-SCOPE"), [refusal("data", "scope", &scope, "data-eng")]);
    assert_eq!(teams(policy, &[("data", &role("rg-data")), ("data-eng", "")]).codes(), [""; 0]);
    // GitHub takes names in any case, and a token has the case in which the repository was made.
    for repository in ["data-eng-x@9", "Data-ENG-x@9"] {
        let subject = format!("repo:contoso@1/{repository}:pull_request");
        let federation = format!(
            "[[team.identity.federation]]\nname = \"main\"\n\
             issuer = \"https://example.com\"\nsubject = \"{subject}\"\n"
        );
        let shown = format!("{subject}` of issuer `https://example.com");
        let refused = teams(policy, &[("data", &federation), ("data-eng", "")]);
        assert_eq!(
            refused.refusals("WID-GRANT-SUBJECT"),
            [refusal("data", "subject", &shown, "data-eng")]
        );
    }
}

#[test]
fn a_grant_of_something_that_carries_no_teams_name_is_no_matter_of_names() {
    let policy = "[policy.grants]\nnamespaces = [\"{team}\", \"shared-*\"]\n\
                  [policy]\nshared_namespaces = true\n";
    let (one, other) = (workload("shared-x"), workload("shared-x").replace("app", "other"));
    let both = [("data", one.as_str()), ("data-eng", other.as_str())];
    assert_eq!(teams(policy, &both).codes(), [""; 0]);
}

#[test]
fn a_teams_name_brings_no_glob_into_the_grants() {
    for name in ["*", "a*", "?", "a?", "{team}", "a/b", "a b", "A", "", "-a", "a-", "\u{430}"] {
        let refused = teams("", &[(name, &workload("victims"))]);
        assert!(refused.codes().contains(&"WID-TEAM-NAME"), "{name}: {:?}", refused.codes());
    }
    let policy = "[policy.grants.teams.\"*\"]\nnamespaces = [\"*\"]\n";
    assert!(teams(policy, &[]).codes().contains(&"WID-TEAM-NAME"));
}

#[test]
fn a_denied_namespace_may_hold_the_teams_name() {
    let policy = "[policy]\ndenied_namespaces = [\"{team}-admin\"]\n";
    assert_eq!(teams(policy, &[("a", &workload("a-admin"))]).codes(), ["WID-DENIED-NAMESPACE"]);
    assert_eq!(teams(policy, &[("a", &workload("a-b"))]).codes(), [""; 0]);
}

#[test]
fn two_thousand_teams_within_each_other_load() {
    // Forty families of fifty, each name beginning others.
    let name = |index: usize| {
        let (family, member) = (index / 50, index % 50);
        let end = if member < 28 { "" } else { "-b" };
        format!("f{family:02}{}{end}", "-a".repeat(member % 28))
    };
    let all: Vec<(String, String)> =
        (0..2_000).map(|index| (name(index), workload(&format!("{}-x", name(index))))).collect();
    let all = all.iter().map(|(name, rest)| (&**name, &**rest));
    assert_eq!(teams("", &all.collect::<Vec<_>>()).codes(), [""; 0]);
}
