//! The services that a run connects to, prepared: the real ones, or a sandbox in their place.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::azure::cloud::{Cloud, CloudError, Clouds};
use crate::azure::sign_in;
use crate::azure::sign_in::method::Method;
use crate::azure::sign_in::variables::CredentialVariables;
use crate::azure::sign_in::{SignInOptions, TokenSource};
use crate::azure::transport;
use crate::azure::transport::Transport;
use crate::command::failure::Failure;
use crate::command::rehearsal::{Rehearsal, SandboxOptions};
use crate::event::EventSink;
use crate::files;
use crate::kubernetes::environment::Environment;
use crate::oidc::public::PublicIssuers;
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::read::IssuerRead;
use crate::profile::resolved::Profile;

/// Where and how to connect.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// How to sign in; `None` takes the first that works.
    pub auth: Option<Method>,
    /// Describes custom clouds.
    pub cloud_file: Option<PathBuf>,
    /// The most requests in flight, to Azure and to each cluster.
    pub parallelism: usize,
    /// The most time that one attempt of a request may take.
    pub timeout: Duration,
    /// The sandbox to use instead of the real services.
    pub sandbox: Option<SandboxOptions>,
}

/// What the clients of a run are made of.
pub struct Services {
    /// Whose endpoints.
    pub cloud: Cloud,
    /// The way to them.
    pub transport: Transport,
    /// Who signs in.
    pub tokens: Arc<dyn TokenSource>,
    /// Public issuers.
    pub issuers: Box<dyn IssuerRead>,
    /// The machine as connections to clusters see it.
    pub environment: Environment,
    /// The sandbox, where one takes the place of the real services.
    pub rehearsal: Option<Rehearsal>,
}

impl Services {
    /// Prepares the services of a profile. A sandbox is started; a real service is asked nothing.
    pub async fn prepare(
        profile: &Profile,
        options: &ConnectOptions,
        events: &Arc<dyn EventSink>,
    ) -> Result<Self, Failure> {
        let rehearsal = match &options.sandbox {
            Some(sandbox) => Some(Rehearsal::start(profile, sandbox, &**events).await?),
            None => None,
        };
        let cloud = match &rehearsal {
            Some(rehearsal) => rehearsal.cloud()?,
            None => cloud(profile, options.cloud_file.as_deref())?,
        };
        let transport = Transport::https(&cloud)?;
        let sign_in_options = SignInOptions {
            cloud: cloud.clone(),
            transport: transport.clone(),
            events: Arc::clone(events),
            timeout: options.timeout,
            seed: jitter_seed(),
            tenant: profile.tenant,
            environment: CredentialVariables::of_process(),
            method: options.auth,
            executor: None,
        };
        let tokens = match &rehearsal {
            Some(rehearsal) => rehearsal.tokens(sign_in_options)?,
            None => sign_in::sign_in(sign_in_options),
        };
        let public = public_issuers(&cloud, events)?;
        let machine = Environment::of_process();
        let (issuers, environment) = match &rehearsal {
            Some(rehearsal) => (rehearsal.issuers(public), rehearsal.environment(machine)),
            None => (Box::new(public) as Box<dyn IssuerRead>, machine),
        };
        Ok(Self { cloud, transport, tokens, issuers, environment, rehearsal })
    }
}

fn public_issuers(cloud: &Cloud, events: &Arc<dyn EventSink>) -> Result<PublicIssuers, PortError> {
    PublicIssuers::new(transport::authorities(cloud)?, Arc::clone(events)).map_err(|error| {
        let operation = "prepare reading public issuers";
        let mut failed = PortError::new(PortErrorKind::Invalid, Service::Issuer, operation);
        failed.source = Some(error.into());
        failed
    })
}

/// A seed for the jitter between attempts. Two pipelines in containers may well have the same process id, and
/// must not go on colliding in step.
pub fn jitter_seed() -> u64 {
    Uuid::new_v4().as_u64_pair().0
}

/// The profile's cloud: a built-in one, or one of the cloud file.
fn cloud(profile: &Profile, file: Option<&Path>) -> Result<Cloud, Failure> {
    let clouds = match file {
        None => Clouds::default(),
        Some(path) => {
            let text = files::read_text(path, files::LARGEST_TEXT)
                .map_err(|source| Failure::file("read the cloud file", path, source))?;
            Clouds::with_file(&text, path).map_err(|mut error| {
                // The line that is wrong is shown, unless it stands in a file that nobody named.
                if let CloudError::Syntax { source, .. } = &mut error
                    && files::leads_elsewhere(path).unwrap_or(true)
                {
                    source.set_input(None);
                }
                Failure::Cloud(error)
            })?
        }
    };
    clouds.find(&profile.cloud).cloned().map_err(Failure::Cloud)
}
