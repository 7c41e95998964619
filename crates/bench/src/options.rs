//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum, builder::TypedValueParser};

use crate::{stamp::Stamp, system::Kind};

/// Measures Ferry, and beside it what one might use instead, on this machine.
///
/// Everything is started here: relays (with --no-rate-limits), nsqd with the repository's nsq.conf, PostgreSQL, peers; on 127.0.0.1 at free
/// ports, with their data in memory; and ended again. Each run checks that nothing was lost and nothing came twice; the exit code is 1
/// where a relay failed in that.
#[derive(Debug, Clone, Parser)]
#[command(name = "ferry-bench", version, after_help = EXAMPLES)]
pub struct Options {
    /// What to measure.
    #[arg(required_unless_present = "from", value_enum, value_name = "SCENARIO")]
    pub scenarios: Vec<Scenario>,
    /// What relays stand on.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["nsqd", "embedded"])]
    pub backend: Vec<Backend>,
    /// The database beside nsqd. (Embedded relays have SQLite.)
    #[arg(long, value_enum, default_value = "postgres")]
    pub database: Database,
    /// What else to measure; `none` for nothing [default: all; with --quick: none].
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PEER")]
    pub peers: Option<Vec<PeerChoice>>,
    /// Devices, of `idle` (several numbers) and `storm` [default: 1000,4000,9000 and 5000].
    #[arg(long, value_delimiter = ',', value_name = "N", value_parser = clap::value_parser!(u32).range(4..=100_000))]
    pub devices: Option<Vec<u32>>,
    /// Users, of the other scenarios [default: 400].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub users: Option<u32>,
    /// Devices that each user has.
    #[arg(long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u16).range(1..=1_000).map(usize::from))]
    pub devices_per_user: usize,
    /// Users in a room, of `fanout` [default: 2,20,200].
    #[arg(long, value_delimiter = ',', value_name = "N", value_parser = clap::value_parser!(u16).range(2..=10_000))]
    pub room_size: Option<Vec<u16>>,
    /// Sends a second; 0: as fast as it goes, with --under-way [default: 0 and 4000 divided by the room size].
    #[arg(long, value_delimiter = ',', value_name = "N", value_parser = clap::value_parser!(u64).range(..=1_000_000))]
    pub rate: Option<Vec<u64>>,
    /// Sends of a room that are not yet at all devices, where the rate is 0.
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u16).range(1..=1_000).map(usize::from))]
    pub under_way: usize,
    /// Seconds that are measured [default: 10; idle: 20].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub seconds: Option<u64>,
    /// Bytes of a message's body.
    #[arg(long, value_name = "BYTES", default_value = "256", value_parser = size)]
    pub size: usize,
    /// Messages of `backlog` [default: 20000].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub messages: Option<u32>,
    /// Logins of `login` whose time is shown for each 1,000 [default: 5000].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub logins: Option<u32>,
    /// Results as JSON on standard output; the tables go to standard error then.
    #[arg(long)]
    pub json: bool,
    /// Draw latencies, throughput and memory into this file.
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,
    /// Show and draw also what earlier runs on this machine wrote with --json.
    #[arg(long, value_name = "FILE.json")]
    pub from: Vec<PathBuf>,
    /// Small and short, for tests: the figures mean nothing.
    #[arg(long)]
    pub quick: bool,
    /// The relay's binary [default: target/release/ferry, built when it is missing or old].
    #[arg(long, value_name = "FILE")]
    pub ferry: Option<PathBuf>,
}

/// How long is measured where it means nothing.
const QUICK: Duration = Duration::from_millis(500);

const EXAMPLES: &str = "Examples:
  ferry-bench all
  ferry-bench fanout --backend nsqd --room-size 2 --rate 2000 --users 2000
  ferry-bench idle --devices 9000 --peers none
  ferry-bench login --logins 10000 --backend nsqd
  ferry-bench idle fanout --plot figures.svg --json > figures.json
  ferry-bench --from figures.json --from later.json --plot both.svg";

fn size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(size @ Stamp::LENGTH..=32_768) => Ok(size),
        _ => Err(format!("has to be {} to 32768", Stamp::LENGTH)),
    }
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Memory of a connected device that is silent, and CPU.
    Idle,
    /// Deliveries a second and latencies, in small and large rooms.
    Fanout,
    /// Devices are away while messages queue, and then all come.
    Backlog,
    /// All devices drop and reconnect at once, under traffic.
    Storm,
    /// A tenth of the devices does not read: what the others notice.
    Slow,
    /// Logins a second, and what a flood of them does to messaging.
    Login,
    /// All of these.
    All,
}

/// What a relay stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// nsqd, and PostgreSQL or SQLite.
    Nsqd,
    /// The broker in process, and SQLite.
    Embedded,
}

impl Backend {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nsqd => "nsqd",
            Self::Embedded => "embedded",
        }
    }
}

/// A relay's database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Database {
    /// A throw-away PostgreSQL.
    Postgres,
    /// A file.
    Sqlite,
}

/// A peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerName {
    /// Our NSQ client alone.
    Bare,
    /// tokio-nsq in its place.
    TokioNsq,
    /// Mosquitto.
    Mosquitto,
    /// NATS JetStream.
    Nats,
    /// Centrifugo.
    Centrifugo,
}

impl PeerName {
    const ALL: [Self; 5] = [Self::Bare, Self::TokioNsq, Self::Mosquitto, Self::Nats, Self::Centrifugo];

    /// What tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bare => BARE,
            Self::TokioNsq => "tokio-nsq client",
            Self::Mosquitto => "mosquitto",
            Self::Nats => "nats jetstream",
            Self::Centrifugo => "centrifugo",
        }
    }
}

/// The peer that ratios are taken to.
pub const BARE: &str = "bare nsq client";

/// A peer, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PeerChoice {
    /// The limit: our NSQ client alone on the same nsqd.
    Bare,
    /// tokio-nsq in its place.
    TokioNsq,
    /// Mosquitto: MQTT with persistent sessions and QoS 1.
    Mosquitto,
    /// NATS JetStream: a durable consumer a device.
    Nats,
    /// Centrifugo: keeps no queue a device.
    Centrifugo,
    /// All of these.
    All,
    /// None of these.
    None,
}

impl Options {
    /// The scenarios, each once.
    pub fn scenarios(&self) -> Vec<Scenario> {
        use Scenario::{All, Backlog, Fanout, Idle, Login, Slow, Storm};
        let wanted = |scenario: &Scenario| self.scenarios.contains(&All) || self.scenarios.contains(scenario);
        [Idle, Fanout, Backlog, Storm, Slow, Login].into_iter().filter(wanted).collect()
    }

    fn or_quick<T>(&self, given: Option<T>, otherwise: T, quick: T) -> T {
        given.unwrap_or(if self.quick { quick } else { otherwise })
    }

    /// Peers, in the order of the tables.
    pub fn peers(&self) -> Vec<PeerName> {
        let default = [if self.quick { PeerChoice::None } else { PeerChoice::All }];
        let chosen = self.peers.as_deref().unwrap_or(&default);
        let choice = |name| match name {
            PeerName::Bare => PeerChoice::Bare,
            PeerName::TokioNsq => PeerChoice::TokioNsq,
            PeerName::Mosquitto => PeerChoice::Mosquitto,
            PeerName::Nats => PeerChoice::Nats,
            PeerName::Centrifugo => PeerChoice::Centrifugo,
        };
        let wanted = |name: &PeerName| chosen.contains(&PeerChoice::All) || chosen.contains(&choice(*name));
        PeerName::ALL.into_iter().filter(wanted).collect()
    }

    /// Relays and peers, in the order of the tables.
    pub fn kinds(&self) -> Vec<Kind> {
        self.backends().into_iter().map(Kind::Relay).chain(self.peers().into_iter().map(Kind::Peer)).collect()
    }

    /// Back ends, each once.
    pub fn backends(&self) -> Vec<Backend> {
        [Backend::Nsqd, Backend::Embedded].into_iter().filter(|backend| self.backend.contains(backend)).collect()
    }

    /// Numbers of devices, of `idle`.
    pub fn idle_devices(&self) -> Vec<usize> {
        let devices = self.or_quick(self.devices.clone(), vec![1_000, 4_000, 9_000], vec![40]);
        devices.into_iter().map(|devices| devices as usize).collect()
    }

    /// The number of devices, of `storm`.
    pub fn storm_devices(&self) -> usize {
        let devices = self.devices.as_ref().and_then(|devices| devices.iter().max().copied());
        self.or_quick(devices, 5_000, 40) as usize
    }

    /// The number of users of the other scenarios.
    pub fn users(&self) -> usize {
        self.or_quick(self.users, 400, 20) as usize
    }

    /// Sizes of rooms, of `fanout`.
    pub fn room_sizes(&self) -> Vec<usize> {
        let sizes = self.or_quick(self.room_size.clone(), vec![2, 20, 200], vec![2, 10]);
        sizes.into_iter().map(usize::from).collect()
    }

    /// Sends a second, of `fanout`.
    pub fn rates(&self, room_size: usize) -> Vec<u64> {
        let shared = |deliveries: u64| vec![0, (deliveries / room_size as u64).max(1)];
        self.or_quick(self.rate.clone(), shared(4_000), shared(400))
    }

    /// The one rate of scenarios that need a fixed one.
    pub fn steady_rate(&self) -> u64 {
        let given = self.rate.as_ref().and_then(|rates| rates.iter().copied().find(|&rate| rate > 0));
        self.or_quick(given, 1_000, 100)
    }

    /// How long is measured.
    pub fn seconds(&self) -> Duration {
        self.or_quick(self.seconds.map(Duration::from_secs), Duration::from_secs(10), QUICK)
    }

    /// How long idleness is measured.
    pub fn idle_seconds(&self) -> Duration {
        self.or_quick(self.seconds.map(Duration::from_secs), Duration::from_secs(20), QUICK)
    }

    /// How long traffic runs before it is measured.
    pub fn warm_up(&self) -> Duration {
        Duration::from_millis(self.or_quick(None, 2_000, 200))
    }

    /// Logins of `login`.
    pub fn logins(&self) -> usize {
        self.or_quick(self.logins, 5_000, 40) as usize
    }

    /// Messages of `backlog`.
    pub fn messages(&self) -> usize {
        self.or_quick(self.messages, 20_000, 400) as usize
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Options::command().debug_assert();
        let options = Options::parse_from(["ferry-bench", "all", "--peers", "nats,bare"]);
        assert_eq!((options.scenarios().len(), options.peers()), (6, vec![PeerName::Bare, PeerName::Nats]));
        let quick = Options::parse_from(["ferry-bench", "fanout", "--quick"]);
        assert_eq!((quick.kinds().len(), quick.rates(2)), (2, vec![0, 200]));
    }
}
