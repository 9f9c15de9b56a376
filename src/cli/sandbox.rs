//! `sandbox serve`, `reset` and `show`.

use std::path::Path;

use crate::cli::args::{SandboxCommand, SandboxServeArguments, SandboxShowArguments, TextFormat};
use crate::cli::run::printed;
use crate::cli::{signals, sink};
use crate::command::condition::Condition;
use crate::command::failure::Failure;
use crate::command::profile_files::Given;
use crate::command::rehearsal::place::Place;
use crate::command::rehearsal::served::Served;
use crate::command::rehearsal::server::RunningSandbox;
use crate::command::rehearsal::{assumptions, files, shown};
use crate::command::{profile_files, write_file};
use crate::report::escape;

/// Runs one of the sandbox's commands.
pub async fn run(command: &SandboxCommand) -> Result<Condition, Failure> {
    match command {
        SandboxCommand::Serve(arguments) => serve(arguments).await,
        SandboxCommand::Reset { file } => reset(file),
        SandboxCommand::Show(arguments) => show(arguments).await,
    }
}

async fn serve(arguments: &SandboxServeArguments) -> Result<Condition, Failure> {
    let world = files::open(&arguments.file)?;
    if let Some(faults) = &arguments.faults {
        world.set_faults(files::faults(faults)?);
    }
    if let Some(path) = &arguments.profile {
        let command = "sandbox serve --profile";
        let given = Given { path, root_only: arguments.root_only, command, placeholders: true };
        for assumption in assumptions::grow(&world, &profile_files::load(given)?) {
            let assumption = escape::terminal(&assumption);
            sink::say(&format!("sandbox: assuming {assumption}\n"));
        }
    }
    let mut stop = signals::listen().map_err(|source| {
        Failure::file("listen for signals on", Path::new("this process"), source)
    })?;
    let running = RunningSandbox::start(world, arguments.port).await?;
    running.world.announce(running.base.port_or_known_default().unwrap_or_default());
    let kubeconfig = arguments
        .kubeconfig
        .clone()
        .unwrap_or_else(|| arguments.file.with_file_name("sandbox.kubeconfig"));
    let text = crate::sandbox::kubeconfig(&running.world.clusters(), &running.base);
    write_file::replace(&kubeconfig, text.as_bytes())
        .map_err(|source| Failure::file("write the kubeconfig", &kubeconfig, source))?;
    printed(sink::result(&format!(
        "Serving the sandbox on {}\n\n  export KUBECONFIG={}\n  kubectl config get-contexts\n\nCtrl-C stops it; its state is kept in {}.\n",
        running.base,
        kubeconfig.display(),
        arguments.file.display(),
    )))?;
    // An error means that nobody listens for signals any more, which ends the wait as well.
    let _ = stop.wait_for(Option::is_some).await;
    running.stop(&arguments.file).await?;
    Ok(Condition::Done)
}

fn reset(file: &Path) -> Result<Condition, Failure> {
    // Opening takes the lock: a sandbox in use is not pulled from under its user's feet. A damaged file
    // is what reset is for.
    let removed = match files::open(file) {
        Ok(world) => remove(file, world),
        Err(Failure::Sandbox(error)) if error.is_damaged() => remove(file, ()),
        Err(failure) => return Err(failure),
    }?;
    let said = if removed { "The sandbox is empty.\n" } else { "The sandbox was empty already.\n" };
    printed(sink::result(said))?;
    Ok(Condition::Done)
}

/// Removes the state file while `lock` is held.
fn remove<L>(file: &Path, lock: L) -> Result<bool, Failure> {
    let removed = match std::fs::remove_file(file) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(Failure::file("remove the sandbox's state", file, source)),
    };
    drop(lock);
    removed
}

async fn show(arguments: &SandboxShowArguments) -> Result<Condition, Failure> {
    if arguments.format == TextFormat::Json && !arguments.team.is_empty() {
        return Err(Failure::Usage {
            what: "`--format json` is the whole state, and `--team` chooses a part".to_owned(),
            hint: "leave one of them out".to_owned(),
        });
    }
    let state = match Place::of(&arguments.file)? {
        Place::Served(base) => Served::find(base).await?.state().await?,
        Place::File(file) if !file.exists() => {
            printed(sink::result("The sandbox is empty.\n"))?;
            return Ok(Condition::Done);
        }
        Place::File(file) => files::open(&file)?.to_json(),
    };
    printed(match arguments.format {
        TextFormat::Json => sink::document(&format!("{state:#}\n")),
        TextFormat::Text => sink::result(&shown::text(&state, &arguments.team)?),
    })?;
    Ok(Condition::Done)
}
