//! What stands behind a command.
use crate::failure::Failure;

/// Which of `known` were given; an error when another word was.
pub(crate) fn flags<const N: usize>(given: &[String], known: [&str; N]) -> Result<[bool; N], Failure> {
    if let Some(unknown) = given.iter().find(|flag| !known.contains(&flag.as_str())) {
        return Err(format!("{unknown} is not known; there are {}", known.join(", ")).into());
    }
    Ok(known.map(|flag| given.iter().any(|given| given == flag)))
}
