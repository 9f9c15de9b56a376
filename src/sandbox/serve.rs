//! A world on a socket: the listener can hang up on a caller, and changes reach the state file.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use super::route::router;
use super::world::World;

/// How soon a changed world is written to its file again.
const FLUSH_AFTER: Duration = Duration::from_millis(200);
/// How many times longer a world is left alone than writing it takes: else a sync of a large one would be mostly that, and
/// nobody is answered while it becomes text.
const REST: u32 = 20;

/// Serves a world until the shutdown future is done, and flushes it on the way out.
pub async fn serve(
    world: World,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let service = router(world.clone()).into_make_service_with_connect_info::<HangUp>();
    let server = axum::serve(Switchboard(listener), service).with_graceful_shutdown(shutdown);
    tokio::select! {
        done = server => done?,
        () = keep_flushing(world.clone()) => {}
    }
    flush(world).await
}

async fn keep_flushing(world: World) {
    loop {
        let begun = Instant::now();
        if let Err(error) = flush(world.clone()).await {
            tracing::error!(%error, "the sandbox could not be saved");
        }
        sleep(FLUSH_AFTER.max(begun.elapsed() * REST)).await;
    }
}

async fn flush(world: World) -> io::Result<()> {
    let flushed = tokio::task::spawn_blocking(move || world.flush()).await;
    flushed.map_err(io::Error::other)?.map_err(io::Error::other)
}

/// Cuts one connection.
#[derive(Debug, Clone)]
pub(super) struct HangUp(Arc<AtomicBool>);

impl HangUp {
    /// Ends the connection before anything more is written to it.
    pub(super) fn hang_up(&self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Connected<IncomingStream<'_, Switchboard>> for HangUp {
    fn connect_info(stream: IncomingStream<'_, Switchboard>) -> Self {
        stream.io().hang_up.clone()
    }
}

/// A listener whose connections can be cut.
struct Switchboard(TcpListener);

impl Listener for Switchboard {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        (Wire { stream, hang_up: HangUp(Arc::default()) }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

struct Wire {
    stream: TcpStream,
    hang_up: HangUp,
}

impl Wire {
    fn is_cut(&self) -> bool {
        self.hang_up.0.load(Ordering::Acquire)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_cut() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_cut() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
