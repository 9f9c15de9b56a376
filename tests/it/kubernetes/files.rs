//! Several kubeconfig files, and the files that they name.

use std::time::Duration;

use widctl::ports::error::PortErrorKind;
use widctl::ports::read::ClusterRead;

use super::machine::{Machine, echo, kubeconfig, refusing};

/// A machine whose `KUBECONFIG` lists these files.
fn with(files: &[(&str, &str)]) -> Machine {
    let mut machine = Machine::new();
    for (name, text) in files {
        machine.write(name, text);
    }
    let paths = files.iter().map(|(name, _)| machine.home.path().join(name));
    machine.connector.environment.kubeconfig = Some(std::env::join_paths(paths).unwrap());
    machine
}

/// What a person sees of an error, a failed sign-in included.
async fn failure(machine: &Machine, context: &str) -> String {
    let error = match machine.connect(context).await {
        Ok(cluster) => cluster.issuer().await.unwrap_err(),
        Err(error) => error,
    };
    machine.shown(&error)
}

#[tokio::test]
async fn the_first_file_that_has_a_name_counts_and_a_failed_sign_in_names_the_others() {
    let server = refusing().await;
    let first = kubeconfig(&server, "token: one").replace("onprem", "other");
    let second = kubeconfig(&server, "token: two");
    let machine = with(&[("a", &first), ("b", &second), ("c", &second)]);
    let shown = failure(&machine, "onprem").await.replace(&server, "[server]");
    insta::assert_snapshot!(shown, @"
could not read the discovery document: cluster `weu` answered 401
hint: the credentials in context `onprem` of the kubeconfig `~/a`, `~/b`, `~/c` (its user `u` is that of `~/a`, not that of `~/b` or `~/c`) ([server]/) were not accepted, they may have expired: fetch the credentials again, for AKS with `az aks get-credentials --overwrite-existing`
");
    let both = kubeconfig("https://10.0.0.1", "token: \"one\\u0001two\"");
    let machine = with(&[("a", &both), ("b", &both.replace("10.0.0.1", "10.0.0.2"))]);
    let shown = failure(&machine, "onprem").await;
    assert!(
        shown.contains("`~/b` (its cluster `c` is that of `~/a`, not that of `~/b`) cannot be"),
        "{shown}"
    );
    // Equal entries are no choice, and neither are those that the context does not refer to.
    let equal = kubeconfig(&server, "token: one");
    let unrelated = equal.replace("name: u\n", "name: v\n").replace("name: c\n", "name: d\n");
    let unrelated = unrelated.replace("onprem", "other").replace("one", "two");
    let machine = with(&[("a", &equal), ("b", &equal), ("c", &unrelated)]);
    let shown = failure(&machine, "onprem").await;
    assert!(shown.contains("`~/c` ("), "{shown}");
    assert!(!shown.contains("also"), "{shown}");
}

#[tokio::test]
async fn a_path_is_relative_to_the_file_that_names_it() {
    let server = echo().await;
    let clusters = kubeconfig(&server, "token: one");
    let (clusters, users) = clusters.split_at(clusters.find("users:").unwrap());
    let users = users.replace("token: one", "tokenFile: token");
    let machine = with(&[("a/clusters", clusters), ("b/users", &users)]);
    machine.write("a/token", "of-a");
    machine.write("b/token", "of-b");
    let cluster = machine.connect("onprem").await.unwrap();
    assert_eq!(cluster.issuer().await.unwrap().as_str(), "Bearer of-b");
}

#[tokio::test]
async fn a_tokens_file_is_read_again_after_a_minute_and_its_last_token_is_kept() {
    let server = echo().await;
    let machine = Machine::with(&kubeconfig(&server, "tokenFile: token"));
    machine.write(".kube/token", "one\n");
    let cluster = machine.connect("onprem").await.unwrap();
    let mut seen = Vec::new();
    for text in [Some("two"), Some("\n"), None, Some("three\r\n")] {
        let path = machine.home.path().join(".kube/token");
        text.map_or_else(|| std::fs::remove_file(&path), |text| std::fs::write(&path, text))
            .unwrap();
        seen.push(cluster.issuer().await.unwrap().as_str().to_owned());
        // The requests themselves run on sockets, which a paused clock would overtake.
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(61)).await;
        tokio::time::resume();
    }
    seen.push(cluster.issuer().await.unwrap().as_str().to_owned());
    let seen: Vec<&str> = seen.iter().filter_map(|seen| seen.strip_prefix("Bearer ")).collect();
    assert_eq!(seen, ["one", "one", "one", "three", "three"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_might_never_end_is_not_read() {
    let server = "https://10.0.0.1";
    let cases = [
        kubeconfig(server, "tokenFile: /dev/zero"),
        kubeconfig(server, "client-certificate: /dev/zero\nclient-key: /dev/zero"),
        kubeconfig(server, "token: one")
            .replace("server:", "certificate-authority: /dev\n    server:"),
    ];
    for text in cases {
        let machine = Machine::with(&text);
        let shown = failure(&machine, "onprem").await;
        assert!(shown.contains("` is not a regular file of at most 1 MB"), "{shown}");
    }
}

#[tokio::test]
async fn names_stay_one_word_in_commands() {
    let strange = kubeconfig("http://10.0.0.1", "token: one")
        .replace("onprem", "\"it's\\e on\"")
        .replace("name: c\n", "name: $(id)\n")
        .replace("cluster: c,", "cluster: $(id),");
    let machine = Machine::with(&strange);
    let shown = failure(&machine, "it's\u{1b} on").await;
    assert_eq!(shown.matches("kubectl config set-cluster '$(id)' --server").count(), 1, "{shown}");
    let plugin = "exec: {command: gone, interactiveMode: Always}";
    let text = kubeconfig("https://10.0.0.1", plugin).replace("user: u", "user: a b");
    let machine = Machine::with(&text.replace("name: u\n", "name: a b\n"));
    let error = machine.connect("onprem").await.err().unwrap();
    assert_eq!(error.kind, PortErrorKind::Unauthenticated);
    assert!(error.help().contains("set-credentials 'a b' --exec"));
}
