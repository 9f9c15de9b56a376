//! Services and their callers: which accounts are meant, and what the root file grants.

use std::fmt::Write;

use widctl::profile::resolved::{Profile, Service};

use super::{codes, load_text};
use crate::profile::SourceFile;

const ROOT: &str = r#"
version = 1
estate = "e"
[azure]
subscription = "00000000-0000-4000-8000-000000000001"
resource_group = "rg"
location = "westeurope"
[clusters.weu]
resource_group = "rg-aks"
name = "aks"
[clusters.neu]
context = "neu"
issuer = "https://oidc.example.com/neu"
"#;

/// A team with an account on some clusters.
fn team(name: &str, clusters: &str, account: &str) -> String {
    format!(
        r#"
[[team]]
name = "{name}"
namespace = "{name}"
clusters = {clusters}
[[team.identity]]
name = "id-{name}"
[[team.workload]]
service_account = "{account}"
"#
    )
}

fn service(callers: &str) -> String {
    format!(
        r#"
[[team.service]]
name = "prices"
audience = "prices.data"
account = "prices"
callers = {callers}
"#
    )
}

fn only(profile: &Profile) -> &Service {
    let mut services = profile.teams.iter().flat_map(|team| &team.services);
    let only = services.next().expect("there is a service");
    assert!(services.next().is_none());
    only
}

#[test]
fn a_service_has_the_clusters_of_its_account_and_each_caller_those_that_they_share() {
    let data = team("data", r#"["weu", "neu"]"#, "prices");
    let next = "[[team.workload]]\nservice_account = \"frontend\"\nnamespace = \"web-next\"\n";
    let web = team("web", r#"["weu"]"#, "frontend");
    let callers = r#"["data/prices", "web/web-next/frontend"]"#;
    let text = [ROOT, &data, &service(callers), &web, next].concat();
    let profile = load_text(&text).unwrap();
    let service = only(&profile);
    let names = |clusters: &[widctl::model::text::ClusterName]| {
        clusters.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(names(&service.clusters), ["neu", "weu"]);
    assert_eq!(service.account.subject().as_str(), "system:serviceaccount:data:prices");
    let [own, other] = &*service.callers else { panic!("{service:?}") };
    assert_eq!((own.to_string(), names(&own.clusters).len()), ("data/data/prices".into(), 2));
    assert_eq!(other.to_string(), "web/web-next/frontend");
    assert_eq!(names(&other.clusters), ["weu"]);
}

#[test]
fn the_root_file_grants_callers_of_other_teams_to_all_teams_or_to_one() {
    let web = team("web", r#"["weu"]"#, "frontend");
    let data = [team("data", r#"["weu"]"#, "prices"), service(r#"["web/frontend"]"#)].concat();
    let load = |policy: &str| {
        let root = [ROOT, policy, &web].concat();
        let files = [("widctl.toml", root), ("data.toml", data.clone())];
        let files = files.map(|(path, text)| SourceFile { path: path.into(), text: text.into() });
        match super::load(&files) {
            Ok(_) => Vec::new(),
            Err(errors) => codes(&errors),
        }
    };
    let refused = ["WID-GRANT-CALLER"];
    assert_eq!(load(""), refused);
    assert_eq!(load("[policy.grants]\ncallers = [\"web/web/front\"]\n"), refused);
    assert_eq!(load("[policy.grants.teams.other]\ncallers = [\"*\"]\n"), refused);
    for granted in [
        "[policy.grants]\ncallers = [\"web/*\"]\n",
        "[policy.grants.teams.data]\ncallers = [\"web/web/frontend\"]\n",
    ] {
        assert_eq!(load(granted), [""; 0], "{granted}");
    }
}

/// A hundred clusters, and a service of twenty callers on all of them for each of so many names.
fn pairs(services: usize) -> String {
    let clusters: Vec<String> = (0..100).map(|number| format!("c{number}")).collect();
    let mut text = ROOT.split_once("[clusters.weu]").map_or(ROOT, |(head, _)| head).to_owned();
    for name in &clusters {
        write!(
            text,
            "[clusters.{name}]\ncontext = \"{name}\"\nissuer = \"https://{name}.example.com/\"\n"
        )
        .expect("a text takes it");
    }
    write!(text, "[[team]]\nname = \"data\"\nnamespace = \"data\"\nclusters = {clusters:?}\n")
        .expect("a text takes it");
    for identity in ["id-callers", "id-prices"] {
        write!(text, "[[team.identity]]\nname = \"{identity}\"\nper_cluster = true\n")
            .expect("a text takes it");
    }
    let mut workload = |account: &str, identity: &str| {
        write!(
            text,
            "[[team.workload]]\nservice_account = \"{account}\"\nidentity = \"{identity}\"\n"
        )
        .expect("a text takes it");
    };
    workload("prices", "id-prices");
    let callers: Vec<String> = (0..20).map(|number| format!("caller-{number}")).collect();
    for caller in &callers {
        workload(caller, "id-callers");
    }
    let callers: Vec<String> = callers.iter().map(|name| format!("data/{name}")).collect();
    for number in 0..services {
        text += &service(&format!("{callers:?}"))
            .replace("name = \"prices\"", &format!("name = \"prices-{number}\""))
            .replace("prices.data", &format!("prices-{number}.data"));
    }
    text
}

#[test]
fn services_have_a_hundred_thousand_pairs_of_a_caller_and_a_cluster_and_no_more() {
    let most = load_text(&pairs(50)).unwrap();
    let services = most.teams.iter().flat_map(|team| &team.services);
    let callers = services.flat_map(|service| &service.callers);
    assert_eq!(callers.map(|caller| caller.clusters.len()).sum::<usize>(), 100_000);
    let errors = load_text(&pairs(51)).unwrap_err();
    assert_eq!(codes(&errors), ["WID-TOO-LARGE"]);
    let said = errors.iter().next().unwrap().to_string();
    assert_eq!(said, "up to here, services have more than 100000 pairs of a caller and a cluster");
}
