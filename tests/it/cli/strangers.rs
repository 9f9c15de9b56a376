//! What answers in Azure's place, and a kubeconfig that somebody sent, against the whole program.

#![cfg(unix)]

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use data_encoding::BASE64;
use serde_json::json;

use super::served::{Entry, Served, profile};

const GRAPH: &str = "https://graph.microsoft.com";

/// Stands before the sandbox and answers the credential call with a kubeconfig of its own.
fn in_azures_place(runtime: &tokio::runtime::Runtime, base: &str, kubeconfig: String) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0");
    let listener = runtime.block_on(listener).unwrap();
    let address = listener.local_addr().unwrap();
    let (client, base) = (reqwest::Client::new(), base.to_owned());
    let answer = move |request: Request| {
        let (client, base, kubeconfig) = (client.clone(), base.clone(), kubeconfig.clone());
        async move {
            let (head, body) = request.into_parts();
            if head.uri.path().ends_with("listClusterUserCredential") {
                let value = BASE64.encode(kubeconfig.as_bytes());
                let answer = json!({ "kubeconfigs": [{ "name": "clusterUser", "value": value }] });
                return Response::new(Body::from(answer.to_string()));
            }
            let sent = client
                .request(head.method, format!("{base}{}", head.uri))
                .headers(head.headers)
                .body(to_bytes(body, usize::MAX).await.unwrap());
            let got = sent.send().await.unwrap();
            let mut answer = Response::builder().status(got.status());
            *answer.headers_mut().unwrap() = got.headers().clone();
            answer.body(Body::from(got.bytes().await.unwrap())).unwrap()
        }
    };
    runtime.spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    format!("http://{address}")
}

#[test]
fn who_answers_in_azures_place_runs_no_program_and_the_other_clusters_are_planned() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let served = Served::new(&profile(&["onprem"]), "");
    let stage = &served.stage;
    served.kubeconfig(&[Entry::new("onprem", &served.server("onprem"))]);
    let user = "exec: {command: sh, args: [-c, 'env > ran']}";
    let given = super::served::kubeconfig(&[Entry::new("weu", &served.server("weu")).user(user)]);
    let given = format!("{given}current-context: weu\n");
    let azure = in_azures_place(&runtime, &served.base, given);
    stage.edit("clouds.toml", &format!("arm = \"{}\"", served.base), &format!("arm = \"{azure}\""));
    let ran = stage.expect(1, "plan teams.toml");
    assert!(!stage.exists("ran"), "{ran:#?}");
    for part in [
        "+ onprem/service-account/team-0/app",
        "? weu/service-account/team-0/app",
        "`exec` of `sh` in its user, which",
    ] {
        let text = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(part), "{part}: {ran:#?}");
    }
}

#[test]
fn a_kubeconfig_gets_a_token_for_something_else_only_by_the_root_file() {
    let served = Served::new(&profile(&["onprem"]), "");
    let stage = &served.stage;
    let user = format!("exec: {{command: kubelogin, args: [get-token, --server-id, \"{GRAPH}\"]}}");
    served.kubeconfig(&[Entry::new("onprem", &served.server("onprem")).user(user)]);
    let ran = stage.expect(1, "plan teams.toml");
    let text = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let fix =
        format!("write `token_audience = \"{GRAPH}\"` in `[clusters.onprem]` of the root file");
    assert!(text.contains(&fix), "{ran:#?}");
    assert!(text.contains("+ weu/service-account/team-0/app"), "{ran:#?}");

    let context = "context = \"onprem\"\n";
    let other = format!("{context}token_audience = \"api://other\"\n");
    stage.edit("teams.toml", context, &other);
    let ran = stage.expect(1, "plan teams.toml");
    let text = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains("`token_audience` in `[clusters.onprem]` of the profile is `api://other`"),
        "{ran:#?}"
    );

    // The token is asked for, and shown to the server, which knows nobody by it.
    stage.edit("teams.toml", "api://other", GRAPH);
    let ran = stage.expect(1, "plan teams.toml");
    assert!(!ran.stdout.contains("asks for a token for"), "{ran:#?}");
}
