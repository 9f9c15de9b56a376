//! Resource groups with letters beyond ASCII, which Azure takes.
//! <https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftresources>

use super::served::{self, Served};
use super::support::{Stage, root, team};

const GROUP: &str = "FORMACI\u{d3}N";
const GROUP_OF_VAULT: &str = "\u{4e2d}\u{6587}\u{540d}-\u{c9}t\u{e9}";
const GROUP_OF_CLUSTER: &str = "Gr\u{fc}ne.(Wiese)";

/// A profile with its identity, its cluster and the scope of a role in such groups.
fn profile() -> String {
    let roles = format!(
        "name = \"id-data\"\nroles = [{{ role = \"Key Vault Secrets User\", scope = \"/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/{GROUP_OF_VAULT}/providers/Microsoft.KeyVault/vaults/kv\" }}]\n"
    );
    let profile = root("acme", &["weu"]) + &team("data", &["weu"]);
    profile
        .replace("\"rg-workload-identity\"", &format!("{GROUP:?}"))
        .replace("\"rg-aks\"", &format!("{GROUP_OF_CLUSTER:?}"))
        .replace("name = \"id-data\"\n", &roles)
}

/// The same, each letter in the other case.
fn in_another_case() -> String {
    profile()
        .replace(GROUP, "formaci\u{f3}n")
        .replace(GROUP_OF_VAULT, "\u{4e2d}\u{6587}\u{540d}-\u{e9}T\u{c9}")
        .replace(GROUP_OF_CLUSTER, "gR\u{dc}NE.(wIESE)")
}

#[test]
fn a_sync_converges_and_the_same_names_in_another_case_change_nothing() {
    let stage = Stage::new();
    stage.write("teams.toml", profile());
    stage.write("other.toml", in_another_case());
    let sync = |file: &str| {
        stage.expect(0, &format!("sync {file} --sandbox=sandbox.json --auto-approve")).stdout
    };
    assert!(sync("teams.toml").contains("Apply complete!"));
    let settled = "No changes. Live state matches the profile.\n";
    assert_eq!(sync("teams.toml"), settled);
    assert_eq!(sync("other.toml"), settled);
}

#[test]
fn requests_over_http_name_them_percent_encoded() {
    let profile = profile().replace("[azure]\n", "[azure]\ncloud = \"double\"\n");
    let served = Served::new(&profile, "");
    served.stage.expect(0, "sync teams.toml --auto-approve");
    served.stage.expect(0, "plan teams.toml --detailed-exitcode");
}

#[test]
fn what_is_no_letter_is_refused_before_anything_is_asked() {
    let stage = Stage::new();
    // The last is the letter and its accent as two characters, of which the accent is none.
    for group in ["rg-\u{1f366}", "rg a", "rg/a", "rg%C3%93", "rg.", "FORMACIO\u{301}N"] {
        stage.write("teams.toml", profile().replace(GROUP, group));
        let refused = stage.expect(1, "validate teams.toml");
        assert!(refused.stderr.contains("WID-RESOURCE-GROUP-NAME"), "{group}: {refused:#?}");
    }
}

#[test]
fn a_teams_file_may_write_the_roots_group_and_what_it_is_granted_in_either_case() {
    let stage = Stage::new();
    let (root, team) = (served::profile(&[]), in_another_case());
    let (root, _) = root.split_once("[[team]]").unwrap();
    let root = root
        .replace("cloud = \"double\"\n", "")
        .replace("\"rg-workload-identity\"", &format!("{GROUP:?}"));
    let grant = format!(
        "[policy.grants]\nscopes = [\"/subscriptions/*/resourceGroups/{GROUP_OF_VAULT}/*\"]\n"
    );
    let (_, team) = team.split_once("[[team]]").unwrap();
    let team = format!("[[team]]{team}");
    let own = team.replace(
        "name = \"id-data\"\n",
        "name = \"id-data\"\nresource_group = \"formaci\u{f3}n\"\n",
    );
    stage.write("profile/root.toml", format!("{root}{grant}"));
    stage.write("profile/data.toml", &own);
    stage.expect(0, "validate profile");
    stage.write("profile/data.toml", own.replace("formaci\u{f3}n", "formacion"));
    stage.expect(7, "validate profile");
}
