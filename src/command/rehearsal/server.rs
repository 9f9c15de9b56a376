//! The server of a sandbox.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use url::Url;

use crate::command::failure::Failure;
use crate::sandbox::{World, serve};

/// How long the server may take to finish what it is answering.
const STOPPED_WITHIN: Duration = Duration::from_secs(2);

/// A sandbox that is being served on loopback.
pub struct RunningSandbox {
    /// Everything in it.
    pub world: World,
    /// Where it listens.
    pub base: Url,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl RunningSandbox {
    /// Starts to serve a world on a loopback port; 0 takes a free one.
    pub async fn start(world: World, port: u16) -> Result<Self, Failure> {
        let failed =
            |source| Failure::file("listen for the sandbox on", Path::new("127.0.0.1"), source);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let base = Url::parse(&format!("http://{address}")).expect("a socket's address is a host");
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move {
            // An error means that the sender is gone, which asks for the same.
            let _ = stopped.await;
        };
        let served = tokio::spawn(serve(world.clone(), listener, shutdown));
        Ok(Self { world, base, stop, served })
    }

    /// Stops serving and writes the state.
    pub async fn stop(self, file: &Path) -> Result<(), Failure> {
        let failed = |source| Failure::file("save the sandbox in", file, source);
        // The server may be gone already; then there is nobody to tell.
        let _ = self.stop.send(());
        match tokio::time::timeout(STOPPED_WITHIN, self.served).await {
            Ok(ended) => {
                ended.map_err(|error| failed(std::io::Error::other(error)))?.map_err(failed)
            }
            // A client that holds its connection must not hold the command.
            Err(_) => Ok(self.world.flush()?),
        }
    }
}
