//! Where operators reach a relay.

use std::path::PathBuf;

use super::{Config, ConfigError, rules::invalid};

/// What the listener for operators listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminListen {
    /// The place that follows from the surroundings: see [`Config::admin_socket`].
    Default,
    /// Nothing.
    Off,
    /// A Unix socket at this path. Who may open it may do everything.
    Unix(PathBuf),
    /// An address or name, and a port. Callers need a token.
    Tcp(String),
}

/// The settings of the listener for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminConfig {
    /// What it listens on.
    pub listen: AdminListen,
    /// The file with the tokens that callers over TCP need.
    pub token_file: Option<PathBuf>,
}

impl AdminConfig {
    /// Reads the two settings. An empty text means that nothing was set.
    pub(super) fn read(listen: &str, token_file: &str) -> Result<Self, ConfigError> {
        let listen = match listen {
            "" => AdminListen::Default,
            "off" => AdminListen::Off,
            text => match text.strip_prefix("unix:") {
                Some("") => return Err(invalid("admin-listen", "needs a path after unix:")),
                Some(path) => AdminListen::Unix(PathBuf::from(path)),
                None if is_host_and_port(text) => AdminListen::Tcp(text.to_owned()),
                None => return Err(invalid("admin-listen", "must be unix:PATH, HOST:PORT or off")),
            },
        };
        Ok(Self { listen, token_file: Some(PathBuf::from(token_file)).filter(|_| !token_file.is_empty()) })
    }
}

/// Returns whether a text is `HOST:PORT`.
pub(super) fn is_host_and_port(text: &str) -> bool {
    let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port);
    port.is_some_and(|port| port.parse::<u16>().is_ok())
}

impl Config {
    /// Returns the socket of a relay with these settings, as `unix:PATH`, if it is there.
    #[must_use]
    pub fn admin_place(&self) -> Option<String> {
        let path = match &self.admin.listen {
            AdminListen::Unix(path) => Some(path.clone()),
            AdminListen::Default => self.admin_socket(std::env::var("RUNTIME_DIRECTORY").ok().as_deref()),
            AdminListen::Off | AdminListen::Tcp(_) => None,
        };
        path.filter(|path| path.exists()).map(|path| format!("unix:{}", path.display()))
    }

    /// Returns the path of the Unix socket for operators, if nobody has chosen one: in the
    /// directory that systemd makes for the service, or else beside the file of SQLite. `None` if
    /// there is neither, because another place may be open to others.
    #[must_use]
    pub fn admin_socket(&self, runtime_directory: Option<&str>) -> Option<PathBuf> {
        // systemd separates several directories by colons.
        let directory = runtime_directory.and_then(|directories| directories.split(':').next());
        if let Some(directory) = directory.filter(|directory| !directory.is_empty()) {
            return Some(PathBuf::from(directory).join("admin.sock"));
        }
        let file = self.database.expose().strip_prefix("sqlite://")?;
        Some(PathBuf::from(format!("{file}.admin.sock")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    #[test]
    fn the_listener_is_a_socket_an_address_or_nothing() {
        let read = |listen: &str| AdminConfig::read(listen, "").map(|admin| admin.listen).ok();
        assert_eq!(read(""), Some(AdminListen::Default));
        assert_eq!(read("off"), Some(AdminListen::Off));
        assert_eq!(read("unix:/run/x.sock"), Some(AdminListen::Unix("/run/x.sock".into())));
        assert_eq!(read("[::1]:0"), Some(AdminListen::Tcp("[::1]:0".into())));
        for wrong in ["unix:", "/run/x.sock", "9090", ":9090", "localhost", "Off"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(AdminConfig::read("", "").unwrap().token_file, None);
        assert_eq!(AdminConfig::read("", "/etc/t").unwrap().token_file, Some("/etc/t".into()));
    }

    #[test]
    fn the_default_socket_is_where_others_cannot_reach_it() {
        let with = |database: &str, directory: Option<&str>| {
            let settings = Settings { database: Some(database.to_owned().into()), ..Settings::default() };
            settings.into_config().unwrap().admin_socket(directory)
        };
        assert_eq!(with("sqlite://a/b.db", None), Some("a/b.db.admin.sock".into()));
        assert_eq!(with("sqlite://a/b.db", Some("/run/ferry:/run/x")), Some("/run/ferry/admin.sock".into()));
        assert_eq!(with("postgres://x/y", Some("/run/ferry")), Some("/run/ferry/admin.sock".into()));
        assert_eq!(with("postgres://x/y", None), None);
        assert_eq!(with("postgres://x/y", Some("")), None);
    }
}
