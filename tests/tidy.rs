//! The rules of the house, held against the sources as they are written.
//!
//! What breaks a rule and is to be mended stands in [`EXCEPTIONS`]; one that no longer applies fails the test too.
use std::collections::{BTreeMap, BTreeSet};

use saldo_measure::source::{self, Dependency, File, Manifest, Package};

/// Lines of a file, those of its tests not counted.
const MOST_LINES: usize = 400;
const MOST_LINES_OF_A_FUNCTION: usize = 60;
const MOST_LINES_OF_A_MAIN: usize = 40;

/// The rule's name, and the folder, file or function that breaks it for now.
const EXCEPTIONS: &[(&str, &str)] = &[
    // A build script cannot use the package that it builds.
    ("silence", "functions/dashboard/build.rs"),
];

/// A floor of the house: packages of these folders, and what they may depend on.
struct Floor {
    /// `*` is any name.
    folder: &'static str,
    /// Packages of this workspace.
    ours: &'static [&'static str],
    others: Others,
}

/// Packages from elsewhere.
enum Others {
    /// These only.
    Only(&'static [&'static str]),
    /// None whose name begins so.
    Not(&'static [&'static str]),
}

/// What use cases and rules have to do without: AWS, HTTP, Lambda, Stripe.
const OUTSIDE: &[&str] =
    &["aws", "lambda", "http", "hyper", "axum", "async-stripe", "miniserde", "dynoxide-rs", "rusqlite"];
/// What only the local system is made of.
const LOCAL: &[&str] = &["axum", "dynoxide-rs", "rusqlite", "jsonwebtoken", "serde_yaml_ng", "md5"];
const USE_CASES: &[&str] = &["saldo-domain", "saldo-top-ups", "saldo-credits", "saldo-books"];
const SHARED: &[&str] = &["saldo-domain", "saldo-top-ups", "saldo-credits", "saldo-books", "saldo-adapters"];

const FLOORS: &[Floor] = &[
    Floor {
        folder: "shared/domain",
        ours: &[],
        others: Others::Only(&["serde", "serde_json", "time", "uuid"]),
    },
    Floor { folder: "shared/top-ups", ours: &["saldo-domain"], others: Others::Not(OUTSIDE) },
    Floor { folder: "shared/credits", ours: &["saldo-domain"], others: Others::Not(OUTSIDE) },
    Floor {
        folder: "shared/books",
        ours: &["saldo-domain", "saldo-top-ups", "saldo-credits"],
        others: Others::Not(OUTSIDE),
    },
    Floor { folder: "shared/adapters", ours: USE_CASES, others: Others::Not(LOCAL) },
    Floor { folder: "shared/sender", ours: &["saldo-adapters"], others: Others::Not(LOCAL) },
    Floor { folder: "functions/*", ours: SHARED, others: Others::Not(LOCAL) },
    // Another idea of Stripe than that of the adapters, so that a mistake of one is not the other's too.
    Floor { folder: "infra/stripe-stand-in", ours: &[], others: Others::Not(&["async-stripe"]) },
    Floor { folder: "infra/local", ours: &["saldo-*"], others: Others::Not(&["async-stripe"]) },
    Floor { folder: "infra/measure", ours: &["saldo-*"], others: Others::Not(&["async-stripe"]) },
    Floor { folder: "tests", ours: &["saldo-*"], others: Others::Not(&["async-stripe"]) },
];

/// Dependencies that no source names, and why they are there.
const UNNAMED: &[(&str, &str, &str)] = &[];

/// What breaks a rule: the folder, file or function, and in which way.
type Broken = Vec<(String, String)>;

#[test]
fn every_package_depends_only_on_floors_below() {
    let packages = packages();
    let mut broken = beside_their_floor(&packages);
    for floor in FLOORS.iter().filter(|floor| !packages.iter().any(|one| fits(floor.folder, &one.folder))) {
        broken.push((floor.folder.to_owned(), "is not there".to_owned()));
    }
    hold("floors", broken);
}

#[test]
fn no_file_is_longer_than_400_lines() {
    hold("files", long_files(&packages()));
}

#[test]
fn no_function_is_longer_than_60_lines() {
    hold("functions", long_functions(&packages()));
}

#[test]
fn what_starts_a_function_only_wires() {
    hold("mains", long_mains(&packages()));
}

#[test]
fn no_modules_use_each_other_in_a_circle() {
    hold("circles", circles(&packages()));
}

#[test]
fn every_package_and_file_begins_with_its_sentence() {
    hold("sentences", without_sentence(&packages()));
}

#[test]
fn no_file_is_two_modules_and_no_dead_code_is_silenced() {
    hold("silence", silenced(&packages()));
}

#[test]
fn every_dependency_is_used() {
    let packages = packages();
    let mut broken = unused(&packages);
    let named = |name: &str| packages.iter().any(|package| depends_on(package, name));
    let workspace = source::workspace(&source::root()).unwrap();
    let idle = workspace.dependencies.into_iter().filter(|one| !named(&one.name));
    broken.extend(idle.map(|one| (format!("Cargo.toml {}", one.name), "no package has it".to_owned())));
    hold("dependencies", broken);
}

#[test]
fn each_rule_sees_what_breaks_it() {
    let long = |name: &str, lines: usize| format!("fn {name}() {{\n{}}}\n", "    go();\n".repeat(lines));
    let files = [
        ("src/main.rs", format!("mod one;\nmod two;\n{}", long("main", 60))),
        ("src/one.rs", "//! One.\nuse crate::two::Two;\n#[allow(dead_code)]\nfn one() {}\n".to_owned()),
        ("src/two.rs", format!("//! Two.\nuse crate::one::one;\n{}", "// filled\n".repeat(400))),
    ];
    let files = files.map(|(path, text)| File::new(format!("functions/bad/{path}"), text));
    let dependencies = ["saldo-quote", "axum"].map(|name| Dependency { name: name.to_owned(), dev: false });
    let description = "no sentence".to_owned();
    let manifest = Manifest { name: "bad".to_owned(), description, dependencies: dependencies.into() };
    let bad = [Package { folder: "functions/bad".to_owned(), manifest, files: files.into() }];
    let places = |broken: Broken| broken.into_iter().map(|(place, _)| place).collect::<Vec<_>>();
    assert_eq!(places(beside_their_floor(&bad)), ["functions/bad", "functions/bad"]);
    assert_eq!(places(long_files(&bad)), ["functions/bad/src/two.rs"]);
    assert_eq!(places(long_functions(&bad)), ["functions/bad/src/main.rs main"]);
    assert_eq!(places(long_mains(&bad)), ["functions/bad/src/main.rs"]);
    assert_eq!(places(circles(&bad)), ["functions/bad"]);
    assert_eq!(places(without_sentence(&bad)), ["functions/bad", "functions/bad/src/main.rs"]);
    assert_eq!(places(silenced(&bad)), ["functions/bad/src/one.rs"]);
    assert_eq!(places(unused(&bad)), ["functions/bad saldo-quote", "functions/bad axum"]);
}

fn beside_their_floor(packages: &[Package]) -> Broken {
    let mut broken = Broken::new();
    for package in packages {
        let Some(floor) = FLOORS.iter().find(|floor| fits(floor.folder, &package.folder)) else {
            broken.push((package.folder.clone(), "stands on no floor".to_owned()));
            continue;
        };
        for Dependency { name, .. } in package.manifest.dependencies.iter().filter(|one| !one.dev) {
            let allowed = match &floor.others {
                _ if name.starts_with("saldo-") => floor.ours.iter().any(|ours| fits(ours, name)),
                Others::Only(these) => these.contains(&name.as_str()),
                Others::Not(these) => !these.iter().any(|begin| name.starts_with(begin)),
            };
            if !allowed {
                broken.push((package.folder.clone(), format!("depends on {name}")));
            }
        }
    }
    broken
}

/// The files of all packages, without those of the system tests.
fn files(packages: &[Package]) -> impl Iterator<Item = &File> {
    packages.iter().filter(|package| package.folder != "tests").flat_map(|package| &package.files)
}

fn long_files(packages: &[Package]) -> Broken {
    let long = files(packages).filter(|file| file.lines > MOST_LINES);
    long.map(|file| (file.path.clone(), format!("has {} lines", file.lines))).collect()
}

fn long_functions(packages: &[Package]) -> Broken {
    let mut broken = Broken::new();
    for file in files(packages) {
        let long = file.functions().into_iter().filter(|one| one.lines > MOST_LINES_OF_A_FUNCTION);
        broken.extend(
            long.map(|one| (format!("{} {}", file.path, one.name), format!("has {} lines", one.lines))),
        );
    }
    broken
}

fn long_mains(packages: &[Package]) -> Broken {
    let main = |file: &&File| file.path.starts_with("functions/") && file.path.ends_with("/main.rs");
    let long = files(packages).filter(main).filter(|file| file.lines >= MOST_LINES_OF_A_MAIN);
    long.map(|file| (file.path.clone(), format!("has {} lines", file.lines))).collect()
}

fn circles(packages: &[Package]) -> Broken {
    let of = |package: &Package| {
        let folder = package.folder.clone();
        source::circles(package).into_iter().map(move |circle| (folder.clone(), circle.join(", ")))
    };
    packages.iter().flat_map(of).collect()
}

fn without_sentence(packages: &[Package]) -> Broken {
    let mut broken = Broken::new();
    for package in packages {
        if !is_sentence(&package.manifest.description) {
            broken.push((package.folder.clone(), "has no sentence as description".to_owned()));
        }
        for file in &package.files {
            let comment = file.text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
            let first = comment.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
            if !is_sentence(&first) {
                broken.push((file.path.clone(), "does not begin with a sentence in //!".to_owned()));
            }
        }
    }
    broken
}

fn silenced(packages: &[Package]) -> Broken {
    let mut broken = Broken::new();
    for file in packages.iter().flat_map(|package| &package.files) {
        let said = ["#[path", "(dead_code"].into_iter().filter(|word| file.all_code.contains(word));
        broken.extend(said.map(|word| (file.path.clone(), format!("says {word}"))));
    }
    broken
}

fn unused(packages: &[Package]) -> Broken {
    let mut broken = Broken::new();
    for package in packages {
        for Dependency { name, .. } in &package.manifest.dependencies {
            let mut unnamed = UNNAMED.iter().map(|(folder, dependency, _)| (*folder, *dependency));
            let excused = unnamed.any(|one| one == (package.folder.as_str(), name.as_str()));
            if excused == package.files.iter().any(|file| names(file, name)) {
                let how = if excused { "is named after all" } else { "is not used" };
                broken.push((format!("{} {name}", package.folder), how.to_owned()));
            }
        }
    }
    broken
}

fn depends_on(package: &Package, name: &str) -> bool {
    package.manifest.dependencies.iter().any(|one| one.name == name)
}

fn packages() -> Vec<Package> {
    source::packages(&source::root()).unwrap()
}

/// Whether `name` is `pattern`, whose `*` is any name without a slash.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((begin, end)) => {
            let middle = name.strip_prefix(begin).and_then(|rest| rest.strip_suffix(end));
            middle.is_some_and(|middle| !middle.contains('/'))
        }
    }
}

fn is_sentence(text: &str) -> bool {
    let begins = text.starts_with(|letter: char| letter.is_uppercase() || letter == '`');
    begins && text.ends_with(['.', ':'])
}

/// Whether the crate of this package is named in a file: a package may say `async-` or `-rs` that its crate does not.
fn names(file: &File, package: &str) -> bool {
    let name = package.replace('-', "_");
    let crates = [name.as_str(), name.trim_start_matches("async_"), name.trim_end_matches("_rs")];
    let words = file.all_code.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    words.into_iter().any(|word| crates.contains(&word))
}

/// Fails when something breaks the rule and is no known exception, and when an exception no longer applies.
fn hold(rule: &str, broken: Broken) {
    let known: BTreeSet<&str> =
        EXCEPTIONS.iter().filter(|(name, _)| *name == rule).map(|(_, where_)| *where_).collect();
    let mut by_place: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (place, how) in broken {
        by_place.entry(place).or_default().push(how);
    }
    let over: Vec<_> = known.iter().filter(|place| !by_place.contains_key(**place)).collect();
    by_place.retain(|place, _| !known.contains(place.as_str()));
    assert!(by_place.is_empty(), "{rule}: {by_place:#?}");
    assert!(over.is_empty(), "{rule}: no longer an exception, take it off the list: {over:?}");
}
