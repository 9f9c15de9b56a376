//! The sandbox in the place of the real services: what a run takes from it, and what it takes from a profile.

pub mod assumptions;
pub mod cluster;
pub mod files;
mod issuers;
pub mod place;
pub mod served;
pub mod server;
pub mod shown;

use std::path::PathBuf;
use std::sync::Arc;

use tempfile::NamedTempFile;
use url::Url;

use crate::azure::cloud::Cloud;
use crate::azure::sign_in::{self, Secret, SignInOptions, TokenSource};
use crate::command::failure::Failure;
use crate::command::rehearsal::issuers::SandboxIssuers;
use crate::command::rehearsal::place::Place;
use crate::command::rehearsal::served::Served;
use crate::command::rehearsal::server::RunningSandbox;
use crate::event::{Event, EventSink};
use crate::kubernetes::environment::Environment;
use crate::oidc::public::PublicIssuers;
use crate::ports::read::IssuerRead;
use crate::profile::resolved::Profile;
use crate::sandbox::PRINCIPAL_CLIENT_ID;

/// The secret that the sandbox takes from its principal; it opens nothing else.
const SANDBOX_SECRET: &str = "the-sandbox-takes-any-secret";

/// Which sandbox, and how lenient.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// The file of its state, or the address of one that another process serves.
    pub file: PathBuf,
    /// Whether it refuses what the profile assumes and nobody made.
    pub strict: bool,
    /// The faults to rehearse with, a TOML file.
    pub faults: Option<PathBuf>,
}

/// The sandbox behind a run.
pub struct Rehearsal {
    /// Where it listens.
    base: Url,
    tenant: String,
    /// The server, and the file for its state, where it is this run's own.
    own: Option<(RunningSandbox, PathBuf)>,
    /// What takes the place of the user's kubeconfig; removed with the rehearsal.
    kubeconfig: NamedTempFile,
}

impl Rehearsal {
    /// Starts the sandbox, or joins the one that another process serves, with what the profile assumes.
    pub async fn start(
        profile: &Profile,
        options: &SandboxOptions,
        events: &dyn EventSink,
    ) -> Result<Self, Failure> {
        let (assumed, words) =
            if options.strict { <_>::default() } else { assumptions::of(profile) };
        let (base, joined, own) = match Place::of(&options.file)? {
            Place::Served(_) if options.faults.is_some() => return Err(faults_of_others()),
            Place::Served(base) => {
                let joined = Served::find(base.clone()).await?.join(&assumed).await?;
                (base, joined, None)
            }
            Place::File(file) => {
                let world = files::open(&file)?;
                if let Some(faults) = &options.faults {
                    world.set_faults(files::faults(faults)?);
                }
                let joined = world.join(&assumed);
                let running = RunningSandbox::start(world, 0).await?;
                (running.base.clone(), joined, Some((running, file)))
            }
        };
        for assumption in assumptions::needed(words, &joined.added) {
            let text = format!("sandbox: assuming {assumption}");
            events.emit(Event::Message { text });
        }
        let kubeconfig = files::kubeconfig_file(&joined.clusters, &base)?;
        Ok(Self { base, tenant: joined.tenant, own, kubeconfig })
    }

    /// The cloud that the sandbox is.
    pub fn cloud(&self) -> Result<Cloud, Failure> {
        Cloud::loopback(&self.base).map_err(Failure::Cloud)
    }

    /// The tokens of the sandbox's principal, whatever the machine could sign in with.
    pub fn tokens(&self, mut options: SignInOptions) -> Result<Arc<dyn TokenSource>, Failure> {
        options.tenant = self.tenant.parse().ok();
        let secret = Secret::new(SANDBOX_SECRET);
        Ok(sign_in::client_secret(&options, PRINCIPAL_CLIENT_ID, secret)?)
    }

    /// The issuers that the sandbox serves.
    pub fn issuers(&self, served: PublicIssuers) -> Box<dyn IssuerRead> {
        Box::new(SandboxIssuers { base: self.base.clone(), served })
    }

    /// The machine, with the sandbox's kubeconfig instead of the user's.
    pub fn environment(&self, machine: Environment) -> Environment {
        Environment { kubeconfig: Some(self.kubeconfig.path().into()), ..machine }
    }

    /// Stops the sandbox and saves its state, where it is this run's own.
    pub async fn close(self) -> Result<(), Failure> {
        match self.own {
            Some((running, file)) => running.stop(&file).await,
            None => Ok(()),
        }
    }
}

/// Faults strike whoever uses the sandbox, so that none of those who joined it may bring them.
fn faults_of_others() -> Failure {
    Failure::Usage {
        what: "`--sandbox-faults` does not go with a sandbox that another process serves"
            .to_owned(),
        hint: "give the faults to its server: `widctl sandbox serve --faults FILE`".to_owned(),
    }
}
