//! Looks for secrets in files, in every form that a log or a database may give them.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

/// The secrets that must be nowhere.
#[derive(Default)]
pub struct Scanner {
    needles: BTreeSet<String>,
}

impl Scanner {
    /// Adds a secret in four forms. They are plain text, hexadecimal (as tungstenite logs frames),
    /// a list of bytes (as `Debug` writes them), and base64.
    pub fn add(&mut self, secret: &str) {
        assert!(secret.len() >= 12 && !secret.contains('\n'), "too short to be found by itself, or two lines");
        self.needles.extend([secret.to_owned(), hex(secret.as_bytes()), bytes(secret.as_bytes())]);
        for offset in 0..3 {
            // The secret's offset in a group of three bytes decides how it looks. The groups at
            // its ends also depend on its neighbours, so they are left out.
            let padded = [&vec![0; offset][..], secret.as_bytes()].concat();
            let whole = &padded[..padded.len() / 3 * 3];
            let text = STANDARD_NO_PAD.encode(whole);
            self.needles.insert(text[if offset == 0 { 0 } else { 4 }..].to_owned());
        }
    }

    /// Returns the files below these places that contain a secret. Nothing may write to them
    /// meanwhile: a file that vanishes is an error.
    pub fn scan(&self, places: &[&Path]) -> BTreeSet<PathBuf> {
        assert!(!self.needles.is_empty() && !places.is_empty());
        let mut patterns = tempfile::NamedTempFile::new().unwrap();
        for needle in &self.needles {
            std::io::Write::write_all(&mut patterns, format!("{needle}\n").as_bytes()).unwrap();
        }
        let output = Command::new("grep")
            .args(["--recursive", "--files-with-matches", "--text", "--fixed-strings", "--null", "--file"])
            .arg(patterns.path())
            .args(places)
            .env("LC_ALL", "C")
            .output()
            .expect("grep is needed to look for secrets");
        // Exit code 0 means found, 1 means not found, and anything else is a failure.
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 1)) && error.is_empty(), "grep: {error}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_terminator('\0').map(PathBuf::from).collect()
    }

    /// Fails if a secret is below one of these places, and names the file and line.
    pub fn assert_clean(&self, places: &[&Path]) {
        let found = self.scan(places);
        for file in &found {
            let content = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
            let line = content.lines().find(|line| self.needles.iter().any(|needle| line.contains(needle)));
            eprintln!("{}: {}", file.display(), line.unwrap_or_default().chars().take(600).collect::<String>());
        }
        assert!(found.is_empty(), "secrets are in {found:?}");
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn bytes(bytes: &[u8]) -> String {
    bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ")
}

#[test]
fn finds_every_form_of_a_secret_and_nothing_else() {
    let secret = "kanarie-0123456789abcdef";
    let mut scanner = Scanner::default();
    scanner.add(secret);
    let directory = tempfile::tempdir().unwrap();
    let plain = directory.path().join("clean");
    std::fs::write(&plain, "kanarie-0123456789abcdee").unwrap();
    scanner.assert_clean(&[directory.path()]);
    let base64 = |before: &str| STANDARD_NO_PAD.encode(format!("{before}{secret} and more"));
    let forms = [
        format!("{{\"body\":\"{secret}\"}}"),
        format!("payload: 0x{}", hex(secret.as_bytes())),
        format!("{:?}", secret.as_bytes()),
        base64(""),
        base64("a"),
        base64("ab"),
    ];
    for (number, form) in forms.into_iter().enumerate() {
        let file = directory.path().join(number.to_string());
        std::fs::write(&file, [b"\0\xff binary \0", form.as_bytes()].concat()).unwrap();
        assert_eq!(scanner.scan(&[directory.path()]), BTreeSet::from([file.clone()]), "form {number}");
        std::fs::remove_file(file).unwrap();
    }
}
