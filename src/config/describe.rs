//! Writes the settings into the documents: the table in docs/operations.md, and
//! ferry.example.toml. The test here fails if one of them is out of date.

use std::{fs, path::Path};

use clap::Args as _;

use super::{Config, ServeArguments, Settings, settings::declared};

const BEGIN: &str = "<!-- settings: begin -->\n";
const END: &str = "<!-- settings: end -->\n";
/// Comments in the example end before this column.
const WIDTH: usize = 100;

/// The table in docs/operations.md.
fn table() -> String {
    let mut table = String::from("\n| flag | variable | key in the file | default | what |\n|---|---|---|---|---|\n");
    table.push_str(&config_row());
    for setting in declared() {
        let key = setting.key();
        let value = setting.value_name.map(|value| format!(" <{value}>")).unwrap_or_default();
        let default = match setting.default.as_str() {
            "none" => "none".to_owned(),
            text if setting.is_computed() => text.to_owned(),
            text => format!("`{}`", text.trim_matches('"')),
        };
        let (variable, what) = (setting.variable, setting.what.trim().trim_end_matches('.'));
        table.push_str(&format!("| `--{key}{value}` | `{variable}` | `{key}` | {default} | {what} |\n"));
    }
    table.push('\n');
    table
}

/// The row of `--config`, which is no setting: a file cannot name another file.
fn config_row() -> String {
    let command = ServeArguments::augment_args(clap::Command::new("serve"));
    let argument = command.get_arguments().find(|argument| argument.get_id() == "config").unwrap();
    let value = &argument.get_value_names().unwrap()[0];
    let variable = argument.get_env().unwrap().to_str().unwrap();
    let what = argument.get_help().unwrap();
    format!("| `--config <{value}>` | `{variable}` | – | none | {what} |\n")
}

/// The text of ferry.example.toml.
fn example() -> String {
    let mut text = String::from(
        "# All settings of `ferry serve`, with their defaults.\n\
         # To change one, copy this file to ferry.toml and remove the `#` in front of the key.\n\
         # Then run `ferry serve --config ferry.toml`.\n\
         # docs/operations.md explains more.\n",
    );
    for setting in declared() {
        text.push('\n');
        text.push_str(&comment(setting.what.trim()));
        if setting.is_computed() {
            text.push_str(&comment(&format!("The default is {}.", setting.default)));
        }
        text.push_str(&format!("#{} = {}\n", setting.key(), setting.in_file));
    }
    text
}

/// Wraps the text into comment lines.
fn comment(text: &str) -> String {
    let (mut lines, mut line) = (String::new(), String::from("#"));
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() >= WIDTH {
            lines.push_str(&line);
            lines.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    lines + &line + "\n"
}

/// Checks that the file has this text, or writes it if `FERRY_WRITE_DOCS` is set.
fn check_or_write(name: &str, wanted: impl FnOnce(&str) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let found = fs::read_to_string(&path).unwrap_or_default();
    let wanted = wanted(&found);
    if found == wanted {
        return;
    }
    assert!(
        std::env::var_os("FERRY_WRITE_DOCS").is_some(),
        "{name} does not describe the settings as they are declared. To rewrite it, run: \
         FERRY_WRITE_DOCS=1 cargo test -p ferry --lib settings_are_described"
    );
    fs::write(path, wanted).unwrap();
}

#[test]
fn settings_are_described() {
    check_or_write("ferry.example.toml", |_| example());
    check_or_write("docs/operations.md", |found| {
        let (before, rest) = found.split_once(BEGIN).expect("docs/operations.md has the first marker");
        let (_, after) = rest.split_once(END).expect("docs/operations.md has the second marker");
        format!("{before}{BEGIN}{}{END}{after}", table())
    });
}

#[test]
fn the_example_is_a_file_with_the_defaults() {
    let is_key = |line: &&str| line.starts_with('#') && !line.starts_with("# ");
    let text: Vec<String> = example().lines().filter(is_key).map(|line| line[1..].to_owned()).collect();
    assert_eq!(text.len(), declared().len());
    let settings: Settings = toml::from_str(&text.join("\n")).unwrap();
    let config = settings.into_config().unwrap();
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::defaults().unwrap()));
    assert_eq!(config.database, Config::defaults().unwrap().database);
}

#[test]
fn flags_variables_and_keys_have_the_same_names() {
    let command = ServeArguments::augment_args(clap::Command::new("serve"));
    for setting in declared() {
        let argument = command.get_arguments().find(|argument| argument.get_id() == setting.name).unwrap();
        assert_eq!(argument.get_long(), Some(setting.key().as_str()));
        assert_eq!(setting.variable, format!("FERRY_{}", setting.name.to_uppercase()));
        assert!(argument.get_default_values().is_empty(), "{}: a default would hide the file", setting.name);
    }
}
