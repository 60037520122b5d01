//! GET /v1/openapi.json: the interface for programs, as `docs/openapi.json` has it.

const DESCRIPTION: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));
/// Where the paths begin, as the document has it.
const AT_THE_TOP: &str = r#""servers": [{"url": "/"}]"#;

/// The document of a deployment whose paths begin below `base_path`, which is empty or like `/tools/saldo`.
pub(crate) fn below(base_path: &str) -> String {
    if base_path.is_empty() {
        return DESCRIPTION.to_owned();
    }
    DESCRIPTION.replacen(AT_THE_TOP, &format!(r#""servers": [{{"url": "{base_path}"}}]"#), 1)
}
