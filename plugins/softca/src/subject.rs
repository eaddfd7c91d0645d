//! Whose certificates they become.

use yinqiao_ca_sdk::AdapterError;
use yinqiao_ca_sdk::messages::{Holder, HolderKind};
use yinqiao_gm::x509::{Certificate, DistinguishedName, IdentityCode};

use crate::authority::own;
use crate::configuration::{AttributeType, CertificateProfile, HolderClass, SubjectAttribute};

/// The subject of a certificate.
pub(crate) struct Subject {
    pub(crate) name: DistinguishedName,
    pub(crate) identity_code: Option<IdentityCode>,
}

impl Subject {
    /// A holder's subject under a profile.
    ///
    /// # Errors
    /// Permanent, when the profile is not for such a holder, or the holder's name cannot stand in a certificate.
    pub(crate) fn of_holder(profile: &CertificateProfile, holder: &Holder) -> Result<Self, AdapterError> {
        if !profile.holders.iter().any(|class| class.takes(holder)) {
            let text = format!("the product {:?} is not for such a holder", profile.name);
            return Err(AdapterError::permanent(text));
        }
        let name = match &profile.subject {
            Some(template) => fill(template, holder),
            None => usual(holder),
        };
        let identity_code = match (holder.kind, &holder.identity_code) {
            (HolderKind::Person, Some(code)) if profile.identity_code => Some(identity_code(code)?),
            _ => None,
        };
        let name =
            name.build().map_err(|error| AdapterError::permanent(format!("the holder's name: {error}")))?;
        Ok(Self { name, identity_code })
    }

    /// The subject of a certificate that is there.
    pub(crate) fn of_certificate(certificate: &Certificate) -> Result<Self, AdapterError> {
        let identity_code = certificate.identity_code().map_err(own)?;
        Ok(Self { name: certificate.subject().clone(), identity_code })
    }
}

impl HolderClass {
    fn takes(self, holder: &Holder) -> bool {
        match self {
            Self::Enterprise => holder.kind == HolderKind::Enterprise,
            Self::LegalPerson => {
                holder.kind == HolderKind::Person
                    && holder.organization.is_some()
                    && holder.unified_social_credit_code.is_some()
            }
            Self::Person => holder.kind == HolderKind::Person,
        }
    }
}

type NameBuilder = yinqiao_gm::x509::DistinguishedNameBuilder;

fn usual(holder: &Holder) -> NameBuilder {
    let mut name = DistinguishedName::builder().country("CN");
    let code = holder.unified_social_credit_code.as_deref();
    match holder.kind {
        HolderKind::Enterprise => {
            name = name.organization(&holder.name).common_name(&holder.name);
            code.map_or(name.clone(), |code| name.serial_number(code))
        }
        HolderKind::Person => {
            name =
                holder.organization.iter().fold(name, |name, organization| name.organization(organization));
            code.map_or(name.clone(), |code| name.organizational_unit(code)).common_name(&holder.name)
        }
    }
}

fn fill(template: &[SubjectAttribute], holder: &Holder) -> NameBuilder {
    let filled = template.iter().filter_map(|one| Some((one.attribute, value(&one.value, holder)?)));
    filled.fold(DistinguishedName::builder(), |name, (attribute, value)| match attribute {
        AttributeType::C => name.country(&value),
        AttributeType::CommonName => name.common_name(&value),
        AttributeType::O => name.organization(&value),
        AttributeType::OrganizationalUnit => name.organizational_unit(&value),
        AttributeType::SerialNumber => name.serial_number(&value),
    })
}

/// None when something that it needs is absent. What was put in is not looked through again: a holder whose name has
/// braces in it stays that name.
fn value(template: &str, holder: &Holder) -> Option<String> {
    let (mut filled, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once('{') {
        let (placeholder, after) = after.split_once('}')?;
        filled.push_str(before);
        filled.push_str(match placeholder {
            "name" => &holder.name,
            "organization" => match holder.kind {
                HolderKind::Enterprise => &holder.name,
                HolderKind::Person => holder.organization.as_deref()?,
            },
            "unified_social_credit_code" => holder.unified_social_credit_code.as_deref()?,
            _ => return None,
        });
        rest = after;
    }
    filled.push_str(rest);
    Some(filled)
}

/// A resident card's number has 17 digits and a check character; everything else counts as a passport's.
fn identity_code(code: &str) -> Result<IdentityCode, AdapterError> {
    if !(1..=32).contains(&code.len()) || !code.bytes().all(|octet| octet.is_ascii_alphanumeric()) {
        return Err(AdapterError::permanent("the holder's identity code is not 1 to 32 letters and digits"));
    }
    let (digits, check) = code.split_at(code.len() - 1);
    let resident = digits.len() == 17
        && digits.bytes().all(|octet| octet.is_ascii_digit())
        && check.bytes().all(|octet| octet.is_ascii_digit() || octet == b'X');
    let code = code.to_owned();
    Ok(if resident { IdentityCode::ResidentCard(code) } else { IdentityCode::Passport(code) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holder(kind: HolderKind) -> Holder {
        Holder {
            kind,
            name: "{organization}".into(),
            identity_code: Some("11010119900307447X".into()),
            organization: None,
            unified_social_credit_code: Some("91350100M000100Y43".into()),
        }
    }

    fn profile(members: serde_json::Value) -> CertificateProfile {
        let mut document = json!({"name": "p"});
        document.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn a_template_leaves_out_what_the_holder_has_not_and_takes_names_as_they_are() {
        let template = json!({"identity_code": false, "subject": [
            {"attribute": "C", "value": "CN"},
            {"attribute": "O", "value": "{organization}"},
            {"attribute": "OU", "value": "code {unified_social_credit_code}"},
            {"attribute": "CN", "value": "{name}@bid"},
        ]});
        let subject = Subject::of_holder(&profile(template), &holder(HolderKind::Person)).unwrap();
        assert_eq!(subject.name.to_string(), "CN={organization}@bid,OU=code 91350100M000100Y43,C=CN");
        assert!(subject.identity_code.is_none());
    }

    #[test]
    fn a_profile_refuses_whom_it_is_not_for() {
        let person = Holder { organization: Some("单位".into()), ..holder(HolderKind::Person) };
        let without = Holder { unified_social_credit_code: None, ..person.clone() };
        for (class, holder, fits) in [
            ("person", person.clone(), true),
            ("legal_person", person.clone(), true),
            ("legal_person", without, false),
            ("enterprise", person, false),
            ("enterprise", holder(HolderKind::Enterprise), true),
        ] {
            let subject = Subject::of_holder(&profile(json!({"holders": [class]})), &holder);
            assert_eq!(subject.is_ok(), fits, "{class} {:?}", holder.kind);
        }
    }
}
