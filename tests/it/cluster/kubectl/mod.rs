//! A current `kubectl` against the sandbox on a socket and against a real API server. Each story is a list of
//! command lines, and what they print has to be the same on both grounds, golden file by golden file.

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
    it_describes_what_widctl_manages
    it_applies_on_the_server_and_meets_others
    it_applies_on_its_own_side_and_changes_over
    it_applies_to_what_nobody_applied_before
    it_labels_annotates_edits_and_patches
    it_is_refused_what_is_wrong
    it_makes_tokens
    it_asks_who_it_is_and_what_it_may_do
    it_lists_kinds
    it_deletes_and_waits
}

const EVERY_KIND: &str = "
create -f account.yaml
create -f role.yaml
apply --server-side -f binding.yaml
apply --server-side -f settings.yaml
apply --server-side -f webhook.yaml
apply --server-side -f webhook.yaml
create namespace NAMESPACE-made
create serviceaccount made
create role made --verb=get,list --resource=pods,deployments.apps --resource-name=one
create rolebinding made --role=made --serviceaccount=NAMESPACE:made --user=ann --group=devs
create configmap made --from-literal=a=b
create clusterrolebinding NAMESPACE --clusterrole=view --serviceaccount=NAMESPACE:made
get serviceaccount,role,rolebinding,configmap worker runner settings made --ignore-not-found
get ns NAMESPACE-made
get ns NAMESPACE-made -o yaml --show-managed-fields
get sa worker -o yaml --show-managed-fields
get sa made -o yaml --show-managed-fields
get role runner -o yaml --show-managed-fields
get role made -o yaml --show-managed-fields
get role made -o wide
get rolebinding runner -o yaml --show-managed-fields
get rolebinding made -o yaml --show-managed-fields
get rolebinding runner -o wide
get cm settings
get cm settings -o yaml --show-managed-fields
get mutatingwebhookconfiguration NAMESPACE
get mutatingwebhookconfiguration NAMESPACE -o yaml
delete ns NAMESPACE-made --wait=false
delete mutatingwebhookconfiguration,clusterrolebinding NAMESPACE
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
get sa --field-selector spec.nothing=x
get ns --field-selector status.nothing=x
get sa worker -o jsonpath={.metadata.annotations}
get sa -o jsonpath='{range .items[*]}{.metadata.name}{\"\\n\"}{end}'
get sa -o go-template='{{len .items}}'
get sa worker -o custom-columns=NAME:.metadata.name,NOTE:.metadata.annotations.note
get sa --chunk-size=1 --sort-by=.metadata.name -o name
get sa,role,rolebinding
get sa,role,rolebinding -o name
get sa/worker role/runner -o name
get all
get events
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

const DESCRIPTIONS: &str = "
create -f account.yaml
create -f role.yaml
create -f binding.yaml
create -f settings.yaml
create -f webhook.yaml
describe ns NAMESPACE
describe sa worker
describe role runner
describe rolebinding runner
describe cm settings
describe mutatingwebhookconfiguration NAMESPACE
describe sa missing
delete -f webhook.yaml
";

async fn it_describes_what_widctl_manages(kubectl: &mut Kubectl) {
    kubectl.runs(DESCRIPTIONS).await;
    kubectl.has_printed("descriptions");
}

const SERVER_SIDE: &str = "
apply --server-side -f account.yaml
apply --server-side -f account.yaml
apply --server-side --field-manager=other -f other-team.yaml
apply --server-side --field-manager=other --force-conflicts -f other-team.yaml
apply --server-side -f account.yaml
diff --server-side --force-conflicts -f account.yaml
apply --server-side --force-conflicts --dry-run=server -f account.yaml
get sa worker -o jsonpath={.metadata.labels.team}
apply --server-side --force-conflicts -f account.yaml
get sa worker -o yaml --show-managed-fields
apply --server-side -f role.yaml
apply --server-side --field-manager=other -f smaller-role.yaml
apply --server-side --field-manager=other --force-conflicts -f smaller-role.yaml
get role runner -o yaml --show-managed-fields
apply --server-side -f binding.yaml
apply --server-side --force-conflicts -f other-binding.yaml
apply --server-side -f misspelt.yaml
";

async fn it_applies_on_the_server_and_meets_others(kubectl: &mut Kubectl) {
    kubectl.runs(SERVER_SIDE).await;
    kubectl.has_printed("server_side");
}

const CLIENT_SIDE: &str = "
apply -f account.yaml
apply -f account.yaml
diff -f other-team.yaml
apply -f other-team.yaml
get sa worker -o yaml --show-managed-fields
apply --server-side --field-manager=widctl -f account.yaml
apply --server-side -f account.yaml
get sa worker -o yaml --show-managed-fields
apply -f pulls.yaml
apply -f other-pulls.yaml
apply -f other-pulls.yaml
get sa pulls -o yaml
apply -f role.yaml
apply -f smaller-role.yaml
apply -f binding.yaml
apply -f other-binding.yaml
apply -f misspelt.yaml
apply -f namespace.yaml
apply -f namespace.yaml
replace -f account.yaml
replace --force -f account.yaml
";

async fn it_applies_on_its_own_side_and_changes_over(kubectl: &mut Kubectl) {
    kubectl.runs(CLIENT_SIDE).await;
    kubectl.has_printed("client_side");
}

const BEFORE_FIRST_APPLY: &str = "
create sa worker
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

const CHANGES: &str = r#"
create -f account.yaml
create -f role.yaml
create -f binding.yaml
annotate sa worker note=there
annotate sa worker note=here --overwrite
annotate sa worker added=x
annotate sa worker added-
label sa worker team=other
label sa worker team=other --overwrite
label sa worker team-
label sa --all by=hand
label sa missing a=b
edit sa worker
get sa worker -o yaml
patch sa worker -p '{"metadata":{"annotations":{"strategic":"x"}}}'
patch sa worker -p '{"metadata":{"annotations":{"strategic":"x"}}}'
patch sa worker --type=merge -p '{"metadata":{"annotations":{"strategic":null,"merge":"x"}}}'
patch sa worker --type=json -p '[{"op":"test","path":"/metadata/name","value":"worker"},{"op":"add","path":"/metadata/annotations/json","value":"x"},{"op":"remove","path":"/metadata/annotations/merge"}]'
patch sa worker --type=json -p '[{"op":"copy","from":"/metadata/annotations/json","path":"/metadata/annotations/copied"},{"op":"move","from":"/metadata/annotations/json","path":"/metadata/annotations/moved"}]'
patch sa worker --type=json -p '[{"op":"add","path":"/imagePullSecrets","value":[{"name":"one"}]},{"op":"add","path":"/imagePullSecrets/-","value":{"name":"two"}},{"op":"add","path":"/imagePullSecrets/0","value":{"name":"zero"}},{"op":"remove","path":"/imagePullSecrets/1"}]'
patch sa worker --type=json -p '[{"op":"remove","path":"/metadata/annotations/missing"}]'
patch sa worker --type=json -p '[{"op":"test","path":"/metadata/name","value":"other"}]'
get sa worker -o yaml
patch sa worker -p '{"imagePullSecrets":[{"name":"three"}],"secrets":[{"name":"first"}]}'
patch sa worker -p '{"secrets":[{"name":"second"}]}'
patch sa worker -p '{"secrets":[{"name":"first","$patch":"delete"}]}'
patch sa worker --type=merge -p '{"imagePullSecrets":[{"name":"four"}]}'
get sa worker -o yaml
patch sa worker -p '{"metadata":{"name":"other"}}'
patch sa worker -p '{"metadata":{"resourceVersion":"1","labels":{"z":"y"}}}'
patch sa worker -p '{"nonsense":1}'
patch sa missing -p '{"metadata":{"labels":{"a":"b"}}}'
patch role runner -p '{"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}]}'
patch rolebinding runner -p '{"subjects":[{"kind":"User","name":"bob"}]}'
get role,rolebinding -o jsonpath={.items[*].rules}{.items[*].subjects}
patch ns NAMESPACE -p '{"metadata":{"labels":{"team":"data"}}}'
label ns NAMESPACE team-
"#;

async fn it_labels_annotates_edits_and_patches(kubectl: &mut Kubectl) {
    kubectl.runs(CHANGES).await;
    kubectl.has_printed("changes");
}

const REFUSALS: &str = r#"
create sa worker
create sa worker
create role runner --verb=get --resource=pods
create role runner --verb=get --resource=pods
create ns NAMESPACE
create sa worker -n NAMESPACE-missing
create -f misspelt.yaml
create -f misspelt.yaml --validate=warn
create -f empty-rules.yaml
create -f empty-binding.yaml
apply --server-side -f bad-label.yaml
create sa Worker_1
create role a/b --verb=get --resource=pods
create role a%b --verb=get --resource=pods
create ns Upper
create ns a.b
label sa worker 'bad key=x'
label sa worker a/b/c=x
label sa worker /x=y
label sa worker A_b/c=x
label sa worker c/=x
label sa worker aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=x
patch sa worker -p '{"metadata":{"labels":{"fine":"not fine"}}}'
patch sa worker -p '{"metadata":{"annotations":{"a/b/c":"x"}}}'
patch sa worker -p '{"metadata":{"annotations":{"c/":"x"}}}'
"#;

async fn it_is_refused_what_is_wrong(kubectl: &mut Kubectl) {
    kubectl.runs(REFUSALS).await;
    kubectl.has_printed("refusals");
}

const TOKENS: &str = "
create sa worker
create token worker --duration=1m
create token missing
create token worker --audience=one --audience=two --duration=20m -o yaml
";

async fn it_makes_tokens(kubectl: &mut Kubectl) {
    kubectl.runs(TOKENS).await;
    let line = "create token worker --audience=api://AzureADTokenExchange --duration=2h";
    let token = kubectl.run(line).await.stdout;
    kubectl.has_printed("tokens");
    let part = token.split('.').nth(1).unwrap();
    let claims: Value =
        serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap();
    assert_eq!(
        claims["aud"],
        serde_json::json!(["api://AzureADTokenExchange"])
    );
    let lifetime = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    assert_eq!(Duration::from_secs(lifetime), Duration::from_hours(2));
    let subject = format!("system:serviceaccount:{}:worker", kubectl.namespace());
    assert_eq!(claims["sub"], Value::from(subject));
}

const RIGHTS: &str = "
auth can-i create serviceaccounts
auth can-i create serviceaccounts/token
auth can-i get /healthz
auth can-i --list
auth whoami -o jsonpath={.status.userInfo.groups}
";

async fn it_asks_who_it_is_and_what_it_may_do(kubectl: &mut Kubectl) {
    kubectl.runs(RIGHTS).await;
    kubectl.has_printed("rights");
    let denied = kubectl.denied().await;
    assert_eq!(denied.stdout.trim(), "no");
    assert_eq!(denied.code, Some(1));
}

const KINDS: &str = "
version
api-resources --api-group=rbac.authorization.k8s.io
api-resources --namespaced=false --api-group=rbac.authorization.k8s.io -o name
";

async fn it_lists_kinds(kubectl: &mut Kubectl) {
    kubectl.runs(KINDS).await;
    kubectl.has_printed("kinds");
}

const DELETIONS: &str = r#"
create -f account.yaml
create -f role.yaml
create -f binding.yaml
wait --for=jsonpath={.metadata.name}=worker sa/worker --timeout=20s
delete sa worker
delete sa worker
delete sa worker --ignore-not-found
delete role,rolebinding --all
delete cm -l nothing=here
wait --for=delete sa/worker --timeout=20s
create -f held.yaml
delete sa held --timeout=2s
get sa held -o yaml
patch sa held --type=merge -p '{"metadata":{"finalizers":null}}'
get sa held
create ns NAMESPACE-made
create sa worker -n NAMESPACE-made
delete ns NAMESPACE-made
get ns NAMESPACE-made
get sa worker -n NAMESPACE-made
"#;

async fn it_deletes_and_waits(kubectl: &mut Kubectl) {
    kubectl.runs(DELETIONS).await;
    kubectl.has_printed("deletions");
}
