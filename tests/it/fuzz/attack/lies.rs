//! Named lies of servers, each told to the real program by a cloud file that points at loopback.

use std::time::Duration;
use std::{fs, thread};

use axum::body::Body;
use axum::http::Response;
use data_encoding::BASE64;
use serde_json::json;
use tempfile::TempDir;
use widctl::sandbox::{PRINCIPAL_CLIENT_ID, World};

use super::child::Ran;
use super::server::{Asked, Lie, SUBSCRIPTION, Server};
use super::{child, judge, repository};

/// One request waits no more than five minutes (docs/clouds.md), whatever it is told.
const LONGEST: Duration = Duration::from_mins(6);
const IDENTITIES: &str = "/providers/Microsoft.ManagedIdentity/userAssignedIdentities?";
const NAMESPACES: &str = "/api/v1/namespaces?";

const LIES: &[(&str, Lie)] = &[
    ("429, Retry-After 0", |asked| throttled(asked, "0")),
    ("429, Retry-After 0, Entra", |asked| throttled_at(asked, "/oauth2/v2.0/token", "0")),
    ("429, Retry-After 0, cluster", |asked| throttled_at(asked, NAMESPACES, "0")),
    ("429, Retry-After huge", |asked| throttled(asked, "99999999999999")),
    ("429, Retry-After past", |asked| throttled(asked, "Thu, 01 Jan 1970 00:00:00 GMT")),
    ("endless nextLink", |asked| {
        let link =
            format!("{}/subscriptions/{SUBSCRIPTION}{IDENTITIES}page={}", asked.base, asked.number);
        on(asked, IDENTITIES, 200, json!({ "value": [], "nextLink": link }).to_string())
    }),
    ("nextLink elsewhere", |asked| {
        on(asked, IDENTITIES, 200, json!({ "value": [], "nextLink": asked.trap }).to_string())
    }),
    ("endless continue", |asked| {
        let page = json!({ "apiVersion": "v1", "kind": "NamespaceList", "metadata": { "continue": asked.number.to_string() }, "items": [] });
        on(asked, NAMESPACES, 200, page.to_string())
    }),
    ("kubeconfig with exec", kubeconfig_with_exec),
    ("kubeconfig elsewhere", kubeconfig_elsewhere),
    ("expires_in 1e18", |asked| {
        let token = json!({ "access_token": "planted-Jq8-client-secret", "token_type": "Bearer", "expires_in": 1_000_000_000_000_000_000_i64 });
        on(asked, "/oauth2/v2.0/token", 200, token.to_string())
    }),
    ("ids elsewhere", ids_elsewhere),
    ("redirect, ARM", |asked| redirect(asked, IDENTITIES)),
    ("redirect, Entra", |asked| redirect(asked, "/oauth2/v2.0/token")),
    ("redirect, cluster", |asked| redirect(asked, NAMESPACES)),
    ("echo of the token, ARM", |asked| echo(asked, IDENTITIES)),
    ("echo of the token, cluster", |asked| {
        let status = json!({ "apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403, "message": asked.bearer });
        on(asked, NAMESPACES, 403, status.to_string())
    }),
    ("deep JSON, ARM", |asked| on(asked, IDENTITIES, 200, "[".repeat(1_000_000))),
    ("deep JSON, cluster", |asked| on(asked, NAMESPACES, 200, "[".repeat(1_000_000))),
    ("10 MB of one text, ARM", |asked| {
        on(
            asked,
            IDENTITIES,
            403,
            json!({ "error": { "code": "x", "message": "m".repeat(10_000_000) } }).to_string(),
        )
    }),
    ("10 MB of one text, cluster", |asked| {
        on(asked, NAMESPACES, 403, json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403, "message": "m".repeat(10_000_000) }).to_string())
    }),
    ("gzip bomb of 1 GB, ARM", |asked| bomb(asked, IDENTITIES)),
    ("gzip bomb of 1 GB, Entra", |asked| bomb(asked, "/oauth2/v2.0/token")),
    ("gzip bomb of 1 GB, cluster", |asked| bomb(asked, NAMESPACES)),
    ("commands of a log", |asked| {
        let message =
            "\u{1b}[31m\n::error::planted\n\u{2003}::add-mask::x ##[error]x ##vso[task.complete]y";
        on(
            asked,
            IDENTITIES,
            403,
            json!({ "error": { "code": message, "message": message } }).to_string(),
        )
    }),
];

#[test]
#[ignore = "minutes long: `just attack`"]
fn no_lie_of_a_server_does_harm() {
    println!("\n{:<28} {:>4} {:>9} {:>7}  finding", "lie", "exit", "time", "peak");
    // Side by side: some of them are waited for as long as the documentation says.
    let told: Vec<bool> = thread::scope(|scope| {
        let runs: Vec<_> = LIES.iter().map(|lie| scope.spawn(|| does_harm(lie))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let wrong = LIES.iter().zip(told).filter(|(_, harm)| *harm);
    let wrong: Vec<&str> = wrong.map(|((name, _), _)| *name).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// Tells a lie and prints what came of it.
fn does_harm((name, lie): &(&str, Lie)) -> bool {
    let (ran, mut found) = tell(*lie);
    found.extend(judge(&ran, LONGEST, false));
    let code = ran.code.map_or("-".to_owned(), |code| code.to_string());
    println!(
        "{name:<28} {code:>4} {:>7.1} s {:>4} MB  {}",
        ran.took.as_secs_f64(),
        ran.peak,
        found
            .iter()
            .map(|why| why.chars().take(160).collect::<String>())
            .collect::<Vec<_>>()
            .join("; ")
    );
    !found.is_empty()
}

/// One run of `plan` against a server that lies, and what else is wrong.
fn tell(lie: Lie) -> (Ran, Vec<String>) {
    let stage = TempDir::new().unwrap();
    let (program, mark) = (stage.path().join("program"), stage.path().join("ran"));
    fs::write(&program, format!("#!/bin/sh\ntouch {}\n", mark.display())).unwrap();
    let mode = std::process::Command::new("chmod").arg("+x").arg(&program).status();
    assert!(mode.unwrap().success());
    let server = Server::start(lie, &program.to_string_lossy());
    let profile = fs::read_to_string(repository("profiles/quickstart.toml")).unwrap();
    let profile = profile.replace("[azure]\n", "[azure]\ncloud = \"double\"\n");
    fs::write(stage.path().join("teams.toml"), profile).unwrap();
    let base = &server.base;
    let cloud = format!(
        "[clouds.double]\narm = \"{base}\"\nauthority_host = \"{base}\"\narm_audience = \"https://management.azure.com\"\n"
    );
    fs::write(stage.path().join("clouds.toml"), cloud).unwrap();
    let environment = [
        ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
        ("WIDCTL_CLOUD_FILE".to_owned(), "clouds.toml".to_owned()),
        ("AZURE_TENANT_ID".to_owned(), World::in_memory().tenant().clone()),
        ("AZURE_CLIENT_ID".to_owned(), PRINCIPAL_CLIENT_ID.to_owned()),
        ("AZURE_CLIENT_SECRET".to_owned(), "planted-Jq8-client-secret".to_owned()),
    ];
    let ran = child::run(&["plan", "teams.toml", "-vv"], stage.path(), &environment, LONGEST);
    let mut found = Vec::new();
    if server.trapped() > 0 {
        found.push(format!("another origin was asked {} times", server.trapped()));
    }
    if mark.exists() {
        found.push("a program was run".into());
    }
    // Every token of the sandbox is a JWT; its payload begins like every JSON object.
    if [&ran.stdout, &ran.stderr]
        .iter()
        .any(|text| text.contains("eyJ") || text.contains("sandbox-static-token"))
    {
        found.push("the output shows a token".into());
    }
    (ran, found)
}

/// An answer where the question has this in its line.
fn on(asked: &Asked, part: &str, status: u16, body: impl Into<Body>) -> Option<Response<Body>> {
    let response = Response::builder().status(status).header("content-type", "application/json");
    asked.line.contains(part).then(|| response.body(body.into()).unwrap())
}

fn throttled(asked: &Asked, retry_after: &str) -> Option<Response<Body>> {
    throttled_at(asked, IDENTITIES, retry_after)
}

fn throttled_at(asked: &Asked, part: &str, retry_after: &str) -> Option<Response<Body>> {
    let mut answer = on(asked, part, 429, "{}")?;
    answer.headers_mut().insert("retry-after", retry_after.try_into().unwrap());
    Some(answer)
}

fn redirect(asked: &Asked, part: &str) -> Option<Response<Body>> {
    let mut answer = on(asked, part, 307, "")?;
    let elsewhere = asked.trap.as_str().try_into().unwrap();
    answer.headers_mut().insert("location", elsewhere);
    Some(answer)
}

fn echo(asked: &Asked, part: &str) -> Option<Response<Body>> {
    let body = json!({ "error": { "code": "AuthorizationFailed", "message": format!("you sent {}", asked.bearer) } });
    on(asked, part, 403, body.to_string())
}

fn ids_elsewhere(asked: &Asked) -> Option<Response<Body>> {
    let id = "/subscriptions/ffffffff-0000-4000-8000-000000000001/resourceGroups/stolen/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-data-eng";
    let identity = json!({ "id": id, "name": "id-data-eng", "type": "Microsoft.ManagedIdentity/userAssignedIdentities", "location": "westeurope",
        "tags": { "managed-by": "widctl", "widctl-estate": "quickstart" },
        "properties": { "tenantId": SUBSCRIPTION, "principalId": SUBSCRIPTION, "clientId": SUBSCRIPTION } });
    on(asked, IDENTITIES, 200, json!({ "value": [identity] }).to_string())
}

fn kubeconfig_with_exec(asked: &Asked) -> Option<Response<Body>> {
    let user = format!(
        "exec: {{apiVersion: client.authentication.k8s.io/v1, command: {:?}}}",
        asked.program
    );
    kubeconfig(asked, &format!("{}/clusters/weu", asked.base), &user)
}

/// The token for AKS, asked for in the name of a server that is not the cluster's.
fn kubeconfig_elsewhere(asked: &Asked) -> Option<Response<Body>> {
    let user = "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: kubelogin, args: [get-token, --server-id, 00000003-0000-0000-c000-000000000000]}";
    kubeconfig(asked, &format!("{}/clusters/weu", asked.trap), user)
}

fn kubeconfig(asked: &Asked, server: &str, user: &str) -> Option<Response<Body>> {
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters:\n- name: c\n  cluster: {{server: {server:?}}}\ncontexts:\n- name: a\n  context: {{cluster: c, user: u}}\nusers:\n- name: u\n  user:\n    {user}\n"
    );
    let body = json!({ "kubeconfigs": [{ "name": "clusterUser", "value": BASE64.encode(text.as_bytes()) }] });
    on(asked, "/listClusterUserCredential", 200, body.to_string())
}

fn bomb(asked: &Asked, part: &str) -> Option<Response<Body>> {
    asked.line.contains(part).then(|| {
        let mut answer = Response::new(Body::from(gzip_of_spaces(1_000_000_000)));
        answer.headers_mut().insert("content-encoding", "gzip".try_into().unwrap());
        answer.headers_mut().insert("content-type", "application/json".try_into().unwrap());
        answer
    })
}

/// That many spaces, compressed as one block of fixed codes: a space, then copies of 258 of what is
/// before. <https://www.rfc-editor.org/rfc/rfc1951#section-3.2.6>
fn gzip_of_spaces(count: usize) -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let (mut held, mut bits) = (0_u32, 0);
    let mut put = |code: u32, length: u32, reversed: bool| {
        for index in 0..length {
            let from = if reversed { length - 1 - index } else { index };
            held |= (code >> from & 1) << bits;
            bits += 1;
            if bits == 8 {
                bytes.push(held.to_le_bytes()[0]);
                (held, bits) = (0, 0);
            }
        }
    };
    put(0b011, 3, false);
    put(0x30 + 0x20, 8, true);
    for _ in 0..count / 258 {
        put(0b1100_0101, 8, true);
        put(0, 5, true);
    }
    put(0, 7, true);
    put(0, 7, true);
    bytes.extend([0; 8]);
    bytes
}
