//! The command line: the one module that prints ([`sink`]), asks and knows exit codes.

pub mod args;
pub mod complete;
pub mod diagnostic;
pub mod exit;
pub mod explain;
pub mod graph;
pub mod logging;
pub mod ndjson;
pub mod offline;
pub mod online;
pub mod pipeline;
pub mod presets;
pub mod profile;
pub mod progress;
pub mod prompt;
pub mod render;
pub mod run;
pub mod sandbox;
pub mod saved;
pub mod shared;
pub mod show;
pub mod signals;
pub mod sink;
pub mod status;
pub mod terminal;
pub mod token;
pub mod validate;
pub mod verify;

use std::panic;
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::args::{Arguments, Color, Command, OutputArguments};
use crate::cli::pipeline::command;
use crate::cli::terminal::Terminal;
use crate::command::condition::Condition;
use crate::command::failure::Failure;
use crate::ports::secrets;
use crate::report::escape;

/// Runs the command line and answers the process's exit code.
pub fn run() -> ExitCode {
    complete::answer();
    let mut arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    panic::set_hook(Box::new(|panic| {
        sink::say(&format!("internal error: {panic}\n"));
    }));
    let terminal = Terminal::new(&arguments.output);
    let OutputArguments { verbose, quiet, log_file, .. } = &arguments.output;
    let logging = logging::start(*verbose, terminal.color_err, log_file.as_deref());
    let found = logging.and_then(|()| profile::find(&mut arguments.command, *quiet));
    let condition = match found.and_then(|()| dispatch(&arguments.command, terminal)) {
        Ok(condition) => condition,
        Err(failure) => {
            sink::say(&diagnostic::render(&failure, terminal));
            mark(&failure, terminal);
            failure.condition()
        }
    };
    ExitCode::from(exit::code(condition))
}

/// Marks a profile's errors at their lines, where a pipeline shows them so.
fn mark(failure: &Failure, terminal: Terminal) {
    let Some(pipeline) = terminal.pipeline else { return };
    for failure in failure.parts() {
        if let Failure::Profile(errors) = failure {
            for mark in command::Command::marks(errors) {
                sink::command(&mark, pipeline);
            }
        }
    }
}

/// Help and version are results; anything else is a usage error, which clap alone would call 2.
fn usage(error: &clap::Error) -> ExitCode {
    let terminal = Terminal::new(&OutputArguments {
        color: Color::Auto,
        quiet: false,
        verbose: 0,
        log_file: None,
        no_input: false,
        no_pipeline: false,
    });
    let text = |color: bool| {
        let text = error.render();
        if color { text.ansi().to_string() } else { text.to_string() }
    };
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    ExitCode::from(exit::code(if asked {
        // Nobody is left to tell when printing fails.
        let _ = sink::result(&text(terminal.color_out));
        Condition::Done
    } else {
        // A token belongs on stdin; one that was given as an argument is not told again.
        std::env::args()
            .filter(|given| given.starts_with("eyJ"))
            .for_each(|given| secrets::learn(&given));
        sink::say(&text(terminal.color_err));
        if error.kind() == ErrorKind::UnknownArgument
            && let Some(file) = sandbox_file(std::env::args())
        {
            let file = escape::terminal(&file);
            sink::say(&format!(
                "  hint: `--sandbox` takes a file behind an equals sign: `--sandbox={file}`\n"
            ));
        }
        if let Some(variable) = environment(error) {
            sink::say(&format!(
                "  hint: the value is that of the environment variable {variable}\n"
            ));
        }
        Condition::Usage
    }))
}

/// What looks like the file of `--sandbox` on a command line, given as the next argument.
fn sandbox_file(arguments: impl IntoIterator<Item = String>) -> Option<String> {
    let mut arguments =
        arguments.into_iter().skip_while(|argument| argument != "--sandbox").skip(1);
    arguments.next().filter(|next| !next.starts_with('-'))
}

/// The environment variable that a wrong value came from: `WIDCTL_` and the flag's name, where the flag was not given.
#[expect(clippy::disallowed_methods, reason = "the command line reads its own environment")]
fn environment(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let flag = argument.split([' ', '=', '[']).next()?;
    let variable =
        format!("WIDCTL_{}", flag.trim_start_matches('-').replace('-', "_").to_uppercase());
    let is_given = std::env::args().any(|given| given.split('=').next() == Some(flag));
    (!is_given && std::env::var_os(&variable).is_some()).then_some(variable)
}

fn dispatch(command: &Command, terminal: Terminal) -> Result<Condition, Failure> {
    match command {
        Command::Init(arguments) => offline::init(arguments),
        Command::Validate(arguments) => validate::validate(arguments, terminal),
        Command::Render(arguments) => render::render(arguments, terminal.quiet),
        Command::Presets(arguments) => presets::presets(arguments),
        Command::Explain(arguments) => explain::explain(arguments),
        Command::Show(arguments) => show::show(arguments, terminal),
        Command::Schema => offline::schema(),
        Command::Completions { shell } => complete::completions(*shell),
        Command::Man { out_dir } => offline::man(out_dir.as_deref()),
        Command::Version => offline::version(),
        Command::Plan(arguments) => in_runtime(online::plan(arguments, terminal)),
        Command::Apply(arguments) => in_runtime(online::apply(arguments, terminal)),
        Command::Sync(arguments) => in_runtime(online::sync(arguments, terminal)),
        Command::Verify(arguments) => in_runtime(verify::verify(arguments, terminal)),
        Command::Graph(arguments) => in_runtime(graph::graph(arguments, terminal)),
        Command::Status(arguments) => in_runtime(status::status(arguments, terminal)),
        Command::Release(arguments) => in_runtime(online::release(arguments, terminal)),
        Command::Token(command) => in_runtime(token::token(command, terminal)),
        Command::Sandbox(command) => in_runtime(sandbox::run(command)),
    }
}

fn in_runtime(
    work: impl Future<Output = Result<Condition, Failure>>,
) -> Result<Condition, Failure> {
    // The Azure SDK's HTTP client panics without a provider; whoever comes first installs it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|source| {
        Failure::file("start the runtime of", std::path::Path::new("this process"), source)
    })?;
    let done = runtime.block_on(work);
    // A question that nobody answered still holds its thread.
    runtime.shutdown_background();
    done
}
