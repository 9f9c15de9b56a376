//! `render`: where documents go, and what people do with them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum, ValueHint};

use crate::cli::complete;
use crate::cli::profile::ProfileArgument;
use crate::cli::run::printed;
use crate::cli::sink;
use crate::command::condition::Condition;
use crate::command::failure::Failure;
use crate::command::render::{self, Options, Placed, Rendered};
use crate::model::plural;
use crate::model::shell::quote;
use crate::render::cronjob::{Job, Run};
use crate::render::{Document, TARGETS, Target};
use crate::report::escape;

/// `render`.
#[derive(Args, Debug)]
pub struct RenderArguments {
    /// Where the profile is.
    #[command(flatten)]
    pub profile: ProfileArgument,
    /// What to render
    #[arg(long, value_name = "TARGET", value_parser = targets())]
    pub target: &'static Target,
    /// Only workloads of this team
    #[arg(long, value_name = "NAME", add = complete::teams())]
    pub team: Option<String>,
    /// Only documents for this cluster
    #[arg(long, value_name = "NAME", add = complete::clusters())]
    pub cluster: Option<String>,
    /// Write the one document to this file [default: print it]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "out_dir")]
    pub out: Option<PathBuf>,
    /// Write each document to a file in this folder, which is made where it is missing
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out_dir: Option<PathBuf>,
    /// Replace files that have other text
    #[arg(long)]
    pub force: bool,
    /// The base job template to start from [default: that of prefect-kubernetes 0.8.0]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub base: Option<PathBuf>,
    /// For prefect-operator: where workers reach the API of Prefect
    #[arg(long, value_name = "URL", env = "WIDCTL_PREFECT_API_URL", value_hint = ValueHint::Url)]
    pub prefect_api_url: Option<String>,
    /// For kubernetes, kustomize and flux: what `widctl status --format json` printed, for the client ids
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub status: Option<PathBuf>,
    /// For cronjob: the image of widctl, best by digest
    #[arg(long, value_name = "IMAGE", env = "WIDCTL_IMAGE")]
    pub image: Option<String>,
    /// For cronjob: when it runs, as Kubernetes writes it
    #[arg(long, value_name = "CRON", default_value = "@hourly", env = "WIDCTL_SCHEDULE")]
    pub schedule: String,
    /// For cronjob: whether it compares or also writes
    #[arg(long, value_enum, default_value_t = JobRun::Check, value_name = "WHAT")]
    pub run: JobRun,
}

/// What a job in the cluster does.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum JobRun {
    /// `sync --check`: the job fails where something differs.
    Check,
    /// `sync --auto-approve`, without `--prune`.
    Sync,
}

fn targets() -> impl TypedValueParser<Value = &'static Target> {
    let values = TARGETS.iter().map(|target| PossibleValue::new(target.name).help(target.title));
    PossibleValuesParser::new(values).map(|name| {
        let found = TARGETS.iter().find(|target| target.name == name);
        found.expect("no other name is taken")
    })
}

/// `render`.
pub fn render(arguments: &RenderArguments, quiet: bool) -> Result<Condition, Failure> {
    let options = Options {
        target: arguments.target,
        team: arguments.team.as_deref(),
        cluster: arguments.cluster.as_deref(),
        base: arguments.base.as_deref(),
        prefect_api_url: arguments.prefect_api_url.as_deref(),
        status: arguments.status.as_deref(),
        job: Job {
            image: arguments.image.as_deref(),
            schedule: &arguments.schedule,
            run: match arguments.run {
                JobRun::Check => Run::Check,
                JobRun::Sync => Run::Sync,
            },
        },
    };
    let rendered = render::render(arguments.profile.given("render"), options)?;
    let said = match (&arguments.out, &arguments.out_dir) {
        (None, Some(folder)) => {
            let placed = rendered.documents.into_iter().map(|document| place(folder, document));
            let placed: Vec<Placed> = placed.collect();
            render::make_folders(&placed)?;
            written(&placed, arguments.force)?
        }
        (Some(file), _) => {
            let document = only(rendered)?;
            written(&[Placed { path: file.clone(), document }], arguments.force)?
        }
        (None, None) => {
            let document = only(rendered)?;
            printed(sink::document(&document.text))?;
            next(&document, "FILE")
        }
    };
    if !quiet {
        sink::say(&said);
    }
    Ok(Condition::Done)
}

fn place(folder: &Path, document: Document) -> Placed {
    Placed { path: folder.join(&document.name), document }
}

/// The one document, where there is room for one.
fn only(Rendered { documents, choices }: Rendered) -> Result<Document, Failure> {
    let names: Vec<String> = documents.iter().map(|document| document.name.clone()).collect();
    let count = plural::count(names.len(), "document");
    <[Document; 1]>::try_from(documents).map(|[one]| one).map_err(|_| Failure::Usage {
        what: format!("the target has {count}, {}", names.join(", ")),
        hint: match choices.join(" and ") {
            flags if flags.is_empty() => "write them to a folder with `--out-dir DIR`".into(),
            flags => format!("write them to a folder with `--out-dir DIR`, or choose with {flags}"),
        },
    })
}

/// Writes files and says which.
fn written(placed: &[Placed], force: bool) -> Result<String, Failure> {
    let written = render::write(placed, force)?;
    let mut text = String::new();
    for each in placed {
        let path = each.path.to_string_lossy();
        let shown = escape::terminal(&path);
        let done = if written.contains(&each) { "Wrote" } else { "Unchanged:" };
        let line = writeln!(text, "{done} {shown}");
        line.expect("writing to a string does not fail");
        text.push_str(&next(&each.document, &path));
    }
    Ok(text)
}

/// What people do with a document, to be pasted into a shell.
fn next(document: &Document, path: &str) -> String {
    let path = quote(path);
    let lines = document.next.iter().map(|line| line.replace("FILE", &path));
    lines
        .flat_map(|line| ["  ".into(), escape::terminal(&line).into_owned(), "\n".into()])
        .collect()
}
