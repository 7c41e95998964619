//! The one place that maps what went wrong to what a client is told: HTTP answers, error frames
//! and close codes.

mod causes;

use std::{borrow::Cow, time::Duration};

use ferry_protocol::{CloseCode, Device, ErrorCode, ErrorFrame, MessageId, Problem, UserId};

/// The pause before the first retry of a send that did not reach everybody.
const RETRY: Duration = Duration::from_secs(1);
/// The longest such pause.
const RETRY_MOST: Duration = Duration::from_secs(30);

/// A rejected request or frame. It contains nothing that the client wrote, except the names of its
/// fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The code that clients act on.
    pub code: ErrorCode,
    /// The text for people.
    pub detail: Cow<'static, str>,
    /// The field at fault.
    pub field: Option<Cow<'static, str>>,
    /// How long to wait before the next try.
    pub retry_after: Option<Duration>,
    /// After a send that did not reach everybody: the users for whom it is outstanding.
    pub outstanding: Vec<UserId>,
    /// After a login that is one too many: the user's devices.
    pub devices: Vec<Device>,
}

impl Refusal {
    /// Creates a refusal with its reason.
    pub fn new(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            field: None,
            retry_after: None,
            outstanding: Vec::new(),
            devices: Vec::new(),
        }
    }

    /// Creates the refusal of a field whose value is not allowed.
    pub fn invalid(field: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { field: Some(field.into()), ..Self::new(ErrorCode::Invalid, detail) }
    }

    /// Creates the answer for something that does not exist, or that the caller may not know of.
    /// The two answers are the same to the byte.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(ErrorCode::NotFound, "there is no such thing here")
    }

    /// Creates the answer for a request without a valid access token. There is one text for every
    /// reason, because the exact reason helps only an attacker.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(ErrorCode::Unauthorized, "a valid access token is needed")
    }

    /// Creates the answer for a send whose id another message had.
    #[must_use]
    pub fn id_reused() -> Self {
        Self::new(ErrorCode::IdReused, "this id was used for another message")
    }

    /// Creates the answer for something that the caller may not do.
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::Forbidden, detail)
    }

    /// Creates the answer for too many requests, with the time to wait.
    #[must_use]
    pub fn rate_limited(retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(ErrorCode::RateLimited, "too many of these at once") }
    }

    /// Creates the answer for a send that has not reached these users, after so many tries. The
    /// time to wait doubles with each try.
    #[must_use]
    pub fn outstanding(self, users: Vec<UserId>, tries: u32) -> Self {
        if !self.code.is_temporary() {
            return self;
        }
        let wait = (RETRY * 2_u32.saturating_pow(tries.saturating_sub(1))).min(RETRY_MOST);
        // Some of it is random, so that the devices of a cluster do not return together.
        let wait = wait.mul_f64(rand::random_range(0.75..=1.0));
        Self { outstanding: users, retry_after: Some(wait), ..self }
    }

    /// Creates the answer for a part that Ferry needs and that does not answer.
    pub fn unavailable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self { retry_after: Some(Duration::from_secs(1)), ..Self::new(ErrorCode::Unavailable, detail) }
    }

    /// Creates the answer for a fault in the relay. The log tells more.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(ErrorCode::Internal, "a fault in the relay")
    }

    /// Returns the body of an HTTP answer.
    #[must_use]
    pub fn to_problem(&self) -> Problem {
        Problem {
            r#type: format!("urn:ferry:error:{}", self.code.as_str()),
            title: self.code.as_str().replace('_', " "),
            status: self.code.status(),
            code: self.code,
            detail: self.detail.clone().into_owned(),
            field: self.field.clone().map(Cow::into_owned),
            // Rounded up, because a client that comes a moment early would be rejected again.
            retry_after: self.retry_after.map(|wait| wait.as_millis().div_ceil(1000).max(1) as u64),
            outstanding: self.outstanding.clone(),
            devices: self.devices.clone(),
        }
    }

    /// Returns the frame that answers a frame.
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
            outstanding: self.outstanding.clone(),
        }
    }

    /// Returns the close code of a connection that cannot go on because of this.
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
