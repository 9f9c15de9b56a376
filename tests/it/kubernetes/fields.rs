//! Every field of a kubeconfig's cluster, user and context: what a server sees of it through widctl and through
//! the real `kubectl`, and the table of it in the documentation.
//! <https://github.com/kubernetes/client-go/blob/master/tools/clientcmd/api/v1/types.go>

use std::fmt::Write;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use data_encoding::BASE64;
use widctl::ports::read::ClusterRead;

use super::echo::{proxy, server};
use super::fields_table::{Kubectl, ROWS, Row};
use super::machine::Machine;
use super::tls::{AUTHORITY, CLIENT, CLIENT_KEY};
use crate::cluster::control_plane::programs;
use crate::page;

const PAGE: &str = "docs/clusters.md";
const BEGIN: &str = "<!-- fields -->\n";
const END: &str = "<!-- /fields -->\n";

/// A text as YAML writes what is wrapped over lines, with this indicator and these ends of lines.
fn wrapped(text: &str, indicator: &str, end: &str) -> String {
    let data = BASE64.encode(text.as_bytes());
    let lines: Vec<&str> =
        data.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!(
        "{indicator}{end}{}{end}",
        lines.iter().map(|line| format!("      {line}")).collect::<Vec<_>>().join(end)
    )
}

/// The row's kubeconfig on a machine with the files that rows name.
fn machine(row: &Row, server: &str, proxy: &str) -> Machine {
    let authority =
        if row.cluster.contains("certificate-authority") || row.cluster.contains("insecure") {
            ""
        } else {
            "certificate-authority: ../ca.crt"
        };
    let host = server.strip_prefix("https://").unwrap();
    let at =
        if row.cluster.contains("server:") { String::new() } else { format!("server: {server}") };
    let lines =
        |text: &str| text.lines().fold(String::new(), |all, line| all + "    " + line + "\n");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncontexts:\n- name: onprem\n  context: {{cluster: c, user: u{}}}\n\
         clusters:\n- name: c\n  cluster:\n{}{}{}users:\n- name: u\n  user:\n{}",
        row.context,
        lines(&at),
        lines(authority),
        lines(row.cluster),
        if row.user.is_empty() { "    {}\n".to_owned() } else { lines(row.user) },
    );
    let text = text
        .replace("CA-BLOCK", &wrapped(AUTHORITY, "|", "\n"))
        .replace("CA-FOLDED", &wrapped(AUTHORITY, ">", "\n"))
        .replace("CA-CRLF", &wrapped(AUTHORITY, "|", "\r\n"))
        .replace("CA-LINE", &BASE64.encode(AUTHORITY.as_bytes()))
        .replace("CERT-BLOCK", &wrapped(CLIENT, "|", "\n"))
        .replace("KEY-BLOCK", &wrapped(CLIENT_KEY, "|", "\n"))
        .replace("PROXY", proxy)
        .replace("HOST", host)
        .replace("PORT", host.split_once(':').unwrap().1);
    let machine = Machine::with(&text);
    machine.write("ca.crt", AUTHORITY);
    machine.write("client.crt", CLIENT);
    machine.write("client.key", CLIENT_KEY);
    machine.write("token", "of-file\r\n");
    machine.write("empty", "\n");
    let json = |text: &str| serde_json::to_string(text).unwrap();
    let credential = format!(
        "{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":\
         {{\"clientCertificateData\":{},\"clientKeyData\":{}}}}}",
        json(CLIENT),
        json(CLIENT_KEY)
    );
    machine.write("certificate.json", &credential);
    machine.write("plugin", "#!/bin/sh\ncat \"$(dirname \"$0\")/certificate.json\"\n");
    let plugin = machine.home.path().join("plugin");
    std::fs::set_permissions(plugin, Permissions::from_mode(0o755)).unwrap();
    machine
}

/// What the server sees of a row through widctl, else why it is not asked.
async fn by_widctl(row: &Row) -> Result<String, String> {
    let server = server();
    let machine = machine(row, &server, &proxy());
    let seen = match machine.connect("onprem").await {
        Ok(cluster) => cluster.issuer().await,
        Err(error) => Err(error),
    };
    seen.map(|seen| seen.as_str().to_owned()).map_err(|error| machine.shown(&error))
}

#[tokio::test]
async fn every_field_of_a_kubeconfig_is_taken_or_refused_with_a_reason() {
    let mut table =
        String::from("| field | widctl | where kubectl 1.36 differs |\n|---|---|---|\n");
    let mut wrong = String::new();
    for row in ROWS {
        let seen = by_widctl(row).await;
        let right = match (&seen, row.widctl) {
            (Ok(seen), Ok(expected)) => seen == expected,
            (Err(why), Err(expected)) => why.contains(expected) && why.contains("\nhint: "),
            _ => false,
        };
        if !right {
            writeln!(wrong, "{}, {}: {:?}, not {:?}", row.field, row.does, seen, row.widctl)
                .unwrap();
        }
        let verdict = if row.widctl.is_ok() { "taken" } else { "refused" };
        let does =
            if row.does.is_empty() { verdict.into() } else { format!("{verdict}: {}", row.does) };
        writeln!(table, "| {} | {does} | {} |", row.field, row.differs).unwrap();
    }
    assert!(wrong.is_empty(), "{wrong}");
    page::shows(PAGE, (BEGIN, END), &table);
}

#[tokio::test]
#[ignore = "needs Go: just test-cluster"]
async fn kubectl_takes_the_same_fields_in_the_same_way() {
    let Some(kubectl) = programs() else { return };
    let mut wrong = String::new();
    for row in ROWS {
        let server = server();
        let machine = machine(row, &server, &proxy());
        let mut command = Command::new(kubectl.join("kubectl"));
        let done = command
            .args(["--context", "onprem", "get", "--raw", "/.well-known/openid-configuration"])
            .env_clear()
            .env("HOME", machine.home.path())
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        let seen = serde_json::from_str::<serde_json::Value>(&said).ok();
        let seen = seen.and_then(|seen| Some(seen.get("issuer")?.as_str()?.to_owned()));
        let expected = match row.kubectl {
            Kubectl::Same => row.widctl.ok(),
            Kubectl::Sees(seen) => Some(seen),
            Kubectl::Refuses => None,
            Kubectl::NotAsked => continue,
        };
        if seen.as_deref() != expected {
            let why = String::from_utf8_lossy(&done.stderr);
            writeln!(wrong, "{}, {}: {seen:?}, not {expected:?}: {why}", row.field, row.does)
                .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
