//! What the doctor says: one line for each thing that it looked at.

use std::fmt::Write;

use serde::Serialize;

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Good,
    /// Not wrong, and could be better.
    Advice,
    /// Wrong: messages, secrets or logins are at risk, or the relay does not work.
    Fault,
}

/// A thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How it is.
    pub level: Level,
    /// What it is, for example `nsqd 127.0.0.1:4150`.
    pub what: String,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_do: Option<String>,
}

impl Finding {
    /// A thing that is as it should be.
    pub fn good(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { level: Level::Good, what: what.into(), found: found.into(), to_do: None }
    }

    /// A thing that could be better.
    pub fn advice(what: impl Into<String>, found: impl Into<String>, to_do: impl Into<String>) -> Self {
        Self { level: Level::Advice, what: what.into(), found: found.into(), to_do: Some(to_do.into()) }
    }

    /// A thing that is wrong.
    pub fn fault(what: impl Into<String>, found: impl Into<String>, to_do: impl Into<String>) -> Self {
        Self { level: Level::Fault, what: what.into(), found: found.into(), to_do: Some(to_do.into()) }
    }
}

/// All findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The version of Ferry that looked.
    pub version: &'static str,
    /// How many findings are faults.
    pub faults: usize,
    /// In the order in which they were looked at.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Counts the faults.
    #[must_use]
    pub fn of(findings: Vec<Finding>) -> Self {
        let faults = findings.iter().filter(|finding| finding.level == Level::Fault).count();
        Self { version: env!("CARGO_PKG_VERSION"), faults, findings }
    }

    /// Returns the report for a terminal.
    #[must_use]
    pub fn to_text(&self) -> String {
        let width = self.findings.iter().map(|finding| finding.what.chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        for Finding { level, what, found, to_do } in &self.findings {
            let level = match level {
                Level::Good => "ok    ",
                Level::Advice => "advice",
                Level::Fault => "FAULT ",
            };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{level}  {what:width$}  {found}");
            if let Some(to_do) = to_do {
                let _ = writeln!(text, "        {:width$}  → {to_do}", "");
            }
        }
        let _ = match self.faults {
            0 => writeln!(text, "no faults"),
            1 => writeln!(text, "1 fault"),
            faults => writeln!(text, "{faults} faults"),
        };
        text
    }
}
