//! The pages as they were compiled in.

pub(crate) struct Asset {
    pub(crate) name: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) plain: &'static [u8],
    pub(crate) gzip: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The asset behind `/assets/{version}-{name}`; another version's names are unknown.
pub(crate) fn find(path: &str) -> Option<&'static Asset> {
    let (version, name) = path.strip_prefix("/assets/")?.split_once('-')?;
    ASSETS.iter().find(|asset| version == VERSION && asset.name == name)
}
