//! Secrets in files of their own, as containers and service managers hand them over.

use std::path::{Path, PathBuf};

use ferry_protocol::Secret;

use super::ConfigError;

/// Returns the secret: the value itself, or what its file has. `name` is that of the setting. An
/// empty path names no file.
///
/// # Errors
/// Fails if there are both, and if the file cannot be read or has no line of text.
pub(super) fn of(
    name: &'static str,
    value: Option<Secret>,
    file: Option<PathBuf>,
) -> Result<Option<Secret>, ConfigError> {
    match (value, file.filter(|path| !path.as_os_str().is_empty())) {
        (Some(_), Some(_)) => {
            Err(ConfigError::Invalid { name, reason: format!("is given twice: leave out {name} or {name}-file") })
        }
        (value, None) => Ok(value),
        (None, Some(path)) => read(name, &path).map(Some),
    }
}

fn read(name: &'static str, path: &Path) -> Result<Secret, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::SecretFile {
        name,
        path: path.to_owned(),
        source,
    })?;
    // Editors and `echo` end a line.
    let line = text.trim_end_matches(['\n', '\r']);
    if line.is_empty() || line.contains(['\n', '\r']) {
        return Err(ConfigError::Invalid { name, reason: format!("{} must have one line", path.display()) });
    }
    Ok(Secret::new(line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn told(settings: Settings) -> String {
        settings.into_config().unwrap_err().to_string()
    }

    #[test]
    fn a_file_has_a_secret_without_the_end_of_its_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("database");
        let with = || Settings { database_file: Some(path.clone()), ..Settings::default() };
        for text in ["postgres://u:p@h/d", "postgres://u:p@h/d\n", "postgres://u:p@h/d\r\n"] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(with().into_config().unwrap().database.expose(), "postgres://u:p@h/d");
        }
        for text in ["", "\n", "one\ntwo"] {
            std::fs::write(&path, text).unwrap();
            assert!(told(with()).ends_with("database must have one line"), "{}", told(with()));
        }
        std::fs::remove_file(&path).unwrap();
        assert!(told(with()).starts_with("database-file: cannot read /"), "{}", told(with()));
    }

    #[test]
    fn a_secret_and_its_file_are_one_setting() {
        let value = || Settings { database: Some(Secret::new("sqlite://a")), ..Settings::default() };
        let file = || Settings { database_file: Some("/nowhere/canary".into()), ..Settings::default() };
        assert!(told(Settings { database: value().database, ..file() }).contains("is given twice"));
        // What has the higher precedence hides both of the other.
        assert_eq!(value().or(file()).into_config().unwrap().database.expose(), "sqlite://a");
        assert!(told(file().or(value())).contains("canary"));
        let none = Settings { database_file: Some(PathBuf::new()), ..value() };
        assert_eq!(none.into_config().unwrap().database.expose(), "sqlite://a", "an empty name is none");
    }
}
