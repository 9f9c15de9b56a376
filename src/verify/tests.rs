//! Checks over evidence that no honest service gives.

use std::collections::BTreeMap;
use std::sync::Arc;

use semver::Version;

use crate::desired::derive;
use crate::desired::state::DesiredState;
use crate::model::guid::{ClientId, PrincipalId, RoleDefinitionId, TenantId};
use crate::model::kinds::federated_credential::{ClaimsExpression, LiveFederatedCredential};
use crate::model::kinds::identity::{LiveIdentity, Tags};
use crate::model::kinds::role_assignment::LiveRoleAssignment;
use crate::model::text::{ClusterName, Issuer};
use crate::observed::evidence::{
    Access, Document, Evidence, Exchanged, Issued, IssuerEvidence, Published, Review, Signature,
    TokenClaims, TokenEvidence,
};
use crate::observed::read::Read;
use crate::observed::state::{ManagedCluster, ObservedCluster, ObservedState};
use crate::profile;
use crate::profile::SourceFile;
use crate::profile::resolved::Cluster;
use crate::verify::checks::{cluster, credential, exchange, rights, token};
use crate::verify::scene::{Asking, Case, Chain, Scene};
use crate::verify::verdict::{Finding, Verdict};

const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
const SUBJECT: &str = "system:serviceaccount:web:app";
const AUDIENCE: &str = "api://AzureADTokenExchange";
const ISSUER: &str = "https://oidc.example.com/k/";
const GUID: &str = "00000000-0000-4000-8000-00000000000";

/// Everything that a scene is made of: one team with one account, and its identity as it is in Azure.
struct World {
    desired: DesiredState,
    observed: ObservedState,
    evidence: Evidence,
    asking: Asking,
}

impl World {
    fn new() -> Self {
        let text = r#"version = 1
estate = "checks"
[azure]
subscription = "00000000-0000-4000-8000-000000000001"
resource_group = "rg"
location = "westeurope"
[clusters.k]
resource_group = "rg-aks"
name = "aks-k"
[[team]]
name = "web"
owner = "a@example.com"
namespace = "web"
clusters = ["k"]
[[team.identity]]
name = "id-web"
roles = [{ role = "Reader", scope = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-data/providers/Microsoft.Storage/storageAccounts/web" }]
[[team.workload]]
service_account = "app"
"#;
        let file = SourceFile { path: "teams.toml".into(), text: text.as_bytes().to_vec() };
        let loaded = profile::load(&[file], &BTreeMap::new(), &Version::new(0, 1, 0)).unwrap();
        let desired = derive::derive(&loaded);
        let key = desired.identities.keys().next().unwrap().clone();
        let live = LiveIdentity {
            id: key.id().clone(),
            client_id: guid(2).parse::<ClientId>().unwrap(),
            principal_id: guid(3).parse::<PrincipalId>().unwrap(),
            tenant_id: guid(4).parse::<TenantId>().unwrap(),
            location: desired.identities[&key].location.clone(),
            tags: Tags::new(),
        };
        let mut observed = ObservedState::default();
        let identities = BTreeMap::from([(key.clone(), Arc::new(live))]);
        observed.identities.insert(key.id().subscription().unwrap(), Read::Facts(identities));
        observed.credentials.insert(key, Read::Facts(Vec::new()));
        let asking = Asking { exchanges: true, ..Asking::default() };
        let mut world = Self { desired, observed, evidence: Evidence::default(), asking };
        world.managed(true);
        world
    }

    /// What ARM says of the cluster.
    fn managed(&mut self, issuer_enabled: bool) {
        let managed = ManagedCluster {
            issuer_enabled,
            issuer: issuer_enabled.then(|| Issuer::from(ISSUER)),
            workload_identity: true,
        };
        let cluster = ObservedCluster {
            managed: Some(Read::Facts(Some(managed))),
            discovered_issuer: None,
            objects: None,
        };
        self.observed.clusters.insert("k".into(), cluster);
    }

    /// What the identity's credentials are: name, issuer, subject, audience.
    fn credentials(&mut self, rows: &[[&str; 4]]) {
        let live = rows.iter().map(|[name, issuer, subject, audience]| {
            Arc::new(LiveFederatedCredential {
                name: (*name).into(),
                issuer: (*issuer).into(),
                subject: Some((*subject).into()),
                expression: None,
                audiences: vec![(*audience).into()],
            })
        });
        let key = self.desired.identities.keys().next().unwrap().clone();
        self.observed.credentials.insert(key, Read::Facts(live.collect()));
    }

    fn token(&mut self, claims: TokenClaims, review: Review) {
        let key = self.scene().chains[0].token_key();
        let told = TokenEvidence {
            bound_to: None,
            issued: Read::Facts(Issued::Token(claims)),
            signature: Some(Signature::Valid),
            review: Some(Read::Facts(review)),
        };
        self.evidence.tokens.insert(key, told);
    }

    fn scene(&self) -> Scene<'_> {
        Scene::new(&self.desired, &self.observed, &self.evidence, &self.asking)
    }

    fn of_workload(&self, check: fn(&Case<'_, Chain<'_>>) -> Verdict) -> Verdict {
        let scene = self.scene();
        check(&Case { scene: &scene, subject: &scene.chains[0] })
    }
}

fn guid(last: u8) -> String {
    format!("{GUID}{last}")
}

fn honest() -> (TokenClaims, Review) {
    let claims = TokenClaims {
        issuer: ISSUER.into(),
        subject: SUBJECT.into(),
        audiences: vec![AUDIENCE.into()],
        lifetime: 600,
    };
    let review = Review {
        authenticated: true,
        user: Some(SUBJECT.into()),
        audiences: vec![AUDIENCE.into()],
        why: None,
    };
    (claims, review)
}

fn found(verdict: Verdict) -> String {
    let Verdict::Fail(Finding { found, .. }) = verdict else {
        panic!("{verdict:?}");
    };
    found
}

#[test]
fn a_token_about_somebody_or_for_somebody_else_fails() {
    let mut world = World::new();
    let with = |world: &mut World, change: fn(&mut TokenClaims)| {
        let (mut claims, review) = honest();
        change(&mut claims);
        world.token(claims, review);
        world.of_workload(token::claims)
    };
    assert_eq!(with(&mut world, |_| {}), Verdict::Pass);
    let other = with(&mut world, |claims| claims.subject = "system:serviceaccount:web:App".into());
    assert_eq!(found(other), "system:serviceaccount:web:App");
    let other = with(&mut world, |claims| claims.audiences.push("vault".into()));
    assert_eq!(found(other), format!("{AUDIENCE}, vault"));
    assert_eq!(found(with(&mut world, |claims| claims.lifetime = 86_401)), "86401 s");
}

#[test]
fn a_token_that_its_own_api_server_does_not_take_fails() {
    let mut world = World::new();
    let with = |world: &mut World, change: fn(&mut Review)| {
        let (claims, mut review) = honest();
        change(&mut review);
        world.token(claims, review);
        world.of_workload(token::review)
    };
    assert_eq!(with(&mut world, |_| {}), Verdict::Pass);
    let refused = with(&mut world, |review| {
        *review = Review { authenticated: false, why: Some("expired".into()), ..review.clone() };
    });
    assert_eq!(found(refused), "not taken: expired");
    let other = with(&mut world, |review| review.user = Some("system:anonymous".into()));
    assert!(found(other).contains("system:anonymous"));
    assert!(matches!(with(&mut world, |review| review.audiences.clear()), Verdict::Fail(_)));
}

#[test]
fn a_signature_is_good_or_is_said_not_to_be() {
    let mut world = World::new();
    let (claims, review) = honest();
    world.token(claims, review);
    for (signature, passes) in
        [(Signature::Valid, true), (Signature::NoKey, false), (Signature::Invalid, false)]
    {
        for token in world.evidence.tokens.values_mut() {
            token.signature = Some(signature);
        }
        assert_eq!(world.of_workload(token::signature) == Verdict::Pass, passes, "{signature:?}");
    }
}

#[test]
fn an_access_token_of_another_identity_fails() {
    let mut world = World::new();
    let key = {
        let scene = world.scene();
        Case { scene: &scene, subject: &scene.chains[0] }.exchange_key().unwrap()
    };
    let mut with = |tenant: u8, client: u8, principal: u8| {
        let id = |last| guid(last).parse().ok();
        let access = Access { tenant: id(tenant), client: id(client), principal: id(principal) };
        let said = Read::Facts(Exchanged::Granted(access));
        world.evidence.exchanges.insert(key.clone(), said);
        world.of_workload(exchange::identity)
    };
    assert_eq!(with(4, 2, 3), Verdict::Pass);
    assert_eq!(found(with(9, 2, 3)), format!("tid {}", guid(9)));
    assert_eq!(found(with(4, 9, 3)), format!("appid {}", guid(9)));
    assert_eq!(found(with(4, 2, 9)), format!("oid {}", guid(9)));
}

#[test]
fn the_credential_that_is_meant_is_the_nearest_one() {
    let mut world = World::new();
    let own = world.desired.credentials.keys().next().unwrap().name.clone();
    let other = "https://other.example.com/";
    let beside = "system:serviceaccount:web:apps";
    for (rows, exists, issuer, subject) in [
        // One that serves, under whatever name.
        (
            vec![["x", ISSUER, SUBJECT, AUDIENCE], [own.as_str(), other, SUBJECT, AUDIENCE]],
            true,
            "",
            "",
        ),
        // The one of the profile's name.
        (
            vec![["x", other, SUBJECT, AUDIENCE], [own.as_str(), "https://a/", SUBJECT, AUDIENCE]],
            true,
            "https://a/",
            "",
        ),
        // One whose subject differs in case alone.
        (
            vec![["x", ISSUER, "system:serviceaccount:web:App", AUDIENCE]],
            true,
            "",
            "system:serviceaccount:web:App",
        ),
        // One of equal issuer, audience and namespace.
        (vec![["x", ISSUER, beside, AUDIENCE]], true, "", beside),
        (vec![["x", other, beside, AUDIENCE]], false, "", ""),
        (vec![["x", ISSUER, "system:serviceaccount:mail:app", AUDIENCE]], false, "", ""),
        (vec![], false, "", ""),
    ] {
        world.credentials(&rows);
        let differs = |check: fn(&Case<'_, Chain<'_>>) -> Verdict| match world.of_workload(check) {
            Verdict::Fail(finding) => finding.found,
            Verdict::Pass | Verdict::PassBy(_) | Verdict::NotApplicable => String::new(),
            other @ (Verdict::Warn(_) | Verdict::Unknown { .. }) => panic!("{other:?}"),
        };
        assert_eq!(world.of_workload(credential::exists) == Verdict::Pass, exists, "{rows:?}");
        assert_eq!(differs(credential::issuer), issuer, "{rows:?}");
        assert_eq!(differs(credential::subject), subject, "{rows:?}");
    }
}

#[test]
fn trust_through_an_expression_is_a_finding_of_its_own() {
    let mut world = World::new();
    let text = "claims['sub'] matches 'system:serviceaccount:web:*'";
    let live = LiveFederatedCredential {
        name: "broad".into(),
        issuer: ISSUER.into(),
        subject: None,
        expression: Some(ClaimsExpression { text: text.into(), language: 1 }),
        audiences: vec![AUDIENCE.into()],
    };
    let key = world.desired.identities.keys().next().unwrap().clone();
    world.observed.credentials.insert(key, Read::Facts(vec![Arc::new(live)]));
    let Verdict::Warn(finding) = world.of_workload(credential::exists) else {
        panic!("{:?}", world.of_workload(credential::exists));
    };
    assert!(finding.found.contains(text), "{}", finding.found);
    assert_eq!(world.of_workload(credential::issuer), Verdict::NotApplicable);
}

#[test]
fn a_role_at_a_wider_scope_is_enough_and_another_condition_is_told() {
    let mut world = World::new();
    let key = world.desired.identities.keys().next().unwrap().clone();
    let scope = world.desired.role_assignments[0].scope.clone();
    let subscription = scope.subscription().unwrap();
    let root = crate::model::arm_id::ArmId::of_subscription(subscription);
    let mut with = |scope: &crate::model::arm_id::ArmId, principal: u8, condition: Option<&str>| {
        let live = LiveRoleAssignment {
            id: root.clone(),
            scope: scope.clone(),
            role: READER.parse::<RoleDefinitionId>().unwrap(),
            principal: guid(principal).parse().unwrap(),
            description: None,
            condition: condition.map(Into::into),
        };
        let read = Read::Facts(vec![Arc::new(live)]);
        world.observed.role_assignments.insert(root.clone(), read);
        let scene = world.scene();
        rights::roles(&Case { scene: &scene, subject: &key })
    };
    assert_eq!(with(&scope, 3, None), Verdict::Pass);
    assert_eq!(with(&root, 3, None), Verdict::Pass);
    assert_eq!(found(with(&scope, 9, None)), "no such assignment");
    assert!(matches!(with(&scope, 3, Some("only blobs")), Verdict::Warn(_)));
}

#[test]
fn an_issuer_is_one_in_the_document_in_the_token_and_in_azure() {
    let mut world = World::new();
    let name: ClusterName = "k".into();
    let (claims, review) = honest();
    world.token(claims, review);
    let with = |world: &mut World, document: &str, discovered: &str| {
        let document = Document { issuer: document.into(), keys_at: "".into() };
        let asked = Issuer::from(discovered);
        let document = Read::Facts(Published::Found(document));
        let told = IssuerEvidence { asked, document, keys: None };
        world.evidence.issuers.insert(name.clone(), told);
        let cluster = world.observed.clusters.get_mut(&name).unwrap();
        cluster.discovered_issuer = Some(Read::Facts(discovered.into()));
        let scene = world.scene();
        cluster::issuer(&Case { scene: &scene, subject: &name })
    };
    let bare = ISSUER.trim_end_matches('/');
    assert_eq!(with(&mut world, ISSUER, ISSUER), Verdict::Pass);
    assert_eq!(found(with(&mut world, bare, ISSUER)), bare);
    // The document and the cluster agree, and its tokens do not.
    assert_eq!(found(with(&mut world, bare, bare)), ISSUER);
    for token in world.evidence.tokens.values_mut() {
        let Read::Facts(Issued::Token(claims)) = &mut token.issued else { panic!("{token:?}") };
        claims.issuer = bare.into();
    }
    let Verdict::Warn(finding) = with(&mut world, bare, bare) else {
        panic!("{:?}", with(&mut world, bare, bare));
    };
    assert_eq!((finding.wanted.as_str(), finding.found.as_str()), (bare, ISSUER));
}

#[test]
fn documents_that_an_api_server_hides_name_the_command_that_publishes_them() {
    let mut world = World::new();
    let name: ClusterName = "k".into();
    let pinned =
        Cluster::Pinned { context: "onprem".into(), issuer: ISSUER.into(), token_audience: None };
    world.desired.clusters.insert(name.clone(), pinned);
    let mut with = |status| {
        let document = Read::Facts(Published::Else { status, why: "refused".into() });
        let told = IssuerEvidence { asked: ISSUER.into(), document, keys: None };
        world.evidence.issuers.insert(name.clone(), told);
        let scene = world.scene();
        cluster::discovery(&Case { scene: &scene, subject: &name })
    };
    let Verdict::Fail(Finding { fix: Some(fix), .. }) = with(Some(403)) else {
        panic!("{:?}", with(Some(403)));
    };
    assert_eq!(
        fix.join(" "),
        "kubectl create clusterrolebinding service-account-issuer-discovery-for-everybody \
         --clusterrole=system:service-account-issuer-discovery --group=system:unauthenticated --context onprem"
    );
    for status in [None, Some(404)] {
        assert!(matches!(with(status), Verdict::Fail(Finding { fix: None, .. })), "{status:?}");
    }
}

#[test]
fn an_issuer_that_is_not_enabled_names_the_command_that_enables_it() {
    let mut world = World::new();
    let name = "k".into();
    let run = |world: &World| {
        let scene = world.scene();
        cluster::issuer_enabled(&Case { scene: &scene, subject: &name })
    };
    assert_eq!(run(&world), Verdict::Pass);
    world.managed(false);
    let Verdict::Fail(Finding { fix: Some(fix), .. }) = run(&world) else {
        panic!("{:?}", run(&world));
    };
    assert_eq!(fix[..4], ["az", "aks", "update", "--enable-oidc-issuer"]);
}
