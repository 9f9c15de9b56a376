//! The commented starters that `init` writes. Each loads without an error as it is.

use std::collections::BTreeMap;

use super::findings::Findings;
use super::merge::claims::{Claim, Granted, TeamNames, Verdict};
use super::merge::policy::Policy;
use super::read::Parse;
use super::read::names::IdentityName;
use super::source::Span;
use super::{SourceFile, Values, files, syntax};
use crate::model::text::{Estate, Namespace, TeamName};

const ROOT: &str = include_str!("starter_root.toml");
const TEAM: &str = include_str!("starter_team.toml");
/// Stands for the estate in the root's starter.
const ESTATE: &str = "my-estate";
/// Stands for the team in the team's starter.
const TEAM_NAME: &str = "my-team";

/// Why a starter cannot be written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{what}: {hint}")]
pub struct NoStarter {
    /// What is wrong.
    pub what: String,
    /// What fixes it.
    pub hint: String,
}

impl NoStarter {
    fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into() }
    }
}

/// A root file for this estate: one cluster, the guardrails, no team yet.
pub fn root(estate: &str) -> Result<String, NoStarter> {
    check::<Estate>(estate)?;
    Ok(ROOT.replace(ESTATE, estate))
}

/// A file of this team: one identity and one workload on the starter's cluster, within the default grants.
pub fn team(name: &str) -> Result<String, NoStarter> {
    check::<TeamName>(name)?;
    Ok(TEAM.replace(TEAM_NAME, name))
}

/// The same for a profile of these files: with its clusters and within what its root file grants. `None` where the
/// profile cannot be read, which its own errors say.
pub fn team_of(
    name: &str,
    files: &[SourceFile],
    environment: &BTreeMap<String, String>,
) -> Result<Option<String>, NoStarter> {
    let text = team(name)?;
    let mut files: Vec<&SourceFile> = files.iter().collect();
    files.sort_by(|a, b| (&a.path, &a.text).cmp(&(&b.path, &b.text)));
    let (mut findings, mut used) = (Findings::default(), BTreeMap::new());
    let sources = files::decode("", &files, &mut findings);
    let read = syntax::parse(&sources, &mut findings).and_then(|documents| {
        files::read(
            &sources,
            &documents,
            Values::Environment(environment),
            &mut used,
            &mut findings,
        )
    });
    let Some((root, teams)) = read.filter(|_| findings.is_empty()) else { return Ok(None) };
    let places = teams.iter().filter_map(|entry| entry.table.name.get());
    let mut places = places.map(|known| (known.as_str(), known.at)).collect::<Vec<_>>();
    if let Some((_, at)) = places.iter().find(|(known, _)| *known == name) {
        let what = format!("team `{name}` is in the profile already, at {}", sources.place(*at));
        return Err(NoStarter::new(what, "edit it there, or give another name"));
    }
    places.push((name, Span::default()));
    let policy = Policy::new(&root);
    let names = TeamNames::new(places.into_iter(), policy.named_teams());
    let chosen = Chosen {
        clusters: root
            .clusters
            .iter()
            .flat_map(|all| &all.value.0)
            .map(|(key, _)| key.as_str())
            .collect(),
        namespace: granted::<Namespace>(&policy, &names, name, (Claim::Namespace, name))?,
        identity: granted::<IdentityName>(
            &policy,
            &names,
            name,
            (Claim::Identity, &format!("id-{name}")),
        )?,
        scope: policy.grants(name, Claim::Scope).0.first().map(|scope| scope.text_of_team(name)),
    };
    chosen.write(&text, name).map(Some)
}

/// What a team's file says.
struct Chosen<'r> {
    clusters: Vec<&'r str>,
    namespace: String,
    identity: String,
    /// A scope that is granted, a glob perhaps.
    scope: Option<String>,
}

impl Chosen<'_> {
    fn write(&self, text: &str, name: &str) -> Result<String, NoStarter> {
        let Self { clusters, namespace, identity, scope } = self;
        let Some(first) = clusters.first() else {
            let hint = "add `[clusters.NAME]` with `resource_group` and `name` to it";
            return Err(NoStarter::new("the root file has no cluster", hint));
        };
        let all = clusters.join(", ");
        let text = text
            .replace(
                "= [\"aks\"]          # keys of `[clusters.…]` in the root file",
                &format!("= [\"{first}\"]          # of the root file's: {all}"),
            )
            .replace(
                &format!("namespace        = \"{name}\""),
                &format!("namespace        = \"{namespace}\""),
            )
            .replace(&format!("name = \"id-{name}\""), &format!("name = \"{identity}\""));
        Ok(match scope {
            Some(scope) => {
                text.replace("/subscriptions/…/providers/Microsoft.KeyVault/vaults/…", scope)
            }
            None => text,
        })
    }
}

/// What a team may claim: what it would choose, else what fits a glob that the root file grants.
fn granted<T: Parse>(
    policy: &Policy<'_>,
    names: &TeamNames<'_>,
    team: &str,
    (claim, first): (Claim<'_>, &str),
) -> Result<String, NoStarter> {
    let verdicts = Granted::new(policy, names, team, claim);
    let denied: Vec<_> = policy.denied_namespaces.iter().map(|glob| glob.of_team(team)).collect();
    let is_denied =
        |text: &str| claim == Claim::Namespace && denied.iter().any(|glob| glob.matches(text));
    let (all, own) = policy.grants(team, claim);
    let globs = own.into_iter().chain(all).map(|glob| glob.text_of_team(team).replace('?', "a"));
    let fitting = globs.flat_map(|glob| [glob.replace('*', ""), glob.replace('*', "app")]);
    std::iter::once(first.to_owned())
        .chain(fitting)
        .find(|text| {
            T::parse(text).is_ok() && verdicts.verdict(text) == Verdict::Granted && !is_denied(text)
        })
        .ok_or_else(|| {
            NoStarter::new(
                format!("the root file grants team `{team}` no {}", claim.what()),
                format!(
                    "add to the root file:\n[policy.grants.teams.{team}]\n{}",
                    claim.grant(first)
                ),
            )
        })
}

/// Only a valid name goes into a text that is TOML.
fn check<T: Parse>(name: &str) -> Result<(), NoStarter> {
    T::parse(name).map(|_| ()).map_err(|refusal| NoStarter::new(refusal.message, refusal.hint))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use semver::Version;

    use super::{NoStarter, root, team, team_of};
    use crate::profile::{SourceFile, load};

    fn file(path: &str, text: String) -> SourceFile {
        SourceFile { path: path.into(), text: text.into_bytes() }
    }

    #[test]
    fn the_starters_load_as_they_are_written() {
        let root = file("widctl.toml", root("contoso-prod").unwrap());
        let profile =
            load(std::slice::from_ref(&root), &BTreeMap::new(), &Version::new(0, 1, 0)).unwrap();
        assert_eq!(profile.estate.as_str(), "contoso-prod");

        let team = file("teams/data-eng.toml", team("data-eng").unwrap());
        let profile = load(&[root, team], &BTreeMap::new(), &Version::new(0, 1, 0)).unwrap();
        assert_eq!(profile.teams[0].identities[0].name, "id-data-eng");
        assert_eq!(profile.teams[0].workloads.len(), 1);
    }

    /// A team's file for a root file with this policy.
    fn of_root(policy: &str, name: &str) -> Result<Option<String>, NoStarter> {
        let text = root("contoso-prod").unwrap();
        let (head, _) = text.split_once("[policy.grants]").unwrap();
        let text = head.replace("clusters.aks", "clusters.weu") + policy;
        let root = file("widctl.toml", text);
        let written = team_of(name, std::slice::from_ref(&root), &BTreeMap::new())?;
        if let Some(text) = &written {
            let team = file("teams/new.toml", text.clone());
            let loaded = load(&[root, team], &BTreeMap::new(), &Version::new(0, 1, 0));
            assert_eq!(loaded.unwrap().teams[0].name.as_str(), name);
        }
        Ok(written)
    }

    #[test]
    fn a_teams_file_is_within_what_the_root_file_grants() {
        let usual = of_root("", "web").unwrap().unwrap();
        assert!(
            usual.contains("clusters         = [\"weu\"]          # of the root file's: weu\n"),
            "{usual}"
        );
        let grants = "[policy.grants]\nnamespaces = [\"t-{team}-*\"]\nidentities = [\"mi-{team}\"]\nscopes = [\"/subscriptions/*/resourceGroups/rg-{team}/*\"]\n";
        let named = of_root(grants, "web").unwrap().unwrap();
        for line in
            ["namespace        = \"t-web-app\"", "name = \"mi-web\"", "resourceGroups/rg-web/*"]
        {
            assert!(named.contains(line), "{line}\n{named}");
        }
        let nothing = of_root("[policy.grants]\nidentities = []\n", "web").unwrap_err();
        assert_eq!(nothing.what, "the root file grants team `web` no identity");
        assert!(
            nothing.hint.ends_with("[policy.grants.teams.web]\nidentities = [\"id-web\"]"),
            "{}",
            nothing.hint
        );
        assert_eq!(of_root("[policy.misspelt]\n", "web"), Ok(None));
    }

    #[test]
    fn a_name_that_is_no_name_never_reaches_the_text() {
        assert!(root("a\"\nversion = 2").is_err());
        let refused = team("Data Eng").unwrap_err().to_string();
        assert!(refused.starts_with("`Data Eng` is not a team's name"), "{refused}");
    }
}
