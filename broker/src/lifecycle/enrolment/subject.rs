//! Does a certificate name the holder that it was asked for? Pure.
//!
//! CAs place names differently, so the rule is about what a certificate must not say:
//!
//! 1. Each common name (and each X.520 name, and surname with given name) is the holder's: the person's name, or the company's.
//!    Beside it, set off by a separator, only numbers may stand, as some CAs write it: `051@王小明@Z350102@1`.
//! 2. Each organization is the holder's company, the holder, or the CA itself, as the issuer's name has it.
//! 3. Each unified social credit code, wherever it stands, is that of the holder's company, or the CA's own.
//! 4. The holder's own name is there: a person's as common name, a company's as common name or organization.
//!
//! Organizational units are the CA's business, but for credit codes. What a CA leaves out is no fault: the broker knows it.

use yinqiao_gm::oid;
use yinqiao_gm::x509::DistinguishedName;
use yinqiao_lifecycle::identity::{CreditCode, IdNumber};
use yinqiao_protocol::holder::{Holder, HolderKind};

/// What may set a name off from the numbers beside it.
const SEPARATORS: &[char] = &['@', '_', '-', '#', '/', '|', ':', ',', ';', '.', '(', ')', '[', ']', ' '];

/// Why a certificate is not the holder's. It names nobody: the certificate may be another person's.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum SubjectError {
    /// Another name, or none.
    #[error("its name is not that of the holder asked for")]
    Name,
    /// Another company.
    #[error("its organization is not the holder's company")]
    Organization,
    /// Another company's number.
    #[error("a unified social credit code in it is not that of the holder's company")]
    CreditCode,
    /// A name in no known characters.
    #[error("a name in it cannot be read")]
    Unreadable,
}

/// Holds a certificate's subject against the holder that it was asked for.
///
/// # Errors
/// The first thing that speaks of somebody else.
pub(super) fn must_name(
    subject: &DistinguishedName,
    issuer: &DistinguishedName,
    holder: &Holder,
) -> Result<(), SubjectError> {
    let person = plain(&holder.name);
    let company = holder.enterprise.as_ref().map(|enterprise| plain(&enterprise.name));
    let code = holder.enterprise.as_ref().map(|enterprise| enterprise.unified_social_credit_code.as_str());
    // As it was asked for: a legal-person user's certificate is the company's.
    let of_company = holder.kind == HolderKind::LegalPerson && company.is_some();
    let is_company = |text: &str| company.as_ref().is_some_and(|company| says(text, company));
    let mut named = false;
    let (mut surname, mut given_name) = (None, None);
    for (attribute, text) in subject.attributes() {
        let is_name = attribute == oid::COMMON_NAME || attribute == oid::NAME;
        let names = is_name || [oid::ORGANIZATION, oid::SURNAME, oid::GIVEN_NAME].contains(&attribute);
        let Some(text) = text else {
            if names {
                return Err(SubjectError::Unreadable);
            }
            continue;
        };
        let text = plain(&text);
        let of_issuer = || {
            issuer
                .attributes()
                .any(|(other, own)| other == attribute && own.is_some_and(|own| plain(&own) == text))
        };
        if is_name {
            match (says(&text, &person), is_company(&text)) {
                (false, false) => return Err(SubjectError::Name),
                (by_person, by_company) => named |= if of_company { by_company } else { by_person },
            }
        } else if attribute == oid::ORGANIZATION {
            if is_company(&text) {
                named |= of_company;
            } else if !says(&text, &person) && !of_issuer() {
                return Err(SubjectError::Organization);
            }
        } else if attribute == oid::SURNAME {
            surname = Some(text.clone());
        } else if attribute == oid::GIVEN_NAME {
            given_name = Some(text.clone());
        }
        if credit_codes(&text).any(|found| Some(found) != code) && !of_issuer() {
            return Err(SubjectError::CreditCode);
        }
    }
    if let (Some(surname), Some(given_name)) = (surname, given_name) {
        let orders = [format!("{surname} {given_name}"), format!("{given_name} {surname}")];
        if !orders.iter().any(|order| squeezed(order) == squeezed(&person)) {
            return Err(SubjectError::Name);
        }
    }
    if named { Ok(()) } else { Err(SubjectError::Name) }
}

/// Without what only differs in how it is typed: full-width forms, capitals, kinds of middle dots, runs of spaces.
fn plain(text: &str) -> String {
    let typed = text.chars().map(|character| match character {
        '\u{3000}' => ' ',
        '•' | '・' | '‧' | '∙' | '⋅' => '·',
        // Full-width forms of ASCII stand in its order (Unicode, Halfwidth and Fullwidth Forms).
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character),
        other => other,
    });
    let capitals: String = typed.flat_map(char::to_uppercase).collect();
    capitals.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn squeezed(text: &str) -> String {
    text.replace(' ', "")
}

/// Whether a plain text is the plain name, with nothing beside it but numbers that are set off.
fn says(text: &str, name: &str) -> bool {
    if name.is_empty() {
        return false;
    }
    if squeezed(text) == squeezed(name) {
        return true;
    }
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        let set_off = (before.is_empty() || before.ends_with(SEPARATORS))
            && (after.is_empty() || after.starts_with(SEPARATORS));
        set_off
            && before
                .split(SEPARATORS)
                .chain(after.split(SEPARATORS))
                .all(|part| part.is_empty() || is_number(part))
    })
}

/// Letters and digits, at least as many digits as letters: a serial number, never a name.
fn is_number(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    text.bytes().all(|byte| byte.is_ascii_alphanumeric()) && digits > 0 && 2 * digits >= text.len()
}

/// The unified social credit codes in a plain text, also behind a prefix, as in `NTRCN-9135…` or `N9135…`. An ID number is none:
/// one in thirty would pass for a credit code as well.
fn credit_codes(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|character: char| !character.is_ascii_alphanumeric());
    let tails = parts.filter_map(|part| part.get(part.len().checked_sub(18)?..));
    tails.filter(|tail| tail.parse::<CreditCode>().is_ok() && tail.parse::<IdNumber>().is_err())
}

#[cfg(test)]
mod tests;
