//! Kubeconfigs with one value changed to something hostile, all read, and all but those with another server used.

use std::time::Duration;

use widctl::ports::error::PortErrorKind;
use widctl::ports::read::ClusterRead;

use super::machine::{Machine, echo};
use super::tls;

/// Values, as YAML, that are no good anywhere.
const VALUES: [&str; 26] = [
    "''",
    "' '",
    "null",
    "true",
    "-1",
    "1e999",
    "[]",
    "{}",
    "[[[[{a: [b]}]]]]",
    "\"\\0\"",
    "\"a\\nb: c\\r\\nX-Admin: yes\"",
    "\"\\e[2J\\u202e\"",
    "\"\\U0001F4A9\"",
    "'%%%'",
    "aGVsbG8=",
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCi0tLS0tRU5EIENFUlRJRklDQVRFLS0tLS0K",
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBQUEKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=",
    "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCkFBQUEKLS0tLS1FTkQgUFJJVkFURSBLRVktLS0tLQo=",
    "/dev/null",
    "../../../../etc/nothing",
    "'http://[::1'",
    "'*.example.com'",
    "'a..b'",
    "&a [x]",
    "!!binary aGVsbG8=",
    "!custom {a: b}",
];

/// Servers that are none.
const SERVERS: [&str; 20] = [
    "https://",
    "https://:443",
    "https:///api",
    "https://127.0.0.1:99999",
    "https://127.0.0.1:-1",
    "https://127.0.0.1:0",
    "https://[::1",
    "'https://[::1%25eth0]:1'",
    "https://a b",
    "'https://a@b@c'",
    "'https://evil.example\\@127.0.0.1'",
    "'https://127.0.0.1#@evil.example'",
    "'https://127.0.0.1?x=y'",
    "\"https://127.0.0.1\\t.evil.example\"",
    "https://xn--a",
    "https://ｌｏｃａｌｈｏｓｔ:1",
    "HTTPS://127.0.0.1:1/../..//",
    "//127.0.0.1",
    "unix:///var/run/docker.sock",
    "data:text/plain,hello",
];

/// The fields that get the values, one after the other.
const CLUSTER: [&str; 5] = [
    "certificate-authority-data",
    "certificate-authority",
    "tls-server-name",
    "insecure-skip-tls-verify",
    "disable-compression",
];
const USER: [&str; 14] = [
    "token",
    "tokenFile",
    "client-certificate-data",
    "client-key-data",
    "client-certificate",
    "client-key",
    "username",
    "as",
    "as-uid",
    "as-groups",
    "as-user-extra",
    "exec",
    "auth-provider",
    "extensions",
];

fn kubeconfig(server: &str, cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: onprem\n\
         clusters:\n- name: c\n  cluster:\n    server: {server}\n    {cluster}\n\
         contexts:\n- name: onprem\n  context: {{cluster: c, user: u}}\n\
         users:\n- name: u\n  user:\n    {user}\n"
    )
}

/// Every kubeconfig, with whether its server is one that may be asked.
fn mutations(server: &str) -> Vec<(String, bool)> {
    let mut all = Vec::new();
    for value in VALUES {
        for field in CLUSTER {
            all.push((kubeconfig(server, &format!("{field}: {value}"), "token: one"), true));
        }
        for field in USER {
            all.push((kubeconfig(server, "", &format!("{field}: {value}")), true));
        }
        let key = data_encoding::BASE64.encode(tls::CLIENT_KEY.as_bytes());
        let pair = format!("client-certificate-data: {value}\n    client-key-data: {key}");
        all.push((kubeconfig(server, "", &pair), true));
        let provider = format!("auth-provider: {{name: oidc, config: {{id-token: {value}}}}}");
        all.push((kubeconfig(server, "", &provider), true));
        let plugin = format!("exec: {{command: /nowhere/plugin, args: {value}, env: {value}}}");
        all.push((kubeconfig(server, "", &plugin), true));
        let kubelogin =
            format!("exec: {{command: kubelogin, args: [get-token, --server-id, {value}]}}");
        all.push((kubeconfig(server, "", &kubelogin), true));
        let proxy = format!("proxy-url: {value}");
        all.push((kubeconfig("https://10.0.0.1", &proxy, "token: one"), false));
        all.push((kubeconfig(value, "", "token: one"), false));
        let whole = kubeconfig(server, "", "token: one");
        for part in ["clusters", "contexts", "users", "current-context", "kind"] {
            all.push((
                whole.replace(&format!("{part}:"), &format!("{part}: {value}\nx{part}:")),
                true,
            ));
        }
    }
    for server in SERVERS {
        all.push((kubeconfig(server, "", "token: one"), false));
    }
    all
}

#[tokio::test]
async fn no_value_in_a_kubeconfig_makes_the_reader_panic() {
    let server = echo().await;
    let all = mutations(&server);
    assert!(all.len() > 700, "{}", all.len());
    let mut used = 0;
    for (text, asks) in all {
        // A task of its own, so that a panic shows which of them it was.
        let shown = text.clone();
        let done = tokio::spawn(async move {
            let mut machine = Machine::with(&text);
            machine.connector.attempt_limit = Duration::from_secs(5);
            machine.connector.plugin_limit = Duration::from_secs(5);
            let weu = "weu".into();
            let connector = &machine.connector;
            let own = connector.by_context(&weu, "onprem", None).await;
            let given = connector.by_kubeconfig(&weu, text.as_bytes(), None).await;
            let mut kinds = Vec::new();
            for connected in [own, given] {
                kinds.push(match connected {
                    Ok(cluster) if asks => cluster.issuer().await.err().map(|error| error.kind),
                    Ok(_) => None,
                    Err(error) => Some(error.kind),
                });
            }
            let other = |scope: &String| !scope.starts_with("6dae42f8-");
            assert!(!machine.scopes().iter().any(other));
            kinds
        });
        let kinds = done.await.unwrap_or_else(|panic| panic!("{panic}: {shown}"));
        assert!(!kinds.contains(&Some(PortErrorKind::Bug)), "{shown}");
        used += kinds.iter().filter(|kind| kind.is_none()).count();
    }
    assert!(used > 100, "most of them are read in vain: {used}");
}
