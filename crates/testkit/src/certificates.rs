//! Certificates of an authority that exists for one test. `openssl` makes them.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::Context;

use crate::Scratch;

/// For which time a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Now.
    Today,
    /// No longer.
    Expired,
}

/// A certificate with its key, in PEM.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
}

/// An authority. Its files are deleted when it is dropped.
#[derive(Debug)]
pub struct Authority {
    scratch: Scratch,
    issued: AtomicU32,
}

/// What `openssl ca` needs. It is the one of its commands that takes a time in the past.
const CONFIG: &str = "[ca]\ndefault_ca = own\n[own]\ndatabase = index.txt\nserial = serial\nnew_certs_dir = .\n\
    certificate = ca.pem\nprivate_key = ca.key\ndefault_md = sha256\npolicy = any\nunique_subject = no\n\
    [any]\ncommonName = supplied\n";

impl Authority {
    /// Makes an authority.
    ///
    /// # Errors
    /// Fails if `openssl` cannot be run.
    pub fn new() -> anyhow::Result<Self> {
        let authority = Self { scratch: Scratch::on_disk()?, issued: 0.into() };
        fs::write(authority.scratch.path("ca.conf"), CONFIG)?;
        fs::write(authority.scratch.path("index.txt"), "")?;
        fs::write(authority.scratch.path("serial"), "01\n")?;
        authority.run(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj /CN=test -days 2",
        )?;
        Ok(authority)
    }

    /// Returns the file with its own certificate.
    pub fn roots(&self) -> PathBuf {
        self.scratch.path("ca.pem")
    }

    /// Makes a certificate for a name, for example `IP:127.0.0.1` or `DNS:other.example`.
    ///
    /// # Errors
    /// Fails if `openssl` does.
    pub fn issue(&self, name: &str, validity: Validity) -> anyhow::Result<Certificate> {
        let of = format!("leaf{}", self.issued.fetch_add(1, Ordering::Relaxed));
        fs::write(self.scratch.path(&format!("{of}.ext")), format!("subjectAltName = {name}\n"))?;
        self.run(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {of}.key -out {of}.csr -subj /CN={of}"
        ))?;
        let times = match validity {
            Validity::Today => "-days 1",
            Validity::Expired => "-startdate 20200101000000Z -enddate 20200102000000Z",
        };
        self.run(&format!("ca -batch -notext -config ca.conf -in {of}.csr -out {of}.pem -extfile {of}.ext {times}"))?;
        let read = |file: String| fs::read_to_string(self.scratch.path(&file));
        Ok(Certificate { certificate: read(format!("{of}.pem"))?, key: read(format!("{of}.key"))? })
    }

    fn run(&self, arguments: &str) -> anyhow::Result<()> {
        let mut command = Command::new("openssl");
        command.args(arguments.split(' ')).current_dir(self.scratch.as_path());
        let output = command.output().context("openssl cannot be run: install it")?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "openssl {arguments}: {}", said.trim());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_makes_certificates() {
        let authority = Authority::new().unwrap();
        assert!(authority.roots().exists());
        let today = authority.issue("IP:127.0.0.1", Validity::Today).unwrap();
        let expired = authority.issue("DNS:localhost", Validity::Expired).unwrap();
        for made in [&today, &expired] {
            assert!(made.certificate.starts_with("-----BEGIN CERTIFICATE") && made.key.contains("PRIVATE KEY"));
        }
        assert_ne!(today.key, expired.key);
    }
}
