//! What an organisation can set: whom to bill, and in which language.

use std::fmt;

use crate::FailureReason;

/// What is written on invoices, and where they go. Every part may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct BillingContact {
    pub name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    /// Postal address, lines separated by `\n`.
    pub address: Option<String>,
    /// Digits alone.
    pub tax_id: Option<String>,
    pub language: Option<Language>,
}

/// The settings of an organisation, as they are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub billing: BillingContact,
    /// One more with every change; 0 before the first one.
    pub version: i64,
    pub payer: Option<Payer>,
    /// Why the provider last refused to sell, of which a person was told; none once a top-up could be paid since.
    pub refused: Option<FailureReason>,
}

/// The organisation as the payment provider knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payer {
    /// The provider's name of it.
    pub id: String,
    /// What the provider was last told to write on invoices; absent when it was told nothing.
    pub told: Option<BillingContact>,
}

/// A language that invoices and pages are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    Indonesian,
    English,
}

impl Language {
    pub const ALL: [Language; 2] = [Language::Indonesian, Language::English];

    /// Its code in ISO 639-1.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Language::Indonesian => "id",
            Language::English => "en",
        }
    }

    #[must_use]
    pub fn parse(code: &str) -> Option<Language> {
        Language::ALL.into_iter().find(|language| language.as_str() == code)
    }
}

/// A part of a billing contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactField {
    Name,
    Email,
    Phone,
    Address,
    TaxId,
    Language,
}

/// What is wrong with a part of a billing contact, in words for who typed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidContact {
    pub field: ContactField,
    pub detail: &'static str,
}

impl ContactField {
    pub const ALL: [ContactField; 6] = [
        ContactField::Name,
        ContactField::Email,
        ContactField::Phone,
        ContactField::Address,
        ContactField::TaxId,
        ContactField::Language,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ContactField::Name => "name",
            ContactField::Email => "email",
            ContactField::Phone => "phone",
            ContactField::Address => "address",
            ContactField::TaxId => "tax_id",
            ContactField::Language => "language",
        }
    }
}

impl BillingContact {
    /// This contact, with what it leaves open taken from `default`.
    #[must_use]
    pub fn or(self, default: &BillingContact) -> BillingContact {
        BillingContact {
            name: self.name.or_else(|| default.name.clone()),
            email: self.email.or_else(|| default.email.clone()),
            phone: self.phone.or_else(|| default.phone.clone()),
            address: self.address.or_else(|| default.address.clone()),
            tax_id: self.tax_id.or_else(|| default.tax_id.clone()),
            language: self.language.or(default.language),
        }
    }

    /// Sets a part to what was typed, without the space around it; nothing but space takes it away.
    ///
    /// # Errors
    /// When it is not of the part's form. Then nothing is changed.
    pub fn set(&mut self, field: ContactField, typed: &str) -> Result<(), InvalidContact> {
        let typed = typed.trim();
        let value = (!typed.is_empty()).then_some(typed);
        let wrong = |detail| InvalidContact { field, detail };
        let checked = |check: fn(&str) -> bool, detail| match value {
            Some(text) if !check(text) => Err(wrong(detail)),
            value => Ok(value.map(str::to_owned)),
        };
        match field {
            ContactField::Name => {
                self.name = checked(is_name, "The name has at most 150 characters on one line.")?;
            }
            ContactField::Email => {
                self.email = checked(is_email, "The e-mail address is not one, like billing@example.com.")?;
            }
            ContactField::Phone => {
                let detail = "The phone number has 5 to 15 digits and may begin with a plus sign.";
                self.phone = checked(is_phone, detail)?;
            }
            ContactField::Address => {
                self.address = checked(is_address, "The address has at most 500 characters on 6 lines.")?;
            }
            ContactField::TaxId => {
                let detail = "The tax id is an NPWP of 15 or 16 digits or a NIK of 16 digits.";
                self.tax_id = match value {
                    None => None,
                    Some(text) => Some(tax_id(text).ok_or_else(|| wrong(detail))?),
                };
            }
            ContactField::Language => {
                let detail = "The language is id or en.";
                self.language = match value {
                    None => None,
                    Some(code) => Some(Language::parse(code).ok_or_else(|| wrong(detail))?),
                };
            }
        }
        Ok(())
    }

    #[must_use]
    pub fn get(&self, field: ContactField) -> Option<&str> {
        match field {
            ContactField::Name => self.name.as_deref(),
            ContactField::Email => self.email.as_deref(),
            ContactField::Phone => self.phone.as_deref(),
            ContactField::Address => self.address.as_deref(),
            ContactField::TaxId => self.tax_id.as_deref(),
            ContactField::Language => self.language.map(Language::as_str),
        }
    }
}

fn is_name(text: &str) -> bool {
    text.chars().count() <= 150 && !text.chars().any(char::is_control)
}

/// At most 254 bytes, as RFC 5321 allows: visible characters, one `@`, and behind it a host with a dot.
fn is_email(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    let local_fits = (1..=64).contains(&local.len())
        && local.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte))
        && local.split('.').all(|part| !part.is_empty());
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 254 && local_fits && host.contains('.') && host.split('.').all(label)
}

/// 5 to 15 digits, as E.164 allows, with the usual marks between them.
fn is_phone(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let marks = text.strip_prefix('+').unwrap_or(text);
    (5..=15).contains(&digits)
        && text.len() <= 30
        && marks.bytes().all(|byte| byte.is_ascii_digit() || b" -.()/".contains(&byte))
}

fn is_address(text: &str) -> bool {
    text.chars().count() <= 500
        && text.split('\n').count() <= 6
        && !text.chars().any(|char| char.is_control() && char != '\n')
}

/// The digits of an NPWP (15, or 16 since PMK 112/2022) or NIK (16), however they are set apart.
fn tax_id(text: &str) -> Option<String> {
    if !text.bytes().all(|byte| byte.is_ascii_digit() || b".- ".contains(&byte)) || text.len() > 40 {
        return None;
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    matches!(digits.len(), 15 | 16).then_some(digits)
}

impl fmt::Display for InvalidContact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail)
    }
}

impl std::error::Error for InvalidContact {}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(field: ContactField, typed: &str) -> Result<Option<String>, InvalidContact> {
        let mut contact = BillingContact::default();
        contact.set(field, typed)?;
        Ok(contact.get(field).map(str::to_owned))
    }

    #[test]
    fn what_people_type_is_taken() {
        let long_name = "P".repeat(150);
        for (field, typed, kept) in [
            (ContactField::Name, "  PT Sinar Jaya, Tbk. ", "PT Sinar Jaya, Tbk."),
            (ContactField::Name, &long_name, &long_name),
            (ContactField::Email, "ana.b+billing@mail.acme.co.id", "ana.b+billing@mail.acme.co.id"),
            (ContactField::Phone, "+62 (21) 555-0199", "+62 (21) 555-0199"),
            (ContactField::Address, "Jl. Sudirman 1\nJakarta", "Jl. Sudirman 1\nJakarta"),
            (ContactField::TaxId, "01.234.567.8-901.000", "012345678901000"),
            (ContactField::TaxId, "0012 3456 7890 1000", "0012345678901000"),
            (ContactField::TaxId, "3174012345678901", "3174012345678901"),
            (ContactField::Language, "id", "id"),
        ] {
            assert_eq!(set(field, typed), Ok(Some(kept.to_owned())), "{typed}");
        }
        for field in ContactField::ALL {
            assert_eq!(set(field, "  "), Ok(None), "{field:?}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_and_names_its_part() {
        let long = |count: usize, unit: &str| unit.repeat(count);
        for (field, typed) in [
            (ContactField::Name, long(151, "é")),
            (ContactField::Name, "a\nb".to_owned()),
            (ContactField::Email, "ana".to_owned()),
            (ContactField::Email, "ana@acme".to_owned()),
            (ContactField::Email, "ana@@acme.test".to_owned()),
            (ContactField::Email, "a na@acme.test".to_owned()),
            (ContactField::Email, "ana@-acme.test".to_owned()),
            (ContactField::Email, "ana@acme..test".to_owned()),
            (ContactField::Email, ".ana@acme.test".to_owned()),
            (ContactField::Email, "ana@acme.test\r\nBcc: x@y.test".to_owned()),
            (ContactField::Email, format!("{}@acme.test", long(65, "a"))),
            (ContactField::Email, format!("a@{}test", long(63, "abc."))),
            (ContactField::Phone, "1234".to_owned()),
            (ContactField::Phone, long(16, "1")),
            (ContactField::Phone, "+62 21 CALL ME".to_owned()),
            (ContactField::Phone, "62+21555".to_owned()),
            (ContactField::Address, long(501, "x")),
            (ContactField::Address, long(7, "x\n") + "x"),
            (ContactField::Address, "a\u{0}b".to_owned()),
            (ContactField::TaxId, "12345678901234".to_owned()),
            (ContactField::TaxId, "12345678901234567".to_owned()),
            (ContactField::TaxId, "01.234.567.8-901.00O".to_owned()),
            (ContactField::Language, "fr".to_owned()),
            (ContactField::Language, "ID".to_owned()),
        ] {
            assert_eq!(set(field, &typed).unwrap_err().field, field, "{typed}");
        }
    }
}
