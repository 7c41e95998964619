//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum, builder::TypedValueParser};

use crate::stamp::Stamp;

/// Measure Ferry and its alternatives on this machine
///
/// The program starts everything that it needs, and ends it again: relays (with --no-rate-limits),
/// nsqd with the repository's nsq.conf, PostgreSQL and peers. They listen on 127.0.0.1 at free
/// ports and have their data in memory. Each run checks that no message was lost and none came
/// twice. The exit code is 1 if a relay failed in that.
#[derive(Debug, Clone, Parser)]
#[command(name = "ferry-bench", version, after_help = EXAMPLES)]
pub struct Options {
    /// Run these scenarios
    #[arg(required_unless_present = "from", value_enum, value_name = "SCENARIO")]
    pub scenarios: Vec<Scenario>,
    /// Run relays on these back ends
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["nsqd", "embedded"])]
    pub backend: Vec<Backend>,
    /// Use this database beside nsqd (embedded relays use SQLite)
    #[arg(long, value_enum, default_value = "postgres")]
    pub database: Database,
    /// Also measure these peers; `none` for no peer [default: all; with --quick: none]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PEER")]
    pub peers: Option<Vec<PeerChoice>>,
    /// Use this number of devices in `idle` (several numbers) and `storm`
    /// [default: 1000,4000,9000 and 5000]
    #[arg(long, value_delimiter = ',', value_name = "N", value_parser = clap::value_parser!(u32).range(4..=100_000))]
    pub devices: Option<Vec<u32>>,
    /// Use this number of users in the other scenarios [default: 400]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub users: Option<u32>,
    /// Give each user this number of devices
    #[arg(long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u16).range(1..=1_000).map(usize::from))]
    pub devices_per_user: usize,
    /// Put this number of users into a room in `fanout` [default: 2,20,200]
    #[arg(long, value_delimiter = ',', value_name = "N", value_parser = clap::value_parser!(u16).range(2..=10_000))]
    pub room_size: Option<Vec<u16>>,
    /// Send this many messages a second; with 0 as many as possible, limited by --under-way
    /// [default: 0 and 4000 divided by the room size]
    #[arg(long, value_delimiter = ',', value_name = "N", value_parser = clap::value_parser!(u64).range(..=1_000_000))]
    pub rate: Option<Vec<u64>>,
    /// Limit the sends of a room that have not reached all devices, if the rate is 0
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u16).range(1..=1_000).map(usize::from))]
    pub under_way: usize,
    /// Measure for this many seconds [default: 10; idle: 20]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub seconds: Option<u64>,
    /// Give a message's body this many bytes
    #[arg(long, value_name = "BYTES", default_value = "256", value_parser = size)]
    pub size: usize,
    /// Send this many messages in `backlog`, and store this many in `history`
    /// [default: 20000 and 1000000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub messages: Option<u32>,
    /// Let each device send and receive this many messages before it is silent in `idle`. Takes a
    /// minute longer, in which relays forget what they remember of them
    #[arg(long, value_name = "N", default_value = "0", value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub sent: u32,
    /// Log in this many times in `login`, and show the time for each 1,000 [default: 5000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub logins: Option<u32>,
    /// Print the results as JSON on standard output, and the tables on standard error
    #[arg(long)]
    pub json: bool,
    /// Draw latencies, throughput and memory into this file
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,
    /// Also show and draw the results that earlier runs on this machine wrote with --json
    #[arg(long, value_name = "FILE.json")]
    pub from: Vec<PathBuf>,
    /// Run small and short, for tests; the figures mean nothing
    #[arg(long)]
    pub quick: bool,
    /// Use this binary of the relay [default: target/release/ferry, built if it is missing or old]
    #[arg(long, value_name = "FILE")]
    pub ferry: Option<PathBuf>,
}

/// The measured time if the figures mean nothing.
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

/// A scenario to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Measure memory and CPU of connected, silent devices
    Idle,
    /// Measure deliveries a second and latencies in small and large rooms
    Fanout,
    /// Queue messages for devices that are away, then connect all devices
    Backlog,
    /// Cut off all devices at once under traffic, and let them reconnect
    Storm,
    /// Let a tenth of the devices stop reading, and measure the others
    Slow,
    /// Measure logins a second, and how a flood of them affects messaging
    Login,
    /// Measure links between the devices of a user, and messaging beside them
    Link,
    /// Fill the history of a device, and ask it
    History,
    /// Run all scenarios
    All,
}

/// A back end of a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// Use nsqd, and PostgreSQL or SQLite
    Nsqd,
    /// Use the broker in the process, and SQLite
    Embedded,
}

impl Backend {
    /// Returns the name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nsqd => "nsqd",
            Self::Embedded => "embedded",
        }
    }
}

/// A database of a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Database {
    /// Use a temporary PostgreSQL
    Postgres,
    /// Use a file
    Sqlite,
}

/// A peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerName {
    /// Ferry's NSQ client alone.
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

    /// Returns the name in tables.
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

/// The peer to which ratios are calculated.
pub const BARE: &str = "bare nsq client";

/// A system that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A relay of Ferry.
    Relay(Backend),
    /// Another system.
    Peer(PeerName),
}

impl Kind {
    /// Returns the name in tables.
    pub fn name(self) -> String {
        match self {
            Self::Relay(backend) => format!("ferry {}", backend.name()),
            Self::Peer(peer) => peer.name().to_owned(),
        }
    }
}

/// A peer, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PeerChoice {
    /// Measure Ferry's NSQ client alone on the same nsqd, as the limit
    Bare,
    /// Measure tokio-nsq in its place
    TokioNsq,
    /// Measure Mosquitto: MQTT with persistent sessions and QoS 1
    Mosquitto,
    /// Measure NATS JetStream: a durable consumer for each device
    Nats,
    /// Measure Centrifugo, which keeps no queue for a device
    Centrifugo,
    /// Measure all peers
    All,
    /// Measure no peer
    None,
}

impl Options {
    /// Returns the scenarios, each once.
    pub fn scenarios(&self) -> Vec<Scenario> {
        use Scenario::{All, Backlog, Fanout, History, Idle, Link, Login, Slow, Storm};
        let wanted = |scenario: &Scenario| self.scenarios.contains(&All) || self.scenarios.contains(scenario);
        [Idle, Fanout, Backlog, Storm, Slow, Login, Link, History].into_iter().filter(wanted).collect()
    }

    fn or_quick<T>(&self, given: Option<T>, otherwise: T, quick: T) -> T {
        given.unwrap_or(if self.quick { quick } else { otherwise })
    }

    /// Returns the peers, in the order of the tables.
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

    /// Returns the relays and peers, in the order of the tables.
    pub fn kinds(&self) -> Vec<Kind> {
        self.backends().into_iter().map(Kind::Relay).chain(self.peers().into_iter().map(Kind::Peer)).collect()
    }

    /// Returns the back ends, each once.
    pub fn backends(&self) -> Vec<Backend> {
        [Backend::Nsqd, Backend::Embedded].into_iter().filter(|backend| self.backend.contains(backend)).collect()
    }

    /// Returns the number of messages in `history`.
    pub fn history_messages(&self) -> usize {
        self.or_quick(self.messages.map(|messages| messages as usize), 1_000_000, 60_000)
    }

    /// Returns the numbers of devices in `idle`.
    pub fn idle_devices(&self) -> Vec<usize> {
        let devices = self.or_quick(self.devices.clone(), vec![1_000, 4_000, 9_000], vec![40]);
        devices.into_iter().map(|devices| devices as usize).collect()
    }

    /// Returns the number of devices in `storm`.
    pub fn storm_devices(&self) -> usize {
        let devices = self.devices.as_ref().and_then(|devices| devices.iter().max().copied());
        self.or_quick(devices, 5_000, 40) as usize
    }

    /// Returns the number of users in the other scenarios.
    pub fn users(&self) -> usize {
        self.or_quick(self.users, 400, 20) as usize
    }

    /// Returns the room sizes in `fanout`.
    pub fn room_sizes(&self) -> Vec<usize> {
        let sizes = self.or_quick(self.room_size.clone(), vec![2, 20, 200], vec![2, 10]);
        sizes.into_iter().map(usize::from).collect()
    }

    /// Returns the sends a second in `fanout`.
    pub fn rates(&self, room_size: usize) -> Vec<u64> {
        let shared = |deliveries: u64| vec![0, (deliveries / room_size as u64).max(1)];
        self.or_quick(self.rate.clone(), shared(4_000), shared(400))
    }

    /// Returns the rate of scenarios that need a single, fixed one.
    pub fn steady_rate(&self) -> u64 {
        let given = self.rate.as_ref().and_then(|rates| rates.iter().copied().find(|&rate| rate > 0));
        self.or_quick(given, 1_000, 100)
    }

    /// Returns the measured time.
    pub fn seconds(&self) -> Duration {
        self.or_quick(self.seconds.map(Duration::from_secs), Duration::from_secs(10), QUICK)
    }

    /// Returns the measured time of idle devices.
    pub fn idle_seconds(&self) -> Duration {
        self.or_quick(self.seconds.map(Duration::from_secs), Duration::from_secs(20), QUICK)
    }

    /// Returns how long traffic runs before it is measured.
    pub fn warm_up(&self) -> Duration {
        Duration::from_millis(self.or_quick(None, 2_000, 200))
    }

    /// Returns the number of logins in `login`.
    pub fn logins(&self) -> usize {
        self.or_quick(self.logins, 5_000, 40) as usize
    }

    /// Returns the number of messages in `backlog`.
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
        assert_eq!((options.scenarios().len(), options.peers()), (8, vec![PeerName::Bare, PeerName::Nats]));
        let quick = Options::parse_from(["ferry-bench", "fanout", "--quick"]);
        assert_eq!((quick.kinds().len(), quick.rates(2)), (2, vec![0, 200]));
    }
}
