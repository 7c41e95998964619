//! Why a command failed, and its exit code.

use std::process::ExitCode;

use ferry_client::{ClientError, ClosedReason, LinkError};
use ferry_history::HistoryError;

/// Exit codes. The help lists them.
const FAILED: u8 = 1;
const USAGE: u8 = 2;
const LOGGED_OUT: u8 = 3;
const TEMPORARY: u8 = 4;
const DAMAGED: u8 = 5;
const WRONG_KEY: u8 = 6;
const UNUSABLE: u8 = 7;
const NOT_OURS: u8 = 8;
const INCOMPLETE: u8 = 9;

#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct Failure {
    code: u8,
    text: String,
    // True if the relay said that the login is over; false if the profile has no login.
    over: bool,
}

impl Failure {
    fn with(code: u8, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), over: false }
    }

    /// Creates a failure that trying again does not change.
    pub fn failed(text: impl Into<String>) -> Self {
        Self::with(FAILED, text)
    }

    /// Creates a failure of the command line.
    pub fn usage(text: impl Into<String>) -> Self {
        Self::with(USAGE, text)
    }

    /// Creates a failure that may pass: try again later.
    pub fn temporary(text: impl Into<String>) -> Self {
        Self::with(TEMPORARY, text)
    }

    /// Creates the failure of a profile without a login.
    pub fn not_logged_in(profile: &str) -> Self {
        let option = if profile == "default" { String::new() } else { format!(" --profile {profile}") };
        Self::with(LOGGED_OUT, format!("not logged in: try ferry{option} login NAME"))
    }

    /// Creates the failure of a file that cannot be read or written.
    pub fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::failed(format!("{}: {error}", path.display()))
    }

    /// Creates the failure of a check that has found damage.
    pub fn damaged(text: impl Into<String>) -> Self {
        Self::with(DAMAGED, text)
    }

    pub fn is_logged_out(&self) -> bool {
        self.over
    }

    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let text = match &error {
            ClientError::Problem(problem) => match &problem.field {
                Some(field) => format!("{field}: {}", problem.detail),
                None => problem.detail.clone(),
            },
            ClientError::LoggedOut => "this device was logged out, or its tokens were revoked: log in again with this profile, and it gets what still waits"
                .to_owned(),
            error => error.to_string(),
        };
        match error {
            ClientError::LoggedOut => Self { code: LOGGED_OUT, text, over: true },
            ClientError::BadUrl(_) => Self::usage(text),
            error if error.is_temporary() => Self::temporary(text),
            _ => Self::failed(text),
        }
    }
}

impl From<ClosedReason> for Failure {
    fn from(reason: ClosedReason) -> Self {
        let text = reason.to_string();
        match reason {
            ClosedReason::LoggedOut | ClosedReason::AccountGone => Self { code: LOGGED_OUT, text, over: true },
            _ => Self::failed(text),
        }
    }
}

impl From<HistoryError> for Failure {
    fn from(error: HistoryError) -> Self {
        let text = error.to_string();
        match error {
            HistoryError::Newer { .. } | HistoryError::NewerBackup(_) | HistoryError::OtherOwner => {
                Self::with(NOT_OURS, text)
            }
            HistoryError::BadQuery(_) | HistoryError::BadKey(_) => Self::usage(text),
            HistoryError::Damaged(_) | HistoryError::BadBackup { .. } => Self::with(DAMAGED, text),
            HistoryError::WrongKey(_) => Self::with(WRONG_KEY, text),
            HistoryError::Interrupted | HistoryError::Link(_) => Self::with(INCOMPLETE, text),
            _ => Self::with(UNUSABLE, text),
        }
    }
}

impl From<LinkError> for Failure {
    fn from(error: LinkError) -> Self {
        let text = error.to_string();
        match error {
            LinkError::Unsupported => Self::failed(text),
            LinkError::Protocol(_) => Self::with(INCOMPLETE, text),
            _ => Self::temporary(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_failure_has_its_exit_code() {
        let code = |error: ClientError| Failure::from(error).code;
        assert_eq!(code(ClientError::Network("refused".into())), TEMPORARY);
        assert_eq!(code(ClientError::LoggedOut), LOGGED_OUT);
        assert_eq!(code(ClientError::BadUrl("x".into())), USAGE);
        assert_eq!(code(ClientError::Protocol("x".into())), FAILED);
        assert_eq!(Failure::not_logged_in("default").code, LOGGED_OUT);
        assert_eq!(Failure::from(ClosedReason::Replaced).code, FAILED);
    }

    /// The help promises these numbers.
    #[test]
    fn each_kind_of_trouble_with_a_history_has_its_exit_code() {
        let found = || "x".to_owned();
        let file = HistoryError::File { path: "x".into(), error: std::io::ErrorKind::PermissionDenied.into() };
        let table = [
            (HistoryError::BadQuery(found()), 2),
            (HistoryError::BadKey("x"), 2),
            (HistoryError::Damaged(found()), 5),
            (HistoryError::BadBackup { at: 1, what: found() }, 5),
            (HistoryError::WrongKey("x"), 6),
            (HistoryError::Full, 7),
            (HistoryError::Io(found()), 7),
            (HistoryError::Busy, 7),
            (HistoryError::Collected { holder: found() }, 7),
            (file, 7),
            (HistoryError::Newer { found: 9, known: 1 }, 8),
            (HistoryError::NewerBackup(found()), 8),
            (HistoryError::OtherOwner, 8),
            (HistoryError::Interrupted, 9),
            (HistoryError::Link(found()), 9),
        ];
        for (error, code) in table {
            let name = format!("{error:?}");
            assert_eq!(Failure::from(error).code, code, "{name}");
        }
    }

    #[test]
    fn only_a_login_that_is_over_is_forgotten() {
        assert!(Failure::from(ClosedReason::AccountGone).is_logged_out());
        assert!(!Failure::not_logged_in("work").is_logged_out());
        assert!(!Failure::from(ClientError::Network("x".into())).is_logged_out());
    }
}
