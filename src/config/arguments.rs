//! The arguments of `ferry serve`, and the file that they may name.

use std::path::{Path, PathBuf};

use super::{Config, ConfigError, Settings};

/// The arguments of `ferry serve`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ServeArguments {
    /// TOML file with settings: each key is the name of a flag. Flags and variables beat the file.
    #[arg(long, env = "FERRY_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The settings that flags and variables give.
    #[command(flatten)]
    pub settings: Settings,
}

impl ServeArguments {
    /// Reads the file, if there is one, and returns the checked configuration.
    ///
    /// # Errors
    /// Fails if Ferry cannot read the file or cannot use a value.
    pub fn into_config(self) -> Result<Config, ConfigError> {
        self.into_settings()?.into_config()
    }

    /// Reads the file, if there is one, and returns what it and the arguments say together, not
    /// checked yet.
    ///
    /// # Errors
    /// Fails if Ferry cannot read the file, or if it is no file of settings.
    pub fn into_settings(self) -> Result<Settings, ConfigError> {
        let file = self.config.as_deref().map(Settings::from_file).transpose()?.unwrap_or_default();
        Ok(self.settings.or(file))
    }
}

impl Settings {
    /// Reads the settings from a TOML file.
    ///
    /// # Errors
    /// Fails if the file cannot be read, is not TOML, or has an unknown key.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: PathBuf::from(path), source })?;
        toml::from_str(&text).map_err(|error: toml::de::Error| ConfigError::BadFile {
            path: PathBuf::from(path),
            line: error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count()),
            reason: error.message().to_owned(),
        })
    }
}
