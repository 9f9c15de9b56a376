//! The sandbox in the place of the real services: what a run takes from it, and what it takes from a profile.

pub mod assumptions;
pub mod cluster;
pub mod files;
mod issuers;
pub mod server;

use std::path::PathBuf;
use std::sync::Arc;

use tempfile::NamedTempFile;

use crate::azure::cloud::Cloud;
use crate::azure::sign_in::{self, Secret, SignInOptions, TokenSource};
use crate::command::failure::Failure;
use crate::command::rehearsal::issuers::SandboxIssuers;
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
    /// Its state.
    pub file: PathBuf,
    /// Whether it refuses what the profile assumes and nobody made.
    pub strict: bool,
    /// The faults to rehearse with, a TOML file.
    pub faults: Option<PathBuf>,
}

/// The sandbox behind a run.
pub struct Rehearsal {
    running: RunningSandbox,
    file: PathBuf,
    /// What takes the place of the user's kubeconfig; removed with the rehearsal.
    kubeconfig: NamedTempFile,
}

impl Rehearsal {
    /// Starts the sandbox with what the profile assumes.
    pub async fn start(
        profile: &Profile,
        options: &SandboxOptions,
        events: &dyn EventSink,
    ) -> Result<Self, Failure> {
        let world = files::open(&options.file)?;
        if let Some(faults) = &options.faults {
            world.set_faults(files::faults(faults)?);
        }
        if !options.strict {
            for assumption in assumptions::grow(&world, profile) {
                let text = format!("sandbox: assuming {assumption}");
                events.emit(Event::Message { text });
            }
        }
        let running = RunningSandbox::start(world, 0).await?;
        let kubeconfig = files::kubeconfig_file(&running)?;
        Ok(Self { running, file: options.file.clone(), kubeconfig })
    }

    /// The cloud that the sandbox is.
    pub fn cloud(&self) -> Result<Cloud, Failure> {
        Cloud::loopback(&self.running.base).map_err(Failure::Cloud)
    }

    /// The tokens of the sandbox's principal, whatever the machine could sign in with.
    pub fn tokens(&self, mut options: SignInOptions) -> Result<Arc<dyn TokenSource>, Failure> {
        options.tenant = self.running.world.tenant().parse().ok();
        let secret = Secret::new(SANDBOX_SECRET);
        Ok(sign_in::client_secret(&options, PRINCIPAL_CLIENT_ID, secret)?)
    }

    /// The issuers that the sandbox serves.
    pub fn issuers(&self, served: PublicIssuers) -> Box<dyn IssuerRead> {
        Box::new(SandboxIssuers { base: self.running.base.clone(), served })
    }

    /// The machine, with the sandbox's kubeconfig instead of the user's.
    pub fn environment(&self, machine: Environment) -> Environment {
        Environment { kubeconfig: Some(self.kubeconfig.path().into()), ..machine }
    }

    /// Stops the sandbox and saves its state.
    pub async fn close(self) -> Result<(), Failure> {
        let Self { running, file, kubeconfig: _removed_at_the_end } = self;
        running.stop(&file).await
    }
}
