//! The tokens of operators. The file has only their SHA-256, so who reads it cannot use them.

use std::{collections::HashSet, path::Path};

use sha2::{Digest, Sha256};

/// The longest file that is read. A file of thousands of tokens is a mistake.
const LONGEST: u64 = 64 << 10;
/// The longest name of a token.
const NAME_MAX: usize = 64;

/// What a token allows. A greater right includes the lesser ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// To read `/metrics` and the whole of `/readyz`, which name no user.
    Metrics,
    /// To read everything.
    Read,
    /// To change things.
    Write,
}

/// Why the tokens cannot be used. Names lines, and never what is on them.
#[derive(Debug, thiserror::Error)]
pub enum TokenFault {
    /// The file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The file is too long.
    #[error("{path} is longer than {LONGEST} bytes")]
    TooLong {
        /// The file.
        path: String,
    },
    /// A line is not a token.
    #[error("{path}, line {line}: {reason}")]
    BadLine {
        /// The file.
        path: String,
        /// The line, counted from 1.
        line: usize,
        /// The rule that it breaks.
        reason: &'static str,
    },
}

/// A line of the file.
#[derive(Debug, PartialEq, Eq)]
struct Token {
    name: String,
    right: Right,
    hash: [u8; 32],
}

/// Checks that the file can be read and has at least one token.
///
/// # Errors
/// Fails with the first fault that it finds.
pub fn check_token_file(path: &Path) -> Result<(), TokenFault> {
    read(path).map(drop)
}

/// Returns the name and the right of a token, or `None` if the file does not have it.
///
/// Reads the file each time: a token that is taken out of it stops at once. Takes the same time
/// wherever in the file the token is, and whether it is there or not.
///
/// # Errors
/// Fails if the file cannot be read or has a bad line.
pub fn find_token(path: &Path, token: &str) -> Result<Option<(String, Right)>, TokenFault> {
    let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    let mut found = None;
    for token in read(path)? {
        if is_same(&token.hash, &hash) {
            found = Some((token.name, token.right));
        }
    }
    Ok(found)
}

/// Compares without an early end, so that the time says nothing of how far two hashes agree.
fn is_same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let differing = one.iter().zip(other).fold(0, |bits, (a, b)| std::hint::black_box(bits | (a ^ b)));
    differing == 0
}

fn read(path: &Path) -> Result<Vec<Token>, TokenFault> {
    let shown = || path.display().to_string();
    let unreadable = |source| TokenFault::Unreadable { path: shown(), source };
    if std::fs::metadata(path).map_err(unreadable)?.len() > LONGEST {
        return Err(TokenFault::TooLong { path: shown() });
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    parse(&text).map_err(|(line, reason)| TokenFault::BadLine { path: shown(), line, reason })
}

/// Reads lines of `NAME:ROLE:SHA256`. Empty lines and those with a `#` in front do not count.
fn parse(text: &str) -> Result<Vec<Token>, (usize, &'static str)> {
    let (mut tokens, mut names) = (Vec::new(), HashSet::new());
    let mut last = 0;
    for (number, line) in (1..).zip(text.lines()) {
        last = number;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let token = parse_line(line).map_err(|reason| (number, reason))?;
        if !names.insert(token.name.clone()) {
            return Err((number, "another line has the same name"));
        }
        tokens.push(token);
    }
    if tokens.is_empty() {
        return Err((last.max(1), "there is no token: `ferry admin new-token` makes one"));
    }
    Ok(tokens)
}

fn parse_line(line: &str) -> Result<Token, &'static str> {
    let mut parts = line.split(':');
    let (Some(name), Some(role), Some(hash), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err("must be NAME:ROLE:SHA256");
    };
    let is_plain = |symbol: char| symbol.is_ascii_alphanumeric() || "-_.".contains(symbol);
    if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(is_plain) {
        return Err("the name must be 1 to 64 letters, digits, dots, hyphens or underscores");
    }
    let right = match role {
        "metrics" => Right::Metrics,
        "read" => Right::Read,
        "write" => Right::Write,
        _ => return Err("the role must be metrics, read or write"),
    };
    let hash = data_encoding::HEXLOWER_PERMISSIVE.decode(hash.as_bytes()).ok().and_then(|hash| hash.try_into().ok());
    let hash = hash.ok_or("the hash must be 64 hexadecimal digits")?;
    Ok(Token { name: name.to_owned(), right, hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, role: &str, token: &str) -> String {
        format!("{name}:{role}:{}\n", data_encoding::HEXLOWER.encode(&Sha256::digest(token.as_bytes())))
    }

    #[test]
    fn a_token_is_found_by_its_hash() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tokens");
        let text = format!("# operators\n\n{}  {}", line("prometheus", "metrics", "one"), line("eve", "write", "two"));
        std::fs::write(&path, text).unwrap();
        check_token_file(&path).unwrap();
        let found = |token: &str| find_token(&path, token).unwrap();
        assert_eq!(found("one"), Some(("prometheus".to_owned(), Right::Metrics)));
        assert_eq!(found("two"), Some(("eve".to_owned(), Right::Write)));
        for wrong in ["", "three", "two ", &line("eve", "write", "two")] {
            assert_eq!(found(wrong), None, "{wrong}");
        }
        std::fs::write(&path, line("prometheus", "metrics", "one")).unwrap();
        assert_eq!(found("two"), None, "a token that is taken out stops at once");
    }

    #[test]
    fn a_bad_line_is_named_and_not_shown() {
        let hash = "0".repeat(64);
        for (text, at) in [
            (String::new(), 1),
            ("# nobody\n".to_owned(), 1),
            (format!("\na:read:{hash}\nb:admin:{hash}"), 3),
            (format!("a:read:{hash}\na:read:{hash}"), 2),
            (format!("a b:read:{hash}"), 1),
            (format!(":read:{hash}"), 1),
            (format!("a:read:{hash}:x"), 1),
            (format!("a:read:{hash}0"), 1),
            ("a:read:secret".to_owned(), 1),
            ("secret".to_owned(), 1),
        ] {
            let (line, reason) = parse(&text).unwrap_err();
            assert_eq!(line, at, "{text}");
            assert!(!reason.contains("secret"));
        }
        assert!(parse(&format!("a:read:{}", "A".repeat(64))).is_ok());
    }

    #[test]
    fn hashes_are_compared_whole() {
        let mut other = [7; 32];
        assert!(is_same(&[7; 32], &other));
        other[31] ^= 1;
        assert!(!is_same(&[7; 32], &other));
        other = [7; 32];
        other[0] ^= 128;
        assert!(!is_same(&[7; 32], &other));
    }

    #[test]
    fn a_greater_right_includes_the_lesser() {
        assert!(Right::Write > Right::Read && Right::Read > Right::Metrics);
    }
}
