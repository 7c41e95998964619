//! The listener for operators: a Unix socket, or TCP with tokens. `http::admin` has its routes.
//!
//! It is apart from the port of the users, so that no proxy in front of that can let anybody
//! through to it.

mod caller;
mod listener;
mod socket_file;
mod token_file;

pub use caller::{Administrator, Caller};
pub use listener::{AdminListener, listen, serve};
pub use token_file::{Right, TokenFault, check_token_file, find_token};
