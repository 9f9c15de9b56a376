//! Objects of clusters beside server-side apply: create, replace, patch, delete, lists, tokens.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use widctl::sandbox::STATIC_TOKEN;

use super::support::{Caller, ORIGIN, Reply, read, world};

const CORE: &str = "/clusters/weu/api/v1";
const RBAC: &str = "/clusters/weu/apis/rbac.authorization.k8s.io/v1";
const ACCOUNTS: &str = "/clusters/weu/api/v1/namespaces/data-eng/serviceaccounts";

fn account(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name } })
}

fn names(list: &Reply) -> Vec<&str> {
    let items = list.body["items"].as_array().unwrap();
    items.iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_created_object_belongs_to_who_created_it() {
    let (_world, caller) = world().await;
    let mut body = account("one");
    body["metadata"]["labels"] = json!({ "a": "1" });
    let made = caller.post(ACCOUNTS, &body).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let entry = &made.body["metadata"]["managedFields"][0];
    assert_eq!((&entry["manager"], &entry["operation"]), (&json!("curl"), &json!("Update")));
    assert_eq!(entry["fieldsV1"], json!({ "f:metadata": { "f:labels": { ".": {}, "f:a": {} } } }));
    let again = caller.post(ACCOUNTS, &account("one")).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert_eq!(
        again.body,
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "serviceaccounts \"one\" already exists", "reason": "AlreadyExists",
            "details": { "name": "one", "kind": "serviceaccounts" }, "code": 409,
        })
    );
}

#[tokio::test]
async fn what_is_missing_is_told_as_the_api_server_tells_it() {
    let (_world, caller) = world().await;
    let missing = caller.get(&format!("{ACCOUNTS}/nope")).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert_eq!(missing.message(), "serviceaccounts \"nope\" not found");
    let role = caller.get(&format!("{RBAC}/namespaces/data-eng/roles/nope")).await;
    assert_eq!(role.message(), "roles.rbac.authorization.k8s.io \"nope\" not found");
    assert_eq!(
        role.body["details"],
        json!({ "name": "nope", "group": "rbac.authorization.k8s.io", "kind": "roles" })
    );
    let no_namespace = format!("{CORE}/namespaces/nowhere/serviceaccounts");
    let in_nowhere = caller.post(&no_namespace, &account("one")).await;
    assert_eq!(in_nowhere.status, StatusCode::NOT_FOUND);
    assert_eq!(in_nowhere.message(), "namespaces \"nowhere\" not found");
    let no_kind = caller.get("/clusters/weu/apis/argoproj.io/v1alpha1/workflowtemplates").await;
    assert_eq!(no_kind.message(), "the server could not find the requested resource");
    assert_eq!(caller.get("/clusters/nope/api/v1/namespaces").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_namespace_that_is_going_away_takes_nothing_new() {
    let (_world, caller) = world().await;
    let namespace = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": { "name": "going", "finalizers": ["example.com/hold"] },
    });
    let made = caller.post(&format!("{CORE}/namespaces"), &namespace).await;
    assert_eq!(made.body["metadata"]["labels"]["kubernetes.io/metadata.name"], "going");
    assert_eq!(made.body["status"]["phase"], "Active");
    let path = format!("{CORE}/namespaces/going");
    let deleted = caller.delete(&path).await;
    assert_eq!(deleted.body["status"]["phase"], "Terminating");
    let refused = caller.post(&format!("{path}/serviceaccounts"), &account("one")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(
        refused.message(),
        "serviceaccounts \"one\" is forbidden: unable to create new content in namespace going because it is being terminated"
    );
    assert_eq!(refused.body["details"]["causes"][0]["reason"], "NamespaceTerminating");
    caller.patch(&path, &json!({ "metadata": { "finalizers": null } })).await;
    assert_eq!(caller.get(&path).await.status, StatusCode::NOT_FOUND);
    let default = format!("{path}/serviceaccounts/default");
    assert_eq!(caller.get(&default).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_replacement_from_an_older_state_is_refused() {
    let (_world, caller) = world().await;
    let path = format!("{ACCOUNTS}/one");
    let made = caller.post(ACCOUNTS, &account("one")).await;
    caller.patch(&path, &json!({ "metadata": { "labels": { "a": "1" } } })).await;
    let outdated = caller.put(&path, &made.body).await;
    assert_eq!(outdated.status, StatusCode::CONFLICT);
    assert_eq!(
        outdated.message(),
        "Operation cannot be fulfilled on serviceaccounts \"one\": the object has been modified; please apply your changes to the latest version and try again"
    );
    let unconditional = caller.put(&path, &account("one")).await;
    assert_eq!(unconditional.status, StatusCode::OK);
    assert!(unconditional.body["metadata"].get("labels").is_none());
    assert_eq!(unconditional.body["metadata"]["uid"], made.body["metadata"]["uid"]);
}

#[tokio::test]
async fn a_write_that_changes_nothing_leaves_the_resource_version() {
    let (_world, caller) = world().await;
    let path = format!("{ACCOUNTS}/one");
    caller.post(ACCOUNTS, &account("one")).await;
    let label = json!({ "metadata": { "labels": { "a": "1" } } });
    let first = caller.patch(&path, &label).await;
    let second = caller.patch(&path, &label).await;
    assert_eq!(second.body, first.body);
    let replaced = caller.put(&path, &first.body).await;
    assert_eq!(replaced.body, first.body);
}

#[tokio::test]
async fn a_binding_cannot_be_pointed_at_another_role() {
    let (_world, caller) = world().await;
    let bindings = format!("{RBAC}/namespaces/data-eng/rolebindings");
    let binding = |role: &str| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": { "name": "runner" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role },
            "subjects": [{ "kind": "ServiceAccount", "name": "one", "namespace": "data-eng" }],
        })
    };
    assert_eq!(caller.post(&bindings, &binding("a")).await.status, StatusCode::CREATED);
    let refused = caller.put(&format!("{bindings}/runner"), &binding("b")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.message().ends_with("cannot change roleRef"), "{}", refused.message());
    let path = format!("{bindings}/runner");
    let applied = caller.apply(&path, "widctl", true, &binding("b")).await;
    assert_eq!(applied.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn names_labels_and_fields_are_checked() {
    let (_world, caller) = world().await;
    let bad_name = caller.post(ACCOUNTS, &account("Not_A_Name")).await;
    assert_eq!(bad_name.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        bad_name.message().starts_with("ServiceAccount \"Not_A_Name\" is invalid: metadata.name")
    );
    let mut body = account("one");
    body["metadata"]["labels"] = json!({ "a": "not a label" });
    let bad_label = caller.post(ACCOUNTS, &body).await;
    assert_eq!(bad_label.body["details"]["causes"][0]["field"], "metadata.labels");
    assert_eq!(
        bad_label.message(),
        "ServiceAccount \"one\" is invalid: metadata.labels: Invalid value: \"not a label\": it takes letters, digits, '-', '_' and '.', with a letter or digit at either end"
    );
    for key in ["bad key", "a/b/c", "/x", "A_b/c", "c/", &"a".repeat(64)] {
        let mut body = account("one");
        body["metadata"]["annotations"] = json!({ key: "x" });
        let bad_key = caller.post(ACCOUNTS, &body).await;
        assert_eq!(bad_key.status, StatusCode::UNPROCESSABLE_ENTITY, "{key}");
        assert_eq!(bad_key.body["details"]["causes"][0]["field"], "metadata.annotations");
    }
    for namespace in ["Upper", "a.b", ""] {
        let mut body = account(namespace);
        body["kind"] = json!("Namespace");
        let path = format!("{CORE}/namespaces");
        let refused = caller.post(&path, &body).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{namespace}");
    }
    let mut body = account("one");
    body["metadata"]["annotations"] = json!({ "a": 1 });
    assert_eq!(caller.post(ACCOUNTS, &body).await.status, StatusCode::BAD_REQUEST);
    let mut body = account("one");
    body["rules"] = json!([]);
    let strict = format!("{ACCOUNTS}?fieldValidation=Strict");
    let refused = caller.post(&strict, &body).await;
    assert!(refused.message().contains("unknown field \"rules\""), "{}", refused.message());
    let taken = caller.post(ACCOUNTS, &body).await;
    assert!(taken.body.get("rules").is_none(), "{}", taken.body);
}

#[tokio::test]
async fn lists_come_in_pages_and_through_selectors() {
    let (_world, caller) = world().await;
    for (name, team) in [("a", "x"), ("b", "y"), ("c", "x")] {
        let mut body = account(name);
        body["metadata"]["labels"] = json!({ "team": team });
        caller.post(ACCOUNTS, &body).await;
    }
    let first = caller.get(&format!("{ACCOUNTS}?limit=3")).await;
    assert_eq!(first.body["kind"], "ServiceAccountList");
    assert_eq!(names(&first), ["a", "b", "c"]);
    assert_eq!(first.body["metadata"]["remainingItemCount"], 1);
    let token = first.body["metadata"]["continue"].as_str().unwrap();
    let second = caller.get(&format!("{ACCOUNTS}?limit=3&continue={token}")).await;
    assert_eq!(names(&second), ["default"]);
    assert!(second.body["metadata"].get("continue").is_none());
    for (selector, found) in [
        ("labelSelector=team=x", &["a", "c"][..]),
        ("labelSelector=team!=x", &["b", "default"]),
        ("labelSelector=team in (x, y),team notin (y)", &["a", "c"]),
        ("labelSelector=!team", &["default"]),
        ("labelSelector=team", &["a", "b", "c"]),
        ("fieldSelector=metadata.name=b", &["b"]),
    ] {
        assert_eq!(
            names(&caller.get(&format!("{ACCOUNTS}?{selector}")).await),
            found,
            "{selector}"
        );
    }
    let unknown = format!("{ACCOUNTS}?fieldSelector=spec.nothing=x");
    let refused = caller.get(&unknown).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(refused.message(), "serviceaccounts cannot be selected by spec.nothing");
    let everywhere = caller.get(&format!("{CORE}/serviceaccounts")).await;
    let namespaces: Vec<&str> = everywhere.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["metadata"]["namespace"].as_str().unwrap())
        .collect();
    assert!(namespaces.contains(&"data-eng") && namespaces.contains(&"kube-system"));
}

#[tokio::test]
async fn a_deletion_minds_its_preconditions() {
    let (_world, caller) = world().await;
    let made = caller.post(ACCOUNTS, &account("one")).await;
    let path = format!("{ACCOUNTS}/one");
    let other = json!({ "preconditions": { "uid": "another" } });
    let refused = caller.call(Method::DELETE, &path, Some(&other)).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    let tried = caller.call(Method::DELETE, &format!("{path}?dryRun=All"), None).await;
    assert_eq!(tried.body["status"], "Success");
    let uid = &made.body["metadata"]["uid"];
    let same = json!({ "preconditions": { "uid": uid } });
    let deleted = caller.call(Method::DELETE, &path, Some(&same)).await;
    assert_eq!(
        deleted.body["details"],
        json!({ "name": "one", "kind": "serviceaccounts", "uid": uid })
    );
    assert_eq!(caller.delete(&path).await.status, StatusCode::NOT_FOUND);
    let again = caller.post(ACCOUNTS, &account("one")).await;
    assert_ne!(&again.body["metadata"]["uid"], uid);
}

#[tokio::test]
async fn a_new_cluster_has_a_healthy_webhook() {
    let (_world, caller) = world().await;
    for (cluster, place) in [("weu", "kube-system"), ("onprem", "azure-workload-identity-system")] {
        let path = format!(
            "/clusters/{cluster}/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/azure-wi-webhook-mutating-webhook-configuration"
        );
        let webhook = &caller.get(&path).await.body["webhooks"][0];
        assert_eq!(webhook["name"], "mutation.azure-workload-identity.io");
        assert_eq!(webhook["clientConfig"]["service"]["namespace"], place);
        let path = format!(
            "/clusters/{cluster}/apis/apps/v1/namespaces/{place}/deployments/azure-wi-webhook-controller-manager"
        );
        assert_eq!(caller.get(&path).await.body["status"]["readyReplicas"], 2);
        let slices = format!(
            "/clusters/{cluster}/apis/discovery.k8s.io/v1/namespaces/{place}/endpointslices?labelSelector=kubernetes.io/service-name=azure-wi-webhook-webhook-service"
        );
        let slices = caller.get(&slices).await.body;
        assert_eq!(slices["items"][0]["endpoints"][0]["conditions"]["ready"], true);
    }
}

async fn review(caller: &Caller, token: &str, audience: &str) -> Value {
    let path = "/clusters/weu/apis/authentication.k8s.io/v1/tokenreviews";
    let body = json!({ "spec": { "token": token, "audiences": [audience] } });
    caller.post(path, &body).await.body["status"].clone()
}

#[tokio::test]
async fn a_token_is_reviewed_by_the_cluster_that_gave_it() {
    let (_world, caller) = world().await;
    caller.post(ACCOUNTS, &account("one")).await;
    let path = format!("{ACCOUNTS}/one/token");
    let body = json!({ "spec": { "audiences": ["x"], "expirationSeconds": 7200 } });
    let issued = caller.post(&path, &body).await;
    assert_eq!(issued.status, StatusCode::CREATED);
    assert_eq!(issued.body["spec"], body["spec"]);
    let token = issued.body["status"]["token"].as_str().unwrap();
    let known = review(&caller, token, "x").await;
    assert_eq!(known["authenticated"], true);
    assert_eq!(known["user"]["username"], "system:serviceaccount:data-eng:one");
    assert_eq!(known["audiences"], json!(["x"]));
    assert!(review(&caller, token, "y").await["authenticated"].is_null());
    caller.delete(&format!("{ACCOUNTS}/one")).await;
    assert!(review(&caller, token, "x").await["authenticated"].is_null());
    let too_short = json!({ "spec": { "audiences": ["x"], "expirationSeconds": 10 } });
    let default = format!("{ACCOUNTS}/default/token");
    let refused = caller.post(&default, &too_short).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn objects_come_as_tables_of_names_and_ages_for_who_asks() {
    let (_world, caller) = world().await;
    let ask = async |path: &str, accept: &str| {
        let request = Request::get(format!("{ORIGIN}{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {STATIC_TOKEN}"))
            .header(header::ACCEPT, accept)
            .body(Body::empty());
        read(caller.send(request.unwrap()).await).await.body
    };
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    let namespaces = ask(&format!("{CORE}/namespaces"), table).await;
    assert_eq!(namespaces["kind"], "Table");
    let columns = namespaces["columnDefinitions"].as_array().unwrap();
    let names: Vec<&Value> = columns.iter().map(|column| &column["name"]).collect();
    assert_eq!(names, ["Name", "Age"]);
    let row = &namespaces["rows"][0];
    assert_eq!(row["cells"][0], "data-eng");
    let age = row["cells"][1].as_str().unwrap().strip_suffix('s').unwrap();
    assert!(age.parse::<u8>().unwrap() < 60, "{age}");
    assert_eq!(row["object"]["metadata"]["name"], "data-eng");
    let plain = ask(&format!("{CORE}/namespaces"), "application/json").await;
    assert_eq!(plain["kind"], "NamespaceList");
}

/// A field of bytes as protobuf has it.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap();
    [&[number << 3 | 2, length], bytes].concat()
}

/// A kind around an object, as the API server takes protobuf.
fn envelope(kind: &str, object: &[u8]) -> Vec<u8> {
    let kind = field(1, &field(2, kind.as_bytes()));
    [b"k8s\0", kind.as_slice(), &field(2, object)].concat()
}

#[tokio::test]
async fn protobuf_is_read_where_kubectl_has_no_other_form_and_nowhere_else() {
    let (_world, caller) = world().await;
    let send = async |path: &str, body: Vec<u8>| {
        let mut request = caller.request(&Method::POST, path, None);
        let kind = "application/vnd.kubernetes.protobuf".parse().unwrap();
        request.headers_mut().insert(header::CONTENT_TYPE, kind);
        *request.body_mut() = Body::from(body);
        read(caller.send(request).await).await
    };
    let spec = [field(1, b"x"), vec![4 << 3, 0xa0, 0x38]].concat();
    let request = envelope("TokenRequest", &field(2, &spec));
    let token = format!("{ACCOUNTS}/default/token");
    let issued = send(&token, request.clone()).await;
    assert_eq!(issued.status, StatusCode::CREATED, "{}", issued.body);
    assert_eq!(issued.body["spec"], json!({ "audiences": ["x"], "expirationSeconds": 7200 }));
    // A name, and the empty time that is always sent.
    let named = field(1, &[field(1, b"made"), field(8, b"")].concat());
    let made = send(ACCOUNTS, envelope("ServiceAccount", &named)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    assert_eq!(made.body["metadata"]["name"], "made");
    let labelled = field(1, &[field(1, b"more"), field(11, b"x")].concat());
    let refused = send(ACCOUNTS, envelope("ServiceAccount", &labelled)).await;
    assert_eq!(refused.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(
        refused.message(),
        "the sandbox reads JSON, and protobuf of token requests and bare names alone; use `kubectl apply --server-side -f FILE`, or a cluster with a real API server"
    );
    for length in 0..request.len() {
        let cut = send(&token, request[..length].to_vec()).await;
        assert!(cut.status.is_client_error() || cut.status.is_success(), "{length}");
    }
}

#[tokio::test]
async fn a_body_of_the_wrong_shape_is_refused_by_every_service() {
    let (_world, caller) = world().await;
    let review = "/clusters/weu/apis/authentication.k8s.io/v1/tokenreviews".to_owned();
    let arm = super::support::IDENTITY;
    let shapes = [json!([]), json!("x"), json!(1), json!({ "metadata": [], "spec": "x" })];
    for path in [
        ACCOUNTS.to_owned(),
        format!("{ACCOUNTS}/default/token"),
        review,
        format!("{CORE}/namespaces"),
    ] {
        for shape in &shapes {
            let refused = caller.post(&path, shape).await;
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path} {shape}");
        }
    }
    for path in [format!("{ACCOUNTS}/default"), format!("{CORE}/namespaces/data-eng")] {
        for shape in &shapes {
            for method in [Method::PUT, Method::PATCH] {
                let refused = caller.call(method, &path, Some(shape)).await;
                assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path} {shape}");
            }
        }
    }
    for shape in &shapes {
        let identity = caller.put(&format!("{arm}?api-version=2023-01-31"), shape).await;
        assert_eq!(identity.status, StatusCode::BAD_REQUEST, "{shape}");
    }
}
