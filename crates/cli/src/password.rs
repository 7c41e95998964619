//! Where a password comes from: the environment, standard input, or a person.

use std::io::{self, BufRead, IsTerminal, Read};

use ferry_client::Secret;

use super::failure::Failure;

/// The relay takes 1,024 bytes; a line that is much longer is no password.
const LINE_MAX: u64 = 4_096;

/// Asks for a password, twice where a mistake would lock somebody out.
///
/// # Errors
/// There is nobody to ask, or the two are not the same.
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
        return Err(Failure::usage(format!("no terminal to ask for a password: use --password-stdin, or {variable}")));
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

/// The next line of standard input, without its end.
fn read_line() -> Result<Secret, Failure> {
    let mut line = String::new();
    // The lock keeps its buffer between calls, so that a second password may follow on the next line.
    let read = io::stdin().lock().take(LINE_MAX).read_line(&mut line);
    match read {
        Ok(0) => Err(Failure::usage("no password on standard input")),
        Ok(_) => Ok(Secret::new(line.trim_end_matches(['\n', '\r']))),
        Err(error) => Err(Failure::failed(format!("cannot read standard input: {error}"))),
    }
}
