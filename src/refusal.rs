//! The one place that maps what went wrong to what a client is told: HTTP answers, error frames and close codes.

mod causes;

use std::{borrow::Cow, time::Duration};

use ferry_protocol::{CloseCode, ErrorCode, ErrorFrame, MessageId, Problem};

/// A request or frame that is refused. Nothing that the client wrote is in it, but the names of its own fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What clients act on.
    pub code: ErrorCode,
    /// For people.
    pub detail: Cow<'static, str>,
    /// The field at fault.
    pub field: Option<Cow<'static, str>>,
    /// When to try again.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal with its reason.
    pub fn new(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), field: None, retry_after: None }
    }

    /// A field with a value that is not allowed.
    pub fn invalid(field: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { field: Some(field.into()), ..Self::new(ErrorCode::Invalid, detail) }
    }

    /// No such thing, or none that the asker may know of: the two answers are the same to the byte.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(ErrorCode::NotFound, "there is no such thing here")
    }

    /// No valid access token. One text for every reason: which one it was helps nobody but an attacker.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(ErrorCode::Unauthorized, "a valid access token is needed")
    }

    /// Not with this role.
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::Forbidden, detail)
    }

    /// Too many; try again then.
    #[must_use]
    pub fn rate_limited(retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(ErrorCode::RateLimited, "too many of these at once") }
    }

    /// A part that Ferry needs does not answer.
    pub fn unavailable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self { retry_after: Some(Duration::from_secs(1)), ..Self::new(ErrorCode::Unavailable, detail) }
    }

    /// A fault in the relay, of which the log tells more.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(ErrorCode::Internal, "a fault in the relay")
    }

    /// The body of an HTTP answer.
    #[must_use]
    pub fn to_problem(&self) -> Problem {
        Problem {
            r#type: format!("urn:ferry:error:{}", self.code.as_str()),
            title: self.code.as_str().replace('_', " "),
            status: self.code.status(),
            code: self.code,
            detail: self.detail.clone().into_owned(),
            field: self.field.clone().map(Cow::into_owned),
            // Rounded up: a client that comes a moment early would be refused again.
            retry_after: self.retry_after.map(|wait| wait.as_millis().div_ceil(1000).max(1) as u64),
        }
    }

    /// The frame that answers a frame.
    #[must_use]
    pub fn to_frame(&self, id: Option<MessageId>) -> ErrorFrame {
        ErrorFrame {
            code: self.code,
            message: match &self.field {
                Some(field) => format!("{field}: {}", self.detail),
                None => self.detail.clone().into_owned(),
            },
            temporary: self.code.is_temporary(),
            retry_after_ms: self.retry_after.map(|wait| (wait.as_millis() as u64).max(1)),
            id,
            field: self.field.clone().map(Cow::into_owned),
        }
    }

    /// The close code for a socket that cannot go on because of this.
    #[must_use]
    pub fn to_close(&self) -> CloseCode {
        match self.code {
            ErrorCode::Unauthorized => CloseCode::LoggedOut,
            ErrorCode::RateLimited => CloseCode::Rate,
            ErrorCode::Unavailable | ErrorCode::Internal => CloseCode::BrokerUnavailable,
            _ => CloseCode::Protocol,
        }
    }
}
