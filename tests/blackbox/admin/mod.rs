//! What operators do over the listener for them, beside running relays.

mod accounts;
mod command;
mod listener;
mod operator;
mod passwords;
mod registration;
