//! A stranger's pull request: `validate --placeholder-variables` and a plan on the sandbox, which read, run and ask nothing
//! of the machine.

use std::net::TcpListener;

use super::support::{Stage, root, team};

/// A root file that takes something from the environment wherever it may.
fn profile() -> String {
    let root = root("acme", &["weu"])
        .replace("[azure]", "variables = [\"SUB\", \"GROUP\", \"REGION\", \"ISSUER\", \"CONTEXT\", \"OWNER\", \"TENANT\"]\n\n[azure]\ntenant = \"${TENANT}\"")
        .replace("\"00000000-0000-4000-8000-000000000001\"", "\"${SUB}\"")
        .replace("rg-workload-identity", "rg-${GROUP}")
        .replace("westeurope", "${REGION}");
    let onprem = "[clusters.onprem]\ncontext = \"${CONTEXT}\"\nissuer = \"${ISSUER}\"\n\n";
    let scope =
        "/subscriptions/${SUB}/resourceGroups/${GROUP}/providers/Microsoft.KeyVault/vaults/kv";
    let roles =
        format!("name = \"id-one\"\nroles = [{{ role = \"Reader\", scope = \"{scope}\" }}]\n");
    let team = team("one", &["weu", "onprem"])
        .replace("name = \"id-one\"\n", &roles)
        .replace("name = \"one\"\n", "name = \"one\"\nowner = \"${OWNER}\"\n");
    root + onprem + &team
}

const SAID: &str =
    "Placeholders stand in for the variables CONTEXT, GROUP, ISSUER, OWNER, REGION, SUB, TENANT.";

#[test]
fn a_variable_takes_a_placeholder_that_its_place_takes() {
    let stage = Stage::new();
    stage.write("teams.toml", profile());
    assert!(stage.expect(1, "validate teams.toml").stderr.contains("`SUB` is not set"));
    let ran = stage.expect(0, "validate teams.toml --placeholder-variables");
    let valid = "Valid: estate acme with 1 team, 1 identity, 1 workload on 2 clusters.\n";
    assert_eq!(ran.stdout, format!("{valid}{SAID}\n"));
    let json = stage.expect(0, "validate teams.toml --placeholder-variables --format json").json();
    assert_eq!(json["placeholders"].as_array().unwrap().len(), 7);
    let ran = stage.expect(0, "plan teams.toml --sandbox=sandbox.json --full");
    assert!(ran.stderr.contains(SAID), "{ran:#?}");
    for value in [
        "location:          placeholderregion",
        "/resourceGroups/rg-placeholder-group-",
        "https://placeholder-issuer-",
        "/subscriptions/00000000-0000-4000-8000-",
    ] {
        assert!(ran.stdout.contains(value), "{value}: {}", ran.stdout);
    }
}

#[test]
fn a_place_that_takes_no_placeholder_says_which_rule_it_breaks() {
    let stage = Stage::new();
    let profile = root("acme", &["weu"]).replace("[azure]", "variables = [\"ROLE\"]\n[azure]");
    let roles = "name = \"id-one\"\nroles = [{ role = \"Reader\", scope = \"${ROLE}\" }]\n";
    stage.write(
        "teams.toml",
        profile + &team("one", &["weu"]).replace("name = \"id-one\"\n", roles),
    );
    let ran = stage.expect(1, "validate teams.toml --placeholder-variables");
    assert!(
        ran.stderr.contains("with its variables filled in, `${ROLE}` breaks the rule"),
        "{ran:#?}"
    );
    assert_eq!(ran.stderr.matches("error[").count(), 1, "{ran:#?}");
}

#[test]
fn what_a_profile_may_not_name_it_may_not_name_on_the_sandbox_either() {
    for (listed, rest, code) in [
        ("\"AZURE_CLIENT_SECRET\"", "", "WID-SECRET-VARIABLE"),
        ("\"A\"", "[policy]\ndenied_namespaces = [\"${A}\"]\n", "WID-VARIABLE"),
        ("", "[clusters.c]\ncontext = \"${A}\"\nissuer = \"https://a.example\"\n", "WID-VARIABLE"),
    ] {
        let stage = Stage::new();
        let text = format!("version = 1\nestate = \"a\"\nvariables = [{listed}]\n{rest}");
        stage.write("teams.toml", text);
        for line in ["validate teams.toml --placeholder-variables", "plan teams.toml --sandbox"] {
            let ran = stage.widctl(line);
            assert!(ran.code != 0 && ran.stderr.contains(code), "{line}: {ran:#?}");
        }
    }
}

#[test]
fn nothing_of_the_environment_is_in_what_the_sandbox_plans() {
    let mut stage = Stage::new();
    stage.write("teams.toml", profile());
    let lines = [
        "validate teams.toml --placeholder-variables",
        "plan teams.toml --sandbox=sandbox.json --full --out plan.json",
        "sync teams.toml --sandbox=sandbox.json --auto-approve --verify",
        "status teams.toml --sandbox=sandbox.json",
        "graph teams.toml --sandbox=sandbox.json --format mermaid",
    ];
    let run = |stage: &Stage| lines.map(|line| stage.expect(0, line).stdout);
    let unset = run(&stage);
    for name in ["SUB", "GROUP", "REGION", "ISSUER", "CONTEXT", "OWNER", "TENANT"] {
        stage.set(name, Some("held-by-the-environment"));
    }
    std::fs::remove_file(stage.path("sandbox.json")).unwrap();
    let set = run(&stage);
    for (unset, set) in unset.iter().zip(&set) {
        assert!(!set.contains("held-by"), "{set}");
        let plain = |text: &str| {
            let lines = text.lines().filter(|line| !line.starts_with("Requests: "));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(plain(unset), plain(set));
    }
}

#[cfg(unix)]
#[test]
fn a_strangers_profile_runs_no_program_and_reaches_no_host() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let host = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
    let mut stage = Stage::new();
    let marker = stage.path("ran").display().to_string();
    stage.write(
        "kubeconfig",
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: theirs\nclusters: [{{name: c, cluster: {{server: 'https://{host}'}}}}]\n\
             users: [{{name: u, user: {{exec: {{apiVersion: client.authentication.k8s.io/v1, command: touch, args: ['{marker}'], interactiveMode: Never}}}}}}]\n\
             contexts: [{{name: theirs, context: {{cluster: c, user: u}}}}]\n"
        ),
    );
    let kubeconfig = stage.path("kubeconfig");
    stage.set("KUBECONFIG", Some(kubeconfig));
    for proxy in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"] {
        stage.set(proxy, Some(format!("http://{host}")));
    }
    let theirs =
        format!("[clusters.theirs]\ncontext = \"theirs\"\nissuer = \"https://{host}/issuer\"\n\n");
    stage.write("teams.toml", root("acme", &["weu"]) + &theirs + &team("one", &["weu", "theirs"]));
    stage.expect(0, "validate teams.toml --placeholder-variables");
    stage.expect(0, "plan teams.toml --sandbox=sandbox.json");
    assert!(!stage.exists("ran"), "the kubeconfig's program ran");
    assert!(listener.accept().is_err(), "somebody asked the stranger's host");
}
