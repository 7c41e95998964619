//! Holds the structure of the source: directions of imports, circles, and documents that name what
//! is there. Needs nothing but the repository.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic in a test is the report; the helpers of tests are no tests to clippy"
)]

mod circles;
mod comments;
mod documents;
mod layers;
mod source;
mod vectors;
