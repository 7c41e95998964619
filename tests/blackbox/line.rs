//! A line between a device and a relay that a test can cut, or lead to another relay.

use std::sync::{Arc, Mutex};

use ferry_client::{Client, ClientOptions, InMemory, Session};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

use crate::harness::{Person, Relay};

/// Forwards TCP connections. Dropping it ends it.
pub struct Line {
    address: String,
    target: Arc<Mutex<String>>,
    cuts: watch::Sender<u32>,
    task: JoinHandle<()>,
}

impl Line {
    pub async fn to(relay: &Relay) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let target = Arc::new(Mutex::new(relay.address.clone()));
        let (cuts, watched) = watch::channel(0);
        let task = tokio::spawn(forward(listener, Arc::clone(&target), watched));
        Self { address, target, cuts, task }
    }

    /// Sends new connections to this address from now on.
    pub fn lead_to(&self, relay: &Relay) {
        *self.target.lock().unwrap() = relay.address.clone();
    }

    /// Drops all open connections.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Logs in a new device that connects through this line.
    pub async fn log_in(&self, person: &Person) -> Session {
        let client = Client::new(&format!("http://{}", self.address), ClientOptions::default()).unwrap();
        let credentials = client.login(&person.name, &person.password, "test").await.unwrap();
        Session::new(client, credentials, InMemory::shared())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(listener: TcpListener, target: Arc<Mutex<String>>, cuts: watch::Receiver<u32>) {
    loop {
        let (mut near, _) = listener.accept().await.unwrap();
        let target = target.lock().unwrap().clone();
        let mut cuts = cuts.clone();
        cuts.mark_unchanged();
        tokio::spawn(async move {
            // A relay that refuses the connection counts as one that closes it.
            let Ok(mut far) = TcpStream::connect(target).await else { return };
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                _ = cuts.changed() => {}
            }
        });
    }
}
