//! A current `kubectl` against the sandbox on a socket and against a real API server: reading what widctl manages,
//! server-side apply, labels and annotations, deletions and tokens. Each story is a list of command lines, and
//! what they print has to be the same on both grounds, golden file by golden file. The last one is of the sandbox
//! alone: what it refuses that a real API server takes.

mod client;

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

use self::client::Kubectl;

/// Runs every story on both grounds.
macro_rules! on_both_grounds {
    ($($story:ident)*) => {
        mod sandbox {
            use super::Kubectl;
            $(
                #[tokio::test]
                #[ignore = "needs Go: just test-cluster"]
                async fn $story() {
                    if let Some(mut kubectl) = Kubectl::on_the_sandbox().await {
                        super::$story(&mut kubectl).await;
                    }
                }
            )*
        }

        mod real {
            use super::Kubectl;
            $(
                #[tokio::test]
                #[ignore = "needs Go: just test-cluster"]
                async fn $story() {
                    if let Some(mut kubectl) = Kubectl::on_a_real_cluster().await {
                        super::$story(&mut kubectl).await;
                        kubectl.leave().await;
                    }
                }
            )*
        }
    };
}

on_both_grounds! {
    it_makes_and_reads_what_widctl_manages
    it_selects_and_shapes_what_it_reads
    it_applies_on_the_server_and_meets_others
    it_applies_to_what_nobody_applied_before
    it_labels_and_annotates
    it_is_refused_what_is_wrong
    it_makes_tokens
    it_deletes_and_waits
}

const EVERY_KIND: &str = "
create -f account.yaml
create -f role.yaml
apply --server-side -f binding.yaml
apply --server-side -f made.yaml
apply --server-side -f made.yaml
get ns NAMESPACE-made -o yaml --show-managed-fields
get sa worker -o yaml --show-managed-fields
get role runner -o yaml --show-managed-fields
get rolebinding runner -o yaml --show-managed-fields
delete ns NAMESPACE-made --wait=false
";

async fn it_makes_and_reads_what_widctl_manages(kubectl: &mut Kubectl) {
    kubectl.runs(EVERY_KIND).await;
    kubectl.has_printed("every_kind");
}

const SHAPES: &str = "
create -f account.yaml
create -f role.yaml
create -f binding.yaml
get sa
get sa worker -o wide
get sa worker -o json
get sa -o name
get sa -l team=data
get sa -l 'team in (data,other)' -o name
get sa -l '!team' -o name
get sa -l team=nobody
get sa --show-labels
get sa -L team --no-headers
get sa --field-selector metadata.name=worker -o name
get sa --field-selector metadata.name!=worker -o name
get sa -A --field-selector metadata.namespace=NAMESPACE
get sa worker -o jsonpath={.metadata.annotations}
get sa -o jsonpath='{range .items[*]}{.metadata.name}{\"\\n\"}{end}'
get sa -o go-template='{{len .items}}'
get sa worker -o custom-columns=NAME:.metadata.name,NOTE:.metadata.annotations.note
get sa --chunk-size=1 --sort-by=.metadata.name -o name
get sa,role,rolebinding -o name
get sa/worker role/runner -o name
get sa missing
get sa missing --ignore-not-found
get role missing
get rolebinding missing
get ns NAMESPACE-missing
get sa -n NAMESPACE-missing
get sa missing -n NAMESPACE-missing
get nonsense
get --raw /readyz
";

async fn it_selects_and_shapes_what_it_reads(kubectl: &mut Kubectl) {
    kubectl.runs(SHAPES).await;
    kubectl.has_printed("shapes");
}

const SERVER_SIDE: &str = "
apply --server-side -f account.yaml
apply --server-side -f account.yaml
apply --server-side --field-manager=other -f other-team.yaml
apply --server-side --field-manager=other --force-conflicts -f other-team.yaml
apply --server-side -f account.yaml
apply --server-side --force-conflicts --dry-run=server -f account.yaml
get sa worker -o jsonpath={.metadata.labels.team}
apply --server-side --force-conflicts -f account.yaml
get sa worker -o yaml --show-managed-fields
apply --server-side -f role.yaml
apply --server-side --field-manager=other -f smaller-role.yaml
apply --server-side --field-manager=other --force-conflicts -f smaller-role.yaml
get role runner -o yaml --show-managed-fields
apply --server-side -f binding.yaml
";

async fn it_applies_on_the_server_and_meets_others(kubectl: &mut Kubectl) {
    kubectl.runs(SERVER_SIDE).await;
    kubectl.has_printed("server_side");
}

const BEFORE_FIRST_APPLY: &str = "
create -f bare.yaml
annotate sa worker note=there
get sa worker -o yaml --show-managed-fields
apply --server-side -f account.yaml
apply --server-side --force-conflicts -f account.yaml
get sa worker -o yaml --show-managed-fields
";

async fn it_applies_to_what_nobody_applied_before(kubectl: &mut Kubectl) {
    kubectl.runs(BEFORE_FIRST_APPLY).await;
    kubectl.has_printed("before_first_apply");
}

const CHANGES: &str = "
create -f account.yaml
create sa made
create sa made
create ns NAMESPACE
annotate sa worker note=there
annotate sa worker note=here --overwrite
annotate sa worker added=x
annotate sa worker added-
label sa worker team=other
label sa worker team=other --overwrite
label sa worker team-
label sa --all by=hand
label sa missing a=b
get sa worker -o yaml
label ns NAMESPACE team=data
label ns NAMESPACE team-
";

async fn it_labels_and_annotates(kubectl: &mut Kubectl) {
    kubectl.runs(CHANGES).await;
    kubectl.has_printed("changes");
}

const REFUSALS: &str = "
create -f bare.yaml
create -f bare.yaml
create -f role.yaml
create -f role.yaml
create -f namespace.yaml
create -f bare.yaml -n NAMESPACE-missing
";

async fn it_is_refused_what_is_wrong(kubectl: &mut Kubectl) {
    kubectl.runs(REFUSALS).await;
    kubectl.has_printed("refusals");
}

const TOKENS: &str = "
create -f bare.yaml
create token worker --duration=1m
create token missing
create token worker --audience=one --audience=two --duration=20m -o yaml
create token worker --bound-object-kind=Pod --bound-object-name=gone
";

async fn it_makes_tokens(kubectl: &mut Kubectl) {
    kubectl.runs(TOKENS).await;
    let line = "create token worker --audience=api://AzureADTokenExchange --duration=2h";
    let token = kubectl.run(line).await;
    kubectl.has_printed("tokens");
    let part = token.split('.').nth(1).unwrap();
    let claims: Value =
        serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap();
    assert_eq!(claims["aud"], serde_json::json!(["api://AzureADTokenExchange"]));
    let lifetime = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    assert_eq!(Duration::from_secs(lifetime), Duration::from_hours(2));
    let subject = format!("system:serviceaccount:{}:worker", kubectl.namespace());
    assert_eq!(claims["sub"], Value::from(subject));
}

const DELETIONS: &str = r#"
create -f account.yaml
create -f role.yaml
create -f binding.yaml
delete sa worker
delete sa worker
delete sa worker --ignore-not-found
delete role,rolebinding --all
create -f held.yaml
delete sa held --timeout=2s
get sa held -o yaml
patch sa held --type=merge -p '{"metadata":{"finalizers":null}}'
get sa held
create -f made.yaml
create -f bare.yaml -n NAMESPACE-made
delete ns NAMESPACE-made
get ns NAMESPACE-made
get sa worker -n NAMESPACE-made
"#;

async fn it_deletes_and_waits(kubectl: &mut Kubectl) {
    kubectl.runs(DELETIONS).await;
    kubectl.has_printed("deletions");
}

const SANDBOX_ALONE: &str = r#"
apply -f account.yaml
apply -f other-team.yaml
patch sa worker -p '{"metadata":{"labels":{"a":"b"}}}'
patch sa worker --type=json -p '[]'
create role reader --verb=get --resource=pods
auth can-i create serviceaccounts
get sa worker --as=ann
get sa --watch
get role,rolebinding,ns NAMESPACE --ignore-not-found
"#;

#[tokio::test]
#[ignore = "needs Go: just test-cluster"]
async fn the_sandbox_says_what_takes_a_real_api_server() {
    if let Some(mut kubectl) = Kubectl::on_the_sandbox().await {
        kubectl.runs(SANDBOX_ALONE).await;
        kubectl.has_printed("sandbox_alone");
    }
}
