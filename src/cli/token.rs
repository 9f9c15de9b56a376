//! `token`: a token from stdin, never from an argument, which every process of the machine can read.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Read as _};
use std::path::Path;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::cli::args::{ConnectionArguments, Format, FormatArguments, TextFormat};
use crate::cli::online::now;
use crate::cli::run::{Run, closed, printed};
use crate::cli::sink;
use crate::cli::terminal::Terminal;
use crate::command::condition::Condition;
use crate::command::failure::Failure;
use crate::command::services::Services;
use crate::command::token::{LARGEST, Looked, MAKE, Object, Token};
use crate::command::verify_pod;
use crate::model::text::{Audience, ClusterName, Issuer};
use crate::ports::read::Clusters as _;
use crate::report::{escape, json, summary};

/// `token`.
#[derive(Subcommand, Debug)]
pub enum TokenCommand {
    /// Show what a token says: claims, times, what it is bound to; nothing is asked of anybody
    #[command(
        after_help = "Example:\n  kubectl create token frontend --namespace shop | widctl token inspect"
    )]
    Inspect(InspectArguments),
    /// Have an API server review a token
    #[command(
        after_help = "Example:\n  kubectl create token frontend --namespace shop --audience prices.data |\n    widctl token review --context weu --audience prices.data"
    )]
    Review(ReviewArguments),
}

/// `token inspect`.
#[derive(Args, Debug)]
pub struct InspectArguments {
    /// Check the signature with the keys that the token's issuer publishes
    #[arg(long)]
    pub discovery: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = TextFormat::Text)]
    pub format: TextFormat,
    /// Where and how to connect.
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

/// `token review`.
#[derive(Args, Debug)]
pub struct ReviewArguments {
    /// The kubeconfig context of the cluster that is asked
    #[arg(long, value_name = "CONTEXT")]
    pub context: String,
    /// The audience that the token has to be for [default: the API server itself]
    #[arg(long, value_name = "AUDIENCE")]
    pub audience: Option<String>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = TextFormat::Text)]
    pub format: TextFormat,
    /// Where and how to connect.
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

/// `token`.
pub async fn token(command: &TokenCommand, terminal: Terminal) -> Result<Condition, Failure> {
    let token = Token::parse(from_stdin()?)?;
    let format = FormatArguments { format: Format::Text, json: false, full: false };
    let run = Run::start(terminal, &format, Path::new(""))?;
    run.end(match command {
        TokenCommand::Inspect(arguments) => inspect(arguments, &token, &run).await,
        TokenCommand::Review(arguments) => review(arguments, &token, &run).await,
    })
}

/// What is piped in, bounded.
fn from_stdin() -> Result<Vec<u8>, Failure> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Err(Failure::Usage {
            what: "the token is read from stdin, which is a terminal".to_owned(),
            hint: format!("pipe it in: `{MAKE} | widctl token inspect`"),
        });
    }
    let most = u64::try_from(LARGEST).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let read = stdin.lock().take(most + 1).read_to_end(&mut bytes);
    read.map_err(|source| Failure::file("read the token from", Path::new("stdin"), source))?;
    if bytes.len() > LARGEST {
        return Err(Failure::Broken {
            what: format!("stdin holds more than {LARGEST} bytes, which no token has"),
            hint: format!("pipe in the token alone: `{MAKE} | widctl token inspect`"),
        });
    }
    Ok(bytes)
}

async fn inspect(
    arguments: &InspectArguments,
    token: &Token,
    run: &Run,
) -> Result<Condition, Failure> {
    let mut looked = token.look(now());
    if arguments.discovery {
        let (bare, options) = (verify_pod::bare(None), arguments.connection.options());
        let asked = async {
            let services = Services::prepare(&bare, &options, &run.events).await?;
            token.discover(&*services.issuers, &mut looked).await
        };
        run.until_stopped(asked).await?;
    }
    let unchecked = if arguments.discovery {
        "Whether its account and pod still exist only the API server knows: `widctl token review --context CONTEXT`."
    } else {
        "Nothing was verified: a token says what its writer wants. `--discovery` checks the signature, `widctl token review` asks the API server."
    };
    told(&looked, arguments.format, unchecked)
}

async fn review(
    arguments: &ReviewArguments,
    token: &Token,
    run: &Run,
) -> Result<Condition, Failure> {
    let (bare, options) = (verify_pod::bare(None), arguments.connection.options());
    let open = async {
        let services = Services::prepare(&bare, &options, &run.events).await?;
        let context = verify_pod::context(Some(&arguments.context), &services)?;
        let bare = verify_pod::on_cluster(bare.clone(), &context, Issuer::from(""));
        Ok((run.open(services, &bare, &options).await?, context))
    };
    let (connection, context) = run.until_stopped(open).await?;
    let mut looked = token.look(now());
    let asked = async {
        let cluster = connection.connect(&ClusterName::from(context.as_str())).await?;
        let audience = arguments.audience.as_deref().map(Audience::from);
        token.review(&cluster, audience.as_ref(), &mut looked).await
    };
    let done = run.until_stopped(asked).await;
    let done = done.and_then(|()| told(&looked, arguments.format, ""));
    closed(connection, done).await
}

/// Prints what was found.
fn told(looked: &Looked, format: TextFormat, unchecked: &str) -> Result<Condition, Failure> {
    match format {
        TextFormat::Json => printed(sink::document(&json::pretty(looked))),
        TextFormat::Text => printed(sink::result(&text(looked, unchecked))),
    }?;
    Ok(if looked.problems.is_empty() { Condition::Done } else { Condition::Unverified })
}

/// The claims, one a line, and what they are worth.
fn text(looked: &Looked, unchecked: &str) -> String {
    let object = |object: &Object| match &object.uid {
        Some(uid) => format!("{} ({uid})", object.name),
        None => object.name.clone(),
    };
    let bound = looked.kubernetes.as_ref();
    let expires = looked.expires_at.map(|time| match looked.remaining_seconds {
        Some(left) if left > 0 => format!("{time}, in {}", seconds(left)),
        Some(left) => format!("{time}, {} ago", seconds(left)),
        None => time.to_string(),
    });
    let audiences = looked.audiences.join(", ");
    let rows = [
        ("issuer", looked.issuer.clone()),
        ("subject", looked.subject.clone()),
        ("audience", (!audiences.is_empty()).then_some(audiences)),
        ("issued", looked.issued_at.map(|time| time.to_string())),
        ("not before", looked.not_before.map(|time| time.to_string())),
        ("expires", Some(expires.unwrap_or_else(|| "never: it has no `exp`".to_owned()))),
        ("namespace", bound.and_then(|bound| bound.namespace.clone())),
        ("account", bound.and_then(|bound| bound.serviceaccount.as_ref()).map(object)),
        ("pod", bound.and_then(|bound| bound.pod.as_ref()).map(object)),
        ("node", bound.and_then(|bound| bound.node.as_ref()).map(object)),
        ("secret", bound.and_then(|bound| bound.secret.as_ref()).map(object)),
        ("algorithm", Some(looked.algorithm.clone())),
        ("key", looked.key.clone()),
    ];
    let mut text = String::new();
    for (name, value) in rows {
        let Some(value) = value else { continue };
        let line = writeln!(text, "{name:<10}  {}", escape::terminal(&value));
        line.expect("writing to a string does not fail");
    }
    let signed = |sign: &str, line: &String| format!("{sign} {}", escape::terminal(line));
    let verified = looked.verified.iter().map(|line| signed("✓", line));
    let problems = looked.problems.iter().map(|line| signed("✗", line));
    let unchecked = Some(unchecked).filter(|text| !text.is_empty()).map(str::to_owned);
    for line in verified.chain(problems).chain(unchecked) {
        text.push('\n');
        text.push_str(&line);
    }
    text.push('\n');
    text
}

/// A time before or after now.
fn seconds(left: i64) -> String {
    summary::time(Duration::from_secs(left.unsigned_abs()))
}
