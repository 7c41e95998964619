//! Lines on standard output.

use std::io::ErrorKind;

use serde::Serialize;

use super::Flow;
use crate::failure::Failure;
use crate::show;

/// Prints a line. Returns [`Flow::Stop`] if the reader has closed the output: then nobody has the
/// line, and it must not be acknowledged.
pub async fn print(text: String) -> Result<Flow, Failure> {
    // Writing on this thread would block everything else, signals included, if the reader takes
    // nothing.
    let written = tokio::task::spawn_blocking(move || show::write_line(&text)).await;
    match written.unwrap_or_else(|_| Err(std::io::Error::other("the output failed"))) {
        Ok(()) => Ok(Flow::Continue),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Flow::Stop),
        Err(error) => Err(Failure::failed(format!("cannot print: {error}"))),
    }
}

/// Returns one message as a line of a chat. The names are on one line, and the further lines of the
/// text are indented.
pub fn format_line(time: &str, room: &str, user: &str, text: &str) -> String {
    format!("{time} {} {}: {}", show::line(room), show::line(user), show::block(text))
}

/// Returns a delivery as one JSON object. A message has its own fields; a notice or receipt is in
/// one field that names it. What was stored earlier has no delivery.
pub fn json(content: &impl Serialize, delivery: Option<(&str, bool)>) -> String {
    #[derive(Serialize)]
    struct Line<'a, T> {
        #[serde(flatten)]
        content: &'a T,
        #[serde(skip_serializing_if = "Option::is_none")]
        delivery: Option<&'a str>,
        redelivered: bool,
    }
    let (delivery, redelivered) = delivery.map_or((None, true), |(id, redelivered)| (Some(id), redelivered));
    show::json_line(&Line { content, delivery, redelivered })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_like_a_line_of_a_chat() {
        assert_eq!(format_line("12:34:56", "#general", "alice", "hello"), "12:34:56 #general alice: hello");
    }

    #[test]
    fn neither_a_name_nor_a_body_can_forge_a_line() {
        let line = format_line("12:34:56", "#a\nb", "m\u{1b}[31mallory", "hi\n12:34:57 #general alice: yes\u{9b}2J");
        assert_eq!(line, "12:34:56 #a\\u{a}b m\\u{1b}[31mallory: hi\n    12:34:57 #general alice: yes\\u{9b}2J");
    }
}
