//! What a plan says as text, and whether a request is one that it says. Nothing of the crate helps here: the text
//! is what people approve, the requests are what is done.

use std::collections::BTreeMap;

use serde_json::Value;

/// What stands for a field that is not there.
const ABSENT: &str = "(none)";
/// How an id begins that only the apply can know.
const KNOWN_AFTER_APPLY: &str = "(known after apply: ";
const IDENTITIES: &str = "/providers/microsoft.managedidentity/userassignedidentities/";
const CREDENTIALS: &str = "/federatedidentitycredentials/";
const ASSIGNMENTS: &str = "/providers/microsoft.authorization/roleassignments/";
const RBAC: &str = "apis/rbac.authorization.k8s.io/v1";

/// A write that a stand-in got.
#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) method: String,
    /// As a stand-in looks it up: in lower case.
    pub(super) path: String,
    pub(super) body: Value,
}

/// What exists, by the path of a request.
pub(super) struct Seen(Value);

/// A plan as a reader of its text understands it.
pub(super) struct Shown {
    rows: Vec<Row>,
}

#[derive(Debug, Default)]
struct Row {
    sign: String,
    cluster: Option<String>,
    place: String,
    address: String,
    /// Each field before and after; what comes or goes has one side.
    fields: BTreeMap<String, (String, String)>,
    /// The field of the last line, whose other side may follow.
    last: String,
}

/// What a judge knows beside the plan.
pub(super) struct Facts<'a> {
    /// What existed when the plan was made.
    pub(super) before: &'a Seen,
    /// What exists now.
    pub(super) now: &'a Seen,
    /// The client ids of the identities that applies of the plan have made, by path.
    pub(super) made: &'a BTreeMap<String, String>,
}

impl Seen {
    pub(super) fn new(state: Value) -> Self {
        Self(state)
    }

    fn at(&self, path: &str) -> Option<&Value> {
        let Some(rest) = path.strip_prefix("/clusters/") else {
            return self.0["resources"].get(path);
        };
        let (cluster, rest) = rest.split_once('/')?;
        let parts: Vec<&str> = rest.split('/').collect();
        let object = match parts[..] {
            ["api", "v1", "namespaces", name] => format!("/namespaces//{name}"),
            ["api", "v1", "namespaces", namespace, kind, name] => {
                format!("/{kind}/{namespace}/{name}")
            }
            ["apis", group, "v1", "namespaces", namespace, kind, name] => {
                format!("{group}/{kind}/{namespace}/{name}")
            }
            _ => return None,
        };
        self.0["clusters"][cluster]["objects"].get(&object)
    }

    fn fields(&self, path: &str) -> Option<BTreeMap<String, String>> {
        Some(fields(path, self.at(path)?))
    }

    fn id_of(&self, identity: &str, which: &str) -> Option<&str> {
        self.at(identity)?["properties"][which].as_str()
    }
}

impl Shown {
    /// Reads the text of a plan.
    pub(super) fn read(text: &str) -> Self {
        let (mut rows, mut open) = (Vec::<Row>::new(), false);
        let (mut cluster, mut place) = (None, String::new());
        for line in text.lines() {
            if line.is_empty() {
                open = false;
            } else if line.starts_with("Team ") || line.starts_with("No team") {
                cluster = line.split_once(", cluster ").map(|(_, name)| name.to_owned());
            } else if let Some(found) = line.strip_prefix("  in ") {
                found.clone_into(&mut place);
            } else if let Some((sign, address)) = change(line) {
                let (cluster, place) = (cluster.clone(), place.clone());
                let (sign, address) = (sign.to_owned(), address.to_owned());
                rows.push(Row { sign, cluster, place, address, ..Row::default() });
                open = true;
            } else if !line.starts_with(' ') {
                break;
            } else if let Some(row) = rows.last_mut().filter(|_| open)
                && let Some(field) = field(line)
            {
                row.read(field);
            }
        }
        Self { rows }
    }

    /// The paths of the identities that the plan creates.
    pub(super) fn created(&self) -> impl Iterator<Item = String> {
        let creates = |row: &&Row| row.sign == "+" && row.address.starts_with("azure/identity/");
        self.rows.iter().filter(creates).filter_map(Row::identity)
    }

    /// Why a write is none of the plan's; nothing where it is one.
    pub(super) fn objection(&self, write: &Write, facts: &Facts<'_>) -> Option<String> {
        let rows = self.rows.iter().filter(|row| row.is_about(write, facts));
        let mut why = Vec::new();
        for row in rows {
            match self.weigh(row, write, facts) {
                Ok(()) => return None,
                Err(objection) => why.push(objection),
            }
        }
        why.insert(0, format!("{} {} {}", write.method, write.path, write.body));
        Some(why.join("\n  but "))
    }

    fn weigh(&self, row: &Row, write: &Write, facts: &Facts<'_>) -> Result<(), String> {
        let identity = row.identity();
        let is_new = identity.as_ref().is_some_and(|path| self.created().any(|new| new == *path));
        if let Some(path) = identity.as_ref().filter(|path| is_new && **path != write.path) {
            let is_made = facts.made.get(path).map(String::as_str);
            if is_made.is_none() || is_made != facts.now.id_of(path, "clientId") {
                return Err(format!("no apply of the plan has made {path}"));
            }
        }
        if write.method == "DELETE" {
            let live = facts.before.fields(&write.path).ok_or("it did not exist")?;
            return row.agrees(&live, |(before, _)| before);
        }
        let sent = fields(&write.path, &write.body);
        row.resolve(identity.as_deref(), &sent, is_new, facts)?;
        let live = row.replaced(write, facts).or_else(|| facts.before.fields(&write.path));
        let unsaid = sent.iter().find(|(name, value)| {
            let kept = live.as_ref().and_then(|live| live.get(*name));
            !row.fields.contains_key(*name) && kept != Some(*value)
        });
        if let Some((name, value)) = unsaid {
            return Err(format!("it does not say that {name} becomes {value}"));
        }
        row.agrees(&sent, |(_, after)| after)
    }
}

/// A line that says something of a change: a field, or the identity that it is for.
fn field(line: &str) -> Option<&str> {
    let identity = line.strip_prefix("      ").filter(|line| line.starts_with("identity: "));
    identity.or_else(|| line.strip_prefix("        "))
}

/// A line that begins a change: its sign and address.
fn change(line: &str) -> Option<(&str, &str)> {
    let (sign, address) = line.trim_start().split_once(' ')?;
    let begins = line.len() > 4 && line.is_char_boundary(4) && line[..4].trim() == sign;
    let is_sign = ["+", "~", "@", "-/+", "^", "-"].contains(&sign);
    (begins && is_sign).then(|| (sign, address.split(" (").next().unwrap_or(address)))
}

impl Row {
    fn read(&mut self, line: &str) {
        let held = |text: &str| {
            let is_held = text.ends_with(']') && !text.ends_with("[]");
            let value = text.rsplit_once(" [").filter(|_| is_held);
            value.map_or(text, |(value, _)| value).to_owned()
        };
        if let Some(after) = line.trim_start().strip_prefix("-> ") {
            if let Some(sides) = self.fields.get_mut(&self.last) {
                sides.1 = held(after);
            }
            return;
        }
        let Some((name, value)) = line.split_once(": ") else {
            return;
        };
        let value = value.trim_start();
        let sides = match value.split_once(" -> ") {
            Some((before, after)) => (before.to_owned(), held(after)),
            None => (held(value), held(value)),
        };
        name.clone_into(&mut self.last);
        self.fields.insert(name.to_owned(), sides);
    }

    fn parts(&self) -> Vec<&str> {
        self.address.split('/').collect()
    }

    /// The path of the identity that it is about.
    fn identity(&self) -> Option<String> {
        let path = match self.parts()[..] {
            ["azure", _, name, ..] => format!("{}{IDENTITIES}{name}", self.place),
            _ => self.fields.get("identity")?.1.clone(),
        };
        Some(path.to_lowercase())
    }

    /// Whether a write is about the resource of this row, and of a kind that its sign stands for.
    fn is_about(&self, write: &Write, facts: &Facts<'_>) -> bool {
        let methods: &[&str] = match self.sign.as_str() {
            "-" => &["DELETE"],
            "-/+" => &["DELETE", "PUT", "PATCH"],
            _ => &["PUT", "PATCH"],
        };
        methods.contains(&write.method.as_str()) && self.is_at(write, facts).unwrap_or_default()
    }

    fn is_at(&self, write: &Write, facts: &Facts<'_>) -> Option<bool> {
        let path = match self.parts()[..] {
            ["azure", "identity", _] => self.identity()?,
            ["azure", "federated-credential", _, name] => {
                let old = self.fields.get("name").map(|(before, _)| before.as_str());
                let name = old.filter(|_| write.method == "DELETE").unwrap_or(name);
                format!("{}{CREDENTIALS}{name}", self.identity()?)
            }
            // Its name is not shown. What it grants to whom where is.
            ["azure", "role-assignment", ..] => {
                let (scope, _) = write.path.split_once(ASSIGNMENTS)?;
                let body = match write.method.as_str() {
                    "DELETE" => facts.before.at(&write.path)?,
                    _ => &write.body,
                };
                let sent = fields(&write.path, body);
                // A replace does not show it; then it is the one that the replaced assignment has.
                let same_role =
                    self.fields.get("role").is_none_or(|(_, role)| sent["role"] == *role);
                let at = self.address.split_once('@')?.1.to_lowercase();
                let principal = body["properties"]["principalId"].as_str()?;
                let of = self.fields.get("principal")?;
                let is_of = facts.now.id_of(&self.identity()?, "principalId") == Some(principal)
                    || (write.method == "DELETE" && of.0 == principal);
                return Some(at == scope && is_of && same_role);
            }
            [_, "namespace", name] => format!("{}/api/v1/namespaces/{name}", self.api()?),
            [_, "service-account", namespace, name] => {
                format!("{}/api/v1/namespaces/{namespace}/serviceaccounts/{name}", self.api()?)
            }
            [_, "role", namespace, name] => {
                format!("{}/{RBAC}/namespaces/{namespace}/roles/{name}", self.api()?)
            }
            [_, "role-binding", namespace, name] => {
                format!("{}/{RBAC}/namespaces/{namespace}/rolebindings/{name}", self.api()?)
            }
            _ => return None,
        };
        Some(path.to_lowercase() == write.path)
    }

    /// What is deleted before this is written, if it had another name.
    fn replaced(&self, write: &Write, facts: &Facts<'_>) -> Option<BTreeMap<String, String>> {
        if self.sign != "-/+" {
            return None;
        }
        if let Some((above, _)) = write.path.split_once(CREDENTIALS) {
            let (old, _) = self.fields.get("name")?;
            return facts.before.fields(&format!("{above}{CREDENTIALS}{old}").to_lowercase());
        }
        let (above, _) = write.path.split_once(ASSIGNMENTS)?;
        let (old, _) = self.fields.get("principal")?;
        let inside = format!("{above}{ASSIGNMENTS}");
        let paths = facts.before.0["resources"].as_object()?.keys();
        let mut held = paths.filter(|path| path.starts_with(&inside));
        held.find_map(|path| facts.before.fields(path).filter(|held| held["principal"] == *old))
    }

    /// The path of the API of the cluster: the stand-in of a cluster is named after its group and name in Azure,
    /// or after its key and its context.
    fn api(&self) -> Option<String> {
        let place = self.place.to_lowercase();
        let place = place.split(", context ").next()?;
        let parts: Vec<&str> = place.split('/').collect();
        let key = if let ["", _, _, "resourcegroups", group, _, _, _, name] = parts[..] {
            format!("{group}-{name}")
        } else {
            let context = place.strip_prefix("context ")?.split(',').next()?;
            format!("{}-{context}", self.cluster.as_ref()?)
        };
        Some(format!("/clusters/{key}"))
    }

    /// Ids that a write sends are those of the identity that the row names.
    fn resolve(
        &self,
        identity: Option<&str>,
        sent: &BTreeMap<String, String>,
        is_new: bool,
        facts: &Facts<'_>,
    ) -> Result<(), String> {
        for (name, which) in
            [("azure.workload.identity/client-id", "clientId"), ("principal", "principalId")]
        {
            let Some(value) = sent.get(name) else {
                continue;
            };
            let id = identity.and_then(|identity| facts.now.id_of(identity, which));
            // An identity that the row does not show is the one that the object names already.
            let is_shown = identity.is_some() || self.fields.contains_key(name);
            if is_shown && id != Some(value) {
                return Err(format!("{name} becomes {value}, which is not of {identity:?}"));
            }
            let said = self.fields.get(name).map(|(_, after)| after.as_str());
            if said.is_some_and(|said| said.starts_with(KNOWN_AFTER_APPLY)) && !is_new {
                return Err(format!("{name} is of an identity that the plan does not create"));
            }
        }
        Ok(())
    }

    /// Whether what it says of each field is so.
    fn agrees(
        &self,
        found: &BTreeMap<String, String>,
        side: fn(&(String, String)) -> &String,
    ) -> Result<(), String> {
        for (name, sides) in self.fields.iter().filter(|(name, _)| *name != "identity") {
            let said = side(sides);
            let found = found.get(name).map_or(ABSENT, String::as_str);
            let same = match name.as_str() {
                "name" | "scope" => said.eq_ignore_ascii_case(found),
                _ => said == found,
            };
            if !same && !said.starts_with(KNOWN_AFTER_APPLY) {
                return Err(format!("it says {said} of {name}, not {found}"));
            }
        }
        Ok(())
    }
}

/// The fields of a document or object as a plan names them.
fn fields(path: &str, document: &Value) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let mut put = |name: &str, value: &Value| {
        if let Some(text) = shown(value) {
            fields.insert(name.to_owned(), text);
        }
    };
    let properties = &document["properties"];
    if let Some((scope, _)) = path.split_once(ASSIGNMENTS) {
        let role = properties["roleDefinitionId"].as_str().unwrap_or_default();
        put("role", &role.rsplit('/').next().into());
        put("scope", &scope.into());
        put("principal", &properties["principalId"]);
        put("description", &properties["description"]);
    } else if let Some((_, name)) = path.split_once(CREDENTIALS) {
        put("name", &name.into());
        put("issuer", &properties["issuer"]);
        put("subject", &properties["subject"]);
        put("audience", &properties["audiences"]);
    } else if path.contains(IDENTITIES) {
        put("location", &document["location"]);
        for (name, value) in document["tags"].as_object().into_iter().flatten() {
            put(&format!("tag {name}"), value);
        }
    } else {
        for marks in ["labels", "annotations"] {
            for (name, value) in document["metadata"][marks].as_object().into_iter().flatten() {
                put(name, value);
            }
        }
        let texts = |list: &str, text: fn(&Value) -> String| -> Value {
            let list = document[list].as_array();
            list.map(|list| list.iter().map(text).collect()).unwrap_or_default()
        };
        put("rules", &texts("rules", rule));
        put(
            "subjects",
            &texts("subjects", |subject| path_of(subject, &["kind", "namespace", "name"])),
        );
        if document["roleRef"].is_object() {
            put("roleRef", &path_of(&document["roleRef"], &["kind", "name"]).into());
        }
    }
    fields
}

fn path_of(of: &Value, names: &[&str]) -> String {
    let parts: Vec<&str> = names.iter().filter_map(|name| of[*name].as_str()).collect();
    parts.join("/")
}

fn rule(rule: &Value) -> String {
    let list = |name: &str| {
        let texts = rule[name].as_array().into_iter().flatten().filter_map(Value::as_str);
        texts.map(|text| if text.is_empty() { "core" } else { text }).collect::<Vec<_>>().join(",")
    };
    let named = match list("resourceNames") {
        names if names.is_empty() => names,
        names => format!(" named {names}"),
    };
    format!("{} on {} in {}{named}", list("verbs"), list("resources"), list("apiGroups"))
}

fn shown(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(values) => {
            let texts: Vec<String> = values.iter().filter_map(shown).collect();
            Some(texts.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}
