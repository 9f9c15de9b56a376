//! Profiles that are made to cost much, or to print what the environment holds.

use std::fs::File;

use super::support::{Ran, Stage, root, team};

/// What a run prints of a bad profile, however bad: 100 errors of some 500 bytes.
const MOST_PRINTED: usize = 200_000;

fn printed(ran: &Ran) -> String {
    format!("{}{}", ran.stdout, ran.stderr)
}

#[test]
fn a_thousand_errors_are_counted_and_a_hundred_told_in_every_format() {
    let stage = Stage::new();
    stage.write(
        "teams.toml",
        root("acme", &["weu"]) + &"[[team]]\nname = \"a\"\nnamme = \"b\"\n".repeat(1_000),
    );
    let ran = stage.expect(1, "validate teams.toml");
    assert_eq!(ran.stderr.matches("WID-").count(), 100, "{ran:#?}");
    let last = "1999 errors in the profile, the first 100 shown: nothing was read or written.";
    assert!(ran.stderr.trim_end().ends_with(last), "{}", ran.stderr);

    let json = stage.expect(1, "validate teams.toml --format json").json();
    assert_eq!(json["errors"].as_array().unwrap().len(), 100);
    assert_eq!(json["errors_left_out"], 1_899);

    let events = stage.expect(1, "plan teams.toml --sandbox --json").events();
    let told = events.iter().filter(|event| event["type"] == "diagnostic");
    let told: Vec<_> = told.collect();
    assert_eq!(told.len(), 101);
    let last = told.last().unwrap();
    assert!(last.to_string().contains("the profile has 1899 more errors"), "{last}");
}

#[test]
fn a_refusal_behind_many_errors_still_decides_and_is_told() {
    let stage = Stage::quickstart();
    let text = stage.read("teams.toml").replace("Key Vault Secrets User", "Owner");
    let (before, rest) = text.split_once("[azure]").unwrap();
    let noise = "[[team]]\nnamme = \"a\"\n".repeat(500);
    stage.write("teams.toml", format!("{before}{noise}[azure]{rest}"));
    let ran = stage.expect(7, "validate teams.toml");
    assert!(ran.stderr.contains("WID-DENIED-ROLE"), "{ran:#?}");
    assert_eq!(ran.stderr.matches("WID-").count(), 100);
}

/// A profile's text and what is said of it.
type Costly = (&'static str, String, &'static str);

/// Nested without end, in every way that TOML has.
fn nested() -> Vec<Costly> {
    let (deep, why) = (200_000, "nested more than 80 deep");
    let (open, close) = ("[".repeat(deep), "]".repeat(deep));
    let tables = format!("{}1{}", "{a=".repeat(deep), "}".repeat(deep));
    let key = format!("{}a", "a.".repeat(deep));
    let headers = format!("[{}a]\n", "a.".repeat(99)).repeat(2_000);
    vec![
        ("arrays", format!("a = {open}"), why),
        ("closed", format!("a = {open}{close}"), why),
        ("tables", format!("a = {tables}"), why),
        ("keys", format!("{key} = 1"), why),
        ("header", format!("[{key}]"), why),
        ("headers", headers, why),
    ]
}

/// Errors without end, and lines beyond the 65,535 columns that the renderer of frames takes.
fn endless() -> Vec<Costly> {
    let valid = "version = 1\nestate = \"a\"\n";
    let long = "y".repeat(70_000);
    let wide = format!("{valid}azure = {{ k = \"{long}\", b = 2, b = 3 }}\n");
    let keys = numbered("k", 50_000).replace('\n', ", ");
    let many = root("acme", &["weu"]) + &numbered("k", 100_000);
    let one_line = format!("{valid}azure = {{ {keys} z = 1 }}\n");
    let (syntax, key) = ("WID-SYNTAX", "WID-UNKNOWN-KEY");
    vec![
        ("brackets", "]".repeat(1_000_000), syntax),
        ("garbage", "=\n".repeat(300_000), syntax),
        ("same-keys", "k = 1\n".repeat(50_000), syntax),
        ("many-keys", many, key),
        ("string", format!("x = \"{}\"", long.repeat(70)), "no root file"),
        ("tabs", format!("{}x = ]\n", "\t".repeat(70_000)), syntax),
        ("long-key", format!("{valid}\"{long}\" = 1\n"), key),
        ("wide", wide, syntax),
        ("one-line", one_line, key),
    ]
}

/// Every one of these took seconds, gigabytes or megabytes of output, or ended in a panic.
#[test]
fn a_file_that_is_made_to_cost_much_ends_in_named_errors() {
    let stage = Stage::new();
    for (name, text, why) in nested().into_iter().chain(endless()) {
        let name = format!("{name}.toml");
        stage.write(&name, text);
        for format in ["text", "json"] {
            let ran = stage.expect(1, &format!("validate {name} --format {format}"));
            let printed = printed(&ran);
            assert!(printed.contains(why), "{name}: {}", &printed[..500]);
            assert!(printed.len() < MOST_PRINTED, "{name}: {}", printed.len());
            assert!(!printed.contains("panicked"), "{name}: {printed}");
        }
    }
}

/// A text for each number.
fn each(count: usize, text: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |all, number| all + &text(number))
}

fn numbered(word: &str, count: usize) -> String {
    each(count, |number| format!("{word}{number} = 1\n"))
}

#[test]
fn a_frame_on_a_long_line_shows_the_part_around_the_place() {
    let stage = Stage::new();
    let long = "y".repeat(70_000);
    stage.write("teams.toml", format!("version = 1\nestate = \"a\"\nazure = {{ cloud = \"{long}\", clowd = \"b\", location = \"{long}\" }}\n"));
    let ran = stage.expect(1, "validate teams.toml");
    assert!(ran.stderr.contains("--> teams.toml:3:70023\n"), "{ran:#?}");
    let line = ran.stderr.lines().find(|line| line.contains("clowd = \"b\""));
    let line = line.unwrap_or_else(|| panic!("{ran:#?}"));
    assert!(line.starts_with("3 | …yyy") && line.ends_with("..."), "{line}");
    assert!(line.chars().count() <= 100, "{line}");
}

#[test]
fn equal_and_different_teams_by_the_thousand_are_judged() {
    let stage = Stage::new();
    stage.write("equal.toml", root("acme", &["weu"]) + &team("a", &["weu"]).repeat(8_000));
    let ran = stage.expect(7, "validate equal.toml");
    assert!(ran.stderr.contains("errors in the profile, the first 100 shown"), "{}", ran.stderr);
    let teams = each(20_000, |number| team(&format!("t{number}"), &["weu"]));
    stage.write("different.toml", root("acme", &["weu"]) + &teams);
    stage.expect(0, "validate different.toml");
}

/// Lists that multiply: a workload without a cluster of its own runs on every one of its team's.
#[test]
fn lists_that_multiply_are_refused_before_they_fill_the_memory() {
    let stage = Stage::new();
    let names: Vec<String> = (0..5_000).map(|number| format!("c{number}")).collect();
    let clusters = each(5_000, |number| {
        format!(
            "c{number} = {{ context = \"c{number}\", issuer = \"https://c{number}.example\" }}\n"
        )
    });
    let workloads =
        each(5_000, |number| format!("[[team.workload]]\nservice_account = \"a{number}\"\n"));
    stage.write("teams.toml", format!(
        "{}[clusters]\n{clusters}[[team]]\nname = \"a\"\nnamespace = \"a\"\nclusters = {names:?}\n[[team.identity]]\nname = \"id-a\"\n{workloads}",
        root("acme", &[])
    ));
    let ran = stage.expect(1, "validate teams.toml");
    assert!(
        ran.stderr.contains("more than 500000 pairs of an identity and a cluster"),
        "{}",
        ran.stderr
    );

    // Each workload could name any of the identities, and none of them exists.
    let identities = each(5_000, |number| format!("[[team.identity]]\nname = \"id-{number}\"\n"));
    for workload in ["identity = \"none\"\n", ""] {
        let workloads = workloads.replace("service_account", &format!("{workload}service_account"));
        stage.write(
            "teams.toml",
            root("acme", &["weu"])
                + "[[team]]\nname = \"a\"\nnamespace = \"a\"\nclusters = [\"weu\"]\n"
                + &identities
                + &workloads,
        );
        let ran = stage.expect(1, "validate teams.toml");
        assert!(ran.stderr.contains("5000 errors in the profile"), "{}", ran.stderr);
        assert!(ran.stderr.len() < MOST_PRINTED);
    }
}

#[test]
fn a_folder_that_holds_too_much_is_refused_before_it_is_read() {
    let stage = Stage::new();
    stage.write("large/widctl.toml", root("acme", &["weu"]));
    for file in 0..300 {
        let path = format!("large/{file}.toml");
        stage.write(&path, "");
        File::create(stage.path(&path)).unwrap().set_len(9_000_000).unwrap();
    }
    let ran = stage.expect(1, "validate large");
    assert!(ran.stderr.contains("its files have more than 50 MiB together"), "{ran:#?}");

    for file in 0..10_001 {
        stage.write(&format!("many/{file}.toml"), "");
    }
    let ran = stage.expect(1, "validate many");
    assert!(ran.stderr.contains("it holds more than 10000 `*.toml` files"), "{ran:#?}");

    stage.write(&format!("deep/{}x.toml", "d/".repeat(40)), "");
    let ran = stage.expect(1, "validate deep");
    assert!(ran.stderr.contains("it is more than 32 folders deep"), "{ran:#?}");
}

#[test]
fn a_variable_that_holds_a_secret_is_refused_by_its_name() {
    let secret = "S3cr3t-of-the-runner";
    for name in [
        "AZURE_CLIENT_SECRET",
        "AZURE_CLIENT_CERTIFICATE_PASSWORD",
        "AZURE_FEDERATED_TOKEN_FILE",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "SYSTEM_ACCESSTOKEN",
        "IDENTITY_HEADER",
        "MSI_SECRET",
        "GITHUB_TOKEN",
        "github_token",
        "DEPLOY_PAT",
        "STORAGE_KEY",
        "AZURE_CREDENTIALS",
        "APP_CONNECTION_STRING",
    ] {
        let mut stage = Stage::quickstart();
        let text = stage.read("teams.toml");
        let text = text.replace("[azure]", &format!("variables = [\"{name}\"]\n[azure]"));
        let tagged =
            text.replace("roles = [", &format!("tags = {{ x = \"${{{name}}}\" }}\nroles = ["));
        assert_ne!(text, tagged);
        stage.write("teams.toml", tagged);
        stage.set(name, Some(secret));
        for line in [
            "validate teams.toml",
            "plan teams.toml --sandbox",
            "plan teams.toml --sandbox --json",
            "sync teams.toml --sandbox --auto-approve",
        ] {
            let ran = stage.expect(7, line);
            assert!(printed(&ran).contains("WID-SECRET-VARIABLE"), "{name}: {ran:#?}");
            assert!(!printed(&ran).contains(secret), "{name}: {ran:#?}");
        }
    }
}

#[test]
fn no_error_quotes_the_value_of_a_variable() {
    let value = "held-by-the-environment";
    let profile = root("acme", &["weu"]).replace("[azure]", "variables = [\"HELD\"]\n[azure]");
    let wrong = team("one", &["weu"]);
    for (from, to, held) in [
        ("00000000-0000-4000-8000-000000000001", "${HELD}", value),
        ("acme", "${HELD}!", value),
        ("westeurope", "${HELD}", "held-by-the-environment\u{1b}[31m"),
        ("westeurope", "${HELD}", &"held-by-the-environment".repeat(100)),
        ("id-one", "id-${HELD}\"\n[[team.identity]]\nname = \"id-${HELD}", value),
        ("\"app\"", "\"app\"\nidentity = \"ID-${HELD}-other\"", value),
        ("name = \"one\"", "name = \"one\"\nowner = \"${HELD}\"\nclusterz = 1", value),
    ] {
        let mut stage = Stage::new();
        let text = format!("{profile}{wrong}");
        assert!(text.contains(from));
        stage.write("teams.toml", text.replacen(from, to, 1));
        stage.set("HELD", Some(held));
        for line in ["validate teams.toml", "validate teams.toml --format json"] {
            let ran = stage.expect(1, line);
            let said = printed(&ran).to_lowercase();
            assert!(!said.contains(value), "{to}: {said}");
        }
    }
}
