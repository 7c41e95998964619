//! What operators do over the listener for them, beside running relays.

mod listener;
mod operator;
