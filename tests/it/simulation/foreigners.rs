//! Other people who write to the same subscriptions and clusters: what is theirs must stay as it is.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Request, StatusCode};
use fastrand::Rng;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use widctl::model::kinds::federated_credential::CREDENTIALS_PER_IDENTITY;
use widctl::model::kinds::service_account::ANNOTATION_CLIENT_ID;
use widctl::sandbox::{PRINCIPAL_CLIENT_ID, STATIC_TOKEN, World, router};

use super::scenario::SUBSCRIPTION;
use super::strangers;

/// Where something of theirs stands.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Place {
    /// An ARM document, by its path.
    Document(String),
    /// An object of a cluster, by `group/plural/namespace/name`.
    Object(String, String),
    /// A label or an annotation, by its map and key, on an object of a cluster that may come and go.
    Field(String, String, [&'static str; 2]),
}

/// One write of somebody else.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) body: Value,
    /// The field manager on a cluster.
    pub(super) manager: &'static str,
    /// What is theirs from now on.
    pub(super) place: Option<Place>,
}

/// Everything that is somebody else's, as it has to be.
pub(super) struct Foreigners {
    pub(super) world: World,
    pub(super) theirs: BTreeMap<Place, Value>,
    pub(super) count: usize,
}

/// A subscription of theirs that no profile here names and that the caller sees.
pub(super) const ELSEWHERE: &str = "ffffffff-0000-4000-8000-000000000001";
/// The manager of what people write by hand.
pub(super) const BY_HAND: &str = "kubectl-edit";
/// A built-in role that no profile here names.
const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";
/// The number of the role that their own identity has.
const SETTLED: usize = 1;

/// The annotation that people leave on accounts of the estate.
const NOTE: [&str; 2] = ["annotations", "example.com/note"];

impl Foreigners {
    /// People with an identity and its role, and an account and its rights, of their own.
    pub(super) async fn new(world: &World) -> Self {
        world.grow_identity(SUBSCRIPTION, "rg-wi", "id-theirs", "westeurope");
        world.grow_identity(ELSEWHERE, "rg-wi", "id-elsewhere", "westeurope");
        let mut theirs = BTreeMap::new();
        let elsewhere = identity_path("id-elsewhere").replace(SUBSCRIPTION, ELSEWHERE);
        for path in [identity_path("id-theirs"), elsewhere] {
            let identity = Place::Document(path);
            theirs.insert(identity.clone(), see(world, &identity));
        }
        for cluster in clusters(world) {
            world.grow_namespace(&cluster, "team-0");
            world.grow_service_account(&cluster, "team-0", "theirs");
            let account = Place::Object(cluster, "/serviceaccounts/team-0/theirs".into());
            theirs.insert(account.clone(), see(world, &account));
        }
        let mut people = Self { world: world.clone(), theirs, count: 0 };
        let mut settled = vec![role(world, &identity_path("id-theirs"), SETTLED)];
        settled.extend(clusters(world).iter().flat_map(|cluster| rights(cluster)));
        for work in settled {
            let done = work.carry_out(world).await;
            assert!(done, "{work:?}");
            people.learn(&work, done);
        }
        people
    }

    /// What fills every identity of the estate up to so many credentials of theirs, as far as there is room.
    pub(super) fn crowd(&mut self, most: usize) -> Vec<Work> {
        let mut works = Vec::new();
        for identity in self.documents("userassignedidentities") {
            let held = credentials(&self.world, &identity);
            let theirs = held.iter().filter(|path| is_theirs(path)).count();
            let room = CREDENTIALS_PER_IDENTITY.saturating_sub(held.len());
            for _ in 0..most.saturating_sub(theirs).min(room) {
                self.count += 1;
                works.push(self.new_credential(&identity));
            }
        }
        works
    }

    /// What gives credentials of theirs up, so that an identity holds at most so many.
    pub(super) fn make_room(&self, most: usize) -> Vec<Work> {
        let identities = self.documents("userassignedidentities").into_iter();
        let works = identities.flat_map(|identity| {
            let held = credentials(&self.world, &identity).into_iter();
            held.filter(|path| is_theirs(path)).skip(most)
        });
        works.map(deletion).collect()
    }

    /// The paths of the estate's documents of a kind in the profile's subscription.
    fn documents(&self, kind: &str) -> Vec<String> {
        let mut paths = self.world.resource_paths(&format!("/subscriptions/{SUBSCRIPTION}/"));
        paths.retain(|path| {
            path.split('/').rev().nth(1) == Some(kind)
                && !is_theirs(path)
                && !self.theirs.contains_key(&Place::Document(path.clone()))
        });
        paths
    }

    fn new_credential(&self, identity: &str) -> Work {
        let path = format!("{identity}/federatedIdentityCredentials/theirs-{}", self.count);
        let subject = format!("repo:theirs:{}", self.count);
        Work {
            method: "PUT",
            manager: BY_HAND,
            place: Some(Place::Document(path.to_lowercase())),
            body: credential("https://token.actions.githubusercontent.com", &subject),
            path,
        }
    }

    /// What of theirs is not as they left it.
    pub(super) fn wronged(&mut self) -> Vec<String> {
        let mut wrongs = Vec::new();
        let world = &self.world;
        self.theirs.retain(|place, value| {
            let seen = see(world, place);
            if seen == *value {
                return true;
            }
            let is_gone_with_its_account = matches!(place, Place::Field(..)) && seen == "gone";
            if !is_gone_with_its_account {
                wrongs.push(format!("{place:?} is {seen} and was {value}"));
            }
            false
        });
        wrongs
    }

    /// The next thing that somebody does, if there is something to do it to.
    pub(super) fn choose(&mut self, rng: &mut Rng) -> Vec<Work> {
        self.count += 1;
        match rng.u32(0..14) {
            0 | 1 => self.copy(rng),
            2 | 3 => self.declare(rng),
            _ => self.by_hand(rng).into_iter().collect(),
        }
    }

    /// What somebody does by hand.
    fn by_hand(&mut self, rng: &mut Rng) -> Option<Work> {
        let documents = |kind: &str| self.documents(kind);
        let ours = strangers::ours(&self.world).into_iter();
        let ours = ours.map(|object| (object.cluster, object.path));
        let accounts: Vec<_> =
            ours.filter(|(_, path)| path.starts_with("/serviceaccounts/")).collect();
        match rng.u32(0..10) {
            0 => {
                let mut identities = documents("userassignedidentities");
                identities.retain(|identity| {
                    credentials(&self.world, identity).len() < CREDENTIALS_PER_IDENTITY
                });
                Some(self.new_credential(&rng.choice(identities)?))
            }
            1 | 2 => {
                let path = rng.choice(documents("federatedidentitycredentials"))?;
                Some(if rng.bool() { self.edited_credential(path) } else { deletion(path) })
            }
            3 => {
                let path = rng.choice(documents("roleassignments"))?;
                Some(deletion(path))
            }
            4 => {
                let identities = documents("userassignedidentities");
                let path = rng.choice(identities)?;
                self.give_up_inside(&path);
                Some(deletion(path))
            }
            5 => {
                let (cluster, path) = rng.choice(accounts)?;
                Some(deletion(object_path(&cluster, &path)))
            }
            6 => {
                let (cluster, path) = rng.choice(accounts)?;
                let note = json!({ ANNOTATION_CLIENT_ID: "by hand" });
                Some(annotation(&cluster, &path, &note, None))
            }
            7 => {
                let identity = rng.choice(documents("userassignedidentities"))?;
                Some(role(&self.world, &identity, SETTLED + self.count))
            }
            8 => {
                let (cluster, path) = rng.choice(accounts)?;
                let note = json!({ NOTE[1]: format!("note {}", self.count) });
                let place = Place::Field(cluster.clone(), path.clone(), NOTE);
                Some(annotation(&cluster, &path, &note, Some(place)))
            }
            _ => {
                let cluster = rng.choice(clusters(&self.world))?;
                let path = "/serviceaccounts/team-0/theirs";
                let note = json!({ NOTE[1]: format!("note {}", self.count) });
                let place = Place::Object(cluster.clone(), path.into());
                Some(annotation(&cluster, path, &note, Some(place)))
            }
        }
    }

    fn edited_credential(&self, path: String) -> Work {
        let subject = format!("system:serviceaccount:edited:{}", self.count);
        Work {
            method: "PUT",
            path,
            body: credential("https://edited.example.com/", &subject),
            manager: BY_HAND,
            place: None,
        }
    }

    /// Whoever deletes an identity deletes its credentials, their own as well.
    fn give_up_inside(&mut self, path: &str) {
        let inside = format!("{path}/");
        self.theirs.retain(
            |place, _| !matches!(place, Place::Document(theirs) if theirs.starts_with(&inside)),
        );
    }

    /// Takes note of what a write has made theirs.
    pub(super) fn learn(&mut self, work: &Work, done: bool) {
        if work.method == "DELETE" {
            self.give_up_inside(&work.path);
            self.theirs.retain(|place, _| place.api_path() != work.path);
        } else if work.place.is_none() && done {
            // What somebody writes over is no tool's any more.
            let world = &self.world;
            self.theirs.retain(|place, value| {
                place.api_path() != work.path || see(world, place) == *value
            });
        }
        if let (Some(place), true) = (&work.place, done) {
            let seen = see(&self.world, place);
            // Somebody may have deleted it meanwhile, with the identity that it was on.
            if seen != "gone" {
                self.theirs.insert(place.clone(), seen);
            }
        }
    }
}

impl Work {
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Does it, past the interference; answers whether the service took it.
    pub(super) async fn carry_out(&self, world: &World) -> bool {
        let is_arm = self.path.starts_with("/subscriptions");
        let token = if is_arm { token(world).await } else { STATIC_TOKEN.to_owned() };
        let content_type = match (self.method, is_arm) {
            ("PATCH", false) if self.body["kind"].is_string() => "application/apply-patch+yaml",
            ("PATCH", false) => "application/merge-patch+json",
            _ => "application/json",
        };
        let version =
            if self.path.contains("oleassignments") { "2022-04-01" } else { "2023-01-31" };
        let query = if is_arm {
            format!("?api-version={version}")
        } else {
            format!("?fieldManager={}", self.manager)
        };
        let request = Request::builder()
            .method(self.method)
            .uri(format!("http://127.0.0.1:7080{}{query}", self.path))
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, content_type);
        let body =
            if self.body.is_null() { Body::empty() } else { Body::from(self.body.to_string()) };
        let answer = router(world.clone()).oneshot(request.body(body).unwrap()).await;
        let status = answer.unwrap_or_else(|never| match never {}).status();
        assert_ne!(status, StatusCode::UNAUTHORIZED, "{self:?}");
        // A run may have taken the last room on the identity meanwhile, or its principal not be known yet.
        let is_new = matches!(self.place, Some(Place::Document(_)));
        assert!(status != StatusCode::BAD_REQUEST || is_new, "{self:?}");
        status.is_success()
    }
}

/// The credentials of an identity, by path.
pub(super) fn credentials(world: &World, identity: &str) -> Vec<String> {
    world.resource_paths(&format!("{identity}/federatedidentitycredentials/"))
}

/// Whether a document is somebody else's by its name.
pub(super) fn is_theirs(path: &str) -> bool {
    path.contains("theirs")
}

/// A role that somebody gives an identity by hand.
fn role(world: &World, identity: &str, number: usize) -> Work {
    let principal = world.resource(identity).unwrap()["properties"]["principalId"].clone();
    let path = format!(
        "/subscriptions/{SUBSCRIPTION}/resourcegroups/rg-wi/providers/microsoft.authorization/roleassignments/\
         00000000-0000-4000-9000-{number:012}"
    );
    let definition = format!(
        "/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{CONTRIBUTOR}"
    );
    Work {
        method: "PUT",
        manager: BY_HAND,
        body: json!({ "properties": {
            "roleDefinitionId": definition, "principalId": principal, "principalType": "ServicePrincipal",
        } }),
        place: Some(Place::Document(path.clone())),
        path,
    }
}

/// The rights of their account in a cluster: a role and its binding.
fn rights(cluster: &str) -> [Work; 2] {
    const GROUP: &str = "rbac.authorization.k8s.io";
    let work = |plural: &str, body: Value| Work {
        method: "PATCH",
        path: format!("/clusters/{cluster}/apis/{GROUP}/v1/namespaces/team-0/{plural}/theirs"),
        body,
        manager: BY_HAND,
        place: Some(Place::Object(cluster.to_owned(), format!("{GROUP}/{plural}/team-0/theirs"))),
    };
    let metadata = json!({ "name": "theirs", "namespace": "team-0" });
    let version = format!("{GROUP}/v1");
    [
        work(
            "roles",
            json!({
                "apiVersion": version, "kind": "Role", "metadata": metadata,
                "rules": [{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] }],
            }),
        ),
        work(
            "rolebindings",
            json!({
                "apiVersion": version, "kind": "RoleBinding", "metadata": metadata,
                "roleRef": { "apiGroup": GROUP, "kind": "Role", "name": "theirs" },
                "subjects": [{ "kind": "ServiceAccount", "name": "theirs", "namespace": "team-0" }],
            }),
        ),
    ]
}

pub(super) fn deletion(path: String) -> Work {
    Work { method: "DELETE", path, body: Value::Null, manager: BY_HAND, place: None }
}

fn annotation(cluster: &str, path: &str, annotations: &Value, place: Option<Place>) -> Work {
    Work {
        method: "PATCH",
        path: object_path(cluster, path),
        body: json!({ "metadata": { "annotations": annotations } }),
        manager: BY_HAND,
        place,
    }
}

pub(super) fn credential(issuer: &str, subject: &str) -> Value {
    json!({ "properties": {
        "issuer": issuer, "subject": subject, "audiences": ["api://AzureADTokenExchange"],
    } })
}

pub(super) fn identity_path(name: &str) -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourcegroups/rg-wi/providers/microsoft.managedidentity/\
         userassignedidentities/{name}"
    )
}

/// The path of the API for `GROUP/PLURAL/NAMESPACE/NAME`.
pub(super) fn object_path(cluster: &str, path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    let [group, plural, namespace, name] = parts[..] else {
        panic!("{path}");
    };
    let api = if group.is_empty() { "api/v1".to_owned() } else { format!("apis/{group}/v1") };
    let inside =
        if namespace.is_empty() { String::new() } else { format!("namespaces/{namespace}/") };
    format!("/clusters/{cluster}/{api}/{inside}{plural}/{name}")
}

impl Place {
    /// The path of the service for it.
    fn api_path(&self) -> String {
        match self {
            Self::Document(path) => path.clone(),
            Self::Object(cluster, path) | Self::Field(cluster, path, _) => {
                object_path(cluster, path)
            }
        }
    }
}

pub(super) fn clusters(world: &World) -> Vec<String> {
    world.clusters().into_iter().map(|(_, key)| key).collect()
}

/// What stands somewhere, without what the services write themselves.
pub(super) fn see(world: &World, place: &Place) -> Value {
    let found = match place {
        Place::Document(path) => world.resource(path),
        Place::Object(cluster, path) | Place::Field(cluster, path, _) => {
            world.object(cluster, path)
        }
    };
    let Some(found) = found else {
        return "gone".into();
    };
    match place {
        Place::Field(_, _, [map, key]) => found["metadata"][*map][*key].clone(),
        Place::Document(_) | Place::Object(..) => found,
    }
}

pub(super) async fn token(world: &World) -> String {
    let form = format!(
        "grant_type=client_credentials&client_id={PRINCIPAL_CLIENT_ID}&client_secret=theirs&scope=\
         https%3A%2F%2Fmanagement.azure.com%2F.default"
    );
    let request =
        Request::post(format!("http://127.0.0.1:7080/{}/oauth2/v2.0/token", world.tenant()))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form))
            .unwrap();
    let answer = router(world.clone()).oneshot(request).await;
    let answer = answer.unwrap_or_else(|never| match never {});
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}
