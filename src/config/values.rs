//! How the value of a setting is written in a flag, in the file and in the help.

use ferry_broker::NsqdAddress;
use ferry_protocol::Secret;
use serde::Deserialize;

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Everybody.
    Open,
    /// Whoever has a token of the operator.
    Token,
    /// Nobody.
    Closed,
}

/// The address of an nsqd, in a flag or in the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct NsqdText(pub NsqdAddress);

impl std::str::FromStr for NsqdText {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

impl TryFrom<String> for NsqdText {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// A value that can be a default.
pub(super) trait InFile {
    /// Returns the value as TOML.
    fn in_file(&self) -> String;
}

macro_rules! numbers {
    ($($type:ty)*) => {
        $(impl InFile for $type {
            fn in_file(&self) -> String {
                self.to_string()
            }
        })*
    };
}
numbers!(u32 u64 usize);

impl InFile for String {
    fn in_file(&self) -> String {
        format!("\"{self}\"")
    }
}

impl InFile for Secret {
    /// Shows the value, because a default is no secret.
    fn in_file(&self) -> String {
        format!("\"{}\"", self.expose())
    }
}

impl InFile for LogFormat {
    fn in_file(&self) -> String {
        match self {
            Self::Text => "\"text\"".to_owned(),
            Self::Json => "\"json\"".to_owned(),
        }
    }
}

impl InFile for Registration {
    fn in_file(&self) -> String {
        match self {
            Self::Open => "\"open\"".to_owned(),
            Self::Token => "\"token\"".to_owned(),
            Self::Closed => "\"closed\"".to_owned(),
        }
    }
}

/// Returns the help of a flag: the description without its full stop, and the default.
pub(super) fn help_text(what: &str, default: &str) -> String {
    format!("{} [default: {}]", what.trim().trim_end_matches('.'), default.trim_matches('"'))
}
