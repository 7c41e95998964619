//! The log of security events: who logged in, who failed to, who was rejected, and what changed
//! about passwords and keys. `docs/operations.md` lists the events.
//!
//! An event has ids and networks, and nothing that anybody typed: a password that was typed into
//! the field of the username must not be in a log. So a username is never there.

mod throttle;

use std::{
    sync::{LazyLock, Mutex, PoisonError},
    time::Instant,
};

use ferry_protocol::{DeviceId, ErrorCode, RoomId, UserId};

use self::throttle::{Throttle, Verdict};
use crate::network::Network;

/// The events that anybody can cause as often as they like. The log is one for the process, so this
/// is too.
static THROTTLE: LazyLock<Mutex<Throttle<Source>>> = LazyLock::new(|| Mutex::new(Throttle::new(Instant::now())));

/// What is counted together: the name of an event, and where it came from.
type Source = (&'static str, Option<Network>, Option<DeviceId>);

/// A device of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// The user.
    pub user: UserId,
    /// The device.
    pub device: DeviceId,
}

/// Why a device was logged out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogoutCause {
    /// The device logged itself out.
    Own,
    /// Another device of the user did it.
    OtherDevice,
    /// Another device set a new password.
    NewPassword,
    /// Nobody could use it any more.
    Abandoned,
}

/// What an operator did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Disabled an account.
    UserDisabled,
    /// Let the user of an account log in again.
    UserEnabled,
    /// Deleted an account.
    UserDeleted,
    /// Made a code for a new password.
    ResetOffered,
    /// Took away a second factor.
    SecondFactorRemoved,
    /// Set a limit of a user's own.
    QuotaSet,
    /// Logged a device out.
    DeviceLoggedOut,
    /// Made a token for new accounts.
    RegistrationTokenMade,
    /// Deleted one.
    RegistrationTokenRevoked,
    /// Replaced the keys that sign access tokens.
    KeysReplaced,
}

/// A security event. `who` and `user` are whom it concerns, `by` is who caused it, and `network` is
/// where the request came from.
#[allow(missing_docs, reason = "the fields mean the same in all events")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// An account was created.
    AccountCreated { user: UserId, network: Network },
    /// An account was deleted by one of its devices.
    AccountDeleted { by: Subject, network: Network },
    /// A device logged in.
    LoginSucceeded { who: Subject, network: Network, with_code: bool },
    /// A login took the place of a device.
    DeviceReplaced { who: Subject, network: Network },
    /// A login failed because of the username or the password. Without a user if nobody has the
    /// name.
    LoginFailed { user: Option<UserId>, network: Network },
    /// A login was not looked at, because there were too many.
    LoginLocked { network: Network },
    /// The password of a login was right, and there was no code.
    CodeNeeded { user: UserId, network: Network },
    /// The password was right, and the code wrong. Without a device at a login.
    CodeFailed { user: UserId, device: Option<DeviceId>, network: Network },
    /// The password was right, and there were too many wrong codes.
    CodeLocked { user: UserId, device: Option<DeviceId>, network: Network },
    /// A recovery code was used up.
    RecoveryCodeUsed { user: UserId, device: Option<DeviceId>, network: Network },
    /// The second factor was turned on.
    TotpOn { by: Subject, network: Network },
    /// The second factor was turned off.
    TotpOff { by: Subject, network: Network },
    /// A device got new tokens.
    TokenRefreshed { who: Subject, network: Network },
    /// A refresh token was not accepted.
    RefreshFailed { network: Network },
    /// A refresh token was used again too late. The tokens of the device are revoked.
    RefreshReused { who: Subject, network: Network },
    /// A login had lasted as long as the operator allows. The tokens of the device are revoked.
    LoginExpired { who: Subject, network: Network },
    /// A device was logged out. `by` is the device that did it.
    LoggedOut { who: Subject, by: Option<DeviceId>, cause: LogoutCause, network: Option<Network> },
    /// A password was changed.
    PasswordChanged { by: Subject, network: Network },
    /// A device did not prove the password.
    ProofFailed { by: Subject, network: Network },
    /// A request or frame was rejected with 403.
    Refused { who: Option<Subject>, room: Option<RoomId>, code: ErrorCode, route: String, network: Option<Network> },
    /// A request or frame was rejected with 429.
    RateLimited { who: Option<Subject>, route: String, network: Option<Network> },
    /// A request was malformed in a way that two programs could read differently, or had a token in
    /// its URL.
    MalformedRequest { reason: String, network: Network },
    /// A user set a new password with a code of an operator. All devices were logged out.
    PasswordReset { user: UserId, network: Network },
    /// An operator changed something.
    Administered {
        action: Action,
        operator: String,
        user: Option<UserId>,
        device: Option<DeviceId>,
        token: Option<String>,
    },
    /// Somebody called as an operator, without a token or with a wrong one.
    AdminFailed { route: String, network: Network },
    /// A key that signs access tokens was made.
    SigningKeyCreated { kid: String },
    /// A key was deleted: it signed nothing that is still valid.
    SigningKeyDeleted { kid: String },
    /// The operator replaced all keys (`ferry replace-keys`).
    SigningKeysReplaced { kid: String },
}

/// The fields of a line.
#[derive(Default)]
struct Line {
    name: &'static str,
    text: &'static str,
    user: Option<UserId>,
    device: Option<DeviceId>,
    by: Option<DeviceId>,
    room: Option<RoomId>,
    network: Option<Network>,
    code: Option<&'static str>,
    reason: Option<String>,
    route: Option<String>,
    kid: Option<String>,
    with_code: Option<bool>,
    /// The operator who did it.
    operator: Option<String>,
    /// The id of a token for new accounts.
    token: Option<String>,
    /// How many such events were left out before.
    left_out: Option<u64>,
}

/// Writes an event to the log, with the target `audit`.
///
/// Of events that strangers can cause as often as they like, it writes at most one a second for
/// each source, and counts the rest.
pub fn record(event: Event) {
    let is_routine = matches!(event, Event::TokenRefreshed { .. });
    let is_cheap_to_cause = matches!(
        event,
        Event::LoginLocked { .. }
            | Event::RefreshFailed { .. }
            | Event::Refused { .. }
            | Event::RateLimited { .. }
            | Event::AdminFailed { .. }
            | Event::MalformedRequest { .. }
    );
    let mut line = line_of(event);
    if is_cheap_to_cause {
        let source = (line.name, line.network, line.device);
        let verdict = THROTTLE.lock().unwrap_or_else(PoisonError::into_inner).take(source, Instant::now());
        let Verdict::Write { left_out } = verdict else { return };
        line.left_out = Some(left_out).filter(|left_out| *left_out > 0);
    }
    line.write(is_routine);
}

/// Writes how many events were left out since the last line of their source, and forgets sources
/// that are quiet. Call this regularly.
pub fn tidy() {
    let tidied = THROTTLE.lock().unwrap_or_else(PoisonError::into_inner).tidy(Instant::now());
    for ((name, network, device), left_out) in tidied.left_out {
        let left_out = Some(left_out);
        Line { name, text: "more of these were left out", network, device, left_out, ..Line::default() }.write(false);
    }
    if tidied.beyond > 0 {
        let (name, text) = ("events_left_out", "events of too many sources were left out");
        Line { name, text, left_out: Some(tidied.beyond), ..Line::default() }.write(false);
    }
}

impl Line {
    fn of(name: &'static str, text: &'static str, network: impl Into<Option<Network>>) -> Self {
        Self { name, text, network: network.into(), ..Self::default() }
    }

    fn with(self, who: impl Into<Option<Subject>>) -> Self {
        let who = who.into();
        Self { user: who.map(|who| who.user), device: who.map(|who| who.device), ..self }
    }

    fn write(self, is_routine: bool) {
        macro_rules! write {
            ($target:literal) => {
                tracing::info!(
                    target: $target,
                    event = self.name,
                    user = self.user.map(display),
                    device = self.device.map(display),
                    by = self.by.map(display),
                    room = self.room.map(display),
                    network = self.network.map(display),
                    code = self.code,
                    reason = self.reason,
                    route = self.route,
                    kid = self.kid,
                    with_code = self.with_code,
                    operator = self.operator,
                    token = self.token,
                    left_out = self.left_out,
                    "{}",
                    self.text
                )
            };
        }
        // A target below `audit`, so that an operator can leave these lines out.
        if is_routine { write!("audit::refresh") } else { write!("audit") }
    }
}

fn line_of(event: Event) -> Line {
    match event {
        Event::AccountCreated { user, network } => {
            Line { user: Some(user), ..Line::of("account_created", "an account was created", network) }
        }
        Event::AccountDeleted { by, network } => {
            Line::of("account_deleted", "an account was deleted", network).with(by)
        }
        Event::LoginSucceeded { who, network, with_code } => {
            Line { with_code: Some(with_code), ..Line::of("login_succeeded", "a device logged in", network).with(who) }
        }
        Event::DeviceReplaced { who, network } => {
            Line::of("device_replaced", "a login took the place of a device", network).with(who)
        }
        Event::LoginFailed { user, network } => {
            Line { user, ..Line::of("login_failed", "a login with a wrong username or password", network) }
        }
        Event::LoginLocked { network } => Line::of("login_locked", "too many logins", network),
        Event::CodeNeeded { user, network } => {
            let line = Line::of("login_code_needed", "a login with the right password and without a code", network);
            Line { user: Some(user), ..line }
        }
        Event::CodeFailed { user, device, network } => {
            Line { user: Some(user), device, ..Line::of("code_failed", "a wrong code of a second factor", network) }
        }
        Event::CodeLocked { user, device, network } => {
            Line { user: Some(user), device, ..Line::of("code_locked", "too many wrong codes", network) }
        }
        Event::RecoveryCodeUsed { user, device, network } => {
            Line { user: Some(user), device, ..Line::of("recovery_code_used", "a recovery code was used", network) }
        }
        Event::TotpOn { by, network } => Line::of("totp_on", "a second factor was turned on", network).with(by),
        Event::TotpOff { by, network } => Line::of("totp_off", "a second factor was turned off", network).with(by),
        Event::TokenRefreshed { who, network } => {
            Line::of("token_refreshed", "a device got new tokens", network).with(who)
        }
        Event::RefreshFailed { network } => Line::of("refresh_failed", "a refresh token was not accepted", network),
        Event::RefreshReused { who, network } => {
            let text = "a refresh token was used again too late: the tokens of the device are revoked";
            Line::of("refresh_reused", text, network).with(who)
        }
        Event::LoginExpired { who, network } => {
            let text = "a login has lasted as long as allowed: the tokens of the device are revoked";
            Line::of("login_expired", text, network).with(who)
        }
        Event::LoggedOut { who, by, cause, network } => {
            let reason = match cause {
                LogoutCause::Own => "own",
                LogoutCause::OtherDevice => "other_device",
                LogoutCause::NewPassword => "new_password",
                LogoutCause::Abandoned => "abandoned",
            };
            let line = Line::of("logged_out", "a device was logged out", network).with(who);
            Line { by, reason: Some(reason.to_owned()), ..line }
        }
        Event::PasswordChanged { by, network } => {
            Line::of("password_changed", "a password was changed", network).with(by)
        }
        Event::ProofFailed { by, network } => {
            Line::of("proof_failed", "a device did not prove the password", network).with(by)
        }
        Event::Refused { who, room, code, route, network } => {
            let line = Line::of("refused", "a request was rejected", network).with(who);
            Line { room, code: Some(code.as_str()), route: Some(route), ..line }
        }
        Event::RateLimited { who, route, network } => {
            Line { route: Some(route), ..Line::of("rate_limited", "too many requests", network).with(who) }
        }
        Event::MalformedRequest { reason, network } => {
            Line { reason: Some(reason), ..Line::of("malformed_request", "a malformed request", network) }
        }
        Event::PasswordReset { user, network } => {
            let line = Line::of("password_reset", "a user set a new password with a code of an operator", network);
            Line { user: Some(user), ..line }
        }
        Event::Administered { action, operator, user, device, token } => {
            let (name, text) = in_words(action);
            Line { operator: Some(operator), user, device, token, ..Line::of(name, text, None) }
        }
        Event::AdminFailed { route, network } => {
            Line { route: Some(route), ..Line::of("admin_failed", "an operator did not prove who they are", network) }
        }
        Event::SigningKeyCreated { kid } => {
            Line { kid: Some(kid), ..Line::of("signing_key_created", "a signing key was created", None) }
        }
        Event::SigningKeyDeleted { kid } => {
            Line { kid: Some(kid), ..Line::of("signing_key_deleted", "a signing key was deleted", None) }
        }
        Event::SigningKeysReplaced { kid } => {
            Line { kid: Some(kid), ..Line::of("signing_keys_replaced", "the operator replaced all signing keys", None) }
        }
    }
}

/// Returns the name of what an operator did, and a text for it.
fn in_words(action: Action) -> (&'static str, &'static str) {
    match action {
        Action::UserDisabled => ("admin_user_disabled", "an operator disabled an account"),
        Action::UserEnabled => ("admin_user_enabled", "an operator enabled an account"),
        Action::UserDeleted => ("admin_user_deleted", "an operator deleted an account"),
        Action::ResetOffered => ("admin_reset_offered", "an operator made a code for a new password"),
        Action::SecondFactorRemoved => ("admin_second_factor_removed", "an operator took away a second factor"),
        Action::QuotaSet => ("admin_quota_set", "an operator set a limit of a user"),
        Action::DeviceLoggedOut => ("admin_device_logged_out", "an operator logged a device out"),
        Action::RegistrationTokenMade => ("admin_registration_token_made", "an operator made a token for new accounts"),
        Action::RegistrationTokenRevoked => {
            ("admin_registration_token_revoked", "an operator deleted a token for new accounts")
        }
        Action::KeysReplaced => ("admin_keys_replaced", "an operator replaced the keys of access tokens"),
    }
}
