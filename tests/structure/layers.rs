//! The layers of `src/`, and which crate may use which. ARCHITECTURE.md has both tables, and they
//! are what is held here.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{code_of, files, imports_of, module_of, read};

/// Returns the rows of the table below a heading of ARCHITECTURE.md: the words in backticks of the
/// first column, and of the second.
fn table(heading: &str) -> Vec<(Vec<String>, Vec<String>)> {
    let text = read("ARCHITECTURE.md");
    let section = text.split(&format!("\n### {heading}\n")).nth(1);
    let section = section.unwrap_or_else(|| panic!("ARCHITECTURE.md has no section `{heading}`"));
    let section = section.split("\n#").next().unwrap_or_default();
    let words = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').collect();
        (words(cells[1]), words(cells[2]))
    })
    .collect()
}

/// Returns the imports of `src/` that do not run down, given what each file imports.
fn runs_up<'a>(ranks: &BTreeMap<String, usize>, sources: impl Iterator<Item = (Vec<String>, &'a str)>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (module, text) in sources {
        let Some(own) = module.first() else { continue };
        let code = code_of(text);
        let mut used: BTreeSet<String> = BTreeSet::new();
        // Imports, and paths written out in the code.
        used.extend(
            imports_of(&code)
                .into_iter()
                .filter(|(path, _)| path[0] == "crate")
                .filter_map(|(path, _)| path.get(1).cloned()),
        );
        for after in code.split("crate::").skip(1) {
            used.insert(after.chars().take_while(|symbol| symbol.is_alphanumeric() || *symbol == '_').collect());
        }
        for used in used.iter().filter(|used| *used != own && ranks.contains_key(*used)) {
            if ranks[used] >= ranks.get(own).copied().unwrap_or(0) {
                wrong.push(format!("{} imports {used}", module.join("/")));
            }
        }
    }
    wrong
}

fn ranks() -> BTreeMap<String, usize> {
    let mut ranks = BTreeMap::new();
    for (rank, (modules, _)) in table("Layers").into_iter().enumerate() {
        for module in modules {
            assert_eq!(ranks.insert(module.clone(), rank), None, "ARCHITECTURE.md names the layer of {module} twice");
        }
    }
    ranks
}

#[test]
fn imports_run_down() {
    let ranks = ranks();
    let modules: BTreeSet<String> = files("src", ".rs")
        .iter()
        .filter_map(|file| module_of(file.strip_prefix("src").unwrap()).first().cloned())
        .collect();
    assert_eq!(modules, ranks.keys().cloned().collect(), "the layers of ARCHITECTURE.md are not the modules of src/");
    let texts: Vec<_> = files("src", ".rs")
        .into_iter()
        .filter(|file| !file.ends_with("main.rs"))
        .map(|file| (module_of(file.strip_prefix("src").unwrap()), read(&file)))
        .collect();
    let wrong = runs_up(&ranks, texts.iter().map(|(module, text)| (module.clone(), text.as_str())));
    assert!(wrong.is_empty(), "imports that do not run down the layers of ARCHITECTURE.md:\n{}", wrong.join("\n"));
}

#[test]
fn an_import_that_runs_up_is_found() {
    let ranks = ranks();
    let planted = |module: &str, text: &'static str| runs_up(&ranks, [(vec![module.to_owned()], text)].into_iter());
    assert_eq!(
        planted("hub", "use crate::{\n    line::Line,\n    session::{self, accept},\n};"),
        ["hub imports session"]
    );
    assert_eq!(planted("relay", "fn f(app: &crate::app::App) {}"), ["relay imports app"]);
    assert_eq!(planted("receipts", "use crate::presence::PresenceTracker;"), ["receipts imports presence"]);
    assert!(planted("session", "use crate::app::App; // crate::http").is_empty());
    assert!(planted("news", "#[cfg(test)]\nmod tests {\n    use crate::run::run;\n}").is_empty());
}

#[test]
fn crates_use_those_below_them() {
    for (crates, may_use) in table("Crates") {
        for name in crates {
            let folder =
                if name == "ferry" { String::new() } else { format!("crates/{}/", name.trim_start_matches("ferry-")) };
            let manifest = read(format!("{folder}Cargo.toml"));
            let section = manifest.split("\n[dependencies]\n").nth(1).unwrap_or_default();
            let section = section.split("\n[").next().unwrap_or_default();
            for line in section.lines() {
                let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
                let is_walled = ["diesel", "diesel-async", "diesel_migrations", "libsqlite3-sys"].contains(&dependency);
                if dependency.starts_with("ferry-") || is_walled {
                    assert!(may_use.iter().any(|allowed| allowed == dependency), "{name} depends on {dependency}");
                }
            }
        }
    }
}
