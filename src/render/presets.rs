//! What targets take from presets: the workloads that have one, and its settings and places as values.

use serde_json::{Value, json};

use super::{Given, Unrendered};
use crate::presets::{ACCOUNT, Preset};
use crate::profile::resolved::Workload;

/// The workloads with one of these presets; `whose` accounts they are is for people.
pub(super) fn workloads<'a>(
    given: &Given<'a>,
    presets: &[&str],
    whose: &str,
) -> Result<Vec<(&'static Preset, &'a Workload)>, Unrendered> {
    let all = given.teams()?.into_iter().flat_map(|team| &team.workloads);
    let here = all.filter(|workload| given.chosen(&workload.clusters).next().is_some());
    let with_preset = here.filter_map(|workload| Some((workload.preset?, workload)));
    let found: Vec<_> =
        with_preset.filter(|(preset, _)| presets.contains(&preset.name.as_str())).collect();
    if found.is_empty() { Err(none(given, presets, whose)) } else { Ok(found) }
}

/// There is no workload with one of these presets.
pub(super) fn none(given: &Given<'_>, presets: &[&str], whose: &str) -> Unrendered {
    let presets: Vec<_> = presets.iter().map(|name| format!("`preset = \"{name}\"`")).collect();
    Unrendered::usage(
        given.nobody_has(&format!("workload with {}", presets.join(" or "))),
        format!("add the preset to the `[[team.workload]]` of the account of {whose}"),
    )
}

/// Sets what a preset has set in one place. Without an account, what names it is left out.
pub(super) fn fill(root: &mut Value, preset: &Preset, of: &str, account: Option<&str>) {
    let settings = preset.settings.iter().filter(|settings| settings.of == of);
    for (path, text) in settings.flat_map(|settings| &settings.values) {
        let value = if text == ACCOUNT { account.map(Value::from) } else { Some(value(text)) };
        if let Some(value) = value {
            set(root, path, value);
        }
    }
}

/// A value of the tables, which are written as YAML: one entry `key: "text"`, `true`, `false`, or a word.
fn value(text: &str) -> Value {
    let scalar = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| text.into());
    match text.split_once(": ") {
        Some((key, text)) => json!({ key: scalar(text) }),
        None => scalar(text),
    }
}

/// Sets what is at a path with dots.
pub(super) fn set(root: &mut Value, path: &str, value: Value) {
    *path.split('.').fold(root, |place, step| &mut place[step]) = value;
}
