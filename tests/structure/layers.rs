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
        used.extend(imports_of(&code).iter().filter_map(|(path, _)| top_of(&module, path)));
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

/// Returns the top-level module that a path leads to, seen from a module.
fn top_of(module: &[String], path: &[String]) -> Option<String> {
    let supers = path.iter().take_while(|segment| *segment == "super").count();
    match path.first()?.as_str() {
        "crate" => path.get(1).cloned(),
        "super" if supers == module.len() => path.get(supers).cloned(),
        _ => None,
    }
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
    assert_eq!(planted("limits", "use super::relay::Dispatcher;"), ["limits imports relay"]);
    assert!(planted("session", "use crate::app::App; // crate::http").is_empty());
    assert!(planted("news", "#[cfg(test)]\nmod tests {\n    use crate::run::run;\n}").is_empty());
}

/// Returns the names of all dependencies of a manifest but those for tests.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    for section in manifest.split("\n[").skip(1) {
        let (header, body) = section.split_once(']').unwrap_or((section, ""));
        if header.contains("dev-dependencies") || header.starts_with("workspace") || !header.contains("dependencies") {
            continue;
        }
        // `[dependencies.name]`, or a line for each.
        names.extend(header.split_once("dependencies.").map(|(_, name)| name.to_owned()));
        let lines = body.lines().filter(|line| !line.starts_with('#'));
        names.extend(lines.map(|line| line.split(['.', ' ', '=']).next().unwrap_or_default().to_owned()));
    }
    names
}

#[test]
fn crates_use_those_below_them() {
    let walled =
        ["diesel", "diesel-async", "diesel_migrations", "libsqlite3-sys", "rusqlite", "tokio-postgres", "sqlx"];
    let mut named = BTreeSet::new();
    for (crates, may_use) in table("Crates") {
        for name in crates {
            let folder = name.strip_prefix("ferry-").map(|short| format!("crates/{short}/")).unwrap_or_default();
            for dependency in dependencies(&read(format!("{folder}Cargo.toml"))) {
                let is_held = dependency.starts_with("ferry-") || walled.contains(&dependency.as_str());
                assert!(!is_held || may_use.contains(&dependency), "{name} depends on {dependency}");
            }
            named.insert(name);
        }
    }
    let manifests = files("crates", "Cargo.toml");
    let all = manifests.iter().map(|manifest| format!("ferry-{}", manifest.iter().nth(1).unwrap().to_string_lossy()));
    let missing: Vec<String> = all.filter(|name| !named.contains(name)).collect();
    assert!(missing.is_empty(), "crates that ARCHITECTURE.md says nothing of: {missing:?}");
}

#[test]
fn a_dependency_is_found_in_any_section() {
    let manifest = "\n[dependencies]\na.workspace = true\n\n[dependencies.b]\nversion = \"1\"\n\n\
        [target.'cfg(unix)'.dependencies]\nc = \"1\"\n\n[dev-dependencies]\nd = \"1\"\n";
    let found = dependencies(manifest);
    assert!(["a", "b", "c"].iter().all(|name| found.iter().any(|found| found == name)), "{found:?}");
    assert!(!found.iter().any(|found| found == "d"));
}
