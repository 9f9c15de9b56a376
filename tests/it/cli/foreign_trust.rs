//! Credentials of others on the identities of the estate: told, refused where the policy says so, never touched.

use serde_json::{Value, json};

use super::support::{Stage, root, team, tells};

const PLAN: &str = "plan teams.toml --sandbox=sandbox.json";
const SYNC: &str = "sync teams.toml --sandbox=sandbox.json --auto-approve";
const IDENTITIES: &str = "/subscriptions/00000000-0000-4000-8000-000000000001/resourcegroups/rg-workload-identity/providers/microsoft.managedidentity/userassignedidentities";
const GITHUB: &str = "https://token.actions.githubusercontent.com";
const STRANGER: &str = "repo:somebody/x:ref:refs/heads/main";

/// Two teams, and what somebody has put on the identity of one of them.
fn two_teams(policy: &str) -> Stage {
    let stage = Stage::new();
    profile(&stage, policy, ["data", "web"]);
    stage.expect(0, SYNC);
    let trust = json!({ "issuer": GITHUB, "subject": STRANGER });
    put_credential(&stage, "id-data", "theirs", &trust);
    stage
}

fn profile(stage: &Stage, policy: &str, teams: [&str; 2]) {
    let teams: String = teams.map(|name| team(name, &["weu"])).concat();
    stage.write("teams.toml", root("acme", &["weu"]) + policy + "\n" + &teams);
}

pub(super) fn put_credential(stage: &Stage, identity: &str, name: &str, trust: &Value) {
    let mut world = stage.json("sandbox.json");
    let mut properties = trust.clone();
    properties["audiences"] = json!(["api://AzureADTokenExchange"]);
    let path = format!("{IDENTITIES}/{identity}/federatedidentitycredentials/{name}");
    world["resources"][&path] = json!({ "id": path, "name": name, "properties": properties });
    stage.write("sandbox.json", world.to_string());
}

/// Gives both teams another account, which needs a credential on the identity of each.
fn want_more(stage: &Stage) {
    let more = "[[team.workload]]\nservice_account = \"more\"\n\n[[team]]\nname = \"web\"";
    stage.edit("teams.toml", "[[team]]\nname = \"web\"", more);
    let text = stage.read("teams.toml") + "[[team.workload]]\nservice_account = \"more\"\n";
    stage.write("teams.toml", text);
}

#[test]
fn a_strangers_credential_is_named_by_every_plan_and_stays() {
    let stage = two_teams("");
    let before = stage.json("sandbox.json");
    for line in [PLAN, SYNC, &format!("{PLAN} --prune --adopt")] {
        let told = stage.expect(0, line);
        assert!(
            tells(&told.stdout, "warning[WID-FOREIGN-TRUST]", "azure/identity/id-data\n"),
            "{told:#?}"
        );
        assert!(told.stdout.contains(STRANGER), "{told:#?}");
        assert!(told.stdout.contains("No changes."), "{told:#?}");
    }
    let plan = stage.expect(0, &format!("{PLAN} --format json")).json();
    assert_eq!(plan["notes"].as_array().unwrap().len(), 1, "{plan:#}");
    assert_eq!(plan["notes"][0]["code"], "WID-FOREIGN-TRUST");
    assert_eq!(stage.json("sandbox.json")["resources"], before["resources"]);
}

#[test]
fn a_binding_of_an_aks_cluster_is_a_note_and_so_is_that_bindings_could_not_be_read() {
    let stage = two_teams("[policy]\nforeign_trust = \"allow\"\n");
    let mut world = stage.json("sandbox.json");
    let resources = world["resources"].as_object_mut().unwrap();
    let cluster = resources.keys().find(|path| path.contains("/managedclusters/")).unwrap().clone();
    let id = format!("{cluster}/identitybindings/payments");
    let identity = json!({ "resourceId": format!("{IDENTITIES}/id-web") });
    let binding =
        json!({ "id": id, "name": "payments", "properties": { "managedIdentity": identity } });
    resources.insert(id, binding);
    stage.write("sandbox.json", world.to_string());
    let notes = |line: &str| stage.expect(0, line).json()["notes"].clone();
    let told = notes(&format!("{PLAN} --format json"));
    assert_eq!(told.as_array().unwrap().len(), 1, "{told:#}");
    assert_eq!(told[0]["code"], "WID-IDENTITY-BINDING");
    assert_eq!(told[0]["address"], "azure/identity/id-web");
    stage
        .write("faults.toml", "[[rules]]\npath = \"*/identityBindings\"\neffect = \"forbidden\"\n");
    let told = notes(&format!("{PLAN} --format json --sandbox-faults faults.toml"));
    assert_eq!(told[0]["code"], "WID-BINDINGS-UNREAD", "{told:#}");
    let right = "Microsoft.ContainerService/managedClusters/identityBindings/read";
    assert!(told[0]["text"].as_str().unwrap().contains(right), "{told:#}");
}

#[test]
fn what_the_root_file_lists_as_meant_is_not_told() {
    let meant = format!(
        "[policy]\ntrusted = [{{ issuer = \"{GITHUB}\", subject = \"repo:somebody/*:ref:refs/heads/main\", identities = [\"id-data\"] }}]\n"
    );
    let stage = two_teams(&meant);
    let plan = stage.expect(0, &format!("{PLAN} --format json")).json();
    assert_eq!(plan["notes"], json!([]));
}

#[test]
fn an_identity_that_lets_in_a_stranger_gets_nothing_more_where_the_policy_refuses() {
    let stage = two_teams("[policy]\nforeign_trust = \"refuse\"\n");
    let refused = stage.expect(7, PLAN);
    assert!(
        tells(&refused.stdout, "refused[WID-FOREIGN-TRUST-REFUSED]", "azure/identity/id-data\n"),
        "{refused:#?}"
    );
    want_more(&stage);
    let before = stage.json("sandbox.json");
    stage.expect(7, SYNC);
    assert_eq!(stage.json("sandbox.json")["resources"], before["resources"]);

    stage.expect(7, &format!("{SYNC} --allow-incomplete"));
    let count = |identity: &str| {
        let world = stage.json("sandbox.json");
        let below = format!("/{identity}/federatedidentitycredentials/");
        world["resources"].as_object().unwrap().keys().filter(|path| path.contains(&below)).count()
    };
    assert_eq!((count("id-data"), count("id-web")), (2, 2));
    let account = "/serviceaccounts/data/more";
    assert!(!stage.read("sandbox.json").contains(account));
}

#[test]
fn what_takes_away_from_such_an_identity_is_done_all_the_same() {
    let stage = two_teams("[policy]\nforeign_trust = \"refuse\"\n");
    stage.edit(
        "teams.toml",
        "service_account = \"app\"\n\n[[team]]",
        "service_account = \"new\"\n\n[[team]]",
    );
    stage.expect(7, &format!("{SYNC} --prune --allow-mass-delete --allow-incomplete"));
    let world = stage.json("sandbox.json");
    let below = "/id-data/federatedidentitycredentials/";
    let left: Vec<_> = world["resources"]
        .as_object()
        .unwrap()
        .keys()
        .filter(|path| path.contains(below))
        .collect();
    assert!(matches!(left[..], [theirs] if theirs.ends_with("/theirs")), "{left:?}");
}

#[test]
fn an_expression_is_read_told_in_words_and_never_pruned() {
    let stage = two_teams("");
    let expression = json!({ "value": "claims['sub'] matches 'system:serviceaccount:dev:*'", "languageVersion": 1 });
    let trust =
        json!({ "issuer": "https://oidc.example.com/", "claimsMatchingExpression": expression });
    put_credential(&stage, "id-web", "flexible", &trust);
    let before = stage.json("sandbox.json");
    let plan = stage.expect(0, &format!("{PLAN} --prune --format json")).json();
    let text = plan["notes"][1]["text"].as_str().unwrap();
    assert!(
        text.contains("every account of namespace `dev` of https://oidc.example.com/"),
        "{text}"
    );
    stage.expect(0, &format!("{SYNC} --prune"));
    assert_eq!(stage.json("sandbox.json")["resources"], before["resources"]);
}
