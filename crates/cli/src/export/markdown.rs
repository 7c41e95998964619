//! A room as Markdown.

use std::io::{self, Write};

use ferry_history::Shown;

use crate::recall::{Names, said};
use crate::show;

pub fn head(out: &mut impl Write, title: &str) -> io::Result<()> {
    writeln!(out, "# {}", plain(&show::line(title)))
}

/// Writes a message, after a heading for its day if it is the first of it.
pub fn message(out: &mut impl Write, names: &Names, shown: &Shown, day: &mut String) -> io::Result<()> {
    let message = &shown.record.message;
    let today = show::time(message.sent_at, "%F");
    if *day != today {
        writeln!(out, "\n## {today}\n")?;
        *day = today;
    }
    let mark = if shown.edited_at.is_some() { " (edited)" } else { "" };
    let who = plain(&show::line(&names.person(message.from.user)));
    write!(out, "- {} **{who}**{mark}: ", show::time(message.sent_at, "%T"))?;
    match said(names, shown) {
        None => write!(out, "*deleted*")?,
        // Each line of a text is one of the item.
        Some(text) => {
            let lines: Vec<String> =
                text.replace("\r\n", "\n").split('\n').map(|line| plain(&show::line(line))).collect();
            write!(out, "{}", lines.join("  \n  "))?;
        }
    }
    for (emoji, users) in &shown.reactions {
        write!(out, " \\[{} {}\\]", plain(&show::line(emoji)), users.len())?;
    }
    writeln!(out)
}

/// Returns text in which nothing is taken for a mark of Markdown or HTML (CommonMark 2.4).
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() && !matches!(c, '.' | ',' | '?' | '\'' | '"' | ';' | '/' | '%') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_a_mark() {
        assert_eq!(plain("**hi** [x](y) <b>&amp; # 1. `c`"), r"\*\*hi\*\* \[x\]\(y\) \<b\>\&amp; \# 1. \`c\`");
        assert_eq!(plain("it's fine, really?"), "it's fine, really?");
    }
}
