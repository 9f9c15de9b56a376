//! API servers that lie: lists without an end, answers about something else, texts made for harm.

use std::fmt::Write;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use serde_json::{Value, json};
use widctl::event::Silent;
use widctl::kubernetes::client::ClusterClient;
use widctl::kubernetes::testing::in_process;
use widctl::model::kinds::Release;
use widctl::model::kinds::rbac::RoleKey;
use widctl::model::kinds::service_account::LiveServiceAccount;
use widctl::model::right::ClusterRight;
use widctl::ports::error::{PortError, PortErrorKind};
use widctl::ports::read::ClusterRead;
use widctl::ports::right::ClusterRights;
use widctl::ports::store::WriteMode;

use super::lists::WholeLists;
use super::requests::{annotated, key, ours};
use super::script::{Script, account, status};

/// The cluster `weu` behind a server that answers its n-th request with this, and how often it was asked.
fn server<F, A>(answer: F) -> (ClusterClient, Arc<AtomicUsize>)
where
    F: Fn(usize) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response> + Send + 'static,
{
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let router = Router::new().fallback(move || answer(count.fetch_add(1, Ordering::Relaxed)));
    let client = in_process("http://hostile.test".parse().unwrap(), router);
    let cluster = ClusterClient::new("weu".into(), client, "the test", Arc::new(Silent));
    (cluster, asked)
}

fn body(text: impl Into<Body>) -> Response {
    Response::new(text.into())
}

/// A page that has another one after it, whose name is new every time.
fn page(number: usize, items: &str) -> Response {
    body(format!("{{\"metadata\":{{\"continue\":\"t{number}\"}},\"items\":[{items}]}}"))
}

/// The error as a person sees it, with its hint.
fn shown(error: &PortError) -> String {
    format!("{error}\n  {}", error.help())
}

#[tokio::test]
async fn a_list_without_an_end_ends_at_a_bound_that_is_named() {
    let (empty, asked) = server(|number| async move { page(number, "") });
    let error = empty.role_bindings().await.unwrap_err();
    assert_eq!(asked.load(Ordering::Relaxed), 5_000);
    let mut all = shown(&error);

    let one = r#"{"metadata":{"name":"a","namespace":"b"}}"#;
    let many = [one; 500].join(",");
    let (full, asked) = server(move |number| {
        let answer = page(number, &many);
        async { answer }
    });
    let error = full.service_accounts().await.unwrap_err();
    assert_eq!(asked.load(Ordering::Relaxed), 501);
    write!(all, "\n{}", shown(&error)).unwrap();

    let items = format!(
        "{{\"metadata\":{{\"name\":\"a\",\"annotations\":{{\"x\":\"{}\"}}}}}}",
        "y".repeat(30 * 1024 * 1024)
    );
    let items: Arc<str> = items.into();
    let (heavy, asked) = server(move |number| {
        let answer = page(number, &items);
        async { answer }
    });
    let error = heavy.namespaces().await.unwrap_err();
    assert_eq!(asked.load(Ordering::Relaxed), 18);
    write!(all, "\n{}", shown(&error)).unwrap();
    insta::assert_snapshot!(all);
}

#[tokio::test(start_paused = true)]
async fn a_list_whose_pages_take_their_time_ends_as_well() {
    let (slow, asked) = server(|number| async move {
        tokio::time::sleep(Duration::from_secs(50)).await;
        page(number, "")
    });
    let begun = tokio::time::Instant::now();
    let error = slow.roles().await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_mins(16));
    assert_eq!(asked.load(Ordering::Relaxed), 19);
    assert!(shown(&error).contains("not come to its end after 15 minutes"), "{error}");
}

#[tokio::test]
async fn a_page_or_an_answer_without_measure_is_not_read_whole() {
    let one = r#"{"metadata":{"name":"a"}}"#;
    let crowd = vec![one; 500_001].join(",");
    let endless = || {
        let piece = bytes::Bytes::from(vec![b' '; 1024 * 1024]);
        Body::from_stream(futures::stream::repeat_with(move || {
            Ok::<_, std::convert::Infallible>(piece.clone())
        }))
    };
    let (cluster, _) = server(move |number| {
        let answer = if number == 0 { page(0, &crowd) } else { body(endless()) };
        async { answer }
    });
    let crowded = cluster.namespaces().await.unwrap_err();
    assert!(
        std::error::Error::source(&crowded)
            .unwrap()
            .to_string()
            .contains("more than 500000 values")
    );
    let list = cluster.namespaces().await.unwrap_err();
    let document = cluster.issuer().await.unwrap_err();
    let webhook = cluster.webhook().await.unwrap_err();
    let review = ClusterRight {
        cluster: "weu".into(),
        namespace: None,
        group: "",
        resource: "namespaces",
        verb: "list",
    };
    let review = cluster.may(&review).await.unwrap_err();
    let errors = [crowded, list, document, webhook, review];
    assert!(errors.iter().all(|error| error.kind == PortErrorKind::Malformed));
    insta::assert_snapshot!(errors.each_ref().map(ToString::to_string).join("\n"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_trickles_ends_with_the_time_of_an_attempt() {
    let (cluster, asked) = server(|_| async {
        let drops = futures::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, std::convert::Infallible>(bytes::Bytes::from_static(b" ")), ()))
        });
        body(Body::from_stream(drops))
    });
    let cluster = cluster.bounded(Duration::from_secs(5));
    let begun = tokio::time::Instant::now();
    let error = cluster.namespaces().await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::TimedOut);
    assert_eq!(begun.elapsed(), Duration::from_millis(10_500));
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn whatever_a_server_asks_to_wait_its_request_comes_to_an_end() {
    let hour = Duration::from_hours(1);
    for (retry_after, throttled, unwell) in [
        // Fewer seconds than our own pauses are not taken.
        ("0", (6, 15), (6, 15)),
        ("-1", (6, 15), (6, 15)),
        ("0.001", (6, 15), (6, 15)),
        ("", (6, 15), (6, 15)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", (6, 15), (6, 15)),
        ("18446744073709551616", (6, 15), (6, 15)),
        ("60", (6, 300), (2, 60)),
        // More than a minute is not waited for.
        ("61", (1, 0), (1, 0)),
        ("4294967296", (1, 0), (1, 0)),
        ("18446744073709551615", (1, 0), (1, 0)),
    ] {
        for (code, (requests, seconds)) in [(429, throttled), (503, unwell)] {
            let (cluster, asked) = server(move |_| async move {
                let answer = Response::builder().status(code).header("retry-after", retry_after);
                answer.body(Body::from("{}")).unwrap()
            });
            let begun = tokio::time::Instant::now();
            let error = tokio::time::timeout(hour, cluster.roles()).await.unwrap().unwrap_err();
            let took = (asked.load(Ordering::Relaxed), begun.elapsed().as_secs());
            assert_eq!(took, (requests, seconds), "{code} {retry_after}: {error}");
        }
    }
}

/// An account that an answer is about, with these fields of its metadata changed.
fn other(change: &Value) -> Value {
    let mut account = account("data", "flows");
    let metadata = account["metadata"].as_object_mut().unwrap();
    for (name, value) in change.as_object().unwrap() {
        metadata.insert(name.clone(), value.clone());
    }
    account
}

#[tokio::test]
async fn an_answer_about_another_object_is_none() {
    let mut all = String::new();
    for change in [
        json!({ "name": "admin" }),
        json!({ "namespace": "kube-system" }),
        json!({ "namespace": null }),
        json!({ "name": "../../../../apis/\u{1b}[2J" }),
        json!({ "uid": null }),
        json!({ "uid": "" }),
    ] {
        // What is written again, deleted, released or annotated was looked at first, and nothing else is sent.
        let read = || Script::default().then(200, &other(&change));
        let key = key("data", "flows");
        let live = LiveServiceAccount::default();
        let (deleted, released, annotates, creates) = (read(), read(), read(), read());
        let delete = deleted.cluster().stores().service_accounts;
        let delete = delete.delete(&key, &live, ()).await;
        let release = released.cluster().stores().service_accounts;
        let release = release.release(&key, &live, Release::Fields).await;
        let annotate = annotates.cluster().stores().service_accounts;
        let annotate = annotate.put(&key, &annotated(None), WriteMode::Update).await;
        let create = creates.cluster().stores().service_accounts;
        let create = create.put(&key, &annotated(Some(ours())), WriteMode::Create).await;
        let errors = [delete.err(), release.err(), annotate.err(), create.err()];
        for (error, script) in errors.iter().zip([deleted, released, annotates, creates]) {
            let error = error.as_ref().unwrap();
            assert_eq!(error.kind, PortErrorKind::Malformed, "{error}");
            assert_eq!(script.asked().len(), 1, "{error}");
        }
        // A write that is answered with another object is not taken for done.
        let script = read();
        let stores = script.cluster().stores();
        let write = annotated(Some(ours()));
        let accounts = stores.service_accounts;
        let written = accounts.put(&key, &write, WriteMode::Update);
        let error = written.await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Malformed, "{error}");
        writeln!(all, "{}", shown(&error)).unwrap();
    }
    insta::assert_snapshot!(all);
}

#[tokio::test]
async fn a_list_that_names_what_cannot_be_is_no_list() {
    for (namespace, name) in [
        (json!("data"), "../../../other/roles/x"),
        (json!("data"), "a/b"),
        (json!("data"), "a%2fb"),
        (json!("data"), ".."),
        (json!("data"), "."),
        (json!("data"), ""),
        (json!("../other"), "a"),
        (json!(".."), "a"),
        (json!(""), "a"),
        (json!(null), "a"),
    ] {
        let role = json!({ "metadata": { "name": name, "namespace": namespace } });
        let script = Script::default().then(200, &json!({ "items": [role] }));
        let error = script.cluster().roles().await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Malformed, "{namespace} {name}");
        assert!(error.to_string().contains("which cannot be"), "{error}");
    }
}

#[tokio::test]
async fn a_name_that_a_tenant_can_give_a_role_spoils_no_list_and_reaches_no_other_role() {
    for name in ["pods?dryRun=All", "pods#x", "system:own role", "pods\\x"] {
        let role = json!({ "metadata": { "name": name, "namespace": "data", "uid": "u" } });
        let script = Script::default().then(200, &json!({ "items": [role] }));
        let roles = script.cluster().roles().await.unwrap();
        let (key, live) = &roles[0];
        assert_eq!(key.name.as_str(), name);
        let key: &RoleKey = key;
        let deleted = script.cluster().stores().roles.delete(key, live, ()).await;
        assert_eq!(deleted.unwrap_err().kind, PortErrorKind::Invalid);
        assert_eq!(script.asked().len(), 1);
    }
}

#[tokio::test]
async fn texts_of_a_server_are_short_and_on_one_line() {
    let long = "\u{1b}[2J\r\n".to_owned() + &"x".repeat(2_000_000);
    let conflict = |number: usize| {
        let message = format!("conflict with \"{number}{}\" using v1", &long[..1_000]);
        json!({ "reason": "FieldManagerConflict", "message": message })
    };
    let causes = json!({ "causes": (0..1_000).map(conflict).collect::<Vec<_>>() });
    let answers = [
        (500, status(500, &long, &long, &json!({}))),
        (
            403,
            status(
                403,
                "Forbidden",
                &format!("User \"a\" cannot {long} resource \"b\""),
                &json!({}),
            ),
        ),
        (409, status(409, "Conflict", &long, &causes)),
        (200, json!({ "issuer": "x".repeat(1_000_000) })),
        (200, json!({ "issuer": long })),
    ];
    for (code, answer) in answers {
        let headers = [("audit-id", "y".repeat(50_000))];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        let script =
            (0..6).fold(Script::default(), |script, _| script.then_with(code, &headers, &answer));
        tokio::time::pause();
        let error = script.cluster().issuer().await.unwrap_err();
        tokio::time::resume();
        let text = shown(&error);
        assert!(text.chars().count() < 10_000, "{code}: {}", text.len());
        assert!(!error.to_string().contains(char::is_control), "{code}");
        assert!(!error.help().contains(char::is_control), "{code}");
    }
}

#[tokio::test]
async fn an_answer_of_any_depth_is_only_an_error() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = open.repeat(1_000_000) + &close.repeat(1_000_000);
        let inside = format!(
            "{{\"items\":[{{\"metadata\":{{\"name\":\"a\",\"deletionTimestamp\":{deep}}}}}]}}"
        );
        for text in [deep.clone(), inside, open.repeat(1_000_000)] {
            let (cluster, _) = server(move |_| {
                let answer = body(text.clone());
                async { answer }
            });
            // Whether it is an error or passed over: the stack holds.
            let _ = cluster.namespaces().await;
            let _ = cluster.issuer().await;
        }
    }
}
