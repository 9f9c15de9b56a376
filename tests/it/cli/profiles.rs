//! Profiles that are wrong: what is said, and that nothing is touched.

use super::support::{Ran, Stage, repository, root, team, tells};

/// Runs every command that takes a profile; the last answer. No sandbox comes into being.
fn refused(stage: &Stage, code: i32, profile: &str) -> Ran {
    for line in [
        format!("plan {profile} --sandbox=state/sandbox.json"),
        format!("sync {profile} --sandbox=state/sandbox.json --auto-approve"),
    ] {
        let ran = stage.expect(code, &line);
        assert_eq!(ran.stdout, "", "{line}");
    }
    assert!(!stage.exists("state"));
    stage.expect(code, &format!("validate {profile}"))
}

#[test]
fn a_file_that_is_no_profile_says_why_and_touches_nothing() {
    let valid = "version = 1\nestate = \"a\"\n";
    let files: [(&str, Vec<u8>, &str); 7] = [
        ("syntax.toml", b"version = \n".to_vec(), "WID-SYNTAX"),
        ("unknown.toml", format!("{valid}estat = \"b\"\n").into(), "did you mean `estate`?"),
        ("empty.toml", Vec::new(), "no root file"),
        ("large.toml", vec![b'#'; 11 * 1024 * 1024], "at most 10 MiB"),
        ("bytes.toml", b"version = 1\nestate = \"a\xff\"\n".to_vec(), "is not UTF-8"),
        ("control.toml", b"version = 1\nestate = \"a\\u001b[31m\"\n".to_vec(), "U+001B"),
        ("version.toml", format!("{valid}required_version = \">=9\"\n").into(), ">=9"),
    ];
    let stage = Stage::new();
    for (name, bytes, why) in files {
        stage.write(name, bytes);
        let ran = refused(&stage, 1, name);
        assert!(ran.stderr.contains(why), "{name}: {ran:#?}");
        assert!(ran.stderr.contains(name), "{name}: {ran:#?}");
        assert!(!ran.stderr.contains('\u{1b}'), "{name}");
    }
}

#[test]
fn a_folder_that_is_no_profile_says_why() {
    let stage = Stage::new();
    stage.write("none/readme.md", "");
    let ran = refused(&stage, 1, "none");
    assert!(ran.stderr.contains("has no `*.toml` file"), "{ran:#?}");

    let root = root("acme", &["weu"]);
    stage.write("two/a.toml", &root);
    stage.write("two/b.toml", &root);
    let ran = refused(&stage, 1, "two");
    assert!(
        ran.stderr.contains("`two/b.toml` is a second root file beside `two/a.toml`"),
        "{ran:#?}"
    );

    let ran = refused(&stage, 1, "missing");
    assert!(ran.stderr.contains("could not read the profile `missing`"), "{ran:#?}");
}

#[test]
fn every_error_of_a_profile_is_told_at_once() {
    let stage = Stage::new();
    let mut profile = root("acme", &["weu"]) + &team("one", &["weu", "neu"]);
    profile.push_str("[[team]]\nnamme = \"two\"\n");
    stage.write("teams.toml", profile);
    let ran = stage.expect(1, "validate teams.toml");
    insta::assert_snapshot!("several_errors", ran.stderr);
}

#[test]
fn a_role_that_the_guardrails_deny_is_refused() {
    let stage = Stage::quickstart();
    stage.edit("teams.toml", "Key Vault Secrets User", "Owner");
    let ran = refused(&stage, 7, "teams.toml");
    assert!(ran.stderr.contains("WID-DENIED-ROLE"), "{ran:#?}");
    assert!(ran.stderr.contains("nothing was read or written"), "{ran:#?}");
}

#[test]
fn a_team_that_claims_what_it_was_not_granted_is_refused() {
    let stage = Stage::new();
    stage.write("profile/root.toml", root("acme", &["weu"]));
    let claims = team("one", &["weu"]).replace("id-one", "id-of-others");
    stage.write("profile/one.toml", claims);
    let ran = refused(&stage, 7, "profile");
    assert!(ran.stderr.contains("WID-GRANT-IDENTITY"), "{ran:#?}");
    assert!(ran.stderr.contains("one.toml"), "{ran:#?}");
    assert!(ran.stderr.contains("[policy.grants.teams.one]"), "{ran:#?}");
}

#[test]
fn validate_answers_programs_in_json() {
    let stage = Stage::quickstart();
    let valid = stage.expect(0, "validate teams.toml --format json").json();
    assert_eq!(valid["valid"], true);
    assert_eq!(valid["estate"], "quickstart");
    stage.expect(0, "plan teams.toml --out plan.json --sandbox=sandbox.json");
    assert_eq!(valid["sha256"], stage.json("plan.json")["profile_sha256"]);

    stage.edit("teams.toml", "estate ", "estat ");
    let invalid = stage.expect(1, "validate teams.toml --format json").json();
    assert_eq!(invalid["valid"], false);
    let error = &invalid["errors"][0];
    assert_eq!(error["file"], "teams.toml");
    assert!(error["line"].is_u64() && error["column"].is_u64());
    let missing = stage.expect(1, "validate missing.toml --format json").json();
    assert_eq!(missing["valid"], false);
    assert!(
        missing["errors"][0]["message"].as_str().unwrap().contains("missing.toml"),
        "{missing}"
    );
}

#[test]
fn validate_counts_what_the_profile_has() {
    let stage = Stage::quickstart();
    let ran = stage.expect(0, "validate teams.toml");
    assert_eq!(
        ran.stdout,
        "Valid: estate quickstart with 1 team, 1 identity, 1 workload on 1 cluster.\n"
    );
}

#[test]
fn variables_of_the_environment_are_taken() {
    let stage = Stage::new();
    let profile = root("acme", &["weu"])
        .replace("\"00000000-0000-4000-8000-000000000001\"", "\"${AZURE_SUBSCRIPTION_ID}\"")
        .replace("[azure]", "variables = [\"AZURE_SUBSCRIPTION_ID\"]\n\n[azure]");
    stage.write("teams.toml", profile);
    let mut command = stage.command("validate teams.toml");
    command.env("AZURE_SUBSCRIPTION_ID", "00000000-0000-4000-8000-000000000001");
    assert_eq!(Ran::of(command).code, 0);
    let ran = stage.expect(1, "validate teams.toml");
    let unset = "the environment variable `AZURE_SUBSCRIPTION_ID` is not set";
    assert!(ran.stderr.contains(unset), "{ran:#?}");
}

#[test]
fn the_profiles_of_the_repository_can_be_synced() {
    for name in
        ["quickstart.toml", "prefect-teams.toml", "argo.toml", "airflow.toml", "gitops.toml"]
    {
        let stage = Stage::new();
        stage.write("teams.toml", repository(&format!("profiles/{name}")));
        synced(&stage, "teams.toml");
    }
    let stage = Stage::new();
    stage.write("runners.toml", repository("profiles/pipelines/runners.toml"));
    synced(&stage, "runners.toml");
    let stage = Stage::new();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/multi-cluster");
    for entry in walkdir::WalkDir::new(&folder) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let relative = entry.path().strip_prefix(&folder).unwrap();
            let name = format!("profile/{}", relative.to_str().unwrap());
            stage.write(&name, std::fs::read(entry.path()).unwrap());
        }
    }
    synced(&stage, "profile");
}

/// Syncs a profile, and finds nothing more to do.
fn synced(stage: &Stage, profile: &str) {
    let line = format!("sync {profile} --sandbox=sandbox.json --auto-approve");
    for last in ["Apply complete! ", "No changes. Live state matches the profile."] {
        let ran = stage.widctl(&line);
        assert_eq!(ran.code, 0, "{ran:#?}");
        assert!(ran.last().starts_with(last), "{ran:#?}");
    }
}

#[test]
fn what_a_right_profile_has_to_tell_is_told_by_validate_and_plan_and_ends_no_run() {
    let stage = Stage::new();
    let federation = "[[team]]\nname = \"a\"\n[[team.identity]]\nname = \"id-a\"\n\
         [[team.identity.federation]]\nname = \"main\"\n\
         issuer = \"https://token.actions.githubusercontent.com/\"\n\
         subject = \"repo:contoso/web:pull_request\"\n";
    let azure = "[azure]\nsubscription = \"00000000-0000-4000-8000-000000000001\"\n\
         resource_group = \"rg\"\nlocation = \"westeurope\"\n";
    stage.write("p.toml", format!("version = 1\nestate = \"e\"\n{azure}{federation}"));
    let ran = stage.expect(0, "validate p.toml");
    insta::assert_snapshot!(ran.stdout);
    let ran = stage.expect(0, "validate p.toml --format json");
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(json["valid"], true);
    let codes: Vec<_> =
        json["notes"].as_array().unwrap().iter().map(|note| &note["code"]).collect();
    assert_eq!(codes, ["WID-ISSUER-SPELLING", "WID-MUTABLE-SUBJECT"]);
    let ran = stage.expect(0, "plan p.toml --sandbox=sandbox.json");
    for code in ["WID-ISSUER-SPELLING", "WID-MUTABLE-SUBJECT"] {
        assert!(tells(&ran.stdout, &format!("warning[{code}]"), "p.toml:"), "{ran:#?}");
    }
}

/// Where the mistake of a folder's team file is said to be.
fn places(stage: &Stage, folder: &str) -> (String, serde_json::Value) {
    let text = stage.expect(1, &format!("validate {folder}")).stderr;
    let json = stage.expect(1, &format!("validate {folder} --format json")).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let place = text.lines().find(|line| line.contains("-->")).unwrap().trim().to_owned();
    (place, json["errors"][0]["file"].clone())
}

#[test]
fn a_place_is_told_from_where_the_person_is_and_the_hash_does_not_depend_on_it() {
    let stage = Stage::new();
    stage.write("infra/widctl.toml", root("acme", &["weu"]));
    stage.write("infra/payments.toml", team("payments", &["weu"]));
    let hash = |folder: &str| {
        let valid = stage.expect(0, &format!("validate {folder} --format json")).stdout;
        serde_json::from_str::<serde_json::Value>(&valid).unwrap()["sha256"].clone()
    };
    let absolute = stage.path("infra");
    let absolute = absolute.to_str().unwrap();
    assert_eq!(hash("infra"), hash(absolute));
    stage.edit("infra/payments.toml", "clusters", "klusters");
    for (folder, file) in [
        ("infra", "infra/payments.toml"),
        ("./infra/", "infra/payments.toml"),
        (absolute, &format!("{absolute}/payments.toml")),
    ] {
        let (place, json) = places(&stage, folder);
        assert!(place.starts_with(&format!("--> {file}:")), "{folder}: {place}");
        assert_eq!(json, file, "{folder}");
    }
}

#[test]
fn the_grant_that_a_hint_proposes_can_be_pasted_however_long_it_is() {
    let stage = Stage::new();
    let scope = format!(
        "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/{}/providers/Microsoft.Storage/storageAccounts/stpay",
        "rg-payments-of-a-long-name".repeat(3)
    );
    stage.write("infra/widctl.toml", root("acme", &["weu"]));
    let named = "name = \"id-payments\"\n";
    let roles = format!("{named}roles = [{{ role = \"Reader\", scope = \"{scope}\" }}]\n");
    stage.write("infra/payments.toml", team("payments", &["weu"]).replace(named, &roles));
    let told = stage.expect(7, "validate infra").stderr;
    let (_, grant) = told.split_once("[policy.grants.teams.payments]\n").unwrap();
    let line = grant.lines().next().unwrap();
    let pasted: toml::Table = line.parse().unwrap();
    assert_eq!(pasted["scopes"][0].as_str(), Some(&*scope), "{told}");
}
