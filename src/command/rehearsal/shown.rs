//! What a sandbox holds, as people see it: identities by team, accounts by cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::Value;
use wildmatch::WildMatch;

use crate::command::failure::Failure;
use crate::model::kinds::identity::{IDENTITY_TYPE, TAG_ESTATE, TAG_TEAM};
use crate::model::kinds::marks::LABEL_TEAM;
use crate::model::kinds::service_account::ANNOTATION_CLIENT_ID;
use crate::profile::roles;
use crate::profile::suggest::did_you_mean;
use crate::report::escape;

/// One line below a heading, a cell a column.
type Row = Vec<String>;

/// What is shown of the teams that a glob of these matches; without any, everything.
pub fn text(state: &Value, globs: &[String]) -> Result<String, Failure> {
    let shown = Shown { state, globs: globs.iter().map(|glob| WildMatch::new(glob)).collect() };
    let (identities, clusters) = (shown.identities(), shown.clusters());
    let teams = shown.teams();
    if let Some(glob) = globs.iter().find(|glob| {
        let glob = WildMatch::new(glob);
        !teams.iter().any(|team| glob.matches(team))
    }) {
        return Err(Failure::Usage {
            what: format!("`--team {glob}` matches no team of the sandbox"),
            hint: match teams.len() {
                0 => "leave it out: nothing there is marked with a team".to_owned(),
                _ => did_you_mean(glob, teams),
            },
        });
    }
    let mut text = String::new();
    for (heading, rows) in identities.iter().chain(&clusters) {
        section(&mut text, heading, rows);
    }
    if text.is_empty() {
        text.push_str("The sandbox holds no identity and no cluster.\n");
    }
    Ok(text)
}

/// A state, and whose part of it is shown.
struct Shown<'a> {
    state: &'a Value,
    globs: Vec<WildMatch>,
}

impl<'a> Shown<'a> {
    fn resources(&self) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
        entries(&self.state["resources"])
    }

    /// The objects of a cluster by `group/plural/namespace/name`, of this kind: namespace, name, object.
    fn objects(
        cluster: &'a Value,
        kind: &'static str,
    ) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> {
        entries(&cluster["objects"]).filter_map(move |(path, object)| {
            let (namespace, name) = path.strip_prefix(kind)?.split_once('/')?;
            Some((namespace, name, object))
        })
    }

    /// Every team that something is marked with.
    fn teams(&self) -> BTreeSet<&'a str> {
        let of_resources = self.resources().filter_map(|(_, document)| tag(document, TAG_TEAM));
        let clusters = entries(&self.state["clusters"]);
        let objects = clusters.flat_map(|(_, cluster)| entries(&cluster["objects"]));
        let of_objects = objects.filter_map(|(_, object)| label(object));
        of_resources.chain(of_objects).collect()
    }

    fn has(&self, team: Option<&str>) -> bool {
        self.globs.is_empty()
            || team.is_some_and(|team| self.globs.iter().any(|glob| glob.matches(team)))
    }

    /// What is on identities, by estate and team.
    fn identities(&self) -> BTreeMap<String, Vec<Row>> {
        let mut found: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        for (path, document) in self.resources() {
            let team = tag(document, TAG_TEAM);
            if text_of(&document["type"]) != IDENTITY_TYPE || !self.has(team) {
                continue;
            }
            let heading = match (tag(document, TAG_ESTATE), team) {
                (Some(estate), Some(team)) => format!("Estate {estate}, team {team}"),
                (Some(estate), None) => format!("Estate {estate}, no team"),
                (None, _) => "No estate".to_owned(),
            };
            found.entry(heading).or_default().extend(self.identity(path, document));
        }
        found
    }

    /// An identity, whom it trusts and what it may do.
    fn identity(&self, path: &str, document: &'a Value) -> Vec<Row> {
        let properties = &document["properties"];
        let name = text_of(&document["name"]);
        let client = text_of(&properties["clientId"]);
        let mut rows = vec![row(["identity", name, &format!("client id {client}")])];
        let below = format!("{path}/federatedidentitycredentials/");
        for (_, credential) in self.resources().filter(|(path, _)| path.starts_with(&below)) {
            let properties = &credential["properties"];
            let issuer = format!("of {}", text_of(&properties["issuer"]));
            rows.push(row(["  credential", text_of(&properties["subject"]), &issuer]));
        }
        for (_, assignment) in self.resources() {
            let given = &assignment["properties"];
            let role = text_of(&given["roleDefinitionId"]);
            if role.is_empty() || given["principalId"] != properties["principalId"] {
                continue;
            }
            let guid = role.rsplit('/').next().unwrap_or_default();
            let built_in = guid.parse().ok().and_then(roles::by_guid);
            let name = built_in.map_or(guid, |role| role.role.name.as_str());
            let scope = format!("on {}", text_of(&given["scope"]));
            rows.push(row(["  role", name, &scope]));
        }
        rows
    }

    /// Namespaces and accounts by cluster.
    fn clusters(&self) -> BTreeMap<String, Vec<Row>> {
        let mut found = BTreeMap::new();
        for (key, cluster) in entries(&self.state["clusters"]) {
            let context = cluster["context"].as_str().unwrap_or(key);
            let mut rows: Vec<Row> = Vec::new();
            for (_, namespace, object) in Self::objects(cluster, "/namespaces/") {
                let accounts = Self::objects(cluster, "/serviceaccounts/")
                    .filter(|(of, _, account)| *of == namespace && self.has(label(account)))
                    .map(|(_, name, account)| {
                        let client =
                            text_of(&account["metadata"]["annotations"][ANNOTATION_CLIENT_ID]);
                        let client = if client.is_empty() {
                            String::new()
                        } else {
                            format!("client id {client}")
                        };
                        row(["  account", name, &client])
                    });
                let accounts: Vec<Row> = accounts.collect();
                if self.has(label(object)) || !accounts.is_empty() {
                    rows.push(row(["namespace", namespace, ""]));
                    rows.extend(accounts);
                }
            }
            if !rows.is_empty() {
                found.insert(format!("Cluster {context} (/clusters/{key})"), rows);
            }
        }
        found
    }
}

fn entries(map: &Value) -> impl Iterator<Item = (&str, &Value)> {
    map.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A tag, whose name has no case for Azure.
fn tag<'a>(document: &'a Value, name: &str) -> Option<&'a str> {
    entries(&document["tags"]).find(|(tag, _)| tag.eq_ignore_ascii_case(name))?.1.as_str()
}

fn label(object: &Value) -> Option<&str> {
    object["metadata"]["labels"][LABEL_TEAM].as_str()
}

fn row(cells: [&str; 3]) -> Row {
    cells.iter().map(|cell| escape::terminal(cell).into_owned()).collect()
}

/// A heading and the rows below it, in columns.
fn section(text: &mut String, heading: &str, rows: &[Row]) {
    let wide = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let (first, second) = (wide(0).unwrap_or_default(), wide(1).unwrap_or_default());
    let gap = if text.is_empty() { "" } else { "\n" };
    push(text, format_args!("{gap}{}\n\n", escape::terminal(heading)));
    for row in rows {
        let line = format!("  {:first$}  {:second$}  {}", row[0], row[1], row[2]);
        push(text, format_args!("{}\n", line.trim_end()));
    }
}

fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more).expect("a String takes everything");
}
