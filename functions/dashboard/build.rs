//! Joins the pages into one script and one style sheet, compresses them, and names them by their content.
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
    let assets = [
        ("pages.js", "text/javascript; charset=utf-8", bundled("app.js", &pages)?),
        ("pages.css", "text/css; charset=utf-8", styles(&pages)?),
        ("icon.svg", "image/svg+xml", page("icon.svg", &pages)?.to_owned()),
    ];

    let shell =
        page("index.html", &pages)?.replace("{{assets}}/", &format!("{{{{base}}}}/assets/{version}-"));
    let mut table =
        format!("pub(crate) const VERSION: &str = {version:?};\npub(crate) const SHELL: &str = {shell:?};\n");
    writeln!(table, "pub(crate) const ASSETS: &[Asset] = &[")?;
    for (name, content_type, content) in assets {
        let (plain, gzip) = (out.join(name), out.join(format!("{name}.gz")));
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

/// One script of all modules that `entry` needs, each a function called once, after what it imports: every file is a
/// call of a function to serve, so a first visit should need few.
fn bundled(entry: &str, pages: &Pages) -> Outcome<String> {
    let mut order = Vec::new();
    visit(entry, pages, &mut Vec::new(), &mut order)?;
    order.iter().map(|name| scoped(name, page(name, pages)?)).collect()
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
    for line in page(name, pages)?.lines().filter(|line| line.starts_with("import ")) {
        visit(import(line)?.1, pages, above, order)?;
    }
    above.pop();
    order.push(name);
    Ok(())
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
