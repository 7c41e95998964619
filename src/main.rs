//! The `ferry` binary: `ferry serve` and the client commands.

mod operator;

use std::{io::Write, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context;
use clap::{CommandFactory, Parser, Subcommand};
use ferry::{
    Stopped,
    check::{Checked, Migrated},
    config::{Config, Reloader, ServeArguments},
    control::{Control, Reload},
    healthcheck::Place,
    listen::{Activated, listen_on},
    logging::Log,
    orders::Orders,
    service_manager::ServiceManager,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Gives memory back that the C library's allocator keeps in holes after a busy hour
/// (docs/decisions/0027). `.cargo/config.toml` has its settings.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The exit code of `ferry migrate --check` if migrations are to run. No client command has it.
const PENDING: u8 = 10;

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
    Serve(Serve),
    /// Bring the database up to date without running a relay
    Migrate(Migrate),
    /// Ask the relay of this machine whether it is ready: exit code 0, or 1 and why not
    Healthcheck(Healthcheck),
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
    /// Write the database into a new file, without tokens and keys: devices log in again after a
    /// restore
    SqlBackup(SqlBackup),
    /// Print the completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a directory
    Man {
        /// The directory, which must exist
        directory: PathBuf,
    },
    #[command(flatten)]
    Client(ferry_cli::Command),
}

#[derive(clap::Args)]
struct Serve {
    /// Only check the settings, their files and the database, and print what is found: exit code 0
    /// if a relay would start
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    arguments: ServeArguments,
}

#[derive(clap::Args)]
struct Migrate {
    /// Only print what would run: exit code 0 if nothing, 10 if something
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    arguments: ServeArguments,
}

#[derive(clap::Args)]
struct SqlBackup {
    /// The file, which must not exist. For PostgreSQL it is one for pg_restore
    file: PathBuf,
    #[command(flatten)]
    arguments: ServeArguments,
}

#[derive(clap::Args)]
struct Healthcheck {
    /// Seconds to wait for the answer
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    timeout: u64,
    /// The address on which the relay listens, if `--server` gives no URL
    #[arg(long, env = "FERRY_LISTEN", value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    listen: String,
}

fn main() -> ExitCode {
    let Arguments { global, command } = Arguments::parse();
    // Before there are threads, because it changes the environment.
    let activated = match &command {
        Command::Serve(Serve { check: false, .. }) => Activated::take(),
        _ => Ok(None),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let done = match command {
        Command::Serve(Serve { check: true, arguments }) => {
            return checked(&runtime.block_on(ferry::check::check(arguments)));
        }
        Command::Serve(Serve { arguments, .. }) => {
            activated.and_then(|socket| runtime.block_on(serve(arguments, socket)))
        }
        Command::Migrate(Migrate { check, arguments }) => {
            runtime.block_on(ferry::check::migrate(arguments, check)).map(migrated)
        }
        Command::Healthcheck(asked) => runtime.block_on(healthcheck(&asked, &global)),
        Command::ReplaceKeys(arguments) => runtime.block_on(replace_keys(arguments)),
        Command::Doctor(arguments) => return runtime.block_on(operator::doctor(arguments)),
        Command::Status(arguments) => return runtime.block_on(operator::status(arguments)),
        Command::SqlBackup(SqlBackup { file, arguments }) => {
            runtime.block_on(ferry::sql_backup::back_up(arguments, file)).map(|()| ExitCode::SUCCESS)
        }
        Command::Completions { shell } => completions(shell),
        Command::Man { directory } => man(&directory),
        Command::Client(command) => return runtime.block_on(ferry_cli::run(command, &global)),
    };
    done.unwrap_or_else(|error| failed(&error))
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("ferry: {error:#}");
    ExitCode::FAILURE
}

fn checked(checked: &Checked) -> ExitCode {
    for line in &checked.lines {
        println!("{line}");
    }
    if checked.faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn migrated(migrated: Migrated) -> ExitCode {
    match migrated {
        Migrated::Nothing(state) => println!("{state}: nothing to do"),
        Migrated::Ran(names) => println!("ran {}", names.join(", ")),
        Migrated::Pending(names) => {
            println!("would run {}", names.join(", "));
            return ExitCode::from(PENDING);
        }
    }
    ExitCode::SUCCESS
}

async fn healthcheck(asked: &Healthcheck, global: &ferry_cli::Global) -> anyhow::Result<ExitCode> {
    let place = match global.server.as_deref().filter(|server| !server.is_empty()) {
        Some(server) => Place::from_url(server)?,
        None => Place::from_listen(&asked.listen),
    };
    ferry::healthcheck::healthcheck(&place, Duration::from_secs(asked.timeout)).await?;
    println!("ready");
    Ok(ExitCode::SUCCESS)
}

fn completions(shell: clap_complete::Shell) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "ferry", &mut script);
    std::io::stdout().write_all(&script).context("the completions cannot be printed")?;
    Ok(ExitCode::SUCCESS)
}

fn man(directory: &std::path::Path) -> anyhow::Result<ExitCode> {
    let written = clap_mangen::generate_to(Arguments::command(), directory);
    written.with_context(|| format!("the manual cannot be written to {}", directory.display()))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(arguments: ServeArguments, activated: Option<Activated>) -> anyhow::Result<ExitCode> {
    let (reloader, config) = Reloader::start(arguments)?;
    let log = Log::start(&config);
    match Box::pin(run(config, activated, (reloader, log))).await? {
        Stopped::Drained => Ok(ExitCode::SUCCESS),
        Stopped::InHaste => Ok(ExitCode::FAILURE),
    }
}

async fn replace_keys(arguments: ServeArguments) -> anyhow::Result<ExitCode> {
    let config = arguments.into_config()?;
    // A security event, even if no relay runs.
    let _log = Log::start(&config);
    let kid = ferry::replace_keys(&config).await?;
    println!("{kid} signs now; relays know it within a minute");
    Ok(ExitCode::SUCCESS)
}

async fn run(config: Config, activated: Option<Activated>, settings: (Reloader, Log)) -> anyhow::Result<Stopped> {
    let listener = match activated {
        Some(socket) => {
            tracing::info!("the service manager has opened the socket: --listen does not count");
            socket.listener().context("the socket of the service manager cannot be used")?
        }
        None => listen_on(&config.listen).await.with_context(|| format!("cannot listen on {}", config.listen))?,
    };
    let (reloader, log) = settings;
    let orders = Orders::default();
    let reload = Reload::new(reloader, log, signal(SignalKind::hangup())?);
    tokio::spawn(hear(orders.clone(), signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?));
    let control = Control { orders, service_manager: ServiceManager::from_env(), reload: Some(reload) };
    Box::pin(ferry::run(config, listener, control)).await
}

/// Passes the orders on that the signals give. The second of them hurries.
async fn hear(orders: Orders, mut terminate: Signal, mut interrupt: Signal) {
    for order in [&orders.stop, &orders.hurry] {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!(hurry = orders.stop.is_cancelled(), "asked to stop");
        order.cancel();
    }
}
