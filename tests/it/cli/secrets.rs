//! No secret reaches a stream or a file, however much is asked to be told.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use walkdir::WalkDir;

use super::served::{Entry, Served, profile};
use super::support::{Ran, Stage, repository};

/// How every JSON Web Token begins, what opens the sandbox's clusters and what signs in to it.
const SECRETS: [&str; 4] =
    ["eyJ", "sandbox-static-token", "the-sandbox-takes-any-secret", "Bearer "];
const CLIENT_SECRET: &str = "planted-client-secret";
const JOB_TOKEN: &str = "planted-job-token";
const PROXY_PASSWORD: &str = "planted-proxy-password";
/// A part of the private key of the application's certificate.
const KEY: &str = "MIIEv";
/// What the host of a pipeline says about the job: a token, though nobody has signed it.
const ASSERTION: &str = "eyJhbGciOiJQUzI1NiJ9.eyJzdWIiOiJqb2IiLCJleHAiOjQxMDI0NDQ4MDB9.cGxhbnRlZA";

fn holds_none(what: &str, text: &str) {
    for secret in SECRETS.into_iter().chain([CLIENT_SECRET, JOB_TOKEN, PROXY_PASSWORD, KEY]) {
        if let Some(at) = text.find(secret) {
            let around = text[..at].chars().count().saturating_sub(200);
            let around: String = text.chars().skip(around).take(600).collect();
            panic!("{what} holds `{secret}`: {around}");
        }
    }
}

/// Runs with all that can be logged, and looks through both streams.
fn run(stage: &Stage, line: &str) -> Ran {
    let mut command = stage.command(&format!("{line} -vvv --log-file log.txt"));
    command.env("RUST_LOG", "trace");
    let ran = Ran::of(command);
    assert!(ran.stderr.contains("TRACE"), "{line}");
    assert!(stage.read("log.txt").contains("DEBUG"), "{line}");
    holds_none(line, &ran.stderr);
    holds_none(line, &ran.stdout);
    ran
}

/// Looks through every file of a stage but those that somebody put there to sign in with.
fn holds_none_in_files(stage: &Stage) {
    let mut looked = 0;
    for entry in WalkDir::new(stage.path("")) {
        let entry = entry.unwrap();
        let name = entry.path().to_string_lossy().into_owned();
        let credentials = ["/.kube/config", "/app.pem", ".kubeconfig"];
        if !entry.file_type().is_file() || credentials.iter().any(|end| name.ends_with(end)) {
            continue;
        }
        let bytes = std::fs::read(entry.path()).unwrap();
        holds_none(&name, &String::from_utf8_lossy(&bytes));
        looked += 1;
    }
    assert!(looked > 2, "there are files to look at");
}

#[test]
fn no_stream_and_no_file_holds_a_secret_however_much_is_logged() {
    for format in ["", "--json", "--format json", "--format markdown"] {
        let stage = Stage::quickstart();
        for line in [
            "plan teams.toml --out plan.json --sandbox=sandbox.json",
            "apply teams.toml --plan plan.json --sandbox=sandbox.json",
            "sync teams.toml --sandbox=sandbox.json --auto-approve",
        ] {
            let ran = run(&stage, &format!("{line} {format}"));
            assert_eq!(ran.code, 0, "{line}");
        }
        holds_none_in_files(&stage);
    }
}

#[test]
fn an_error_holds_no_secret_either() {
    let stage = Stage::quickstart();
    stage.write(
        "faults.toml",
        "[[rules]]\npath = \"*/userAssignedIdentities/*\"\nmethod = \"PUT\"\neffect = \"policy-denial\"\n\n[[rules]]\npath = \"/clusters/*\"\nmethod = \"PATCH\"\neffect = \"truncate\"\n",
    );
    let line = "sync teams.toml --sandbox=sandbox.json --auto-approve --sandbox-faults faults.toml";
    let ran = run(&stage, line);
    assert!(ran.code == 1 || ran.code == 5, "{}", ran.stdout);
}

/// A pipeline's host: it gives its assertion to whoever shows the job's token.
fn pipeline_host() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        while let Ok((mut socket, _)) = listener.accept() {
            let mut request = [0; 8192];
            let length = socket.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..length]);
            assert!(request.contains(JOB_TOKEN), "{request}");
            let body = format!("{{\"value\":\"{ASSERTION}\"}}");
            let length = body.len();
            let _ = write!(
                socket,
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
        }
    });
    format!("http://{address}/idtoken?job=1")
}

/// Full runs of a served sandbox with one sign-in, which is `method`; what fails comes last.
fn signed_in_with(served: &mut Served, method: &str) {
    let proxy = format!("http://somebody:{PROXY_PASSWORD}@127.0.0.1:9");
    served.stage.set("HTTPS_PROXY", Some(proxy));
    served.kubeconfig(&[Entry::new("onprem", &served.server("onprem"))]);
    for (code, line) in [
        (0, "plan teams.toml --out plan.json"),
        (0, "apply teams.toml --plan plan.json"),
        (0, "sync teams.toml --auto-approve --json"),
    ] {
        let ran = run(&served.stage, line);
        assert_eq!(ran.code, code, "{method}: {line}: {ran:#?}");
    }
    let plan = run(&served.stage, "plan teams.toml");
    assert!(plan.stderr.contains(method), "{plan:#?}");
    served.stage.set("AZURE_TENANT_ID", Some("00000000-0000-4000-8000-00000000000f"));
    for format in ["", "--json"] {
        let ran = run(&served.stage, &format!("plan teams.toml {format}"));
        assert_eq!(ran.code, 4, "{ran:#?}");
        let told = format!("{}{}", ran.stderr, ran.stdout);
        assert!(told.contains("AADSTS90002"), "{told}");
    }
    holds_none_in_files(&served.stage);
}

#[test]
fn the_secret_of_an_application_stays_where_it_is() {
    let mut served = Served::new(&profile(&["onprem"]), "");
    served.stage.set("AZURE_CLIENT_SECRET", Some(CLIENT_SECRET));
    signed_in_with(&mut served, "environment");
}

#[test]
fn an_application_signs_in_with_its_certificate_and_the_key_stays_where_it_is() {
    let mut served = Served::new(&profile(&["onprem"]), "");
    let key = repository("src/sandbox/keys/entra.pem");
    assert!(key.contains(KEY));
    let certificate = "-----BEGIN CERTIFICATE-----\nY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
    served.stage.write("app.pem", format!("{certificate}{key}"));
    let path = served.stage.path("app.pem");
    served.stage.set("AZURE_CLIENT_CERTIFICATE_PATH", Some(path));
    served.stage.set("AZURE_CLIENT_SECRET", None::<&str>);
    signed_in_with(&mut served, "environment");
}

#[test]
fn a_jobs_token_and_its_assertion_stay_where_they_are() {
    let mut served = Served::new(&profile(&["onprem"]), "");
    let stage = &mut served.stage;
    stage.set("AZURE_CLIENT_SECRET", None::<&str>);
    stage.set("ACTIONS_ID_TOKEN_REQUEST_URL", Some(pipeline_host()));
    stage.set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", Some(JOB_TOKEN));
    signed_in_with(&mut served, "github-actions");
}

/// Stands where ARM should be and tells everybody what was sent: as it is, and cut off in the middle.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        while let Ok((mut socket, _)) = listener.accept() {
            let mut request = vec![0; 64 * 1024];
            let length = socket.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..length]);
            let sent =
                request.lines().find(|line| line.to_lowercase().starts_with("authorization"));
            let sent = sent.and_then(|line| line.rsplit(' ').next()).unwrap_or_default();
            let error = serde_json::json!({"error": {"code": sent, "message": format!("you sent {sent} and {}", &sent[..sent.len().min(120)])}});
            let body = error.to_string();
            let length = body.len();
            let _ = write!(
                socket,
                "HTTP/1.1 400 Bad Request\r\nx-ms-request-id: {sent}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
        }
    });
    format!("http://{address}")
}

#[test]
fn a_server_that_echoes_what_it_was_sent_tells_nobody() {
    let mut served = Served::new(&profile(&["onprem"]), "");
    served.stage.set("AZURE_CLIENT_SECRET", Some(CLIENT_SECRET));
    let echo = echo();
    served.kubeconfig(&[Entry::new("onprem", &echo)]);
    let arm = format!("arm = \"{}\"", served.base);
    served.stage.edit("clouds.toml", &arm, &format!("arm = \"{echo}\""));
    for format in ["", "--json", "--format json", "--format markdown"] {
        let ran = run(&served.stage, &format!("plan teams.toml --out plan.json {format}"));
        let told = format!("{}{}", ran.stdout, ran.stderr);
        assert!(told.contains("you sent"), "{told}");
    }
    holds_none_in_files(&served.stage);
}
