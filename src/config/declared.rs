//! A setting as the documents show it.

/// A setting, as the declaration has it.
#[derive(Debug)]
pub struct Declared {
    /// The name of its field.
    pub name: &'static str,
    pub variable: &'static str,
    /// `None` for a switch.
    pub value_name: Option<&'static str>,
    pub what: &'static str,
    /// The default as TOML.
    pub in_file: String,
    /// The default for people.
    pub default: String,
}

impl Declared {
    /// Returns the name of its flag and of its key in the file.
    pub fn key(&self) -> String {
        self.name.replace('_', "-")
    }

    /// Returns whether the default follows from other settings. Then the declaration gives a text
    /// for it.
    pub fn is_computed(&self) -> bool {
        self.default != self.in_file && !["[]", "\"\""].contains(&self.in_file.as_str())
    }
}
