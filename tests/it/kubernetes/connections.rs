//! How clusters are found and signed in to.

use std::ffi::OsString;
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use widctl::azure::sign_in::{CachedTokens, Secret, Token, TokenSource};
use widctl::command::connection::EntraToken;
use widctl::event::Event;
use widctl::model::kinds::namespace::{NamespaceKey, PlannedNamespace};
use widctl::ports::error::{PortError, PortErrorKind};
use widctl::ports::read::ClusterRead;
use widctl::ports::store::WriteMode;

use super::lists::WholeLists;
use super::machine::{Machine, echo, kubeconfig, refusing};
use super::requests::ours;
use super::script::sent;
use super::tls::AUTHORITY;

const SECRET: &str = "eyJ-this-is-secret";

#[tokio::test]
async fn a_kubeconfig_that_is_no_use_says_why() {
    let good = kubeconfig("https://10.0.0.1", &format!("token: {SECRET}"));
    let cases = [
        ("not a kubeconfig", format!("clusters: [{SECRET}\nusers: {{")),
        ("a field of another type", format!("clusters: {SECRET}")),
        ("empty", String::new()),
        ("another context", good.replace("name: onprem", "name: onprem-admin")),
        ("nothing alike", good.replace("name: onprem", "name: x")),
        ("no such cluster", good.replace("cluster: c,", "cluster: d,")),
        ("no server", good.replace("server: https://10.0.0.1", "tls-server-name: a")),
        ("no such user", good.replace("user: u", "user: v")),
        ("plain http", good.replace("https://", "http://")),
        ("a password", good.replace("https://", &format!("https://a:{SECRET}@"))),
        ("no URL", good.replace("https://10.0.0.1", "'10.0 .0.1'")),
        (
            "a missing certificate authority",
            good.replace("server:", "certificate-authority: ca.crt\n    server:"),
        ),
        (
            "a broken certificate authority",
            good.replace("server:", "certificate-authority-data: '%%%'\n    server:"),
        ),
        (
            "a broken client certificate",
            kubeconfig(
                "https://10.0.0.1",
                "client-certificate-data: aGVsbG8K\nclient-key-data: aGVsbG8K",
            ),
        ),
        (
            "our token to anybody",
            kubeconfig("https://10.0.0.1", KUBELOGIN)
                .replace("server:", "insecure-skip-tls-verify: true\n    server:"),
        ),
    ];
    let mut all = String::new();
    for (name, text) in cases {
        let machine = Machine::with(&text);
        let Err(error) = machine.connect("onprem").await else {
            panic!("{name}: connected");
        };
        writeln!(all, "{name}:\n{}\n", machine.shown(&error)).unwrap();
    }
    assert!(!all.contains(SECRET));
    insta::assert_snapshot!(all);
}

#[tokio::test]
async fn without_a_kubeconfig_nothing_else_is_tried() {
    let machine = Machine::new();
    let Err(error) = machine.connect("onprem").await else {
        panic!("connected");
    };
    insta::assert_snapshot!(machine.shown(&error), @"
could not connect to cluster `weu` by context `onprem`: the kubeconfig `~/.kube/config` cannot be used: there is no such file
hint: set KUBECONFIG to the file that has context `onprem`; an AKS cluster needs no context, only `resource_group` and `name`
");
}

#[tokio::test]
async fn the_files_of_kubeconfig_are_merged_and_a_missing_one_is_passed_over() {
    let server = echo().await;
    let mut machine = Machine::new();
    let text = kubeconfig(&server, "token: one");
    let (clusters, users) = text.split_at(text.find("users:").unwrap());
    machine.write("clusters", clusters);
    machine.write("users", users);
    let path = |name: &str| machine.home.path().join(name);
    let list = std::env::join_paths([path("missing"), path("clusters"), path("users")]);
    machine.connector.environment.kubeconfig = Some(list.unwrap());
    let cluster = machine.connect("onprem").await.unwrap();
    assert_eq!(cluster.issuer().await.unwrap().as_str(), "Bearer one");

    machine.connector.environment.kubeconfig = Some(OsString::from("/nowhere/a:/nowhere/b"));
    let Err(error) = machine.connect("onprem").await else {
        panic!("connected");
    };
    insta::assert_snapshot!(error.to_string(), @"could not connect to cluster `weu` by context `onprem`: the kubeconfig `/nowhere/a`, `/nowhere/b` cannot be used: there is no such file");
}

const KUBELOGIN: &str = "exec:
  apiVersion: client.authentication.k8s.io/v1beta1
  command: /nowhere/kubelogin
  args: [get-token, --environment, AzurePublicCloud, --server-id, 6dae42f8-4368-4678-94ff-3960e28e3630]";

#[tokio::test]
async fn an_entra_cluster_needs_no_kubelogin() {
    let azure_provider = "auth-provider:
  name: azure
  config: {apiserver-id: 6dae42f8-4368-4678-94ff-3960e28e3630, tenant-id: t}";
    let joined = KUBELOGIN.replace("--server-id, ", "--server-id=");
    for user in [KUBELOGIN, &joined, azure_provider] {
        let server = echo().await;
        let machine = Machine::with(&kubeconfig(&server, user));
        let cluster = machine.connect("onprem").await.unwrap();
        assert_eq!(cluster.issuer().await.unwrap().as_str(), "Bearer token-of-entra");
        assert_eq!(machine.scopes(), ["6dae42f8-4368-4678-94ff-3960e28e3630/.default"]);
    }
}

/// Tokens that end an hour after they were asked for.
#[derive(Default)]
struct Hourly(Mutex<Vec<Instant>>);

#[async_trait]
impl TokenSource for Hourly {
    async fn token(&self, _: &str) -> Result<Token, PortError> {
        let mut asked = self.0.lock().unwrap();
        asked.push(Instant::now());
        Ok(Token {
            secret: Secret::new(format!("token-{}", asked.len())),
            expires_at: Instant::now() + Duration::from_hours(1),
            method: "test",
        })
    }
}

#[tokio::test]
async fn a_long_run_never_shows_an_entra_cluster_a_token_that_has_expired() {
    let server = echo().await;
    let hourly = Arc::new(Hourly::default());
    let mut machine = Machine::new();
    let cached = CachedTokens::new(Arc::clone(&hourly) as Arc<dyn TokenSource>);
    machine.connector.token = Arc::new(EntraToken(Arc::new(cached)));
    let text = format!("{}current-context: onprem\n", kubeconfig(&server, KUBELOGIN));
    let cluster =
        machine.connector.by_kubeconfig(&"weu".into(), text.as_bytes(), None).await.unwrap();
    // Almost three hours, a request every seven minutes.
    let mut shown = Vec::new();
    for _ in 0..24 {
        let issuer = cluster.issuer().await.unwrap();
        let number: usize = issuer.as_str().strip_prefix("Bearer token-").unwrap().parse().unwrap();
        let asked_at = hourly.0.lock().unwrap()[number - 1];
        assert!(asked_at.elapsed() < Duration::from_hours(1), "an expired token was sent");
        shown.push(number);
        // The requests themselves run on sockets, which a paused clock would overtake.
        tokio::time::pause();
        tokio::time::advance(Duration::from_mins(7)).await;
        tokio::time::resume();
    }
    assert_eq!(shown, [[1; 8], [2; 8], [3; 8]].concat());
}

#[tokio::test]
async fn another_program_of_that_name_is_run_as_it_is() {
    let server = echo().await;
    let other = KUBELOGIN.replace("--server-id", "--oidc-issuer-url");
    let proof = KUBELOGIN.replace("--environment", "--pop-enabled");
    for user in [other, proof] {
        let machine = Machine::with(&kubeconfig(&server, &user));
        let Err(error) = machine.connect("onprem").await else {
            panic!("connected");
        };
        assert_eq!(error.kind, PortErrorKind::Unauthenticated);
        assert!(machine.scopes().is_empty());
    }
}

#[tokio::test]
async fn the_kubeconfig_of_aks_is_used_by_its_own_context() {
    let server = echo().await;
    let text = format!("{}current-context: onprem\n", kubeconfig(&server, KUBELOGIN));
    let machine = Machine::new();
    let cluster =
        machine.connector.by_kubeconfig(&"weu".into(), text.as_bytes(), None).await.unwrap();
    assert_eq!(cluster.issuer().await.unwrap().as_str(), "Bearer token-of-entra");
    let contextless = kubeconfig(&server, KUBELOGIN);
    let weu = "weu".into();
    for bytes in [b"".as_slice(), b"\0", contextless.as_bytes(), &[0xff, 0xfe]] {
        let connected = machine.connector.by_kubeconfig(&weu, bytes, None).await;
        assert!(connected.is_err());
    }
}

/// An exec plugin that is this line of shell.
fn plugin(line: &str) -> String {
    format!(
        "exec:\n  apiVersion: client.authentication.k8s.io/v1\n  command: sh\n  args: [-c, {line:?}]\n  installHint: get a shell"
    )
}

#[tokio::test]
async fn a_plugin_that_fails_says_how() {
    let missing = plugin("").replace("command: sh", "command: no-such-plugin");
    let terminal = format!("{}\n  interactiveMode: Always", plugin("true"));
    let cases = [
        ("missing", missing),
        ("needs a terminal", terminal),
        ("fails", plugin("echo first >&2; echo please log in >&2; exit 3")),
        ("no credential", plugin(&format!("echo {SECRET}"))),
        ("no status", plugin("echo '{}'")),
        ("nothing in it", plugin("echo '{\"status\":{}}'")),
        ("no token", plugin("echo '{\"status\":{\"token\":\"a\\u0000b\"}}'")),
    ];
    let mut all = String::new();
    for (name, user) in cases {
        let machine = Machine::with(&kubeconfig("https://10.0.0.1", &user));
        let Err(error) = machine.connect("onprem").await else {
            panic!("{name}: connected");
        };
        writeln!(all, "{name}:\n{}\n", machine.shown(&error)).unwrap();
    }
    assert!(!all.contains(SECRET));
    insta::assert_snapshot!(all);
}

#[cfg(unix)]
#[tokio::test]
async fn a_plugin_that_hangs_is_stopped_with_its_children() {
    let mut machine = Machine::new();
    let file = machine.home.path().join("child");
    let line = format!("echo Open the page >&2; sleep 600 & echo $! > {}; wait", file.display());
    machine.write(".kube/config", &kubeconfig("https://10.0.0.1", &plugin(&line)));
    machine.connector.plugin_limit = Duration::from_secs(2);
    let Err(error) = machine.connect("onprem").await else {
        panic!("connected");
    };
    assert_eq!(error.kind, PortErrorKind::TimedOut);
    insta::assert_snapshot!(machine.shown(&error), @"
could not connect to cluster `weu` by context `onprem`: the exec plugin `sh` of the kubeconfig `~/.kube/config` did not answer in time: it was stopped after 2 s; the last that it said is: Open the page
hint: see it fail, and sign in, with `kubectl --context onprem get namespaces`
");
    let child = std::fs::read_to_string(file).unwrap();
    let alive = || {
        let mut kill = std::process::Command::new("kill");
        let kill = kill.args(["-0", child.trim()]).stderr(std::process::Stdio::null());
        kill.status().unwrap().success()
    };
    for _ in 0..1_000 {
        if !alive() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the plugin's child still runs");
}

/// A plugin that counts its runs in the token.
fn counting(machine: &Machine, expiry: &str) -> String {
    let file = machine.home.path().join("runs");
    let file = file.display();
    plugin(&format!(
        "echo >> {file}; printf '{{\"status\":{{\"token\":\"run-%d\",\"expirationTimestamp\":\"{expiry}\"}}}}' \
         $(wc -l < {file})"
    ))
}

#[tokio::test]
async fn a_plugin_runs_again_only_when_its_token_expires() {
    let server = echo().await;
    // The machine's clock says 2026-01-01; a minute is left for the way.
    for (expiry, second) in
        [("2026-01-01T01:00:00Z", "Bearer run-1"), ("2026-01-01T00:00:59Z", "Bearer run-3")]
    {
        let machine = Machine::new();
        machine.write(".kube/config", &kubeconfig(&server, &counting(&machine, expiry)));
        let cluster = machine.connect("onprem").await.unwrap();
        cluster.issuer().await.unwrap();
        assert_eq!(cluster.issuer().await.unwrap().as_str(), second, "{expiry}");
    }
}

#[tokio::test]
async fn a_write_that_got_no_token_was_not_sent() {
    let server = echo().await;
    let mut machine = Machine::new();
    // The first token has expired when the second is asked for, and then the plugin hangs.
    let file = machine.home.path().join("ran");
    let file = file.display();
    let once = plugin(&format!(
        "test -e {file} && exec sleep 600; touch {file}; \
         echo '{{\"status\":{{\"token\":\"one\",\"expirationTimestamp\":\"2026-01-01T00:00:00Z\"}}}}'"
    ));
    machine.write(".kube/config", &kubeconfig(&server, &once));
    machine.connector.plugin_limit = Duration::from_secs(2);
    let cluster = machine.connect("onprem").await.unwrap();
    let key = NamespaceKey { cluster: "weu".into(), namespace: "data".into() };
    let write = PlannedNamespace { marks: ours() };
    let stores = cluster.stores();
    let put = stores.namespaces.put(&key, &write, WriteMode::Update);
    let error = put.await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Unreachable);
    assert!(error.to_string().contains("the exec plugin `sh`"), "{error}");
    assert_eq!(sent(&machine.kept), 1);
}

#[tokio::test]
async fn a_plugin_gets_its_variables_and_what_it_is_asked() {
    let server = echo().await;
    let user = format!(
        "{}\n  provideClusterInfo: true\n  env: [{{name: GREETING, value: hello}}]",
        plugin(
            "printf '{\"status\":{\"token\":\"%s-%s\"}}' $GREETING $(echo $KUBERNETES_EXEC_INFO | grep -c 127.0.0.1)"
        )
    );
    let machine = Machine::with(&kubeconfig(&server, &user));
    let cluster = machine.connect("onprem").await.unwrap();
    assert_eq!(cluster.issuer().await.unwrap().as_str(), "Bearer hello-1");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_asked_twice() {
    // Bound and let go: nobody listens on it.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let machine = Machine::with(&kubeconfig(&format!("https://{address}"), "token: one"));
    let cluster = machine.connect("onprem").await.unwrap();
    let error = cluster.namespaces().await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Unreachable);
    assert_eq!(sent(&machine.kept), 2);
    insta::assert_snapshot!(machine.shown(&error).replace(&address.to_string(), "[address]"), @"
could not list the namespaces: cluster `weu` could not be reached
  tcp connect error
  Connection refused (os error 111)
hint: check that this machine reaches the API server named in context `onprem` of the kubeconfig `~/.kube/config` (https://[address]/): a private cluster needs its network or a proxy (HTTPS_PROXY), a stopped AKS cluster `az aks start`
");
}

#[tokio::test]
async fn another_tenant_or_principal_than_the_sign_ins_is_said_once_and_where_it_is_refused() {
    let server = refusing().await;
    let args = "get-token, --login, spn, --client-id, app-9, --tenant-id, tenant-8";
    let other = KUBELOGIN.replace("get-token", args);
    let machine = Machine::with(&kubeconfig(&server, &other));
    let said =
        |machine: &Machine| {
            let events = machine.kept.events().into_iter();
            let texts = events.filter_map(|event| {
                if let Event::Message { text } = event { Some(text) } else { None }
            });
            texts.collect::<Vec<_>>()
        };
    machine.connect("onprem").await.unwrap();
    let cluster = machine.connect("onprem").await.unwrap();
    let texts = said(&machine);
    assert_eq!(texts.len(), 1, "{texts:#?}");
    let home = machine.home.path().to_str().unwrap();
    insta::assert_snapshot!(texts[0].replace(home, "~"), @"cluster weu: widctl signs in itself, to tenant 5a0db0c5-0000-4000-8000-0000000007e2 as ada, and does not use `--tenant-id tenant-8`, `--client-id app-9`, `--login spn` of the kubeconfig `~/.kube/config`. To use them, sign in with them, or have kubelogin run as it is: give it another file name, such as that of a link, and name that as `command`.");
    let error = cluster.issuer().await.unwrap_err();
    insta::assert_snapshot!(machine.shown(&error).replace(&server, "[server]"), @"
could not read the discovery document: cluster `weu` answered 401
hint: the credentials in context `onprem` of the kubeconfig `~/.kube/config` (without its `--tenant-id tenant-8`, `--client-id app-9`, `--login spn`) ([server]/) were not accepted, they may have expired: check that the cluster's Entra tenant is the one that is signed in to: `az aks show --query aadProfile.tenantID`
");

    let own = "get-token, --login, devicecode, --client-id, app-9, --tenant-id, 5A0DB0C5-0000-4000-8000-0000000007E2";
    let machine = Machine::with(&kubeconfig(&server, &KUBELOGIN.replace("get-token", own)));
    machine.connect("onprem").await.unwrap();
    assert!(said(&machine).is_empty());
}

#[cfg(unix)]
#[tokio::test]
async fn a_socks5_proxy_leads_to_the_server_and_one_that_is_not_there_is_unreachable() {
    let server = super::echo::server();
    let proxy = super::echo::proxy();
    let through = |proxy: &str| {
        let own = format!(
            "proxy-url: socks5://{proxy}\n    certificate-authority: ../ca.crt\n    server:"
        );
        kubeconfig(&server, "token: one").replace("server:", &own)
    };
    let machine = Machine::with(&through(&proxy));
    machine.write("ca.crt", AUTHORITY);
    let cluster = machine.connect("onprem").await.unwrap();
    assert_eq!(cluster.issuer().await.unwrap().as_str(), "Bearer one");
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let machine = Machine::with(&through(&gone.to_string()));
    machine.write("ca.crt", AUTHORITY);
    let cluster = machine.connect("onprem").await.unwrap();
    let error = cluster.issuer().await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Unreachable);
    assert_eq!(sent(&machine.kept), 2);
    let shown = machine.shown(&error).replace(&server, "[server]");
    insta::assert_snapshot!(shown.replace(&gone.to_string(), "[proxy]"), @"
could not read the discovery document: cluster `weu` could not be reached
  SOCKS error: failed to create underlying connection
hint: check that this machine reaches the API server named in context `onprem` of the kubeconfig `~/.kube/config` ([server]/ by the proxy socks5://[proxy]): a private cluster needs its network or a proxy (HTTPS_PROXY), a stopped AKS cluster `az aks start`
");
}
