//! Joins the pages into a script for a first visit, one for each part that is loaded when it is opened, and one style
//! sheet; compresses them, and names them by their content.
use std::{
    error::Error,
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};

#[path = "src/content_hash.rs"]
mod content_hash;

type Outcome<T> = Result<T, Box<dyn Error>>;
/// Name and text of each file in `pages`.
type Pages = Vec<(String, String)>;

/// In the order in which they lie over each other.
const STYLES: [&str; 4] = ["base.css", "parts.css", "billing.css", "modes.css"];

/// What describes the interface; every line of it is whole, as JSON has no text over several lines.
const DESCRIPTION: &str = "../../docs/openapi.json";

fn main() -> Outcome<()> {
    println!("cargo:rerun-if-changed=pages");
    println!("cargo:rerun-if-changed=src/content_hash.rs");
    println!("cargo:rerun-if-changed={DESCRIPTION}");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    let pages = pages()?;
    let version = version(&pages);
    let mut assets = vec![
        ("pages.css".to_owned(), "text/css; charset=utf-8", styles(&pages)?),
        // Beside the script of the same name, which asks for it.
        ("operate.css".to_owned(), "text/css; charset=utf-8", page("operate.css", &pages)?.to_owned()),
        ("icon.svg".to_owned(), "image/svg+xml", page("icon.svg", &pages)?.to_owned()),
    ];
    for (name, script) in scripts(&pages, &version)? {
        assets.push((name, "text/javascript; charset=utf-8", script));
    }

    let shell =
        page("index.html", &pages)?.replace("{{assets}}/", &format!("{{{{base}}}}/assets/{version}-"));
    let mut table =
        format!("pub(crate) const VERSION: &str = {version:?};\npub(crate) const SHELL: &str = {shell:?};\n");
    writeln!(table, "pub(crate) const ASSETS: &[Asset] = &[")?;
    for (name, content_type, content) in assets {
        let (plain, gzip) = (out.join(&name), out.join(format!("{name}.gz")));
        fs::write(&plain, &content)?;
        fs::write(&gzip, compressed(content.as_bytes())?)?;
        writeln!(
            table,
            "Asset {{ name: {name:?}, content_type: {content_type:?}, plain: include_bytes!({plain:?}), gzip: include_bytes!({gzip:?}) }},"
        )?;
    }
    writeln!(table, "];")?;
    let description: String = fs::read_to_string(DESCRIPTION)?.lines().map(str::trim).collect();
    fs::write(out.join("openapi.json"), description)?;
    Ok(fs::write(out.join("assets.rs"), table)?)
}

/// What a first visit loads: a script by the name that `index.html` gives it, of `app.js` and all that it imports.
const FIRST: &str = "pages.js";

/// Name and text of each script. A module that is asked for by `import("./part.js")` becomes, with what only it
/// needs, a script of its own, which takes the rest from the first: every file is a call of a function to serve, so
/// there are few.
fn scripts(pages: &Pages, version: &str) -> Outcome<Vec<(String, String)>> {
    let first = needed_by("app.js", pages)?;
    let mut shared = Vec::new();
    let mut scripts = Vec::new();
    let mut placed = first.clone();
    for part in parts_of(&first, pages)? {
        let own: Vec<_> = needed_by(part, pages)?.into_iter().filter(|name| !first.contains(name)).collect();
        if let Some(twice) = own.iter().find(|name| placed.contains(name)) {
            return Err(format!("pages/{twice} would be in two scripts, and be two modules").into());
        }
        let mut taken = Vec::new();
        for name in &own {
            for from in imports_of(name, pages)?.into_iter().filter(|from| first.contains(from)) {
                taken.push(variable(from));
            }
        }
        taken.sort();
        taken.dedup();
        let mut script = format!("import {{ {} }} from \"./{version}-{FIRST}\";\n", taken.join(", "));
        script.push_str(&joined(&own, pages, version)?);
        writeln!(script, "export const {} = {};", EXPORTED, variable(part))?;
        scripts.push((part.to_owned(), script));
        shared.extend(taken);
        placed.extend(own);
    }
    shared.sort();
    shared.dedup();
    let mut script = joined(&first, pages, version)?;
    writeln!(script, "export {{ {} }};", shared.join(", "))?;
    scripts.push((FIRST.to_owned(), script));
    Ok(scripts)
}

/// By which name the exports of a part come with its script.
const EXPORTED: &str = "part";

/// The modules that `entry` needs, itself the last, each after what it imports.
fn needed_by<'p>(entry: &'p str, pages: &'p Pages) -> Outcome<Vec<&'p str>> {
    let mut order = Vec::new();
    visit(entry, pages, &mut Vec::new(), &mut order)?;
    Ok(order)
}

/// What `modules` load when it is opened.
fn parts_of<'p>(modules: &[&str], pages: &'p Pages) -> Outcome<Vec<&'p str>> {
    let mut parts = Vec::new();
    for name in modules {
        for rest in page(name, pages)?.split(LOADED_LATER).skip(1) {
            parts.push(rest.split('"').next().ok_or("no name")?);
        }
    }
    parts.dedup();
    Ok(parts)
}

const LOADED_LATER: &str = "import(\"./";

/// Each module a function called once.
fn joined(modules: &[&str], pages: &Pages, version: &str) -> Outcome<String> {
    let named = format!("{LOADED_LATER}{version}-");
    let scoped: Outcome<String> = modules.iter().map(|name| scoped(name, page(name, pages)?)).collect();
    Ok(scoped?.replace(LOADED_LATER, &named))
}

fn visit<'p>(
    name: &'p str,
    pages: &'p Pages,
    above: &mut Vec<&'p str>,
    order: &mut Vec<&'p str>,
) -> Outcome<()> {
    if order.contains(&name) {
        return Ok(());
    }
    if above.contains(&name) {
        return Err(format!("pages/{name} imports itself by way of {above:?}").into());
    }
    above.push(name);
    for from in imports_of(name, pages)? {
        visit(from, pages, above, order)?;
    }
    above.pop();
    order.push(name);
    Ok(())
}

fn imports_of<'p>(name: &str, pages: &'p Pages) -> Outcome<Vec<&'p str>> {
    let lines = page(name, pages)?.lines().filter(|line| line.starts_with("import "));
    lines.map(|line| Ok(import(line)?.1)).collect()
}

/// `import { h } from "./dom.js";` and `export function f` as a scope of its own that returns its exports, without
/// comments and indentation, which browsers need not load.
fn scoped(name: &str, module: &str) -> Outcome<String> {
    let mut exports = Vec::new();
    let mut body = String::new();
    for line in module.lines().map(str::trim).filter(|line| !is_comment(line)) {
        if line.matches('`').count() % 2 != 0 {
            return Err(
                format!("pages/{name}: a text over several lines would lose its spaces: {line}").into()
            );
        }
        if line.starts_with("import ") {
            let (names, from) = import(line)?;
            writeln!(body, "const {{{names}}} = {};", variable(from))?;
        } else if let Some(declared) = line.strip_prefix("export ") {
            exports.push(declared_name(declared).ok_or_else(|| format!("pages/{name}: {line}"))?);
            writeln!(body, "{declared}")?;
        } else {
            writeln!(body, "{line}")?;
        }
    }
    Ok(format!("const {} = (() => {{\n{body}return {{ {} }};\n}})();\n", variable(name), exports.join(", ")))
}

/// An empty line counts too. A comment has lines of its own, and no line of code begins like one.
fn is_comment(line: &str) -> bool {
    line.is_empty() || ["//", "/*", "* ", "*/"].iter().any(|start| line.starts_with(start)) || line == "*"
}

/// The names and the file of an import.
fn import(line: &str) -> Outcome<(&str, &str)> {
    let parts = line.strip_prefix("import {").and_then(|rest| rest.split_once("} from \"./"));
    let parts = parts.and_then(|(names, from)| Some((names, from.strip_suffix("\";")?)));
    parts.ok_or_else(|| {
        format!("only `import {{ … }} from \"./….js\";` on one line is understood: {line}").into()
    })
}

/// `async function f(x) {` -> `f`
fn declared_name(declared: &str) -> Option<&str> {
    let kinds = ["async function ", "function ", "const ", "class "];
    let rest = kinds.iter().find_map(|kind| declared.strip_prefix(kind))?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

fn variable(name: &str) -> String {
    format!("module_{}", name.trim_end_matches(".js").replace('-', "_"))
}

fn styles(pages: &Pages) -> Outcome<String> {
    STYLES.iter().map(|name| page(name, pages)).collect()
}

fn page<'p>(name: &str, pages: &'p Pages) -> Outcome<&'p str> {
    let found = pages.iter().find(|(known, _)| known == name);
    Ok(&found.ok_or_else(|| format!("there is no pages/{name}"))?.1)
}

fn pages() -> Outcome<Pages> {
    let mut pages = Pages::new();
    for entry in fs::read_dir(Path::new("pages"))? {
        let path = entry?.path();
        let name =
            path.file_name().and_then(|name| name.to_str()).ok_or("a page's name is not text")?.to_owned();
        pages.push((name, fs::read_to_string(&path)?));
    }
    pages.sort();
    Ok(pages)
}

/// Over all names and contents: one change renames every asset, so that versions never mix.
fn version(pages: &Pages) -> String {
    content_hash::of(pages.iter().flat_map(|(name, content)| name.bytes().chain(content.bytes())))
}

fn compressed(content: &[u8]) -> Outcome<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}
