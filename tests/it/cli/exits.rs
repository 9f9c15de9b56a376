//! Exit codes where several things are wrong at once: the documented precedence decides, never the order in
//! which widctl happens to look.

use std::fs;

use serde_json::{Value, json};

use super::support::{Stage, root, team};

/// <https://www.man7.org/linux/man-pages/man3/sysexits.h.3head.html> for 64; the rest is the README's table.
const PRECEDENCE: [i32; 11] = [64, 130, 143, 7, 3, 4, 5, 6, 1, 2, 0];
const APPLY: &str =
    "apply teams.toml --plan plan.json --sandbox=sandbox.json --sandbox-faults faults.toml";
const ROLE: &str = "11111111-1111-4111-8111-111111111111";
const CLUSTER: &str = "[[rules]]\npath = \"/clusters/*\"\neffect = \"forbidden\"\n";
const EVERYTHING: &str = "[[rules]]\napi = \"arm\"\neffect = \"forbidden\"\n\n[[rules]]\npath = \"/clusters/*\"\neffect = \"forbidden\"\n";

/// Something that may be wrong, what it is told by, and the exit code that it has alone.
struct Wrong {
    code: i32,
    told: &'static str,
    /// Makes it so.
    make: fn(&Stage),
}

const FINE: Wrong = Wrong { code: 0, told: "", make: |_| {} };

/// What may be wrong with the approved file.
const SAVED: [Wrong; 7] = [
    FINE,
    Wrong {
        code: 64,
        told: "was made with `--adopt`",
        make: |stage| {
            let mut inputs = stage.json("plan.json")["inputs"].clone();
            inputs["adopt"] = json!(true);
            edit(stage, "inputs", inputs);
        },
    },
    Wrong { code: 64, told: "not a saved plan", make: |stage| stage.write("plan.json", "hello") },
    Wrong {
        code: 1,
        told: "could not read the saved plan",
        make: |stage| {
            fs::remove_file(stage.path("plan.json")).unwrap();
        },
    },
    Wrong {
        code: 3,
        told: "has format 0.9",
        make: |stage| edit(stage, "format_version", json!("0.9")),
    },
    Wrong {
        code: 3,
        told: "more than 24 hours ago",
        make: |stage| {
            edit(stage, "created_at", json!("2026-01-01T00:00:00Z"));
        },
    },
    Wrong {
        code: 3,
        told: "is of estate `other`",
        make: |stage| edit(stage, "estate", json!("other")),
    },
];

/// What may be wrong with the profile.
const PROFILE: [Wrong; 4] = [
    FINE,
    Wrong {
        code: 1,
        told: "unknown key `estat`",
        make: |stage| {
            stage.edit("teams.toml", "version = 1\n", "version = 1\nestat = 1\n");
        },
    },
    Wrong {
        code: 7,
        told: "denies the role `Owner`",
        make: |stage| {
            stage.edit("teams.toml", "Contoso Loader", "Owner");
        },
    },
    Wrong {
        code: 3,
        told: "approved: nothing at this address",
        make: |stage| {
            let more =
                stage.read("teams.toml") + "[[team.workload]]\nservice_account = \"later\"\n";
            stage.write("teams.toml", more);
        },
    },
];

/// What comes of the services for a plan.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// One that shows what differs.
    Made,
    /// One without a single row that could be compared.
    Blind,
    /// None.
    Missing,
}

/// What may be wrong with the services.
const SERVICES: [(Plan, Wrong); 5] = [
    (Plan::Made, FINE),
    (
        Plan::Missing,
        Wrong {
            code: 4,
            told: "7000215",
            make: |stage| {
                stage.write("faults.toml", "[[rules]]\napi = \"entra\"\nmethod = \"POST\"\neffect = { answer = { status = 401, code = \"7000215\", message = \"Invalid client secret provided.\" } }\n");
            },
        },
    ),
    (
        Plan::Missing,
        Wrong {
            code: 7,
            told: "WID-ROLE-DENIED",
            make: |stage| {
                let identities = "Microsoft.ManagedIdentity/userAssignedIdentities";
                give_role(stage, &format!("{identities}/federatedIdentityCredentials/write"));
            },
        },
    ),
    (
        Plan::Made,
        Wrong {
            code: 1,
            told: "some targets could not be read",
            make: |stage| stage.write("faults.toml", CLUSTER),
        },
    ),
    (
        Plan::Blind,
        Wrong {
            code: 4,
            told: "403 AuthorizationFailed",
            make: |stage| stage.write("faults.toml", EVERYTHING),
        },
    ),
];

/// Changes the saved plan.
fn edit(stage: &Stage, key: &str, value: Value) {
    let mut plan = stage.json("plan.json");
    plan[key] = value;
    stage.write("plan.json", plan.to_string());
}

/// Makes the sandbox's custom role allow this.
fn give_role(stage: &Stage, action: &str) {
    let mut world = stage.json("sandbox.json");
    let id = format!("/providers/Microsoft.Authorization/roleDefinitions/{ROLE}");
    world["resources"][id.to_lowercase()] = json!({
        "id": id,
        "type": "Microsoft.Authorization/roleDefinitions",
        "name": ROLE,
        "properties": {
            "roleName": "Contoso Loader",
            "type": "CustomRole",
            "assignableScopes": ["/"],
            "permissions": [{ "actions": [action] }],
        },
    });
    stage.write("sandbox.json", world.to_string());
}

/// A team whose identity has a custom role, planned and approved; nothing is applied.
fn approved() -> Stage {
    let stage = Stage::new();
    let scope = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-one/providers/Microsoft.KeyVault/vaults/kv";
    let role = format!(
        "name = \"id-one\"\nroles = [{{ role = \"Contoso Loader\", scope = \"{scope}\" }}]"
    );
    let profile = root("acme", &["weu"]) + &team("one", &["weu"]);
    stage.write("teams.toml", &profile);
    stage.write("faults.toml", "");
    stage.expect(0, "plan teams.toml --sandbox=sandbox.json");
    give_role(&stage, "Microsoft.KeyVault/vaults/read");
    stage.edit("teams.toml", "name = \"id-one\"", &role);
    stage.expect(0, "plan teams.toml --out plan.json --sandbox=sandbox.json");
    stage
}

/// What is wrong of these as far as it can be known without the others being right.
fn known<'a>(saved: &'a Wrong, profile: &'a Wrong, services: &'a (Plan, Wrong)) -> Vec<&'a Wrong> {
    let (plan, services) = services;
    let (is_no_profile, wants_more) = (matches!(profile.code, 1 | 7), profile.code == 3);
    let has_inputs = saved.code != 1 && !saved.told.contains("format");
    let mut known = vec![saved];
    if saved.code == 64 {
        return known;
    }
    if is_no_profile {
        // Without one nobody knows the estate.
        known.retain(|wrong| !wrong.told.contains("estate"));
        known.push(profile);
    } else if has_inputs && *plan == Plan::Missing {
        known.push(services);
    } else if saved.code == 0 {
        // A plan was made and is compared with the approved one.
        let differs = wants_more && *plan == Plan::Made;
        known.push(if differs { profile } else { services });
    }
    known.retain(|wrong| wrong.code != 0);
    known
}

fn foremost(codes: impl Iterator<Item = i32>) -> i32 {
    let place = |code: &i32| PRECEDENCE.iter().position(|known| known == code);
    codes.min_by_key(place).unwrap_or(0)
}

#[test]
fn whatever_is_wrong_with_an_apply_the_foremost_decides_and_all_of_it_is_told() {
    let stage = approved();
    let files = ["plan.json", "teams.toml", "sandbox.json", "faults.toml"];
    let original = files.map(|name| (name, stage.read(name)));
    for saved in &SAVED {
        for profile in &PROFILE {
            for services in &SERVICES {
                for (name, text) in &original {
                    stage.write(name, text);
                }
                for wrong in [saved, profile, &services.1] {
                    (wrong.make)(&stage);
                }
                let before = stage.read("sandbox.json");
                let ran = stage.widctl(APPLY);
                let what = format!("{:?} x {:?} x {:?}", saved.told, profile.told, services.1.told);
                let known = known(saved, profile, services);
                let code = foremost(known.iter().map(|wrong| wrong.code));
                assert_eq!(ran.code, code, "{what}: {ran:#?}");
                let told = format!("{}{}", ran.stdout, ran.stderr);
                for wrong in known {
                    assert!(told.contains(wrong.told), "{what}: {}: {ran:#?}", wrong.told);
                }
                if code != 0 {
                    assert!(!told.contains("are done already"), "{what}: {ran:#?}");
                    assert_eq!(stage.read("sandbox.json"), before, "{what}");
                }
            }
        }
    }
}

#[test]
fn a_plan_that_is_refused_while_nothing_may_be_read_is_that_of_a_caller_without_access() {
    let stage = approved();
    stage.write("faults.toml", EVERYTHING);
    for flags in ["--prune", "--prune --require-all"] {
        let plan =
            format!("plan teams.toml --sandbox=sandbox.json --sandbox-faults faults.toml {flags}");
        let ran = stage.expect(4, &plan);
        assert!(ran.stderr.contains("WID-PRUNE-UNREAD"), "{flags}: {ran:#?}");
        assert!(ran.stderr.contains("some targets could not be read"), "{flags}: {ran:#?}");
    }
}

#[test]
fn a_guardrail_that_refuses_counts_for_more_than_a_cluster_that_is_down() {
    let stage = approved();
    (SERVICES[2].1.make)(&stage);
    (SERVICES[3].1.make)(&stage);
    let plan = "plan teams.toml --sandbox=sandbox.json --sandbox-faults faults.toml";
    let ran = stage.expect(7, plan);
    assert!(ran.stderr.contains("WID-ROLE-DENIED"), "{ran:#?}");
}

#[test]
fn a_plan_that_cannot_be_saved_is_printed_and_hides_nothing_that_counts_for_more() {
    let stage = approved();
    let plan =
        "plan teams.toml --sandbox=sandbox.json --sandbox-faults faults.toml --out none/plan.json";
    let ran = stage.expect(1, &format!("{plan} --detailed-exitcode"));
    assert!(ran.stdout.contains("Plan: 0 to adopt"), "{ran:#?}");
    stage.write("faults.toml", EVERYTHING);
    let ran = stage.expect(4, plan);
    assert!(ran.stderr.contains("could not save the plan in `none/plan.json`"), "{ran:#?}");
}

#[test]
fn the_event_stream_tells_all_of_it_as_well() {
    let stage = approved();
    (SAVED[5].make)(&stage);
    (SERVICES[2].1.make)(&stage);
    let events = stage.expect(7, &format!("{APPLY} --json")).events();
    let errors: Vec<&Value> = events.iter().filter(|event| event["@level"] == "error").collect();
    let codes: Vec<&str> = errors.iter().map(|error| error["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["WID-RUN", "WID-ROLE-DENIED"], "{events:#?}");
}

#[test]
fn every_command_takes_the_flag_that_forbids_questions() {
    let stage = Stage::quickstart();
    for line in [
        "validate teams.toml --no-input",
        "--no-input plan teams.toml --sandbox=sandbox.json --out plan.json",
        "apply teams.toml --plan plan.json --sandbox=sandbox.json --no-input",
        "sync teams.toml --sandbox=sandbox.json --no-input",
        "sandbox show --file sandbox.json --no-input",
        "schema --no-input",
    ] {
        stage.expect(0, line);
    }
    for command in ["", "plan", "apply", "sync", "validate", "init", "sandbox reset"] {
        let help = stage.expect(0, &format!("{command} --help"));
        assert!(help.stdout.contains("--no-input"), "{command}: {help:#?}");
    }
}
