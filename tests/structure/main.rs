//! Holds the structure of the source: directions of imports, circles, and documents that name what
//! is there. Needs nothing but the repository.

mod circles;
mod comments;
mod documents;
mod layers;
mod source;
