//! Authentication: passwords, codes of a second factor, access tokens and the keys that sign them,
//! refresh tokens, cookies and origins.
//!
//! This module does no I/O, and time is an argument (milliseconds since the Unix epoch). Only
//! passwords need the runtime: they are hashed on its blocking threads.
//!
//! Clients get the same 401 for every error about a token or a password. The variants are for logs
//! and tests.

mod cookie;
mod ed25519;
mod keys;
mod known;
mod origin;
mod password;
mod refresh;
mod token;
mod totp;
mod username;

pub use cookie::{CookieTwice, Cookies, NotACookieValue};
pub use keys::{
    KEEP_AFTER_MS, KeyRing, KeyRow, Keys, PUBLISH_BEFORE_MS, RELOAD_EVERY_MS, RotationPlan, generate_key, plan,
};
pub use known::{KnownHash, KnownToken};
pub use origin::{Origin, is_allowed, is_local_host};
pub use password::{
    BadParams, Busy, PASSWORD_MAX, PASSWORD_MIN, PasswordContext, PasswordError, PasswordParams, Passwords,
    check_password,
};
pub use refresh::{REFRESH_PREFIX, RefreshHash, RefreshToken};
pub use token::{AccessTokens, CLOCK_SKEW_MS, SignError, TOKEN_MAX, TokenError, Verified};
pub use totp::{CODE_PERIOD, Code, RECOVERY_CODES, RecoveryCode, TotpKey};
pub use username::{USERNAME_MAX, USERNAME_MIN, Username, UsernameError};
