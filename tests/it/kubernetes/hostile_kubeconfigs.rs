//! Kubeconfigs of strangers: what answers in Azure's place, and contexts that ask for tokens of ours.

use std::fmt::Write;

use widctl::kubernetes::aks_credentials::FetchKubeconfig;
use widctl::kubernetes::client::ClusterClient;
use widctl::model::arm_id::ArmId;
use widctl::ports::error::PortError;
use widctl::ports::read::ClusterRead;

use super::machine::{Machine, echo, kubeconfig};

const AKS: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";
const GRAPH: &str = "https://graph.microsoft.com";
const SECRET: &str = "eyJ-this-is-secret";

/// What answers in Azure's place.
struct Answer(String);

#[async_trait::async_trait]
impl FetchKubeconfig for Answer {
    async fn kubeconfig(&self, _: &ArmId) -> Result<Vec<u8>, PortError> {
        Ok(self.0.clone().into_bytes())
    }
}

/// Connects by what Azure answers.
async fn by_answer(
    machine: &Machine,
    text: &str,
    audience: Option<&str>,
) -> Result<ClusterClient, PortError> {
    let id = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks";
    let id = ArmId::parse(id).unwrap();
    let text = format!("{text}current-context: onprem\n");
    let connector = &machine.connector;
    let answer = Answer(text);
    connector.by_aks(&"weu".into(), &id, &answer, audience).await
}

async fn refused(machine: &Machine, name: &str, text: &str) -> PortError {
    match by_answer(machine, text, None).await {
        Err(error) => error,
        Ok(_) => panic!("{name}: connected"),
    }
}

fn kubelogin(server_id: &str) -> String {
    format!(
        "exec:\n  apiVersion: client.authentication.k8s.io/v1beta1\n  command: kubelogin\n  \
         args: [get-token, --environment, AzurePublicCloud, --server-id, '{server_id}', --login, devicecode]\n  \
         env: null\n  provideClusterInfo: false"
    )
}

/// What Azure's answer may not bring: each asks for one thing that a user's own kubeconfig may have.
fn attacks(machine: &Machine) -> Vec<(&'static str, String)> {
    let server = "https://10.0.0.1";
    let mark = machine.home.path().join("ran").display().to_string();
    let file = machine.home.path().join("file").display().to_string();
    let user = |text: String| kubeconfig(server, &text);
    let cluster = |text: &str| {
        kubeconfig(server, &kubelogin(AKS)).replace("server:", &format!("{text}\n    server:"))
    };
    let at = |server: &str| kubeconfig(server, &kubelogin(AKS));
    let pop = kubelogin(AKS).replace("--environment", "--pop-enabled");
    vec![
        ("a shell", user(format!("exec:\n  command: sh\n  args: [-c, 'env > {mark}; touch {mark}']"))),
        ("a shell beside a token", user(format!("token: {SECRET}\nexec:\n  command: touch\n  args: [{mark}]"))),
        ("kubelogin itself", user(pop)),
        ("a provider's program", user(format!("auth-provider:\n  name: gcp\n  config: {{cmd-path: /bin/touch, cmd-args: {mark}}}"))),
        ("the old azure provider", user(format!("auth-provider:\n  name: azure\n  config: {{apiserver-id: {AKS}}}"))),
        ("a token's file", user(format!("tokenFile: {file}"))),
        ("a client's files", user(format!("client-certificate: {file}\nclient-key: {file}"))),
        ("an authority's file", cluster(&format!("certificate-authority: {file}"))),
        ("a proxy", cluster("proxy-url: http://10.0.0.2:3128")),
        ("anybody's certificate", cluster("insecure-skip-tls-verify: true")),
        ("somebody else", user("token: one\nas: system:admin\nas-groups: ['system:masters']\nas-uid: '1'\nas-user-extra: {a: [b]}".into())),
        ("a password", user(format!("username: admin\npassword: {SECRET}"))),
        ("a key that nobody knows", user("token: one\nnew-way-to-sign-in: {program: sh}".into())),
        ("a control character", user("token: one\n\"\\e[2Jkey\": x".into())),
        ("Graph", user(kubelogin(GRAPH))),
        ("Azure Resource Manager", user(kubelogin("https://management.azure.com/"))),
        ("another application", user(kubelogin("00000002-0000-0000-c000-000000000000"))),
        ("no application", user(kubelogin(""))),
        ("plain http", at("http://10.0.0.1")),
        ("a file", at("file:///etc/passwd")),
        ("another protocol on loopback", at("ftp://127.0.0.1")),
        ("loopback", at("https://127.0.0.1:6443")),
        ("plain http on loopback", at("http://127.0.0.1:6443")),
        ("loopback by name", at("https://api.localhost.:6443")),
        ("loopback in disguise", at("https://2130706433")),
        ("loopback as IPv6", at("'https://[::ffff:127.0.0.1]'")),
        ("metadata", at("https://169.254.169.254")),
        ("metadata as IPv6", at("'https://[fe80::1]'")),
        ("no host", at("https://0.0.0.0")),
        ("credentials in the address", at(&format!("https://a:{SECRET}@10.0.0.1"))),
    ]
}

#[tokio::test]
async fn azures_answer_runs_nothing_reads_nothing_and_asks_for_no_other_token() {
    let mut machine = Machine::new();
    machine.connector.local_cloud = false;
    machine.write("file", SECRET);
    let mut all = String::new();
    for (name, text) in attacks(&machine) {
        let error = refused(&machine, name, &text).await;
        writeln!(all, "{name}:\n{}\n", machine.shown(&error)).unwrap();
        assert!(!machine.home.path().join("ran").exists(), "{name}");
        assert!(machine.scopes().is_empty(), "{name}");
    }
    assert!(!all.contains(SECRET));
    assert!(!all.contains('\u{1b}'));
    insta::assert_snapshot!(all);
}

#[tokio::test]
async fn azures_answer_may_name_loopback_only_where_azure_itself_is_there() {
    let server = echo().await;
    let text = kubeconfig(&server, &kubelogin(AKS));
    let mut machine = Machine::new();
    let cluster = by_answer(&machine, &text, None).await.unwrap();
    let issuer = cluster.issuer().await.unwrap();
    assert_eq!(issuer.as_str(), "Bearer token-of-entra");
    // Not even then may it name what else listens on this machine's link.
    let link = kubeconfig("https://169.254.169.254", &kubelogin(AKS));
    refused(&machine, "link", &link).await;
    machine.connector.local_cloud = false;
    refused(&machine, "loopback", &text).await;
    assert_eq!(machine.scopes().len(), 1);
}

#[tokio::test]
async fn azures_answer_is_taken_for_its_data() {
    let server = echo().await;
    let machine = Machine::new();
    // A token, and fields that ask for nothing.
    let text = kubeconfig(&server, "token: one\nusername: ''\nextensions: []").replace(
        "server:",
        "insecure-skip-tls-verify: false\n    tls-server-name: api\n    extensions: [{name: a, extension: {b: c}}]\n    server:",
    );
    let cluster = by_answer(&machine, &text, None).await.unwrap();
    assert_eq!(cluster.issuer().await.unwrap().as_str(), "Bearer one");
    // Entries that its context does not refer to count for nothing; of two of a name the first does.
    let more = text.replace("users:\n", "users:\n- name: other\n  user: {exec: {command: sh}}\n")
        + "---\nusers:\n- name: u\n  user: {exec: {command: sh}}\n";
    let cluster = by_answer(&machine, &more, None).await.unwrap();
    assert_eq!(cluster.issuer().await.unwrap().as_str(), "Bearer one");
    assert!(machine.scopes().is_empty());
}

/// Ten anchors, each of ten aliases of the one before.
fn laughs() -> String {
    let mut text = "lol0: &lol0 [lol]\n".to_owned();
    for level in 1..10 {
        let aliases = vec![format!("*lol{}", level - 1); 10].join(", ");
        writeln!(text, "lol{level}: &lol{level} [{aliases}]").unwrap();
    }
    text
}

#[tokio::test]
async fn a_kubeconfig_that_grows_when_it_is_read_is_refused_in_no_time() {
    let good = kubeconfig("https://10.0.0.1", "token: one");
    let deep = |open: &str, close: &str| {
        format!("{good}deep: {}{}\n", open.repeat(20_000), close.repeat(20_000))
    };
    let bombs = [
        ("aliases", format!("{good}{}", laughs())),
        ("deep lists", deep("[", "]")),
        ("deep maps", deep("{a: ", "}")),
        ("deep blocks", format!("{good}deep: {}a\n", "- ".repeat(20_000))),
        ("many documents", format!("{good}{}", "---\na: b\n".repeat(200_000))),
        ("a huge text", format!("{good}a: {}\n", "x".repeat(17 * 1024 * 1024))),
    ];
    let mut all = String::new();
    for (name, text) in bombs {
        let begun = tokio::time::Instant::now();
        let machine = Machine::with(&text);
        for (whose, connected) in [
            ("the user's", machine.connect("onprem").await),
            ("Azure's", by_answer(&machine, &text, None).await),
        ] {
            let why = connected.err().map(|error| machine.shown(&error));
            let why = why.unwrap_or_else(|| "connected".to_owned());
            let why = why.lines().next().unwrap();
            writeln!(all, "{name}, {whose}: {why}").unwrap();
        }
        let passed = begun.elapsed();
        assert!(passed < std::time::Duration::from_secs(20), "{name}: {passed:?}");
    }
    insta::assert_snapshot!(all);
}

#[tokio::test]
async fn a_token_of_ours_is_for_the_audience_of_aks_alone() {
    let server = echo().await;
    let provider =
        |id: &str| format!("auth-provider:\n  name: azure\n  config: {{apiserver-id: '{id}'}}");
    let mut all = String::new();
    for (name, user) in [
        ("Graph", kubelogin(GRAPH)),
        ("Azure Resource Manager", kubelogin("https://management.azure.com")),
        ("an application", kubelogin("00000003-0000-0000-c000-000000000000")),
        ("the old provider", provider(GRAPH)),
        ("more than an application", kubelogin(&format!("{AKS}/x"))),
        ("nothing", kubelogin("")),
        ("a break", kubelogin("\"]\\u001b[2J")),
    ] {
        let machine = Machine::with(&kubeconfig(&server, &user));
        let Err(error) = machine.connect("onprem").await else {
            panic!("{name}: connected");
        };
        assert!(machine.scopes().is_empty(), "{name}");
        writeln!(all, "{name}:\n{}\n", machine.shown(&error)).unwrap();
    }
    insta::assert_snapshot!(all);
    // Whatever the case, as Entra takes it.
    let machine = Machine::with(&kubeconfig(&server, &kubelogin(&AKS.to_uppercase())));
    assert!(machine.connect("onprem").await.is_ok());
}

#[tokio::test]
async fn the_root_file_may_name_another_audience_and_then_it_is_the_only_one() {
    let server = echo().await;
    let own = "api://our-own-servers";
    let machine = Machine::with(&kubeconfig(&server, &kubelogin(own)));
    let weu = "weu".into();
    let connector = &machine.connector;
    let cluster = connector.by_context(&weu, "onprem", Some(own)).await;
    cluster.unwrap().issuer().await.unwrap();
    assert_eq!(machine.scopes(), [format!("{own}/.default")]);
    let text = kubeconfig(&server, &kubelogin(own));
    let cluster = by_answer(&machine, &text, Some(own)).await;
    cluster.unwrap().issuer().await.unwrap();
    assert_eq!(machine.scopes().len(), 2);

    let Err(error) = connector.by_context(&weu, "onprem", Some(GRAPH)).await else {
        panic!("connected");
    };
    insta::assert_snapshot!(machine.shown(&error));
    let machine = Machine::with(&kubeconfig(&server, &kubelogin(AKS)));
    let connector = &machine.connector;
    assert!(connector.by_context(&weu, "onprem", Some(own)).await.is_err());
    assert!(machine.scopes().is_empty());
}
