//! A team's own file that asks for more than its team, and roles that widen themselves, through the program.

use serde_json::{Value, json};

use super::support::{Stage, root, team};

const GROUP: &str = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-one";

/// A folder where the team `one` has a file of its own, with `rest` after its workload.
fn stage(policy: &str, rest: &str) -> Stage {
    let stage = Stage::new();
    let root = root("acme", &["weu"]) + policy + &team("one-batch", &["weu"]);
    stage.write("profile/widctl.toml", root);
    stage.write("profile/one.toml", team("one", &["weu"]) + rest);
    stage
}

/// Every command refuses the profile with exit code 7 and this, and no sandbox comes into being.
fn refused(stage: &Stage, expected: &[&str]) {
    for line in [
        "validate profile",
        "plan profile --sandbox=state/sandbox.json",
        "sync profile --sandbox=state/sandbox.json --auto-approve",
    ] {
        let ran = stage.expect(7, line);
        // Messages are broken into lines.
        let told = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        for text in expected {
            assert!(told.contains(text), "{line}: {text}: {ran:#?}");
        }
    }
    assert!(!stage.exists("state"));
}

#[test]
fn rights_that_reach_other_pods_are_refused_before_anything_is_touched() {
    let rule = "[[team.workload.rule]]\nresources = [\"pods/portforward\", \"secrets\"]\nverbs = [\"create\", \"get\"]\n";
    let expected = [
        "WID-GRANT-RULE",
        "cannot ask for `pods/portforward`",
        "cannot ask for `create` of `secrets`",
        "cannot ask for `get` of `secrets`",
    ];
    refused(&stage("", rule), &expected);
}

#[test]
fn a_subscription_below_a_management_group_is_refused_before_anything_is_touched() {
    let group = GROUP.split("/resourceGroups").next().unwrap();
    let scope = format!("/providers/Microsoft.Management/managementGroups/mg{group}");
    let role = format!("name = \"id-one\"\nroles = [{{ role = \"Reader\", scope = \"{scope}\" }}]");
    let stage = stage("[policy.grants]\nscopes = [\"*\"]\n\n", "");
    stage.edit("profile/one.toml", "name = \"id-one\"", &role);
    refused(&stage, &["WID-DENIED-SCOPE", "a management group"]);
}

#[test]
fn the_name_of_a_longer_team_is_refused_before_anything_is_touched() {
    let other = "[[team.workload]]\nservice_account = \"app\"\nnamespace = \"one-batch-x\"\n";
    let expected = ["WID-GRANT-NAMESPACE", "which is team `one-batch`'s by its name"];
    refused(&stage("", other), &expected);
}

/// Plans a custom role that the sandbox holds with these permissions.
fn plan_with(permission: &Value) -> (i32, String) {
    let stage = stage("[policy.grants]\nscopes = [\"*\"]\n\n", "");
    stage.expect(0, "sync profile --sandbox=sandbox.json --auto-approve");
    let id = "11111111-1111-4111-8111-111111111111";
    let mut world = stage.json("sandbox.json");
    world["resources"][format!("/providers/microsoft.authorization/roledefinitions/{id}")] = json!({
        "id": format!("/providers/Microsoft.Authorization/roleDefinitions/{id}"),
        "type": "Microsoft.Authorization/roleDefinitions",
        "name": id,
        "properties": {
            "roleName": "Contoso Loader",
            "type": "CustomRole",
            "assignableScopes": ["/"],
            "permissions": [permission],
        },
    });
    stage.write("sandbox.json", world.to_string());
    let role = format!(
        "name = \"id-one\"\nroles = [{{ role = \"Contoso Loader\", scope = \"{GROUP}/providers/Microsoft.KeyVault/vaults/kv\" }}]"
    );
    stage.edit("profile/one.toml", "name = \"id-one\"", &role);
    let ran = stage.widctl("plan profile --sandbox=sandbox.json");
    (ran.code, ran.stdout + &ran.stderr)
}

#[test]
fn custom_roles_that_widen_themselves_are_refused_as_azure_tells_them() {
    let fic = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write";
    let cluster = "Microsoft.ContainerService/managedClusters";
    for permission in [
        json!({ "actions": [fic] }),
        json!({ "actions": ["*/assign/action"] }),
        json!({ "actions": [format!("{cluster}/identityBindings/*")] }),
        json!({ "actions": [format!("{cluster}/*/action")], "notActions": [format!("{cluster}/runCommand/action")] }),
        json!({ "actions": [fic.to_uppercase()], "notActions": [fic.replace("write", "writ?")] }),
        json!({ "actions": [], "dataActions": [format!("{cluster}/*")] }),
    ] {
        let (code, told) = plan_with(&permission);
        assert_eq!(code, 7, "{permission}: {told}");
        assert!(told.contains("WID-ROLE-DENIED"), "{permission}: {told}");
    }
    for permission in [
        json!({ "actions": ["Microsoft.KeyVault/vaults/*"], "dataActions": ["Microsoft.KeyVault/vaults/*"] }),
        json!({ "actions": [fic], "notActions": ["*/federatedIdentityCredentials/*"] }),
    ] {
        let (code, told) = plan_with(&permission);
        assert_eq!(code, 0, "{permission}: {told}");
    }
}
