//! Failures of every kind, for every service, with and without what an adapter knows of them.

use std::time::Duration;

use widctl::ports::error::{PortError, PortErrorKind, Service};
use widctl::ports::place::{
    AzurePlace, ClusterPlace, ConnectionPlace, Fault, KubeconfigPlace, Origin, Place, Policy,
    Symptom,
};
use widctl::ports::remedy::catalogue;
use widctl::ports::tls::Handshake;

/// The names that commands are about.
pub(super) struct Names {
    pub(super) group: String,
    pub(super) context: String,
    pub(super) namespace: String,
    pub(super) webhook: String,
    pub(super) scope: String,
    pub(super) caller: String,
    pub(super) claims: String,
    pub(super) assignment: String,
}

/// A failure under the name that the page gives it.
pub(super) type Case = (String, PortError);

const SUBSCRIPTION: &str = "12345678-1234-5678-9012-123456789012";
const ACTION: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/write";

/// Every kind of failure.
pub(super) fn kinds() -> Vec<PortErrorKind> {
    use PortErrorKind as Kind;
    vec![
        Kind::Unauthenticated,
        Kind::Refused { action: None, scope: None },
        Kind::Refused { action: Some("patch roles".into()), scope: Some("namespace a".into()) },
        Kind::Forbidden,
        Kind::NotFound,
        Kind::ParentNotFound,
        Kind::PrincipalNotFound,
        Kind::RoleAssignmentExists,
        Kind::PairTaken,
        Kind::ConcurrentWrite,
        Kind::Conflict { managers: Vec::new() },
        Kind::Conflict { managers: vec!["argocd".into(), "helm".into()] },
        Kind::Throttled,
        Kind::Invalid,
        Kind::ServiceFault,
        Kind::Unreachable,
        Kind::AnswerLost,
        Kind::TimedOut,
        Kind::Malformed,
        Kind::ForeignOrigin,
        Kind::Bug,
    ]
}

fn case(name: String, kind: PortErrorKind, service: Service, place: Option<Place>) -> Case {
    let mut error = PortError::new(kind, service, "try");
    error.place = place.map(Box::new);
    (name, error)
}

/// Failures of which nothing is known but kind and service.
pub(super) fn bare() -> Vec<Case> {
    let services = [
        Service::Arm,
        Service::Entra,
        cluster(),
        Service::Issuer,
        Service::Local("the plugin".into()),
    ];
    let of_kind = |kind: PortErrorKind| {
        services
            .clone()
            .map(|service| case(format!("{kind:?}, {service}"), kind.clone(), service, None))
    };
    kinds().into_iter().flat_map(of_kind).collect()
}

fn cluster() -> Service {
    Service::Cluster("weu".into())
}

fn azure_place(names: &Names) -> AzurePlace {
    AzurePlace {
        path: format!(
            "/subscriptions/{SUBSCRIPTION}/resourceGroups/{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-a/federatedIdentityCredentials/fic",
            names.group
        ),
        caller: Some(names.caller.clone()),
        tenant: "72f988bf-86f1-41af-91ab-2d7cd011db47".parse().ok(),
        claims: Some(names.claims.clone()),
        policies: vec![Policy {
            definition: Some("No identities".into()),
            assignment: Some("deny".into()),
            assignment_id: Some(names.assignment.clone()),
        }],
        ..AzurePlace::default()
    }
}

/// An answer of ARM with a code.
fn azure(names: &Names, code: &str, change: impl Fn(&mut AzurePlace)) -> Case {
    let mut place = azure_place(names);
    change(&mut place);
    let kind = match code {
        "AuthorizationFailed" | "LinkedAuthorizationFailed" => {
            PortErrorKind::Refused { action: Some(ACTION.into()), scope: Some(names.scope.clone()) }
        }
        "SomethingNew" => PortErrorKind::Refused { action: None, scope: None },
        "insufficient_claims" => PortErrorKind::Unauthenticated,
        "Conflict" => PortErrorKind::PairTaken,
        _ => PortErrorKind::Invalid,
    };
    let place = Some(Place::Azure(place));
    let (name, mut error) = case(code.to_owned(), kind, Service::Arm, place);
    error.code = Some(code.to_owned());
    error.correlation_id = Some("run-1".into());
    (name, error)
}

/// Answers of ARM by code, those that are not about a code alone, and one that nobody knows.
pub(super) fn of_azure(names: &Names) -> Vec<Case> {
    let codes = catalogue::all().map(|row| row.code).filter(|code| !code.starts_with("AADSTS"));
    let mut cases: Vec<Case> = codes.map(|code| azure(names, code, |_| {})).collect();
    let called = |name: &str, (_, error): Case| (name.to_owned(), error);
    cases.push(called(
        "a missing right of which the caller is not named",
        azure(names, "AuthorizationFailed", |place| place.caller = None),
    ));
    cases.push(called(
        "a condition",
        azure(names, "AuthorizationFailed", |place| place.conditional = true),
    ));
    cases.push(called(
        "a policy that is not named",
        azure(names, "RequestDisallowedByPolicy", |place| place.policies.clear()),
    ));
    cases.push(called(
        "multi-factor authentication",
        azure(names, "RequestDisallowedByPolicy", |place| place.wants_mfa = true),
    ));
    cases.push(called(
        "multi-factor authentication without a challenge",
        azure(names, "RequestDisallowedByPolicy", |place| {
            place.wants_mfa = true;
            place.claims = None;
            place.tenant = None;
        }),
    ));
    cases.push(called(
        "a lock, on a deletion",
        azure(names, "ScopeLocked", |place| place.deletes = true),
    ));
    cases.push(azure(names, "SomethingNew", |_| {}));
    cases
}

fn cluster_place(names: &Names, symptom: Option<Symptom>, own_sign_in: bool) -> Place {
    Place::Cluster(ClusterPlace {
        credentials: "context `x` of the kubeconfig `~/.kube/config` (https://api/)".into(),
        context: (!own_sign_in).then(|| names.context.clone()),
        own_sign_in,
        verb: "patch".into(),
        group: String::new(),
        resource: "serviceaccounts".into(),
        namespace: Some("data".into()),
        symptom,
    })
}

/// Failures of API servers: by kind, and by what an answer says.
pub(super) fn of_clusters(names: &Names) -> Vec<Case> {
    let of_kind = |kind: PortErrorKind| {
        let place = Some(cluster_place(names, None, false));
        case(format!("{kind:?}"), kind, cluster(), place)
    };
    let mut cases: Vec<Case> = kinds().into_iter().map(of_kind).collect();
    let webhook = |service: bool| Symptom::Webhook {
        name: names.webhook.clone(),
        service: service.then(|| (names.namespace.clone(), names.webhook.clone())),
    };
    let symptoms = [
        (Symptom::NoAnswerFor(Duration::from_mins(1)), ""),
        (Symptom::Strange, ""),
        (Symptom::Terminating, ""),
        (Symptom::Anonymous, ""),
        (Symptom::Unaskable, ""),
        (webhook(false), "context deadline exceeded"),
        (webhook(true), "context deadline exceeded"),
        (webhook(true), "no endpoints available for service"),
        (webhook(true), "x509: certificate signed by unknown authority"),
    ];
    for (symptom, message) in symptoms {
        for own_sign_in in [false, true] {
            let name = format!("{symptom:?} {message} {}", if own_sign_in { "AKS" } else { "" });
            let place = Some(cluster_place(names, Some(symptom.clone()), own_sign_in));
            let (name, mut error) = case(name, PortErrorKind::ServiceFault, cluster(), place);
            error.message = Some(message.to_owned());
            cases.push((name, error));
        }
    }
    let changed = PortErrorKind::Conflict { managers: Vec::new() };
    cases.push(case("Changed".into(), changed, cluster(), Some(Place::Changed)));
    let place = Place::NoCluster { cluster: "weu".into(), id: names.scope.clone() };
    let kind = PortErrorKind::NotFound;
    cases.push(case("NoCluster".into(), kind, Service::Arm, Some(place)));
    cases
}

/// All that is wrong with kubeconfigs.
fn faults() -> Vec<Fault> {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let install_hint = |hint: Option<&str>| Fault::NotStarted {
        program: "aws".into(),
        install_hint: hint.map(str::to_owned),
    };
    vec![
        Fault::Unnamed,
        Fault::NoFile,
        Fault::Empty,
        Fault::NoContext(Vec::new()),
        Fault::NoContext(names(&["onprem-admin", "x"])),
        Fault::NoContext(names(&["1", "2", "3", "4", "5", "6", "7"])),
        Fault::Irregular,
        Fault::TooLarge,
        Fault::Unparsed,
        Fault::Unreadable,
        Fault::Mismatched,
        Fault::Incomplete,
        Fault::OfCluster("--server https://HOST:PORT"),
        Fault::OfUser("--token TOKEN"),
        Fault::OfContext("--user NAME"),
        Fault::Contradiction,
        Fault::AuthProvider,
        Fault::IrregularPart,
        Fault::TokenFile,
        Fault::CredentialsInUrl,
        Fault::ProxyOfEnvironment,
        Fault::ProxySignIn,
        Fault::Refused,
        Fault::OtherAudience,
        Fault::ForeignAudience { asked: "api://\"a\"".into(), usual: "6dae42f8" },
        install_hint(None),
        install_hint(Some("get it from example.com")),
        Fault::SignIn,
    ]
}

/// Kubeconfigs that make no connection: the user's own, and what Azure answered.
pub(super) fn of_kubeconfigs(names: &Names) -> Vec<Case> {
    let origin = Origin::Context {
        context: names.context.clone(),
        cluster: names.namespace.clone(),
        user: names.caller.clone(),
    };
    let of = |origin: &Origin, of: &str| {
        let cases = faults().into_iter().map(|fault| {
            let name = format!("{fault:?}{of}");
            let place = KubeconfigPlace { cluster: "weu".into(), origin: origin.clone(), fault };
            let service = Service::Local("the kubeconfig".into());
            case(name, PortErrorKind::Invalid, service, Some(Place::Kubeconfig(place)))
        });
        cases.collect::<Vec<_>>()
    };
    [of(&origin, ""), of(&Origin::Aks, ", AKS")].into_iter().flatten().collect()
}

/// Connections that were not made, by both sides' TLS story, and sign-ins.
pub(super) fn of_connections(names: &Names) -> Vec<Case> {
    let mut cases = Vec::new();
    let handshakes = [
        Handshake::Expired,
        Handshake::NotYetValid,
        Handshake::OtherName,
        Handshake::Untrusted,
        Handshake::ClientCertificate,
        Handshake::Protocol,
    ];
    let kind = PortErrorKind::Unreachable;
    for handshake in handshakes.into_iter().map(Some).chain([None]) {
        for has_ca_file in [false, true] {
            let place = Place::Connection(ConnectionPlace {
                host: "management.azure.com".into(),
                own_port: None,
                proxy: has_ca_file.then(|| "http://proxy:3128".into()),
                has_ca_file,
                handshake,
            });
            let name = format!("{handshake:?}, Azure, ca_file {has_ca_file}");
            cases.push(case(name, kind.clone(), Service::Arm, Some(place)));
        }
        let Some(handshake) = handshake else { continue };
        let place = Some(cluster_place(names, Some(Symptom::Handshake(handshake)), false));
        cases.push(case(format!("{handshake:?}, cluster"), kind.clone(), cluster(), place));
    }
    let codes = catalogue::all().map(|row| row.code).filter(|code| code.starts_with("AADSTS"));
    for code in codes.chain(["AADSTS1"]) {
        let place = Some(Place::SignIn(Some("azure-cli")));
        let kind = PortErrorKind::Unauthenticated;
        let (name, mut error) = case(code.to_owned(), kind, Service::Entra, place);
        error.code = Some(code.to_owned());
        cases.push((name, error));
    }
    let place = Some(Place::SignIn(Some("azure-cli")));
    cases.push(case("TimedOut, sign-in".into(), PortErrorKind::TimedOut, Service::Entra, place));
    let place = Some(Place::SignIn(None));
    let kind = PortErrorKind::Unauthenticated;
    cases.push(case("any sign-in".into(), kind, Service::Entra, place));
    cases
}
