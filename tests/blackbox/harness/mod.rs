//! Everything that a test needs: [`World`] (back ends and relays), [`People`] from
//! [`World::person`], [`Online`] devices, and raw sockets.
#![allow(dead_code, unused_imports, reason = "each module uses its own part")]

mod database;
pub mod interface;
mod people;
mod raw;
mod relay;
mod tap;
mod totp;
mod variants;

pub use database::Database;
pub use ferry_testkit::{DEADLINE, Nsqd, Postgres, nsq, repository, until, within};
pub use people::{Online, Person, impatient};
pub use raw::{Closed, RawSocket};
pub use relay::Relay;
pub use tap::unchunked;
pub use totp::App;
pub use variants::{
    assert_seen_once, assert_unavailable, binary, log_level, moved_to, post, post_until_accepted, variable,
};

/// The back ends under a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The in-process broker and SQLite.
    Embedded,
    /// nsqd and PostgreSQL.
    Cluster,
}

/// Runs a test over both back ends: `on_both!(name, |world| async move { … })` makes
/// `name::embedded` and `name::cluster`. With a second argument, each relay gets these flags too:
/// `on_both!(name, ["--window", "4"], |world| …)`.
#[macro_export]
macro_rules! on_both {
    ($(#[$doc:meta])* $name:ident, |$world:ident| $body:expr) => {
        $crate::on_both!($(#[$doc])* $name, [], |$world| $body);
    };
    ($(#[$doc:meta])* $name:ident, [$($flag:expr),*], |$world:ident| $body:expr) => {
        $(#[$doc])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn run(backend: $crate::harness::Backend) {
                let flags: Vec<String> = vec![$(String::from($flag)),*];
                let $world = $crate::harness::World::start_with(backend, &flags).await;
                $body.await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn embedded() {
                run($crate::harness::Backend::Embedded).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn cluster() {
                run($crate::harness::Backend::Cluster).await;
            }
        }
    };
}

/// Back ends, and the relays on them. Dropping it ends everything.
pub struct World {
    // Fields are dropped in this order: the relays before the back ends under them.
    pub relays: Vec<Relay>,
    pub nsqds: Vec<Nsqd>,
    pub database: Database,
    pub backend: Backend,
    pub directory: tempfile::TempDir,
    flags: Vec<String>,
}

impl World {
    /// Starts one relay.
    pub async fn start(backend: Backend) -> Self {
        Self::start_with(backend, &[]).await
    }

    /// Starts one relay with further flags, for example `--window 4`.
    pub async fn start_with(backend: Backend, flags: &[String]) -> Self {
        ferry::name_tls_provider();
        let nsqds = match backend {
            Backend::Embedded => Vec::new(),
            Backend::Cluster => vec![Nsqd::start().await.unwrap()],
        };
        Self::build(backend, nsqds, flags).await
    }

    /// Starts two relays over one nsqd and PostgreSQL.
    pub async fn two_relays(flags: &[&str]) -> Self {
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let mut world = Self::start_with(Backend::Cluster, &flags).await;
        world.add_relay().await;
        world
    }

    /// Starts one relay over several nsqds and PostgreSQL.
    pub async fn start_over(nsqds: usize, flags: &[String]) -> Self {
        ferry::name_tls_provider();
        let mut all = Vec::new();
        for _ in 0..nsqds {
            all.push(Nsqd::start().await.unwrap());
        }
        Self::build(Backend::Cluster, all, flags).await
    }

    /// Starts one relay over these back ends.
    pub async fn build(backend: Backend, nsqds: Vec<Nsqd>, flags: &[String]) -> Self {
        ferry::name_tls_provider();
        let directory = tempfile::tempdir().unwrap();
        let database = match backend {
            Backend::Embedded => Database::sqlite(directory.path()),
            Backend::Cluster => Database::postgres(),
        };
        let mut world = Self { relays: Vec::new(), nsqds, database, backend, directory, flags: flags.to_vec() };
        world.add_relay().await;
        world
    }

    /// Starts one more relay on the same back ends. Returns its index in [`Self::relays`].
    pub async fn add_relay(&mut self) -> usize {
        let flags = self.flags.clone();
        self.add_relay_with(&flags).await
    }

    /// Starts one more relay with other flags.
    pub async fn add_relay_with(&mut self, flags: &[String]) -> usize {
        let mut arguments = vec!["--database".to_owned(), self.database.url.clone()];
        for nsqd in &self.nsqds {
            arguments.extend(["--nsqd".to_owned(), nsqd.for_relay()]);
        }
        arguments.extend_from_slice(flags);
        let log = self.directory.path().join(format!("relay-{}.log", self.relays.len()));
        self.relays.push(Relay::start(arguments, log).await);
        self.relays.len() - 1
    }

    /// Returns the first relay.
    pub fn relay(&self) -> &Relay {
        &self.relays[0]
    }

    /// Returns the first relay, to change it.
    pub fn relay_mut(&mut self) -> &mut Relay {
        &mut self.relays[0]
    }

    /// Makes an account on the first relay, with a unique name.
    pub async fn person(&self, name: &str) -> Person {
        Person::register(self.relay(), name).await
    }

    /// Returns the channels that this node has for a user's topic, or `None` if there is no such
    /// topic.
    pub async fn channels(&self, node: usize, user: ferry_protocol::UserId) -> Option<Vec<String>> {
        let topic = nsq::topic(&format!("user.{user}"));
        let stats = self.nsqds[node].admin().topic_stats(&topic).await.unwrap()?;
        Some(stats.channels.into_iter().map(|channel| channel.name).collect())
    }

    /// Returns everything that the relays wrote to their logs.
    pub fn logs(&self) -> String {
        self.relays.iter().map(|relay| relay.log()).collect()
    }
}
