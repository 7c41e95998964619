//! Names in the form in which they are compared and searched.

use unicode_normalization::UnicodeNormalization;

/// Returns the text without differences of case and of composition, in NFC. It is the same for
/// `Straße` and `STRASSE`, and for `ΟΔΥΣ` and `οδυς`.
///
/// Each character is mapped to upper and then to lower case by itself, which comes to full case
/// folding (Unicode 3.13) for all but a few letters. `str::to_lowercase` alone makes the last
/// sigma of a text another letter, so that a part of a name would not match.
pub(crate) fn folded(text: &str) -> String {
    text.nfc().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_fold_to_one_text() {
        for (one, other) in
            [("ΟΔΥΣΣΕΥΣ", "οδυσσευς"), ("Straße", "STRASSE"), ("Zoe\u{308}", "ZO\u{cb}"), ("ﬁsh", "FISH"), ("Ǆ", "ǆ")]
        {
            assert_eq!(folded(one), folded(other));
        }
        assert!(folded("ΟΔΥΣΣΕΥΣ").starts_with(&folded("ΟΔΥΣ")));
        for text in ["ΟΔΥΣ", "Straße", "İ", "ŉ"] {
            assert_eq!(folded(&folded(text)), folded(text));
        }
    }
}
