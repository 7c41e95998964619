//! The `ferry` binary: `ferry serve` and the client commands.

mod operator;

use std::{io::IsTerminal, net::SocketAddr, process::ExitCode};

use anyhow::Context;
use clap::{Parser, Subcommand};
use ferry::{
    Stopped,
    config::{Config, LogFormat, ServeArguments},
};
use tokio::{
    net::{TcpListener, TcpSocket},
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;
use tracing::Level;
use tracing_subscriber::{
    filter::{Targets, filter_fn},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// Gives memory back that the C library's allocator keeps in holes after a busy hour
/// (docs/decisions/0027). `.cargo/config.toml` has its settings.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A message relay that keeps no messages, and its client.
#[derive(Parser)]
#[command(name = "ferry", version, about, after_help = ferry_cli::AFTER_HELP)]
struct Arguments {
    #[command(flatten)]
    global: ferry_cli::Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a relay
    Serve(ServeArguments),
    /// Replace the keys that sign access tokens: all access tokens are revoked, and devices refresh
    #[command(name = "replace-keys")]
    ReplaceKeys(ServeArguments),
    /// Look at everything that a relay needs, and say what to do about what is wrong
    ///
    /// Takes the settings of `ferry serve`. Run it as the user and with the limits of the service.
    /// The exit status is 1 if there is a fault.
    Doctor(operator::DoctorArguments),
    /// Show relays, nsqds and queues
    ///
    /// Takes the settings of `ferry serve`.
    Status(operator::StatusArguments),
    #[command(flatten)]
    Client(ferry_cli::Command),
}

fn main() -> ExitCode {
    let Arguments { global, command } = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    match command {
        Command::Serve(arguments) => match runtime.block_on(serve(arguments)) {
            Ok(Stopped::Drained) => ExitCode::SUCCESS,
            Ok(Stopped::InHaste) => ExitCode::FAILURE,
            Err(error) => failed(&error),
        },
        Command::ReplaceKeys(arguments) => match runtime.block_on(replace_keys(arguments)) {
            Ok(kid) => {
                println!("{kid} signs now; relays know it within a minute");
                ExitCode::SUCCESS
            }
            Err(error) => failed(&error),
        },
        Command::Doctor(arguments) => runtime.block_on(operator::doctor(arguments)),
        Command::Status(arguments) => runtime.block_on(operator::status(arguments)),
        Command::Client(command) => runtime.block_on(ferry_cli::run(command, &global)),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("ferry: {error:#}");
    ExitCode::FAILURE
}

async fn serve(arguments: ServeArguments) -> anyhow::Result<Stopped> {
    let config = arguments.into_config()?;
    log(config.log_format)?;
    log_panics();
    run(config).await
}

async fn replace_keys(arguments: ServeArguments) -> anyhow::Result<String> {
    let config = arguments.into_config()?;
    // A security event, even if no relay runs.
    log(config.log_format)?;
    ferry::replace_keys(&config).await
}

/// Connections that the kernel holds until the relay accepts them. The kernel's own limit is
/// `net.core.somaxconn`.
///
/// After a restart all devices reconnect at once. A device that finds the backlog full tries again
/// only after 1 s (RFC 6298).
const BACKLOG: u32 = 8_192;

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restarted relay need not wait until the last connections of the old one are gone.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Listens on the first address of a host that works: `localhost` has two on most machines.
async fn listen_on(place: &str) -> std::io::Result<TcpListener> {
    let mut last = std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address");
    for address in tokio::net::lookup_host(place).await? {
        match listen(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn run(config: Config) -> anyhow::Result<Stopped> {
    let listener = listen_on(&config.listen).await.with_context(|| format!("cannot listen on {}", config.listen))?;
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hangup = signal(SignalKind::hangup())?;
    let stopper = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                // Other servers read their settings again, and people expect them to go on.
                _ = hangup.recv() => tracing::warn!("SIGHUP does nothing: settings are read at the start"),
            }
        }
        tracing::info!("asked to stop");
        stopper.cancel();
    });
    ferry::run(config, listener, stop).await
}

/// Sends log lines to standard error: what `FERRY_LOG` asks for and [`may_be_logged`] allows.
fn log(format: LogFormat) -> anyhow::Result<()> {
    let wanted = std::env::var_os("FERRY_LOG").unwrap_or_default();
    let filter = log_filter(wanted.to_str().context("FERRY_LOG is not text")?).context("FERRY_LOG")?;
    // No colours in a file or in the journal, where they are noise.
    let lines =
        tracing_subscriber::fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr);
    let secrecy = filter_fn(|metadata| may_be_logged(metadata.target(), *metadata.level()));
    let registry = tracing_subscriber::registry().with(secrecy).with(filter);
    match format {
        LogFormat::Text => registry.with(lines).init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).init(),
    }
    Ok(())
}

/// Logs where the relay panics, in the format of all lines, and not why. The text of a panic may
/// quote what a user sent: that of a wrong slice of a string has the string.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        tracing::error!(place, "ferry panicked");
    }));
}

/// Reads a filter such as `debug` or `warn,ferry::session=trace`. A target that it does not name
/// has the level info.
fn log_filter(text: &str) -> anyhow::Result<Targets> {
    // An empty part, as behind a comma at the end, would stand for the level error.
    let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    let targets = if parts.is_empty() { Targets::new() } else { parts.join(",").parse::<Targets>()? };
    let has_default = targets.default_level().is_some();
    Ok(if has_default { targets } else { targets.with_default(Level::INFO) })
}

/// Returns whether a line may appear in the log, whatever `FERRY_LOG` asks for. Ferry's own crates
/// may log everything, other crates only levels from info up.
///
/// At these levels other crates log secrets. At trace level tungstenite writes every frame. At
/// debug level it writes close reasons, and tokio-postgres writes the parameters of every query,
/// which include hashes of passwords and tokens.
fn may_be_logged(target: &str, level: Level) -> bool {
    let crate_name = target.split("::").next().unwrap_or(target);
    // A more detailed level is the greater one.
    level <= Level::INFO
        || matches!(
            crate_name,
            "ferry" | "ferry_broker" | "ferry_cli" | "ferry_client" | "ferry_nsq" | "ferry_protocol" | "ferry_store"
        )
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::{listen_on, log_filter, may_be_logged};

    #[tokio::test]
    async fn a_relay_listens_on_a_name_or_an_address() {
        for place in ["localhost:0", "127.0.0.1:0"] {
            let listener = listen_on(place).await.unwrap();
            assert!(listener.local_addr().unwrap().ip().is_loopback(), "{place}");
        }
        let taken = listen_on("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert_ne!(taken.port(), 0);
        // An address of another machine (RFC 5737).
        assert!(listen_on("192.0.2.1:0").await.is_err());
    }

    #[test]
    fn a_filter_names_levels_and_targets() {
        let is_logged = |filter: &str, target: &str, level| log_filter(filter).unwrap().would_enable(target, &level);
        assert!(is_logged("", "ferry", Level::INFO) && !is_logged("", "ferry", Level::DEBUG));
        assert!(is_logged("debug", "ferry_nsq", Level::DEBUG));
        let some = "warn,ferry::session=trace";
        assert!(is_logged(some, "ferry::session::pump", Level::TRACE) && !is_logged(some, "ferry::hub", Level::INFO));
        assert!(is_logged("ferry_nsq=debug", "ferry", Level::INFO), "what is not named stays at info");
        assert!(is_logged("ferry_nsq=debug,", "ferry", Level::INFO) && is_logged(",", "ferry", Level::INFO));
        assert!(log_filter("ferry=loud").is_err());
        // Security events are at info, unless somebody says otherwise.
        assert!(is_logged("", "audit", Level::INFO) && is_logged("", "audit::refresh", Level::INFO));
        assert!(!is_logged("warn", "audit", Level::INFO) && is_logged("warn,audit=info", "audit", Level::INFO));
        assert!(is_logged("audit::refresh=off", "audit", Level::INFO));
        assert!(!is_logged("audit::refresh=off", "audit::refresh", Level::INFO));
    }

    #[test]
    fn details_of_other_crates_are_never_logged() {
        for target in ["tungstenite::protocol", "tokio_postgres::query", "hyper", "log", "ferryman::boat"] {
            assert!(!may_be_logged(target, Level::TRACE) && !may_be_logged(target, Level::DEBUG), "{target}");
            assert!(may_be_logged(target, Level::INFO) && may_be_logged(target, Level::ERROR), "{target}");
        }
        assert!(may_be_logged("audit", Level::INFO));
        for target in ["ferry", "ferry::session::pump", "ferry_nsq::publisher"] {
            assert!(may_be_logged(target, Level::TRACE), "{target}");
        }
    }
}
