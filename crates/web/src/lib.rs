//! The files of the web client, compiled in. So a relay needs no Node and no directory beside it.
//!
//! `web/scripts/dist.mjs` writes the files to `web/dist`, compressed, with the table of them.

use std::io::{self, Read};

use flate2::read::GzDecoder;

/// A file of the web client.
#[derive(Debug)]
pub struct File {
    /// The path in a URL, as `/assets/main-1a2b3c.js`.
    pub path: &'static str,
    /// The media type.
    pub media_type: &'static str,
    /// Whether the name changes with the content, so that a copy never has to be asked about.
    pub is_immutable: bool,
    /// A weak entity tag (RFC 9110 §8.8.3): the same for all codings.
    pub etag: &'static str,
    /// The content, compressed with gzip.
    pub gzip: &'static [u8],
    /// The content, compressed with Brotli.
    pub brotli: &'static [u8],
}

/// All files, by path.
pub static FILES: &[File] = include!("../../../web/dist/files.rs");

/// How a content is coded (RFC 9110 §8.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// `br`.
    Brotli,
    /// `gzip`.
    Gzip,
    /// As it is.
    Identity,
}

impl Coding {
    /// Returns the best coding that a client takes, by its header `Accept-Encoding` (RFC 9110
    /// §12.5.3). What it does not name it does not take.
    #[must_use]
    pub fn best(accepted: &str) -> Self {
        let takes = |wanted: &str| {
            accepted.split(',').any(|part| {
                let mut parameters = part.split(';').map(str::trim);
                let is_named = parameters.next().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
                let refused = |parameter: &str| {
                    let value = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="));
                    value.is_some_and(|value| value.trim().parse::<f32>().is_ok_and(|quality| quality <= 0.0))
                };
                is_named && !parameters.any(refused)
            })
        };
        if takes("br") {
            Self::Brotli
        } else if takes("gzip") {
            Self::Gzip
        } else {
            Self::Identity
        }
    }
}

impl File {
    /// Returns the content as it is. Programs without compression are rare, so no copy of it is
    /// kept.
    ///
    /// # Errors
    /// Fails if the compiled-in copy is damaged, which no build has.
    pub fn plain(&self) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        GzDecoder::new(self.gzip).read_to_end(&mut plain)?;
        Ok(plain)
    }
}

/// Returns the file of a path.
#[must_use]
pub fn file(path: &str) -> Option<&'static File> {
    FILES.binary_search_by_key(&path, |file| file.path).ok().and_then(|at| FILES.get(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_found_and_whole() {
        assert!(file("/").is_some_and(|page| page.media_type.starts_with("text/html")));
        for found in FILES {
            assert!(std::ptr::eq(file(found.path).unwrap(), found));
            assert!(!found.plain().unwrap().is_empty() && !found.brotli.is_empty(), "{}", found.path);
            // The relay has a route for each of these, and docs/openapi.json names it.
            let has_route = ["/", "/sw.js", "/manifest.webmanifest"].contains(&found.path)
                || ["/assets/", "/icons/"].iter().any(|folder| {
                    found.path.strip_prefix(folder).is_some_and(|name| !name.contains('/') && !name.is_empty())
                });
            assert!(has_route, "{}", found.path);
            assert_eq!(found.is_immutable, found.path.starts_with("/assets/"), "{}", found.path);
        }
        assert!(file("/v1/me").is_none() && file("").is_none());
    }

    #[test]
    fn a_client_gets_what_it_takes() {
        for (accepted, best) in [
            ("gzip, deflate, br, zstd", Coding::Brotli),
            ("gzip;q=1.0, br;q=0", Coding::Gzip),
            ("BR", Coding::Brotli),
            ("gzip", Coding::Gzip),
            ("gzip;q=0.000", Coding::Identity),
            ("identity", Coding::Identity),
            ("", Coding::Identity),
        ] {
            assert_eq!(Coding::best(accepted), best, "{accepted}");
        }
    }
}
