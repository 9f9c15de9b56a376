//! What a caller may do on a cluster, asked beforehand.

use serde_json::{Value, json};
use widctl::event::{Event, RequestClass};
use widctl::model::right::ClusterRight;
use widctl::ports::error::PortErrorKind;
use widctl::ports::remedy;
use widctl::ports::right::ClusterRights;

use super::script::{Script, status};

fn right(namespace: Option<&str>) -> ClusterRight {
    ClusterRight {
        cluster: "weu".into(),
        namespace: namespace.map(Into::into),
        group: "rbac.authorization.k8s.io",
        resource: "roles",
        verb: "patch",
    }
}

fn review(allowed: bool) -> Value {
    json!({ "kind": "SelfSubjectAccessReview", "spec": {}, "status": { "allowed": allowed } })
}

#[tokio::test]
async fn a_review_asks_for_exactly_the_right_and_counts_as_a_read() {
    let script = Script::default().then(201, &review(true)).then(201, &review(false));
    let cluster = script.cluster();
    assert!(cluster.may(&right(Some("data"))).await.unwrap());
    assert!(!cluster.may(&right(None)).await.unwrap());
    let asked = script.asked();
    let (line, body) = asked[0].split_once(" {").unwrap();
    assert_eq!(line, "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews");
    let body: Value = serde_json::from_str(&format!("{{{body}")).unwrap();
    assert_eq!(
        body["spec"]["resourceAttributes"],
        json!({ "namespace": "data", "verb": "patch", "group": "rbac.authorization.k8s.io", "resource": "roles" })
    );
    assert!(asked[1].contains("\"namespace\":\"\""), "{asked:#?}");
    let read = Event::RequestSent(RequestClass::ClusterRead);
    assert_eq!(script.kept.events(), [read.clone(), read]);
}

#[tokio::test(start_paused = true)]
async fn a_review_that_fails_is_an_error_and_no_refusal() {
    let refused = status(403, "Forbidden", "no reviews here", &json!({}));
    let script = Script::default()
        .then(403, &refused)
        .then(201, &json!({ "status": {} }))
        .then(201, &json!({ "status": { "allowed": false, "evaluationError": "no answer" } }));
    let cluster = script.cluster();
    cluster.may(&right(None)).await.unwrap_err();
    let error = cluster.may(&right(None)).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Malformed);
    let undecided = cluster.may(&right(None)).await.unwrap_err();
    assert_eq!(undecided.kind, PortErrorKind::ServiceFault);
    assert_eq!(undecided.message.as_deref(), Some("no answer"));
}

#[test]
fn the_rule_that_gives_a_right_names_all_missing_verbs() {
    let rule = remedy::granting(&right(Some("data")), &["create", "patch"]);
    insta::assert_snapshot!(rule, @r#"allow it in a Role of namespace data or in a ClusterRole: {apiGroups: ["rbac.authorization.k8s.io"], resources: ["roles"], verbs: ["create", "patch"]}"#);
}
