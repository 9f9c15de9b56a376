//! What a team left behind, released: it stays as it is, and no plan lists it again.

use serde_json::{Value, json};

use super::support::{Stage, root, team};

const SYNC: &str = "sync teams.toml --sandbox=sandbox.json --auto-approve";
const PLAN: &str = "plan teams.toml --sandbox=sandbox.json";
const RELEASE: &str = "release teams.toml --sandbox=sandbox.json";
const OBJECTS: &str = "weu/namespace/web weu/role/web/widctl-app weu/role-binding/web/widctl-app weu/service-account/web/app";
const IDENTITY: &str = "azure/identity/id-web";
const ID: &str = "/subscriptions/00000000-0000-4000-8000-000000000001/resourcegroups/rg-workload-identity/providers/microsoft.managedidentity/userassignedidentities/id-web";

fn web() -> String {
    let scope = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-web/providers/Microsoft.KeyVault/vaults/kv-web";
    let roles = format!("roles = [{{ role = \"Key Vault Secrets User\", scope = \"{scope}\" }}]");
    let team = team("web", &["weu"]).replace("\"app\"\n", "\"app\"\npreset = \"prefect-worker\"\n");
    team.replace("\"id-web\"\n", &format!("\"id-web\"\ntags = {{ stage = \"prod\" }}\n{roles}\n"))
}

/// Two teams, of which `web` has left.
fn left() -> Stage {
    let stage = Stage::new();
    let stays = root("acme", &["weu"]) + &team("data", &["weu"]);
    stage.write("teams.toml", stays.clone() + &web());
    stage.expect(0, SYNC);
    stage.write("teams.toml", stays);
    stage
}

/// The same without what is pruned.
fn pruned() -> Stage {
    let stage = left();
    stage.expect(0, &format!("{SYNC} --prune --allow-mass-delete"));
    stage
}

/// What the sandbox holds of team `web`, without versions, managers and our marks.
fn unmarked(stage: &Stage) -> Value {
    let mut world = stage.json("sandbox.json");
    let objects = world["clusters"]["rg-aks-aks-weu"]["objects"].take();
    let mut objects = objects.as_object().unwrap().clone();
    objects.retain(|path, _| path.contains("/web"));
    for object in objects.values_mut() {
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.retain(|name, _| !matches!(name.as_str(), "resourceVersion" | "managedFields"));
        for entries in ["labels", "annotations"] {
            let Some(Value::Object(entries)) = metadata.get_mut(entries) else { continue };
            entries.retain(|name, _| !name.contains("widctl") && !name.ends_with("managed-by"));
        }
        metadata.retain(|_, value| *value != json!({}));
    }
    let mut resources = world["resources"].as_object().unwrap().clone();
    resources.retain(|path, _| path.contains("id-web") || path.contains("kv-web"));
    if let Some(identity) = resources.get_mut(ID) {
        let tags = identity["tags"].as_object_mut().unwrap();
        tags.retain(|name, _| !name.contains("widctl") && name != "managed-by");
    }
    json!([objects, resources])
}

fn addresses(rows: &Value) -> Vec<&str> {
    rows.as_array().unwrap().iter().map(|row| row["address"].as_str().unwrap()).collect()
}

#[test]
fn objects_that_are_released_stay_as_they_are_and_no_plan_lists_them_again() {
    let stage = left();
    let before = unmarked(&stage);
    let kept = stage.expect(0, PLAN).stdout;
    for address in OBJECTS.split(' ') {
        let line = format!("      or forget it: widctl release teams.toml {address}\n");
        assert!(kept.contains(&line), "{kept}");
    }
    // One that is named twice is released once.
    let ran = stage.expect(0, &format!("{RELEASE} {OBJECTS} weu/namespace/web --auto-approve"));
    insta::assert_snapshot!("released_objects", ran.stdout);
    assert_eq!(unmarked(&stage), before);
    let world = stage.json("sandbox.json");
    let objects = world["clusters"]["rg-aks-aks-weu"]["objects"].as_object().unwrap();
    for (path, object) in objects.iter().filter(|(path, _)| path.contains("/web")) {
        let metadata = &object["metadata"];
        let marks = [&metadata["labels"], &metadata["annotations"]].map(ToString::to_string);
        assert!(!marks.concat().contains("widctl"), "{path} {marks:?}");
    }
    let plan = stage.expect(0, &format!("{PLAN} --prune --allow-mass-delete --format json")).json();
    assert!(!addresses(&plan["changes"]).iter().any(|address| address.starts_with("weu/")));
    assert_eq!(addresses(&plan["kept"]), [IDENTITY]);
}

#[test]
fn an_identity_is_released_once_no_credential_of_ours_is_on_it_and_keeps_its_other_tags() {
    let stage = left();
    let before = stage.read("sandbox.json");
    let refused = stage.expect(64, &format!("{RELEASE} {IDENTITY} --auto-approve"));
    let said = "error: `azure/identity/id-web` cannot be released: 1 federated credential of the estate would be left on it, and no plan finds those of an identity without its tags: nothing was written\n  hint: delete what the profile no longer has first: `widctl sync` with `--prune`\n";
    assert!(refused.stderr.contains(said), "{refused:#?}");
    assert!(!stage.expect(0, PLAN).stdout.contains(&format!("teams.toml {IDENTITY}\n")));
    assert_eq!(stage.read("sandbox.json"), before);

    stage.expect(0, &format!("{SYNC} --prune --allow-mass-delete"));
    let before = unmarked(&stage);
    let check = "sync teams.toml --sandbox=sandbox.json --check";
    let kept = stage.expect(2, check).stdout;
    let line = format!("      or forget it: widctl release teams.toml {IDENTITY}\n");
    assert!(kept.contains(&line), "{kept}");
    let ran = stage.expect(0, &format!("{RELEASE} {IDENTITY} weu/namespace/web --auto-approve"));
    insta::assert_snapshot!("released_identity", ran.stdout);
    assert_eq!(unmarked(&stage), before);
    let tags = &stage.json("sandbox.json")["resources"][ID]["tags"];
    assert_eq!(*tags, json!({ "stage": "prod" }));
    let ran = stage.expect(0, check);
    assert_eq!(ran.stdout, "No changes. Live state matches the profile.\n");
}

#[test]
fn role_assignments_of_ours_on_a_released_identity_are_told_and_still_found() {
    let stage = left();
    let mut world = stage.json("sandbox.json");
    let resources = world["resources"].as_object_mut().unwrap();
    resources.retain(|path, _| {
        !(path.contains("/id-web/") && path.contains("federatedidentitycredentials"))
    });
    stage.write("sandbox.json", world.to_string());
    let ran = stage.expect(0, &format!("{RELEASE} {IDENTITY} --auto-approve"));
    let effect = "effect: 1 role assignment of the estate stays listed, and `--prune` deletes it\n";
    assert!(ran.stdout.contains(effect), "{ran:#?}");
    let plan = stage.expect(0, &format!("{PLAN} --format json")).json();
    let roles = |address: &&str| address.starts_with("azure/role-assignment/id-web/");
    assert_eq!(addresses(&plan["kept"]).into_iter().filter(roles).count(), 1);
    let pruned = stage.expect(0, &format!("{SYNC} --prune --allow-mass-delete")).stdout;
    assert!(pruned.contains("- azure/role-assignment/id-web/"), "{pruned}");
}

#[test]
fn what_cannot_be_released_is_a_usage_error_that_says_what_to_do() {
    let stage = left();
    let before = stage.read("sandbox.json");
    let plan = stage.expect(0, &format!("{PLAN} --format json")).json();
    let kept = addresses(&plan["kept"]);
    let credential = kept.iter().find(|address| address.contains("/federated-")).unwrap();
    let again = "is in the profile, so the next sync would label it again";
    let nothing = "names nothing of estate `acme` that was found outside the profile";
    for (address, what, help) in [
        (
            *credential,
            "cannot be released: its name is what marks it as the estate's",
            "hint: az identity federated-credential delete --subscription 00000000-0000-4000-8000-000000000001 --resource-group rg-workload-identity --identity-name id-web --name widctl-",
        ),
        ("azure/identity/id-data", again, "hint: take it out of the profile first\n"),
        ("weu/namespace/data", again, "hint: take it out of the profile first\n"),
        (
            "weu/service-account/data/app",
            again,
            "hint: take it out of the profile first, or set `mode = \"annotate\"` on its workload and sync\n",
        ),
        ("weu/namespace/wbe", nothing, "hint: did you mean `weu/namespace/web`?\n"),
        ("azure/identity/id-wbe", nothing, "hint: did you mean `azure/identity/id-web`?\n"),
        ("weu/namespace/kube-system", nothing, "hint: "),
    ] {
        let ran = stage.expect(64, &format!("{RELEASE} {address} {OBJECTS} --auto-approve"));
        assert!(ran.stderr.contains(&format!("error: `{address}` {what}")), "{ran:#?}");
        assert!(
            ran.stderr.contains(help) && ran.stderr.contains("nothing was written"),
            "{ran:#?}"
        );
        assert_eq!(ran.stdout, "");
    }
    let role = kept.iter().find(|address| address.contains("/role-assignment/")).unwrap();
    let mut command = stage.command(RELEASE);
    let ran = super::support::Ran::of({
        command.arg(role);
        command
    });
    assert_eq!(ran.code, 64, "{ran:#?}");
    let said = "its name and description are what marks it as the estate's: nothing was written\n  hint: az role assignment delete --ids /subscriptions/";
    assert!(ran.stderr.contains(said), "{ran:#?}");
    for line in [RELEASE.to_owned(), format!("{RELEASE} {OBJECTS} --root-only")] {
        stage.expect(64, &line);
    }
    assert_eq!(stage.read("sandbox.json"), before);
}

#[test]
fn what_a_release_would_leave_marked_is_refused_with_the_command_that_takes_the_labels_off() {
    let stage = left();
    let mut world = stage.json("sandbox.json");
    let objects = &mut world["clusters"]["rg-aks-aks-weu"]["objects"];
    // A chart declares the labels as well, and the mark of a Role names another one.
    let held = &mut objects["/serviceaccounts/web/app"]["metadata"]["managedFields"];
    let mut chart = held[0].clone();
    chart["manager"] = "helm".into();
    held.as_array_mut().unwrap().push(chart);
    let role = &mut objects["rbac.authorization.k8s.io/roles/web/widctl-app"]["metadata"];
    role["annotations"]["widctl.dev/created"] = "0123456789abcdef".into();
    stage.write("sandbox.json", world.to_string());
    let refused = |address: &str, why: &str, label: &str| {
        let plan = stage.expect(0, PLAN).stdout;
        assert!(!plan.contains(&format!("teams.toml {address}\n")), "{plan}");
        let ran = stage.expect(64, &format!("{RELEASE} {address} --auto-approve"));
        let said = format!("error: `{address}` cannot be released: {why}: nothing was written\n");
        assert!(ran.stderr.contains(&said), "{ran:#?}");
        let labels = "widctl.dev/estate- widctl.dev/team- app.kubernetes.io/managed-by-\n";
        let command = format!("kubectl --context aks-weu label {label} --namespace web {labels}");
        assert!(ran.stderr.contains(&command), "{ran:#?}");
    };
    refused(
        "weu/service-account/web/app",
        "Kubernetes records its label of the estate as not widctl's, or not as widctl's alone",
        "serviceaccount app",
    );
    refused(
        "weu/role/web/widctl-app",
        "its `widctl.dev/created` names another object, or none, so it is not the estate's",
        "role widctl-app",
    );
    let policy = "[policy]\ndenied_namespaces = [\"web\"]\n\n[azure]";
    stage.edit("teams.toml", "[azure]", policy);
    refused(
        "weu/role-binding/web/widctl-app",
        "`denied_namespaces` of the policy has its namespace",
        "rolebinding widctl-app",
    );
}

#[test]
fn an_object_of_another_estate_is_not_released() {
    let stage = left();
    stage.write("other.toml", root("beta", &["weu"]) + &team("data", &["weu"]));
    let line = format!("release other.toml --sandbox=sandbox.json weu/namespace/web {IDENTITY}");
    let ran = stage.expect(64, &format!("{line} --auto-approve"));
    for address in ["weu/namespace/web", IDENTITY] {
        let said = format!("`{address}` names nothing of estate `beta` that was found outside");
        assert!(ran.stderr.contains(&said), "{ran:#?}");
    }
}

#[test]
fn nothing_is_released_that_nobody_approved() {
    let stage = pruned();
    let before = stage.read("sandbox.json");
    for flags in ["", "--no-input", "--format json", "--json"] {
        let ran = stage.expect(1, &format!("{RELEASE} {IDENTITY} {flags}"));
        let said = "there is nobody to confirm the plan: nothing was written";
        assert!(ran.stderr.contains(said), "{ran:#?}");
        assert!(!ran.stderr.contains("--plan"), "{ran:#?}");
    }
    assert_eq!(stage.read("sandbox.json"), before);
    let ran = stage.expect(0, &format!("{RELEASE} {IDENTITY} --auto-approve --format json"));
    assert_eq!(ran.json()["summary"]["changed"], 1, "{ran:#?}");
}

#[test]
fn where_something_could_not_be_read_nobody_says_that_it_is_not_there() {
    let stage = pruned();
    let rule = |path: &str| format!("[[rules]]\npath = \"{path}\"\neffect = \"forbidden\"\n");
    stage.write("cluster.toml", rule("/clusters/*"));
    stage.write("credentials.toml", rule("*/federatedIdentityCredentials*"));
    let flags = "--auto-approve --sandbox-faults";
    let ran = stage.expect(1, &format!("{RELEASE} weu/namespace/web {flags} cluster.toml"));
    assert!(ran.stderr.contains("some targets could not be read: nothing was written"), "{ran:#?}");
    assert!(ran.stderr.contains("leave out what may be there"), "{ran:#?}");
    let ran = stage.expect(1, &format!("{RELEASE} {IDENTITY} {flags} credentials.toml"));
    assert!(ran.stderr.contains("some targets could not be read: nothing was written"), "{ran:#?}");
    // What was not read elsewhere holds up nothing.
    stage.expect(0, &format!("{RELEASE} {IDENTITY} {flags} cluster.toml"));
}

#[test]
fn markdown_and_events_say_how_to_release_and_to_delete() {
    let stage = pruned();
    let command = format!("widctl release teams.toml {IDENTITY}");
    let markdown = stage.expect(0, &format!("{PLAN} --format markdown")).stdout;
    assert!(markdown.contains(&format!("<br>Or forget it: `{command}`")), "{markdown}");
    let events = stage.expect(0, &format!("{PLAN} --json")).events();
    let kept = events.iter().find(|event| event["address"] == IDENTITY).unwrap();
    assert_eq!(kept["release"], command.as_str());
    let plan = stage.expect(0, &format!("{PLAN} --format json")).json();
    assert!(plan["kept"].as_array().unwrap().iter().all(|kept| kept["releasable"] == true));
}
