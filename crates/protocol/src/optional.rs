//! Optional fields of requests.

use serde::{Deserialize, Deserializer};

/// Reads an optional field of a request, which is left out or has a value. `null` is an error: a
/// client that sends `null` to remove something must not believe that it worked.
pub(crate) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Reads an optional field of a request that `null` removes, as the empty text does.
pub(crate) fn given_or_removed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer).map(|text| Some(text.unwrap_or_default()))
}
