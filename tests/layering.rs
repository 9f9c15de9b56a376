//! The dependency rule of the crate, read from its source: modules look upstream only, and the ones that
//! decide are pure.
//!
//! It reads syntax: imports however they are grouped or renamed, `super::`, and the paths inside of macros.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;
use syn::{Attribute, Item, UseTree, visit};

/// What each module may use besides itself.
const MAY_USE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("event", &["model"]),
    ("files", &[]),
    ("presets", &["model"]),
    ("profile", &["presets", "model"]),
    ("desired", &["profile", "model"]),
    ("render", &["profile", "presets", "model"]),
    ("observed", &["model"]),
    ("plan", &["desired", "observed", "model", "profile"]),
    ("verify", &["plan", "desired", "observed", "model", "profile"]),
    ("graph", &["plan", "desired", "observed", "model", "profile"]),
    ("ports", &["observed", "model"]),
    ("gather", &["ports", "observed", "desired", "event", "model", "profile"]),
    ("apply", &["plan", "ports", "event", "model", "desired"]),
    ("report", &["plan", "verify", "graph", "profile", "apply", "event", "model"]),
    ("oidc", &["ports", "observed", "event", "model"]),
    ("azure", &["ports", "observed", "event", "files", "model"]),
    ("kubernetes", &["oidc", "ports", "observed", "event", "model"]),
    ("sandbox", &[]),
    (
        "command",
        &[
            "model",
            "event",
            "files",
            "presets",
            "profile",
            "render",
            "desired",
            "observed",
            "plan",
            "verify",
            "graph",
            "ports",
            "gather",
            "apply",
            "report",
            "oidc",
            "azure",
            "kubernetes",
            "sandbox",
        ],
    ),
    (
        "cli",
        &[
            "model",
            "event",
            "files",
            "presets",
            "profile",
            "render",
            "desired",
            "observed",
            "plan",
            "verify",
            "graph",
            "ports",
            "gather",
            "apply",
            "report",
            "oidc",
            "azure",
            "kubernetes",
            "sandbox",
            "command",
        ],
    ),
];

/// Modules, or single files, that decide: no async, clock, environment, file or client in them.
const PURE: &[&str] = &[
    "model",
    "presets",
    "profile",
    "render",
    "desired",
    "observed",
    "plan",
    "verify",
    "graph",
    "report",
    "event",
    "apply/cause",
    "apply/schedule",
    "apply/estimate",
    "apply/outcome",
    "azure/pipeline/pace",
    "ports/place",
    "ports/remedy",
    "ports/tls",
];

/// What a pure module must not name.
const IMPURE: &[&str] = &[
    "async fn",
    "tokio::",
    "reqwest::",
    "kube::",
    "azure_core",
    "axum::",
    "std::fs",
    "std::env::",
    "std::net",
    "std::process",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
];

/// What belongs to one adapter alone.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("azure_mgmt_msi", &["azure/managed_identity_client"]),
    ("azure_core_legacy", &["azure/managed_identity_client"]),
    ("println!", &[]),
    ("io::stdout", &["cli/sink", "cli/terminal"]),
    ("io::stderr", &["cli/sink", "cli/terminal"]),
    ("indicatif", &["cli/progress"]),
    ("crate::plan::", &["plan", "verify", "graph", "apply", "report", "command", "cli"]),
];

fn sources() -> BTreeMap<String, String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    let named = found.into_iter().map(|path| {
        let name = path.strip_prefix(&root).unwrap().with_extension("");
        (name.to_string_lossy().replace('\\', "/"), fs::read_to_string(&path).unwrap())
    });
    named.collect()
}

/// What the shipped part of a source names: paths in full, macros with their `!`, `async`.
struct Names {
    /// The modules from the crate's root down to where the visit is.
    place: Vec<String>,
    found: Vec<String>,
}

impl Names {
    fn of(name: &str, source: &str) -> Vec<String> {
        let file = syn::parse_file(source).unwrap_or_else(|error| panic!("{name}: {error}"));
        let place = name.split('/').filter(|module| *module != "mod");
        let mut names = Self { place: place.map(str::to_owned).collect(), found: Vec::new() };
        names.visit_file(&file);
        names.found
    }

    /// Adds a path; one that begins with `super` or `self` is made one from the crate's root.
    fn add(&mut self, segments: &[String]) {
        let up = segments.iter().take_while(|segment| *segment == "super");
        let (up, relative) = (up.count(), matches!(segments[0].as_str(), "super" | "self"));
        let path = if relative {
            let kept = self.place.len().saturating_sub(up);
            let base = self.place[..kept].iter().map(String::as_str);
            let rest = segments.iter().map(String::as_str);
            let rest = rest.skip_while(|segment| matches!(*segment, "super" | "self"));
            std::iter::once("crate").chain(base).chain(rest).collect()
        } else {
            segments.iter().map(String::as_str).collect::<Vec<_>>()
        };
        self.found.push(path.join("::"));
    }

    fn add_use(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: &dyn ToString| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.add_use(&with(&path.ident), &path.tree),
            UseTree::Name(name) if name.ident == "self" => self.add(before),
            UseTree::Name(name) => self.add(&with(&name.ident)),
            // Under another name the crate's root is everything.
            UseTree::Rename(rename) if rename.ident == "crate" => self.add(&with(&"crate::*")),
            UseTree::Rename(rename) => self.add(&with(&rename.ident)),
            UseTree::Glob(_) => self.add(&with(&"*")),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_use(before, tree);
                }
            }
        }
    }

    /// The paths among the tokens of a macro: identifiers with `::` between them.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.add_found(&mut path);
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.add_found(&mut path);
                    self.add_tokens(group.stream());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => self.add_found(&mut path),
            }
        }
        self.add_found(&mut path);
    }

    fn add_found(&mut self, path: &mut Vec<String>) {
        if !path.is_empty() {
            self.add(path);
            path.clear();
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        self.place.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.place.pop();
    }

    fn visit_item_use(&mut self, import: &'ast syn::ItemUse) {
        self.add_use(&[], &import.tree);
    }

    /// `pub(crate)` names nothing that is used.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter();
        let segments: Vec<String> = segments.map(|segment| segment.ident.to_string()).collect();
        self.add(&segments);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        let name = called.path.segments.last().unwrap();
        self.found.push(format!("{}!", name.ident));
        self.add_tokens(called.tokens.clone());
        visit::visit_macro(self, called);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        if signature.asyncness.is_some() {
            self.found.push("async fn".to_owned());
        }
        visit::visit_signature(self, signature);
    }
}

/// Whether an item is compiled for tests alone.
#[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is marked so")]
fn is_for_tests(item: &Item) -> bool {
    let attributes: &[Attribute] = match item {
        Item::Const(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    };
    let is_test = |attribute: &Attribute| {
        let test = attribute.parse_args::<syn::Ident>();
        attribute.path().is_ident("cfg") && test.is_ok_and(|condition| condition == "test")
    };
    attributes.iter().any(is_test)
}

fn is_test_file(name: &str) -> bool {
    name.ends_with("tests") || name.contains("/tests/") || name.contains("_tests/")
}

fn module_of(name: &str) -> &str {
    name.split('/').next().unwrap_or(name)
}

/// Whether a file is one of these, or below one of them.
fn is_in(name: &str, places: &[&str]) -> bool {
    let below = |place: &&str| name == *place || name.starts_with(&format!("{place}/"));
    places.iter().any(below)
}

/// Every broken rule in one file, in words.
fn violations(name: &str, source: &str) -> Vec<String> {
    let (module, names) = (module_of(name), Names::of(name, source));
    let mut broken = Vec::new();
    if !matches!(module, "main" | "lib") {
        let allowed = MAY_USE.iter().find(|(from, _)| *from == module);
        let Some((_, allowed)) = allowed else {
            return vec![format!("{name}: module `{module}` has no row in the table")];
        };
        for path in names.iter().filter_map(|path| path.strip_prefix("crate::")) {
            let target = path.split("::").next().unwrap();
            let known = target == "*" || MAY_USE.iter().any(|(row, _)| *row == target);
            if known && target != module && !allowed.contains(&target) {
                broken.push(format!("{name}: `{module}` may not use `{target}`"));
            }
        }
    }
    let is_named = |word: &str| names.iter().any(|path| format!("{path}::").contains(word));
    if is_in(name, PURE) {
        let impure = IMPURE.iter().filter(|impure| is_named(impure));
        broken.extend(impure.map(|impure| format!("{name}: pure, but names `{impure}`")));
    }
    for (word, places) in ONLY_IN {
        if !is_in(name, places) && is_named(word) {
            broken.push(format!("{name}: `{word}` belongs to {places:?}"));
        }
    }
    broken
}

#[test]
fn modules_look_upstream_only_and_decisions_are_pure() {
    let files = sources();
    assert!(files.len() > 20, "the walk found the sources");
    let broken: Vec<String> = files
        .iter()
        .filter(|(name, _)| !is_test_file(name))
        .flat_map(|(name, source)| violations(name, source))
        .collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// What gives advice besides `ports::remedy`, in the shipped part of an adapter or of the error that it makes: a
/// text with a command to run, and anything called a hint.
fn advice(name: &str, source: &str) -> Vec<String> {
    fn add(tokens: TokenStream, found: &mut Vec<String>) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => {
                    let first = group.stream().into_iter().next();
                    if first.is_none_or(|first| first.to_string() != "doc") {
                        add(group.stream(), found);
                    }
                }
                TokenTree::Ident(ident) => found.push(ident.to_string()),
                TokenTree::Literal(literal) => found.push(literal.to_string()),
                TokenTree::Punct(_) => {}
            }
        }
    }
    const WORDS: [&str; 4] = ["`az ", "`kubectl ", "`widctl ", "`helm "];
    if !is_in(name, &["azure", "kubernetes", "oidc", "ports/error"]) || is_test_file(name) {
        return Vec::new();
    }
    let shipped = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    add(shipped.parse().unwrap_or_else(|error| panic!("{name}: {error}")), &mut found);
    found.retain(|text| text == "hint" || WORDS.iter().any(|word| text.contains(word)));
    found.iter().map(|text| format!("{name}: {text}")).collect()
}

#[test]
fn adapters_classify_and_one_room_advises() {
    let found: Vec<String> =
        sources().iter().flat_map(|(name, source)| advice(name, source)).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
    let planted = |text: &str| !advice("azure/client", text).is_empty();
    assert!(planted("fn f() { error.hint = None; }"));
    assert!(planted("fn f() { format!(\"see `az aks show --ids {id}`\") }"));
    assert!(planted("#[error(\"run `kubectl get pods`\")] struct Failed;"));
    assert!(!planted("//! As `az login` does.\n/// Like `kubectl get`.\nfn f() {}"));
}

#[test]
fn every_file_is_short_enough_to_be_read() {
    const LONGEST: usize = 500;
    let long: Vec<String> = sources()
        .iter()
        .map(|(name, source)| (name, shipped_lines(name, source)))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(name, lines)| format!("{name}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "\n{}", long.join("\n"));
}

fn shipped_lines(name: &str, source: &str) -> usize {
    if is_test_file(name) {
        return 0;
    }
    source.split("#[cfg(test)]").next().unwrap_or_default().lines().count()
}

/// Files that a kind of resource costs: CONTRIBUTING.md lists them.
const FILES_OF_A_KIND: usize = 9;

/// Whether the shipped part of a source names a kind: `RoleBinding` inside a name, or `role_binding`.
fn names_kind(name: &str, source: &str, [title, field]: [&str; 2]) -> bool {
    fn any(tokens: TokenStream, is_it: &dyn Fn(&str) -> bool) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => is_it(&ident.to_string()),
            TokenTree::Group(group) => any(group.stream(), is_it),
            TokenTree::Punct(_) | TokenTree::Literal(_) => false,
        })
    }
    let shipped = source.split("#[cfg(test)]").next().unwrap_or_default();
    let tokens = shipped.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
    any(tokens, &|ident| ident.contains(title) || ident.contains(field))
}

#[test]
fn a_kind_costs_few_files() {
    let sources = sources();
    let shipped =
        sources.iter().filter(|(name, _)| !is_test_file(name) && module_of(name) != "sandbox");
    let naming: Vec<&str> = shipped
        .filter(|(name, source)| names_kind(name, source, ["RoleBinding", "role_binding"]))
        .map(|(name, _)| name.as_str())
        .collect();
    assert!(naming.len() <= FILES_OF_A_KIND, "{naming:#?}");
    assert!(naming.contains(&"plan/kinds/role_binding"), "{naming:#?}");
}

#[test]
fn the_guard_sees_planted_violations() {
    let found = |name: &str, source: &str| !violations(name, source).is_empty();
    assert!(found("plan/planner", "use crate::azure::client::AzureClient;"));
    assert!(found("azure/client", "use crate::plan::contents::Plan;"));
    assert!(found("plan/order", "fn now() { std::time::SystemTime::now(); }"));
    assert!(found("model/text", "use crate::{plan, profile};"));
    assert!(found("model/text", "use crate::*;"));
    assert!(found("model/text", "use crate as all;"));
    assert!(found("model/text", "use crate::{model::guid, plan::{contents as c}};"));
    assert!(found("model/kinds/mod", "use super::super::plan::contents::Plan;"));
    assert!(found("model/text", "mod inner { use super::super::super::plan; }"));
    assert!(found("model/text", "fn f() { push!(a, crate::plan::contents::X) }"));
    assert!(found("plan/order", "use std::{fmt, fs};"));
    assert!(found("plan/order", "async fn wait() {}"));
    assert!(!found(
        "plan/order",
        "#[cfg(test)]\nmod tests { use std::fs; }\nuse super::contents::Plan;"
    ));
    assert!(found("sandbox/world", "use crate::model::arm_id::ArmId;"));
    assert!(found("azure/client", "use azure_mgmt_msi::Client;"));
    assert!(found("cli/offline", "fn out() { io::stdout().lock(); }"));
    assert!(found("stray/file", "fn main() {}"));
    assert!(!found(
        "plan/planner",
        "// crate::azure is what this must not use\nuse crate::model::arm_id::ArmId;"
    ));
}
