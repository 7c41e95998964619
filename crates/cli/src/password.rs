//! Reads a password from the environment, from standard input or from the terminal.

use std::io::{self, BufRead, IsTerminal, Read};

use ferry_client::Secret;

use super::failure::Failure;

/// The longest line to read, in bytes. The relay takes passwords of at most 1,024 bytes.
const LINE_MAX: u64 = 4_096;

/// Warns before a password goes over a connection that others can read: plain HTTP to another
/// machine.
pub fn warn_if_plain(server: &str) {
    if goes_in_clear(server) {
        eprintln!("ferry: warning: {server} has no TLS, so everybody on the way can read the password");
    }
}

fn goes_in_clear(server: &str) -> bool {
    let Some(rest) = server.strip_prefix("http://") else { return false };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let is_here = host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    !is_here
}

/// Asks for a password; with `twice` a second time, so that a typing error locks no one out.
///
/// # Errors
/// Fails if there is no terminal to ask at, or if the two passwords differ.
pub fn ask(prompt: &str, variable: &str, stdin: bool, twice: bool) -> Result<Secret, Failure> {
    if stdin {
        return read_line();
    }
    if let Ok(password) = std::env::var(variable)
        && !password.is_empty()
    {
        return Ok(Secret::new(password));
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(format!(
            "there is no terminal to ask for a password: use --password-stdin or {variable}"
        )));
    }
    let prompted = |prompt: &str| {
        rpassword::prompt_password(prompt)
            .map(Secret::new)
            .map_err(|error| Failure::failed(format!("cannot ask for a password: {error}")))
    };
    let password = prompted(&format!("{prompt}: "))?;
    if twice && prompted(&format!("{prompt} again: "))? != password {
        return Err(Failure::failed("the two passwords are not the same"));
    }
    Ok(password)
}

/// Reads the next line of standard input, without its end.
fn read_line() -> Result<Secret, Failure> {
    let mut line = String::new();
    // The lock keeps its buffer between calls, so that a second password may follow on the next
    // line.
    let read = io::stdin().lock().take(LINE_MAX).read_line(&mut line);
    match read {
        Ok(0) => Err(Failure::usage("no password on standard input")),
        Ok(_) => Ok(Secret::new(line.trim_end_matches(['\n', '\r']))),
        Err(error) => Err(Failure::failed(format!("cannot read standard input: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_to_another_machine_is_in_clear() {
        for fine in [
            "https://ferry.example",
            "http://127.0.0.1:8080",
            "http://localhost/x",
            "http://[::1]:80",
            "http://LocalHost:1",
        ] {
            assert!(!goes_in_clear(fine), "{fine}");
        }
        for clear in
            ["http://ferry.example", "http://192.0.2.1:8080", "http://[2001:db8::1]", "http://localhost.example"]
        {
            assert!(goes_in_clear(clear), "{clear}");
        }
    }
}
