//! Compresses the pages once and compiles them in under a name made from their content.
use std::{
    error::Error,
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    println!("cargo:rerun-if-changed=pages");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    let files = pages()?;
    let version = content_hash(&files);

    let mut table = format!("pub(crate) const VERSION: &str = \"{version}\";\n");
    let shell =
        String::from_utf8(files.iter().find(|f| f.0 == "index.html").ok_or("no index.html")?.1.clone())?;
    writeln!(table, "pub(crate) const SHELL: &str = {:?};", with_links(&shell, &files, &version))?;
    writeln!(table, "pub(crate) const ASSETS: &[Asset] = &[")?;
    for (name, content) in files.iter().filter(|(name, _)| name != "index.html") {
        let (plain, gzip) = (out.join(name), out.join(format!("{name}.gz")));
        let content = with_versioned_imports(name, content, &version)?;
        fs::write(&plain, &content)?;
        fs::write(&gzip, compressed(&content)?)?;
        writeln!(
            table,
            "Asset {{ name: {name:?}, content_type: {:?}, plain: include_bytes!({plain:?}), gzip: include_bytes!({gzip:?}) }},",
            content_type(name)?
        )?;
    }
    writeln!(table, "];")?;
    Ok(fs::write(out.join("assets.rs"), table)?)
}

fn pages() -> Outcome<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(Path::new("pages"))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|n| n.to_str()).ok_or("a page's name is not text")?.to_owned();
        files.push((name, fs::read(&path)?));
    }
    files.sort();
    Ok(files)
}

/// FNV-1a over all names and contents: one change renames every asset, so modules never mix versions.
fn content_hash(files: &[(String, Vec<u8>)]) -> String {
    let bytes = files.iter().flat_map(|(name, content)| name.bytes().chain(content.iter().copied()));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// Names the versioned assets in the shell and preloads every module, so that none waits for its importer.
fn with_links(shell: &str, files: &[(String, Vec<u8>)], version: &str) -> String {
    let preloads: String = files
        .iter()
        .filter(|(name, _)| name.ends_with(".js") && name != "app.js")
        .map(|(name, _)| format!("<link rel=\"modulepreload\" href=\"{{{{assets}}}}/{name}\">"))
        .collect();
    shell.replace("{{preloads}}", &preloads).replace("{{assets}}/", &format!("/assets/{version}-"))
}

/// `from "./dom.js"` -> `from "./{version}-dom.js"`.
fn with_versioned_imports(name: &str, content: &[u8], version: &str) -> Outcome<Vec<u8>> {
    if !name.ends_with(".js") {
        return Ok(content.to_vec());
    }
    let text = std::str::from_utf8(content)?;
    Ok(text.replace("from \"./", &format!("from \"./{version}-")).into_bytes())
}

fn compressed(content: &[u8]) -> Outcome<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

fn content_type(name: &str) -> Outcome<&'static str> {
    match name.rsplit('.').next() {
        Some("js") => Ok("text/javascript; charset=utf-8"),
        Some("css") => Ok("text/css; charset=utf-8"),
        Some("svg") => Ok("image/svg+xml"),
        _ => Err(format!("pages/{name} has no content type here").into()),
    }
}
