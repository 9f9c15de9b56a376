//! Kubeconfigs, certificates, addresses and plugins that are no use: what a person is told of each.

#![cfg(unix)]

use std::fmt::Write;

use data_encoding::BASE64;

use super::served::{Entry, Served, dead, kubeconfig, profile, silent};
use super::support::{Stage, root, team};
use crate::kubernetes::tls;

const SECRET: &str = "eyJ-this-is-secret";
const PLAN: &str = "plan teams.toml --timeout 1s";

/// Why each cluster is unknown, as the plan says it: the cluster, then the reason on one line.
fn reasons(stdout: &str) -> Vec<(String, String)> {
    let unknown = stdout.split_once("\nUnknown: ").map_or("", |(_, rest)| rest);
    let mut reasons = Vec::new();
    let mut why = String::new();
    for line in unknown.lines() {
        if let Some(address) = line.strip_prefix("  ? ") {
            let cluster = address.split('/').next().unwrap().to_owned();
            if !why.is_empty() {
                reasons.push((cluster, std::mem::take(&mut why)));
            }
        } else if let Some(begun) = line.strip_prefix("  unknown: ") {
            begun.clone_into(&mut why);
        } else if !why.is_empty() && !line.is_empty() {
            why = format!("{why} {}", line.trim());
        }
    }
    reasons.sort();
    reasons
}

/// The reasons without what differs from run to run.
fn shown(served: &Served, stdout: &str) -> String {
    let mut text = String::new();
    for (cluster, why) in reasons(stdout) {
        write!(text, "{cluster}\n  {}\n\n", why.replace("; ", ";\n  ")).unwrap();
    }
    let home = served.stage.path("").display().to_string();
    let text = text.replace(home.trim_end_matches('/'), "~");
    let text = text.replace(&served.base, "[sandbox]");
    let words = ["127.0.0.1:", "verification time ", "after 1577923200 ("];
    words.iter().fold(text, |text, words| without_numbers(&text, words))
}

/// The text with `[number]` for every number after these words.
fn without_numbers(text: &str, after: &str) -> String {
    let mut pieces = text.split(after);
    let mut plain = pieces.next().unwrap().to_owned();
    for piece in pieces {
        let rest = piece.trim_start_matches(|c: char| c.is_ascii_hexdigit() || c == '-');
        write!(plain, "{after}[number]{rest}").unwrap();
    }
    plain
}

#[test]
fn a_file_that_is_no_kubeconfig_says_why() {
    let served = Served::new(&profile(&["onprem"]), "");
    let good = kubeconfig(&[Entry::new("onprem", &dead()).user(format!("token: {SECRET}"))]);
    let long = format!("{good}{}", "#\n".repeat(9 * 1024 * 1024));
    let files = [
        ("empty", String::new()),
        ("not YAML", format!("clusters: [{SECRET}\nusers: {{")),
        ("a field of another type", good.replace("users:\n", &format!("users: {SECRET}\nx:\n"))),
        ("huge", long),
        ("a list", "- a\n- b\n".to_owned()),
        ("binary", "\u{0}\u{1}\u{2}".to_owned()),
    ];
    let mut all = String::new();
    let mut add = |name: &str| {
        let ran = served.stage.expect(1, PLAN);
        assert!(ran.stdout.contains("+ weu/service-account/team-0/app"), "{ran:#?}");
        assert!(!format!("{ran:?}").contains(SECRET), "{ran:#?}");
        write!(all, "{name}: {}", shown(&served, &ran.stdout)).unwrap();
    };
    add("missing");
    for (name, text) in files {
        served.stage.write(".kube/config", text);
        add(name);
    }
    std::fs::remove_file(served.stage.path(".kube/config")).unwrap();
    std::fs::create_dir(served.stage.path(".kube/config")).unwrap();
    add("a folder");
    insta::assert_snapshot!(all);
}

/// Every context that is wrong in a way of its own. Nobody answers at `silent`.
fn wrong_contexts(served: &Served, silent: &str) -> Vec<Entry> {
    let ca = |pem: &str| format!("certificate-authority-data: {}", BASE64.encode(pem.as_bytes()));
    let tls = |name, certificate, authority| {
        Entry::new(name, &tls::server(certificate, None)).and(&ca(authority))
    };
    let pair = |certificate: &str, key: &str| {
        let (certificate, key) =
            (BASE64.encode(certificate.as_bytes()), BASE64.encode(key.as_bytes()));
        format!("client-certificate-data: {certificate}, client-key-data: {key}")
    };
    let remote = "https://10.0.0.1";
    let kubelogin = "exec: {apiVersion: client.authentication.k8s.io/v1, command: kubelogin, args: [get-token, --server-id, 6dae]}";
    let plugin = |name, line| Entry::new(name, remote).plugin(line);
    vec![
        Entry::new("onprem-admin", remote),
        Entry::new("no-server", remote),
        Entry::new("no-cluster", remote),
        Entry::new("no-user", remote),
        Entry::new("plain-http", "http://10.0.0.1"),
        Entry::new("password-in-url", &format!("https://a:{SECRET}@10.0.0.1")),
        Entry::new("no-url", "10.0 .0.1"),
        Entry::new("missing-authority", remote).and("certificate-authority: ca.crt"),
        Entry::new("broken-authority", remote).and("certificate-authority-data: '%%%'"),
        Entry::new("no-pem-authority", remote).and(&ca("hello")),
        Entry::new("missing-certificate", remote).user("client-certificate: a.crt, client-key: a.key"),
        Entry::new("no-pem-certificate", remote).user(pair("hello", SECRET)),
        Entry::new("anybody", remote).and("insecure-skip-tls-verify: true").user(kubelogin),
        Entry::new("socks-proxy", remote).and(&format!("proxy-url: 'socks5://a:{SECRET}@b:1'")),
        Entry::new("auth-provider", remote).user("auth-provider: {name: gcp, config: {}}"),
        Entry::new("missing-token-file", remote).user("tokenFile: /nowhere/token"),
        Entry::new("refused-port", &dead()),
        Entry::new("dead-proxy", remote).and(&format!("proxy-url: '{}'", dead().replace("https:", "http:"))),
        Entry::new("silent-tls", &format!("https://{silent}")),
        Entry::new("silent-http", &format!("http://{silent}")),
        tls("wrong-authority", tls::SERVER, tls::OTHER_AUTHORITY),
        tls("expired-server", tls::EXPIRED, tls::AUTHORITY),
        tls("other-name", tls::ELSEWHERE, tls::AUTHORITY),
        Entry::new("expired-client", &tls::server(tls::SERVER, Some(tls::CLIENT_AUTHORITY)))
            .and(&ca(tls::AUTHORITY))
            .user(pair(tls::EXPIRED_CLIENT, tls::CLIENT_KEY)),
        Entry::new("wrong-token", &served.server("wrong-token")).user(format!("token: {SECRET}")),
        Entry::new("forbidden", &served.server("forbidden")),
        Entry::new("unwell", &served.server("unwell")),
        Entry::new("hangs-up", &served.server("hangs-up")),
        Entry::new("throttled", &served.server("throttled")),
        Entry::new("no-plugin", remote).user("exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin}"),
        Entry::new("terminal-plugin", remote)
            .user("exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, interactiveMode: Always}"),
        plugin("failing-plugin", "echo first >&2; echo please log in >&2; exit 3"),
        plugin("chatty-plugin", &format!("echo {SECRET}")),
        plugin("endless-plugin", &format!("yes {SECRET}")),
        plugin("asking-plugin", "echo Password: >&2; read word"),
        plugin("useless-plugin", "echo '{\"status\":{}}'"),
    ]
}

/// What the sandbox does to the clusters that are named after it.
const FAULTS: &str = r#"
[[rules]]
path = "/clusters/forbidden-*"
effect = "forbidden"

[[rules]]
path = "/clusters/unwell-*"
effect = { answer = { status = 503, code = "ServiceUnavailable", message = "etcd has no leader" } }

[[rules]]
path = "/clusters/hangs-up-*"
effect = { drop = "before" }

[[rules]]
path = "/clusters/throttled-*"
effect = { answer = { status = 429, code = "TooManyRequests", message = "slow down", retry_after = 90 } }
"#;

#[test]
fn every_context_that_is_no_use_says_why_and_holds_up_nobody() {
    let answering = ["forbidden", "unwell", "hangs-up", "throttled", "wrong-token"];
    let served = Served::new(&profile(&answering), FAULTS);
    let (_held, address) = silent();
    let entries = wrong_contexts(&served, &address);
    let mut names: Vec<&str> = entries.iter().map(|entry| entry.name).collect();
    // The profile asks for contexts that the kubeconfig does not have.
    names[0] = "onprem";
    names.push("unheard-of");
    served.profile(&names);
    let text = kubeconfig(&entries)
        .replace(
            "name: no-server, cluster: {server: \"https://10.0.0.1\"}",
            "name: no-server, cluster: {tls-server-name: a}",
        )
        .replace("context: {cluster: no-cluster,", "context: {cluster: gone,")
        .replace("cluster: no-user, user: no-user", "cluster: no-user, user: gone");
    served.stage.write(".kube/config", text);
    let ran = served.stage.expect(1, PLAN);
    assert!(ran.stdout.contains("+ weu/service-account/team-0/app"), "{ran:#?}");
    assert!(!format!("{ran:?}").contains(SECRET), "{ran:#?}");
    let mut unknown: Vec<String> =
        reasons(&ran.stdout).into_iter().map(|(cluster, _)| cluster).collect();
    unknown.dedup();
    names.sort_unstable();
    assert_eq!(unknown, names, "{ran:#?}");
    insta::assert_snapshot!(shown(&served, &ran.stdout));
}

#[test]
fn an_aks_cluster_whose_credentials_cannot_be_had_or_used_says_why() {
    let clusters = ["denied", "missing", "garbled", "rejecting", "weu"];
    let mut stage = Stage::new();
    stage.write("teams.toml", root("acme", &clusters) + &team("one", &clusters));
    let rule =
        |path: &str, effect: &str| format!("[[rules]]\npath = \"{path}\"\neffect = {effect}\n");
    let gone = "{ answer = { status = 404, code = \"ResourceNotFound\", message = \"gone\" } }";
    let unknown =
        "{ answer = { status = 401, code = \"Unauthorized\", message = \"Unauthorized\" } }";
    let faults = [
        rule("*/aks-denied/listClusterUserCredential", "\"forbidden\""),
        rule("*/aks-missing/listClusterUserCredential", gone),
        rule("*/aks-garbled/listClusterUserCredential", "\"not-json\""),
        rule("/clusters/rg-aks-aks-rejecting/*", unknown),
    ];
    stage.write("faults.toml", faults.concat());
    // Neither kubelogin nor anything else is there, and no kubeconfig.
    stage.set("PATH", Some("/nowhere"));
    let plan = "plan teams.toml --sandbox=sandbox.json --sandbox-faults faults.toml";
    let ran = stage.expect(1, plan);
    assert!(ran.stdout.contains("+ weu/service-account/one/app"), "{ran:#?}");
    let mut text = String::new();
    for (cluster, why) in reasons(&ran.stdout) {
        write!(text, "{cluster}\n  {}\n\n", why.replace("; ", ";\n  ")).unwrap();
    }
    let text = ["127.0.0.1:", "(request ", "correlation "]
        .iter()
        .fold(text, |text, words| without_numbers(&text, words));
    insta::assert_snapshot!(text);
}

#[test]
fn no_server_is_asked_that_the_profile_does_not_name() {
    // A server that keeps whoever comes, where everything but the profile points to.
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let address = elsewhere.local_addr().unwrap();
    let mut served = Served::new(&profile(&["onprem"]), "");
    let other = kubeconfig(&[Entry::new("elsewhere", &format!("http://{address}"))]);
    let other = format!("{other}current-context: elsewhere\n");
    served.stage.set("KUBERNETES_SERVICE_HOST", Some("127.0.0.1"));
    served.stage.set("KUBERNETES_SERVICE_PORT", Some(address.port().to_string()));
    served.stage.set("KUBERNETES_MASTER", Some(format!("http://{address}")));
    let empty_context = other.replace("- {name: elsewhere, context", "- {name: '', context");
    let nowhere = "/nowhere/kubeconfig".to_owned();
    let home = served.stage.path("").display().to_string();
    for (name, text, file, home) in [
        ("another context", &other, None, Some(&home)),
        ("an empty name", &empty_context, None, Some(&home)),
        ("no such file", &other, Some(&nowhere), Some(&home)),
        ("no home", &other, None, None),
    ] {
        served.stage.write(".kube/config", text);
        served.stage.set("KUBECONFIG", file);
        served.stage.set("HOME", home);
        let ran = served.stage.expect(1, PLAN);
        assert!(ran.stdout.contains("? onprem/service-account/team-0/app"), "{name}: {ran:#?}");
        assert!(ran.stdout.contains("could not connect to cluster `onprem`"), "{name}: {ran:#?}");
        let came = elsewhere.accept();
        assert_eq!(came.unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "{name}");
    }
    // The profile that names no context does not get as far.
    served.stage.edit("teams.toml", "context = \"onprem\"", "context = \"\"");
    served.stage.set("HOME", Some(home));
    let ran = served.stage.expect(1, PLAN);
    assert!(!ran.stdout.contains("+ onprem/"), "{ran:#?}");
    assert_eq!(elsewhere.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}
