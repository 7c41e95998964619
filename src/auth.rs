//! Who somebody is: passwords, access tokens and the keys that sign them, refresh tokens, cookies, origins.
//!
//! All of it is pure but for the hashing of passwords, which runs on the runtime's blocking threads. Time is an argument
//! (milliseconds since the Unix epoch), SQL is the store's, and HTTP is the HTTP layer's. Whoever answers a request gives one
//! identical 401 for every error of this module that is about a token or a password: the variants are for logs and tests.

mod cookie;
mod ed25519;
mod keys;
mod origin;
mod password;
mod refresh;
mod token;
mod username;

pub use cookie::{ACCESS_COOKIE, Cookies, NotACookieValue, REFRESH_COOKIE, find_cookie};
pub use keys::{
    KEEP_AFTER_MS, KeyRing, KeyRow, Keys, PUBLISH_BEFORE_MS, RELOAD_EVERY_MS, RotationPlan, generate_key, plan,
};
pub use origin::{Origin, is_allowed};
pub use password::{
    BadParams, Busy, PASSWORD_MAX, PASSWORD_MIN, PasswordError, PasswordParams, Passwords, check_password,
};
pub use refresh::{REFRESH_PREFIX, RefreshHash, RefreshToken, hash_of};
pub use token::{AccessTokens, CLOCK_SKEW_MS, SignError, TOKEN_MAX, TokenError, Verified};
pub use username::{USERNAME_MAX, USERNAME_MIN, Username, UsernameError};
