//! How PostgreSQL is reached: what the URL says, with TLS or without, and which of several hosts.

use std::{error::Error, net::IpAddr, path::Path, time::Duration};

use diesel::{ConnectionError, ConnectionResult};
use diesel_async::AsyncPgConnection;
use tokio_postgres::{
    Config, NoTls,
    config::{Host, SslMode, TargetSessionAttrs},
};

use super::{
    error::{Result, StoreError},
    tls::{Checks, Tls},
};

/// The shortest time for one of several hosts to answer.
const HOST_PATIENCE: Duration = Duration::from_millis(500);
/// How long what is sent may stay without a sign that it has arrived. A host that is gone closes
/// nothing, so the connections to it would stay for hours.
const UNHEARD: Duration = Duration::from_secs(10);
/// After how much silence an idle connection is asked for such a sign.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// A PostgreSQL, or several hosts of which one takes writes.
#[derive(Clone)]
pub(super) struct Server {
    config: Config,
    tls: Option<Tls>,
}

impl Server {
    /// Reads a URL. `roots` is a file of certificates that sign the server's; without it the roots
    /// of the system count. Connecting takes about `patience` at most, over all hosts.
    ///
    /// Without `sslmode`, or with `disable`, there is no TLS. With `require` and `verify-full` the
    /// certificate has to be valid, and of this host. With `verify-ca` it may be of any host.
    pub(super) fn parse(url: &str, roots: Option<&Path>, patience: Duration) -> Result<Self> {
        let (url, mode) = without_ssl_mode(url)?;
        // The texts of the parser name options, and no values.
        let mut config: Config = url.parse().map_err(|error| bad(&chain(&error)))?;
        let tls = match mode.as_deref() {
            None | Some("disable") => None,
            Some("require" | "verify-full") => Some(Checks::Host),
            Some("verify-ca") => Some(Checks::Issuer),
            Some(_) => {
                return Err(bad("sslmode must be disable, require, verify-ca or verify-full: anything less than \
                    require protects from nobody"));
            }
        };
        let tls = tls.map(|checks| Tls::new(checks, roots)).transpose()?;
        config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
        if tls.is_some() && config.get_hosts().iter().any(|host| !matches!(host, Host::Tcp(_))) {
            return Err(bad("a Unix socket has no TLS: leave sslmode out"));
        }
        let hosts = config.get_hosts().len().max(config.get_hostaddrs().len()).max(1);
        if hosts > 1 && config.get_target_session_attrs() == TargetSessionAttrs::Any {
            // Of a primary and its standbys only one is of use.
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        if config.get_connect_timeout().is_none() {
            let share = patience / u32::try_from(hosts).unwrap_or(1);
            config.connect_timeout(share.max(HOST_PATIENCE));
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNHEARD).keepalives_idle(KEEPALIVE);
        }
        if config.get_application_name().is_none() {
            config.application_name("ferry");
        }
        Ok(Self { config, tls })
    }

    /// Returns whether it is on this machine, so that nobody can listen on the way.
    pub(super) fn is_local(&self) -> bool {
        let loopback = |host: &str| host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        let named = self.config.get_hosts().iter().all(|host| match host {
            Host::Tcp(host) => loopback(host),
            Host::Unix(_) => true,
        });
        named && self.config.get_hostaddrs().iter().all(IpAddr::is_loopback)
    }

    /// Connects to the first host that answers and, of several, takes writes.
    pub(super) async fn connect(&self) -> ConnectionResult<AsyncPgConnection> {
        // Boxed, because they are large and soon over.
        let refused = |error: tokio_postgres::Error| ConnectionError::BadConnection(chain(&error));
        match &self.tls {
            None => {
                let (client, connection) = Box::pin(self.config.connect(NoTls)).await.map_err(refused)?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await
            }
            Some(tls) => {
                let (client, connection) = Box::pin(self.config.connect(tls.clone())).await.map_err(refused)?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await
            }
        }
    }
}

/// Takes `sslmode` out of a URL, because the parser does not know all of its values.
fn without_ssl_mode(url: &str) -> Result<(String, Option<String>)> {
    let Some((before, query)) = url.split_once('?') else { return Ok((url.to_owned(), None)) };
    let (mut mode, mut rest) = (None, Vec::new());
    for option in query.split('&').filter(|option| !option.is_empty()) {
        match option.split_once('=').unwrap_or((option, "")) {
            ("sslmode", value) => mode = Some(value.to_owned()),
            ("sslrootcert", _) => return Err(bad("give the file of sslrootcert to --database-ca instead")),
            _ => rest.push(option),
        }
    }
    let query = if rest.is_empty() { String::new() } else { format!("?{}", rest.join("&")) };
    Ok((format!("{before}{query}"), mode))
}

fn bad(reason: &str) -> StoreError {
    StoreError::BadServer(reason.to_owned())
}

/// Returns the text of an error with those of its causes, each once.
fn chain(error: &dyn Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Result<Server> {
        Server::parse(url, None, Duration::from_millis(2_500))
    }

    #[test]
    fn of_several_hosts_the_one_that_takes_writes_is_wanted() {
        let alone = parsed("postgres://ferry@one/ferry").unwrap();
        assert_eq!(alone.config.get_target_session_attrs(), TargetSessionAttrs::Any);
        assert_eq!(alone.config.get_connect_timeout(), Some(&Duration::from_millis(2_500)));
        let two = parsed("postgres://ferry@one,two:5433/ferry").unwrap();
        assert_eq!(two.config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
        assert_eq!(two.config.get_connect_timeout(), Some(&Duration::from_millis(1_250)));
        let own = parsed("postgres://ferry@one,two/ferry?target_session_attrs=read-only&connect_timeout=9").unwrap();
        assert_eq!(own.config.get_target_session_attrs(), TargetSessionAttrs::ReadOnly);
        assert_eq!(own.config.get_connect_timeout(), Some(&Duration::from_secs(9)));
    }

    #[test]
    fn a_mode_is_known_or_an_error_that_says_what_to_write() {
        for (url, tls) in [
            ("postgres://ferry@one/ferry", false),
            ("postgres://ferry@one/ferry?sslmode=disable", false),
            ("postgres://ferry@one/ferry?sslmode=disable&application_name=x", false),
        ] {
            let server = parsed(url).unwrap();
            assert_eq!(server.tls.is_some(), tls, "{url}");
            assert_eq!(server.config.get_ssl_mode(), SslMode::Disable, "{url}");
        }
        for (url, said) in [
            ("postgres://ferry:canary@one/ferry?sslmode=prefer", "verify-full"),
            ("postgres://ferry:canary@one/ferry?sslmode=", "verify-full"),
            ("postgres://ferry:canary@one/ferry?sslrootcert=/x", "--database-ca"),
            ("postgres://ferry:canary@one/ferry?nonsense=1", "nonsense"),
            ("postgres://ferry:canary@one:port/ferry", "port"),
        ] {
            let error = parsed(url).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(said) && !error.contains("canary"), "{url}: {error}");
        }
    }

    #[test]
    fn a_socket_of_the_machine_has_no_tls() {
        assert!(parsed("postgres://ferry@%2Frun%2Fpostgresql/ferry").is_ok());
        let roots = std::env::temp_dir();
        let error = Server::parse("postgres://x@one/x?sslmode=require", Some(&roots), Duration::ZERO).err();
        assert!(error.is_some_and(|error| error.to_string().contains("cannot be read")));
    }
}
