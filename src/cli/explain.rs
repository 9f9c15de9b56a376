//! `explain` as people and programs read it.

use crate::cli::args::{ExplainArguments, TextFormat};
use crate::cli::run::printed;
use crate::cli::sink;
use crate::command::condition::Condition;
use crate::command::explain::{self, Code, Explanation};
use crate::command::failure::Failure;

/// What stands above the codes of `explain --all`.
const HEAD: &str = "\
# Codes

What widctl says, and what Azure, Entra, API servers and kubelets say to it or to workloads: why, how to see it, and what
fixes it. `widctl explain CODE` prints one of these, `widctl explain --all` this page. Words in capitals are for you to put in.
";

/// `explain`.
pub fn explain(arguments: &ExplainArguments) -> Result<Condition, Failure> {
    let codes = arguments.code.map_or_else(|| explain::all().collect(), |code| vec![code]);
    let found: Vec<Explanation> = codes.iter().copied().map(Code::explain).collect();
    let text = match (arguments.format, &found[..]) {
        (TextFormat::Json, [one]) if !arguments.all => json(one),
        (TextFormat::Json, all) => json(&all),
        (TextFormat::Text, [one]) if !arguments.all => text(one),
        (TextFormat::Text, all) => page(all),
    };
    match arguments.format {
        TextFormat::Json => printed(sink::document(&text)),
        TextFormat::Text => printed(sink::result(&text)),
    }?;
    Ok(Condition::Done)
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).expect("every key of an explanation is a string") + "\n"
}

/// One code for people.
fn text(of: &Explanation) -> String {
    let Explanation { code, title, cause, see, fix } = of;
    let see = see.as_ref().map_or_else(String::new, |see| format!("  see:  {see}\n"));
    format!("{code}: {title}\n  why:  {cause}\n{see}  fix:  {fix}\n")
}

/// All codes as a page.
fn page(all: &[Explanation]) -> String {
    let sections = all.iter().map(|Explanation { code, title, cause, see, fix }| {
        let see = see.as_ref().map_or_else(String::new, |see| format!("- see: {see}\n"));
        format!("\n## `{code}`\n\n{title}\n\n- why: {cause}\n{see}- fix: {fix}\n")
    });
    std::iter::once(HEAD.to_owned()).chain(sections).collect()
}
