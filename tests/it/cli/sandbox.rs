//! The sandbox's own commands, and state files that cannot be used.

use std::process::{Command, Stdio};

use super::support::{Stage, Started};

const PLAN: &str = "plan teams.toml --sandbox=sandbox.json";

#[test]
fn a_state_file_that_cannot_be_used_is_left_as_it_is() {
    let stage = Stage::quickstart();
    for (text, why) in [
        ("{ \"format\": 1, ", "is damaged"),
        ("", "is damaged"),
        ("{}", "is damaged"),
        ("{ \"format\": 99 }", "has format 99"),
    ] {
        stage.write("sandbox.json", text);
        for line in [
            PLAN,
            "sync teams.toml --sandbox=sandbox.json --auto-approve",
            "sandbox show --file sandbox.json",
            "sandbox serve --file sandbox.json",
        ] {
            let ran = stage.expect(1, line);
            assert_eq!(ran.stdout, "", "{line}");
            assert!(ran.stderr.contains(why), "{line}: {ran:#?}");
            assert!(ran.stderr.contains("sandbox.json"), "{line}: {ran:#?}");
        }
        assert_eq!(stage.read("sandbox.json"), text);
    }
    let reset = stage.expect(0, "sandbox reset --file sandbox.json");
    assert_eq!(reset.stdout, "The sandbox is empty.\n");
    stage.expect(0, PLAN);
}

/// Starts to serve and answers the base URL.
#[cfg(unix)]
pub(super) fn serve(stage: &Stage, flags: &str) -> (Started, String) {
    let mut served = stage.start(&format!("sandbox serve --file sandbox.json {flags}"));
    let line = served.wait_for("Serving the sandbox on ");
    let base = line.split(' ').next_back().unwrap().to_owned();
    served.wait_for("Ctrl-C stops it");
    (served, base)
}

/// Ends what is served as a person does.
#[cfg(unix)]
pub(super) fn stop(served: Started) {
    served.signal("INT");
    let ended = served.end();
    assert_eq!(ended.code, 0, "{ended:#?}");
}

#[cfg(unix)]
#[test]
fn a_sandbox_in_use_is_not_touched_by_others() {
    let stage = Stage::quickstart();
    stage.expect(0, PLAN);
    let (served, base) = serve(&stage, "");
    assert!(base.starts_with("http://127.0.0.1:"), "{base}");
    for line in [PLAN, "sandbox show --file sandbox.json", "sandbox reset --file sandbox.json"] {
        let ran = stage.expect(1, line);
        assert!(ran.stderr.contains("is in use by another process"), "{line}: {ran:#?}");
    }
    stop(served);
    stage.expect(0, PLAN);
}

#[cfg(unix)]
#[test]
fn kubectl_sees_what_was_synced_in_a_served_sandbox() {
    let stage = Stage::quickstart();
    stage.expect(0, "sync teams.toml --sandbox=sandbox.json --auto-approve");
    let (served, base) = serve(&stage, "");
    let kubeconfig = stage.read("sandbox.kubeconfig");
    let address = base.trim_start_matches("http://");
    assert!(kubeconfig.contains(address), "{kubeconfig}");
    if let Some(accounts) = kubectl(&stage, "get serviceaccounts --context weu -n data-eng -o name")
    {
        assert_eq!(accounts, "serviceaccount/default\nserviceaccount/etl\n");
        let edited = "annotate serviceaccount etl --context weu -n data-eng --overwrite azure.workload.identity/client-id=edited";
        kubectl(&stage, edited);
    }
    stop(served);
    let edited = stage.read("sandbox.json").contains("\"edited\"");
    let expected = if edited { "1 to change" } else { "No changes." };
    let plan = stage.expect(0, PLAN);
    assert!(plan.stdout.contains(expected), "{plan:#?}");
}

/// Runs `kubectl` with the served kubeconfig; `None` with a line on stderr where there is none.
#[expect(clippy::print_stderr, reason = "a test that was skipped says so")]
pub(super) fn kubectl(stage: &Stage, line: &str) -> Option<String> {
    let output = Command::new("kubectl")
        .args(line.split(' '))
        .env("KUBECONFIG", stage.path("sandbox.kubeconfig"))
        .env("KUBECACHEDIR", stage.path("cache"))
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output else {
        eprintln!("skipped: there is no kubectl on the path");
        return None;
    };
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[cfg(unix)]
#[test]
fn a_served_sandbox_takes_a_profile_for_granted_and_writes_its_kubeconfig_where_it_is_told() {
    let stage = Stage::quickstart();
    let flags = "--profile teams.toml --kubeconfig here/config --port 0";
    let missing = stage.expect(1, &format!("sandbox serve --file sandbox.json {flags}"));
    assert!(missing.stderr.contains("here/config"), "{missing:#?}");
    std::fs::create_dir(stage.path("here")).unwrap();
    let (served, _) = serve(&stage, flags);
    assert!(stage.read("here/config").contains("rg-aks-aks-weu"));
    stop(served);
    assert!(stage.json("sandbox.json")["clusters"]["rg-aks-aks-weu"].is_object());
}

#[test]
fn showing_and_resetting_tell_what_the_sandbox_holds() {
    let stage = Stage::quickstart();
    let file = "--file sandbox.json";
    let empty = stage.expect(0, &format!("sandbox show {file}"));
    assert_eq!(empty.stdout, "The sandbox is empty.\n");
    let nothing = stage.expect(0, &format!("sandbox reset {file}"));
    assert_eq!(nothing.stdout, "The sandbox was empty already.\n");
    stage.expect(0, "sync teams.toml --sandbox=sandbox.json --auto-approve");
    let shown = stage.expect(0, &format!("sandbox show {file} --format json")).json();
    assert_eq!(shown, stage.json("sandbox.json"));
    let all = stage.expect(0, &format!("sandbox show {file}")).stdout;
    let team = stage.expect(0, &format!("sandbox show {file} --team data-*")).stdout;
    assert!(all.contains("namespace  kube-system"), "{all}");
    insta::assert_snapshot!(team, @"
    Estate quickstart, team data-eng

      identity      id-data-eng                         client id b4621478-f787-5d54-a0a3-41404aeae5e2
        credential  system:serviceaccount:data-eng:etl  of https://westeurope.oic.sandbox.invalid/5a0db0c5-0000-4000-8000-0000000007e2/f6aafced-4cbd-5faf-be10-cbabd29486cf/
        role        Key Vault Secrets User              on /subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-data-eng/providers/Microsoft.KeyVault/vaults/kv-data-eng

    Cluster weu (/clusters/rg-aks-aks-weu)

      namespace  data-eng
        account  etl       client id b4621478-f787-5d54-a0a3-41404aeae5e2
    ");
    let wrong = stage.expect(64, &format!("sandbox show {file} --team web"));
    assert!(wrong.stderr.contains("known: `data-eng`"), "{wrong:#?}");
    let both = stage.expect(64, &format!("sandbox show {file} --team web --format json"));
    assert!(both.stderr.contains("leave one of them out"), "{both:#?}");
    stage.expect(0, &format!("sandbox reset {file}"));
    assert!(!stage.exists("sandbox.json"));
}

#[test]
fn faults_that_make_no_sense_are_refused_before_anything_starts() {
    let stage = Stage::quickstart();
    stage.write("faults.toml", "latencies = 1\n");
    let line = format!("{PLAN} --sandbox-faults faults.toml");
    let ran = stage.expect(1, &line);
    assert!(ran.stderr.contains("unknown field `latencies`"), "{ran:#?}");
    assert!(ran.stderr.contains("docs/sandbox.md"), "{ran:#?}");
    assert!(!stage.exists("sandbox.json"));
    let missing = stage.expect(1, &format!("{PLAN} --sandbox-faults none.toml"));
    assert!(missing.stderr.contains("`none.toml`"), "{missing:#?}");
}

#[test]
fn the_issuer_of_a_cluster_that_is_only_trusted_is_read_in_the_sandbox_too() {
    let stage = Stage::quickstart();
    let mut profile = stage.read("teams.toml");
    profile.push_str("mode = \"trust-only\"\n");
    stage.write("teams.toml", profile);
    let plan = stage.expect(0, &format!("{PLAN} --format json")).json();
    assert_eq!(plan["changes"].as_array().unwrap().len(), 3, "{plan:#}");
    assert_eq!(plan["notes"], serde_json::json!([]));
    assert_eq!(plan["run"]["retries"], 0);
    // Its issuer and what may be left on it: four kinds and the webhook.
    assert_eq!(plan["scope_read"]["clusters"]["read"], serde_json::json!(["weu"]));
}

/// Everything of the machine that could be used leaves a mark when it is.
#[cfg(unix)]
#[test]
fn no_credential_program_or_cluster_of_the_machine_is_used() {
    use std::os::unix::fs::PermissionsExt;

    let mut stage = Stage::quickstart();
    let script = format!("#!/bin/sh\necho \"$0\" >> {}\nexit 1\n", stage.path("used").display());
    for program in ["az", "azd", "kubelogin", "plugin"] {
        let name = format!("bin/{program}");
        stage.write(&name, &script);
        std::fs::set_permissions(stage.path(&name), std::fs::Permissions::from_mode(0o755))
            .unwrap();
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let plugin = stage.path("bin/plugin");
    stage.write(
        ".kube/config",
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: weu\nclusters: [{{name: weu, cluster: {{server: \"{server}\"}}}}]\ncontexts: [{{name: weu, context: {{cluster: weu, user: weu}}}}]\nusers: [{{name: weu, user: {{exec: {{apiVersion: client.authentication.k8s.io/v1, command: {plugin:?}}}}}}}]\n"
        ),
    );
    let path = std::env::var("PATH").unwrap();
    stage.set("PATH", Some(format!("{}:{path}", stage.path("bin").display())));
    stage.set("HTTPS_PROXY", Some(server.as_str()));
    stage.set("IDENTITY_ENDPOINT", Some(server.as_str()));
    stage.set("AZURE_TENANT_ID", Some("11111111-1111-4111-8111-111111111111"));
    stage.set("AZURE_CLIENT_ID", Some("22222222-2222-4222-8222-222222222222"));
    stage.set("AZURE_CLIENT_SECRET", Some("planted-client-secret"));
    let ran = stage.expect(0, "sync teams.toml --sandbox=sandbox.json --auto-approve");
    assert!(!stage.exists("used"), "{}", stage.read("used"));
    assert!(listener.accept().is_err(), "the machine's server was asked");
    assert!(!ran.stderr.contains("22222222-2222"), "{ran:#?}");
}
