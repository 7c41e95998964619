//! A proxy before a server that speaks TCP. It counts how often a client had to wait for an answer,
//! and can play dead.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::{JoinHandle, JoinSet},
};

/// A running proxy. Dropping it ends it, with all of its connections.
#[derive(Debug)]
pub struct Proxy {
    address: String,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Counts {
    turns: AtomicU64,
    accepted: AtomicU64,
    /// Connections with a smaller number than this are dead.
    dead_below: AtomicU64,
}

/// One connection, as both of its directions see it.
struct Passage {
    number: u64,
    counts: Arc<Counts>,
    /// The client has said something that the server has not answered yet.
    asked: AtomicBool,
}

impl Proxy {
    /// Starts a proxy before the server at this `host:port`.
    ///
    /// # Errors
    /// Fails if the system has no free port.
    pub async fn before(server: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let counts = Arc::<Counts>::default();
        let task = tokio::spawn(accept(listener, server.to_owned(), Arc::clone(&counts)));
        Ok(Self { address, counts, task })
    }

    /// Returns its `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns how many turns there were on all connections: the client says something, and the
    /// server answers. What the client says in several pieces before the answer is one turn.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.counts.turns.load(Ordering::SeqCst)
    }

    /// From now on, swallows what comes on the open connections, in both directions, and closes
    /// none of them: as if a router on the way had lost them. Later connections work.
    pub fn play_dead(&self) {
        self.counts.dead_below.store(self.counts.accepted.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, server: String, counts: Arc<Counts>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((near, _)) = listener.accept().await else { return };
        let number = counts.accepted.fetch_add(1, Ordering::SeqCst);
        let passage = Passage { number, counts: Arc::clone(&counts), asked: AtomicBool::new(false) };
        let server = server.clone();
        connections.spawn(async move {
            // A server that refuses the connection counts as one that closes it.
            let Ok(far) = TcpStream::connect(server).await else { return };
            let _ = (near.set_nodelay(true), far.set_nodelay(true));
            let ((from_client, to_client), (from_server, to_server)) = (near.into_split(), far.into_split());
            tokio::join!(passage.there(from_client, to_server), passage.back(from_server, to_client));
        });
        while connections.try_join_next().is_some() {}
    }
}

impl Passage {
    async fn there(&self, from: OwnedReadHalf, to: OwnedWriteHalf) {
        let heard = || {
            if !self.asked.swap(true, Ordering::SeqCst) {
                self.counts.turns.fetch_add(1, Ordering::SeqCst);
            }
        };
        self.forward(from, to, heard).await;
    }

    async fn back(&self, from: OwnedReadHalf, to: OwnedWriteHalf) {
        self.forward(from, to, || self.asked.store(false, Ordering::SeqCst)).await;
    }

    async fn forward(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, heard: impl Fn()) {
        let mut buffer = vec![0; 16 << 10];
        loop {
            let length = from.read(&mut buffer).await.unwrap_or(0);
            if self.counts.dead_below.load(Ordering::SeqCst) > self.number {
                match length {
                    // A dead connection does not pass a close on.
                    0 => return std::future::pending().await,
                    _ => continue,
                }
            }
            if length == 0 {
                let _ = to.shutdown().await;
                return;
            }
            heard();
            if to.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    }
}
