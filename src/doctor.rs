//! `ferry doctor`: looks at everything that a relay with these settings needs, and says what to do
//! about what is wrong. It starts nothing and changes nothing.

mod checks;
mod finding;
mod machine;

use std::{net::IpAddr, path::Path};

use clap::Args as _;
use ferry_broker::{NsqdAddress, demands, examine, list_digest};
use ferry_protocol::now_ms;
use ferry_store::{Inspection, inspect};
use futures_util::future::join_all;

use checks::DataPath;
pub use finding::{Finding, Level, Report};
use machine::{Machine, bad_files, mode_of};

use crate::config::{Config, ServeArguments};

/// Variables that `ferry serve` does not read, and that Ferry knows.
const OTHER_VARIABLES: [&str; 6] =
    ["FERRY_LOG", "FERRY_SERVER", "FERRY_PROFILE", "FERRY_PASSWORD", "FERRY_NEW_PASSWORD", "FERRY_DATA_DIR"];

/// Looks at everything.
pub async fn look(arguments: ServeArguments) -> Report {
    let mut findings = checks::of_environment(variables().iter().map(String::as_str), &known_variables());
    let file = arguments.config.clone();
    let config = match arguments.into_config() {
        Ok(config) => config,
        Err(error) => {
            let causes = anyhow::Error::from(error);
            findings.push(Finding::fault(
                "settings",
                format!("{causes:#}"),
                "correct it: docs/operations.md has all settings",
            ));
            return Report::of(findings);
        }
    };
    findings.extend(of_settings(&config, file.as_deref()).await);
    let machine = Machine::read();
    findings.extend(checks::of_machine(&machine, &config));
    let nodes = config.nsqd.iter().map(|address| of_node(&config, &machine, address));
    let (database, nodes) = tokio::join!(of_database(&config), join_all(nodes));
    findings.extend(database);
    findings.extend(nodes.into_iter().flatten());
    Report::of(findings)
}

fn variables() -> Vec<String> {
    std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
}

fn known_variables() -> Vec<String> {
    let command = ServeArguments::augment_args(clap::Command::new("serve"));
    let declared = command.get_arguments().filter_map(|argument| argument.get_env()?.to_str());
    declared.chain(OTHER_VARIABLES).map(str::to_owned).collect()
}

async fn of_settings(config: &Config, file: Option<&Path>) -> Vec<Finding> {
    let mut findings = vec![Finding::good("settings", "they can be used")];
    // The first address says whether other machines reach the relay.
    let listen = match tokio::net::lookup_host(&config.listen).await {
        Ok(mut addresses) => addresses.next().map(|address| address.ip()),
        Err(error) => {
            let found = format!("{} cannot be found: {error}", config.listen);
            findings.push(Finding::fault("--listen", found, "name an address of this machine"));
            None
        }
    };
    let warnings = config.warnings(listen.unwrap_or(IpAddr::from([0, 0, 0, 0])));
    findings.extend(
        warnings.into_iter().map(|warning| Finding::fault("settings", warning, "correct the settings that it names")),
    );
    if config.nsqd.is_empty() {
        findings.push(Finding::advice(
            "queues",
            "they are in the memory of the relay, and end with it",
            "run an nsqd and name it with --nsqd",
        ));
    }
    if let Some(file) = file.filter(|file| has_password(file)) {
        findings.push(checks::of_secret_file("settings with a password", file, mode_of(file)));
    }
    if let Some(path) = config.database.expose().strip_prefix("sqlite://").map(Path::new)
        && path.exists()
    {
        findings.push(checks::of_secret_file("database", path, mode_of(path)));
    }
    findings
}

/// Returns whether a file has the URL of a database with a password in it.
fn has_password(file: &Path) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().any(|line| {
        let url = line.split_once("://").map(|(_, rest)| rest);
        url.and_then(|rest| rest.split_once('@')).is_some_and(|(user, _)| user.contains(':'))
    })
}

async fn of_database(config: &Config) -> Vec<Finding> {
    let url = config.database.expose();
    match inspect(url, config.database_ca.as_deref()).await {
        Ok(Inspection { server, cluster }) => {
            let half = server.as_ref().map_or(0, |server| i64::try_from(server.took.as_millis() / 2).unwrap_or(0));
            let of_server = server.iter().flat_map(|server| checks::of_server(server, config, now_ms() - half));
            let list = (!config.nsqd.is_empty()).then(|| list_digest(&config.nsqd));
            let of_cluster = checks::of_cluster(cluster.as_ref(), list.as_deref());
            of_server.chain(of_cluster).collect()
        }
        Err(error) => {
            vec![Finding::fault("database", error.to_string(), "check --database, and that the database runs")]
        }
    }
}

async fn of_node(config: &Config, machine: &Machine, address: &NsqdAddress) -> Vec<Finding> {
    let addresses: Vec<IpAddr> = match tokio::net::lookup_host(&address.tcp).await {
        Ok(addresses) => addresses.map(|address| address.ip()).collect(),
        Err(error) => return vec![checks::of_silence(&address.name, &error.to_string())],
    };
    let mut findings = checks::of_addresses(&address.name, &addresses);
    match examine(address, demands(&crate::run::broker_config(config))).await {
        Ok(report) => {
            let is_here = addresses.iter().any(IpAddr::is_loopback) && !report.data_path.is_empty();
            let path = Path::new(&report.data_path);
            let data = (is_here && path.exists()).then(|| DataPath {
                path: path.to_owned(),
                file_system: machine.file_system_of(path).map(str::to_owned),
                mode: mode_of(path),
                bad_files: bad_files(path),
            });
            findings.extend(checks::of_report(&address.name, &report, data.as_ref()));
        }
        Err(error) => findings.push(checks::of_silence(&address.name, &error.to_string())),
    }
    findings
}
