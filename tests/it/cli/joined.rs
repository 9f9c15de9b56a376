//! A sandbox that another process serves: runs join it, and a person changes it in the meantime.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use widctl::sandbox::STATIC_TOKEN;

use super::sandbox::{kubectl, serve, stop};
use super::served::{Served, dead, profile};
use super::support::{Ran, Stage, repository};

const ACCOUNT: &str = "clusters/rg-aks-aks-weu/api/v1/namespaces/data-eng/serviceaccounts/etl";

/// A served sandbox where the quickstart was synced, and its address.
fn synced(stage: &Stage) -> (super::support::Started, String) {
    let (served, base) = serve(stage, "");
    let base = base.trim_end_matches('/').to_owned();
    stage.expect(0, &format!("sync teams.toml --sandbox={base} --auto-approve"));
    (served, base)
}

/// One request over a connection of its own, and everything that is answered.
fn ask(base: &str, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(base.trim_start_matches("http://")).unwrap();
    let length = body.len();
    let request = format!(
        "{head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\
         Content-Type: application/merge-patch+json\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn what_a_person_changes_in_a_served_sandbox_the_next_plan_shows_and_a_sync_repairs() {
    let stage = Stage::quickstart();
    let (served, base) = synced(&stage);
    let run = |code: i32, line: &str| stage.expect(code, &format!("{line} --sandbox={base}"));
    assert_eq!(run(0, "plan teams.toml").stdout, "No changes. Live state matches the profile.\n");
    let edit =
        r#"{"metadata":{"annotations":{"azure.workload.identity/client-id":"edited-by-hand"}}}"#;
    let head = format!("PATCH /{STATIC_TOKEN}/{ACCOUNT}?fieldManager=kubectl-annotate");
    assert!(ask(&base, &head, edit).starts_with("HTTP/1.1 200"));
    let plan = run(0, "plan teams.toml");
    assert!(plan.stdout.contains("edited-by-hand [kubectl-annotate]"), "{plan:#?}");
    run(0, "sync teams.toml --auto-approve");
    run(0, "verify teams.toml");
    run(0, "plan teams.toml --out plan.json");
    run(0, "apply teams.toml --plan plan.json");
    stage.edit("teams.toml", "service_account = \"etl\"", "service_account = \"other\"");
    run(0, "sync teams.toml --auto-approve");
    run(0, "release teams.toml weu/service-account/data-eng/etl --auto-approve");
    stop(served);
    let saved = stage.read("sandbox.json");
    assert!(saved.contains("id-data-eng") && !saved.contains("edited-by-hand"), "{saved}");
}

#[test]
fn a_strict_run_adds_nothing_to_the_sandbox_that_it_joins() {
    let stage = Stage::quickstart();
    let (served, base) = serve(&stage, "");
    let ran = stage.widctl(&format!("plan teams.toml --sandbox={base} --sandbox-strict"));
    assert_ne!(ran.code, 0, "{ran:#?}");
    assert!(!ran.stderr.contains("assuming"), "{ran:#?}");
    let shown = stage.expect(0, &format!("sandbox show --format json --sandbox={base}")).json();
    assert_eq!(shown["clusters"], serde_json::json!({}));
    stop(served);
}

#[test]
fn an_address_that_is_no_served_sandbox_on_loopback_is_a_usage_error_without_its_password() {
    let stage = Stage::quickstart();
    for (address, why) in [
        ("https://127.0.0.1:1", "plain http, and no https"),
        ("ftp://127.0.0.1:1", "plain http, and no ftp"),
        ("http://10.0.0.1:1", "`10.0.0.1` is not this machine"),
        ("http://sandbox.example.com", "`sandbox.example.com` is not this machine"),
        ("http://127.0.0.1.example.com:1", "is not this machine"),
        ("http://localhost.example.com:1", "is not this machine"),
        ("http://[2001:db8::1]:1", "is not this machine"),
        ("http://u:planted@127.0.0.1:1", "more than a host and a port (`127.0.0.1`)"),
        ("http://127.0.0.1:1/clusters", "more than a host and a port"),
        ("http://127.0.0.1:1/?planted", "more than a host and a port"),
        ("http://127.0.0.1:none", "is not a URL"),
    ] {
        for line in ["plan teams.toml", "sync teams.toml --auto-approve", "sandbox show"] {
            let ran = stage.expect(64, &format!("{line} --sandbox={address}"));
            assert!(ran.stderr.contains(why), "{address}: {ran:#?}");
            assert!(ran.stderr.contains("--sandbox=http://127.0.0.1:PORT"), "{ran:#?}");
            assert!(!ran.stderr.contains("planted"), "{ran:#?}");
        }
    }
    assert!(!stage.exists("http:"));
}

#[test]
fn each_way_to_write_loopback_is_joined() {
    let stage = Stage::quickstart();
    let port = dead().rsplit(':').next().unwrap().to_owned();
    for host in ["127.0.0.1", "127.8.8.8", "localhost", "[::1]"] {
        let ran = stage.expect(1, &format!("plan teams.toml --sandbox=http://{host}:{port}"));
        let said = format!("the sandbox at http://{host}:{port} cannot be reached: nobody listens");
        assert!(ran.stderr.contains(&said), "{ran:#?}");
        assert!(ran.stderr.contains("hint: start it in another terminal"), "{ran:#?}");
    }
}

#[test]
fn faults_belong_to_the_server_and_are_refused_of_whoever_joins() {
    let stage = Stage::quickstart();
    stage.write("faults.toml", "principal_replication = 1\n");
    let (served, base) = serve(&stage, "");
    let line = format!("plan teams.toml --sandbox={base} --sandbox-faults faults.toml");
    let ran = stage.expect(64, &line);
    assert!(ran.stderr.contains("widctl sandbox serve --faults FILE"), "{ran:#?}");
    stop(served);
}

/// Listens, gives every request this answer, and keeps what was sent.
fn stranger(answer: &'static str) -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let sent = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&sent);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = [0; 4096];
            let count = stream.read(&mut bytes).unwrap_or_default();
            kept.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (base, sent)
}

#[test]
fn whoever_else_listens_is_named_by_its_answer_and_told_nothing() {
    let stage = Stage::quickstart();
    for (answer, why) in [
        (
            "HTTP/1.1 404 Not Found\r\nServer: nginx/1.27\r\nContent-Length: 15\r\n\r\n<h1>\x1b[31mNo</h1>",
            "no sandbox that this widctl 0.1.0 knows: it answered HTTP 404 of `nginx/1.27`: <h1>",
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: https://example.com/\r\nContent-Length: 0\r\n\r\n",
            "HTTP 302",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "it answered HTTP 200: {}"),
        ("SSH-2.0-OpenSSH_9.6\r\n", "what listens there gave no HTTP answer"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 38\r\n\r\n{\"sandbox\":\"widctl\",\"version\":\"9.9.9\"}",
            "is served by widctl 9.9.9, and this is widctl 0.1.0: only equal versions work together",
        ),
    ] {
        let (base, sent) = stranger(answer);
        let ran = stage.expect(1, &format!("plan teams.toml --sandbox={base}"));
        assert!(ran.stderr.contains(why), "{ran:#?}");
        assert!(ran.stderr.contains(&base) && !ran.stderr.contains('\x1b'), "{ran:#?}");
        let sent = sent.lock().unwrap();
        let asked: Vec<&str> = sent.lines().filter(|line| line.contains(" /")).collect();
        assert!(asked.iter().all(|line| *line == "GET /sandbox HTTP/1.1"), "{sent}");
        assert!(!sent.to_lowercase().contains("authorization"), "{sent}");
    }
}

/// Passes on what is sent to a server and keeps it. Once this text is in it, it closes for good.
fn tap(to: &str, until: Option<&'static str>) -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let to = to.trim_start_matches("http://").to_owned();
    let sent = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&sent);
    let closed = Arc::new(AtomicBool::new(false));
    thread::spawn(move || {
        for stream in listener.incoming() {
            if closed.load(Ordering::SeqCst) {
                return;
            }
            let (mut near, mut far) = (stream.unwrap(), TcpStream::connect(&to).unwrap());
            let (mut back, mut answers) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut answers, &mut back));
            let (kept, closed) = (Arc::clone(&kept), Arc::clone(&closed));
            thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(count) = near.read(&mut bytes)
                    && count > 0
                {
                    let text = String::from_utf8_lossy(&bytes[..count]);
                    if until.is_some_and(|until| text.contains(until)) {
                        closed.store(true, Ordering::SeqCst);
                        break;
                    }
                    kept.lock().unwrap().extend_from_slice(&bytes[..count]);
                    let _ = far.write_all(&bytes[..count]);
                }
                let _ = (near.shutdown(Shutdown::Both), far.shutdown(Shutdown::Both));
            });
        }
    });
    (base, sent)
}

#[test]
fn no_credential_of_the_machine_is_sent_to_the_sandbox_that_a_run_joins() {
    let mut stage = Stage::quickstart();
    let (served, base) = serve(&stage, "");
    stage.write("token", "planted-assertion");
    stage.set("AZURE_TENANT_ID", Some("11111111-1111-4111-8111-111111111111"));
    stage.set("AZURE_CLIENT_ID", Some("22222222-2222-4222-8222-222222222222"));
    stage.set("AZURE_CLIENT_SECRET", Some("planted-client-secret"));
    stage.set("AZURE_FEDERATED_TOKEN_FILE", Some(stage.path("token")));
    stage.write(
        ".kube/config",
        "apiVersion: v1\nkind: Config\ncurrent-context: weu\nclusters: [{name: weu, cluster: {server: \"https://127.0.0.1:1\"}}]\ncontexts: [{name: weu, context: {cluster: weu, user: weu}}]\nusers: [{name: weu, user: {token: planted-token}}]\n",
    );
    let (tapped, sent) = tap(base.trim_end_matches('/'), None);
    for line in ["sync teams.toml --auto-approve", "verify teams.toml", "sandbox show"] {
        stage.expect(0, &format!("{line} --sandbox={tapped}"));
    }
    let sent = String::from_utf8_lossy(&sent.lock().unwrap()).into_owned();
    assert!(sent.contains("the-sandbox-takes-any-secret"), "the run signed in through the tap");
    for planted in ["planted", "11111111-1111", "22222222-2222"] {
        assert!(!sent.contains(planted), "{planted}");
    }
    stop(served);
}

#[test]
fn a_server_that_goes_away_in_the_middle_is_an_unreachable_service_with_its_host() {
    let stage = Stage::quickstart();
    let (served, base) = synced(&stage);
    for until in ["/federatedIdentityCredentials", "/serviceaccounts"] {
        let (tapped, _) = tap(&base, Some(until));
        let ran: Ran = stage.widctl(&format!("plan teams.toml --sandbox={tapped}"));
        assert_eq!(ran.code, 1, "{ran:#?}");
        let said = format!("{}{}", ran.stdout, ran.stderr);
        let address = tapped.trim_start_matches("http://").trim_end_matches('/');
        assert!(said.contains(address), "{until}: {ran:#?}");
    }
    stop(served);
}

#[test]
fn the_kubeconfig_of_a_served_sandbox_is_one_for_widctl_and_for_kubectl() {
    let mut served = Served::new(&profile(&["onprem"]), "");
    let kubeconfig = served.stage.path("sandbox.kubeconfig");
    served.stage.set("KUBECONFIG", Some(kubeconfig));
    served.stage.expect(0, "sync teams.toml --auto-approve");
    let plan = served.stage.expect(0, "plan teams.toml");
    assert_eq!(plan.stdout, "No changes. Live state matches the profile.\n");
    let line = "get serviceaccounts -n team-0 -o name --context onprem";
    if let Some(accounts) = kubectl(&served.stage, line) {
        assert_eq!(accounts, "serviceaccount/app\nserviceaccount/default\n");
    }
}

#[test]
fn a_sandbox_in_use_names_the_address_of_the_server_that_holds_it() {
    let stage = Stage::quickstart();
    let (served, base) = serve(&stage, "");
    let line = "plan teams.toml --sandbox=sandbox.json";
    let ran = stage.expect(1, line);
    let named = format!("join it with `--sandbox={}`", base.trim_end_matches('/'));
    assert!(ran.stderr.contains(&named), "{ran:#?}");
    stop(served);
    stage.expect(0, line);
}

#[test]
fn the_walk_through_of_the_documentation_works_as_it_is_typed() {
    let stage = Stage::new();
    stage.write("profiles/quickstart.toml", repository("profiles/quickstart.toml"));
    let port = dead().rsplit(':').next().unwrap().to_owned();
    let page =
        repository("docs/sandbox.md").replace("127.0.0.1:4280", &format!("127.0.0.1:{port}"));
    let page = page.replace("--port 4280", &format!("--port {port}"));
    let (_, chapter) = page.split_once("## Live through drift\n").unwrap();
    let (chapter, _) = chapter.split_once("\n### ").unwrap();
    let mut blocks = chapter.split("```").skip(1).step_by(2);
    let mut block = || Some(blocks.next()?.split_once('\n').unwrap().1);
    let serve = block().unwrap().trim().strip_prefix("widctl ").unwrap();
    let mut served = stage.start(serve);
    served.wait_for("Ctrl-C stops it");
    let mut ran = 0;
    while let Some(block) = block() {
        let transcript = block.strip_prefix("$ ").and_then(|block| block.split_once('\n'));
        let (script, shown) =
            transcript.map_or((block, None), |(script, shown)| (script, Some(shown)));
        if ["kubectl", "curl"].iter().any(|name| script.contains(name) && !is_at_hand(&stage, name))
        {
            continue;
        }
        let ended = typed(&stage, script);
        assert_eq!(ended.code, 0, "{script}: {ended:#?}");
        if is_at_hand(&stage, "curl") {
            assert_eq!(shown.unwrap_or(&ended.stdout), ended.stdout, "{script}");
        }
        ran += 1;
    }
    assert!(ran >= 2);
    stop(served);
}

/// Whether a program is on the path.
fn is_at_hand(stage: &Stage, name: &str) -> bool {
    typed(stage, &format!("command -v {name} >/dev/null")).code == 0
}

/// Runs lines of shell with the program on the path.
fn typed(stage: &Stage, script: &str) -> Ran {
    let programs = Path::new(env!("CARGO_BIN_EXE_widctl")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut shell = assert_cmd::Command::new("sh");
    shell.args(["-e", "-c", script]).current_dir(stage.path("")).env_clear();
    shell.env("PATH", path).env("HOME", stage.path(""));
    Ran::of(shell)
}
