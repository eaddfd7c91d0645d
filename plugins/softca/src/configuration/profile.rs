//! Profiles: what kinds of certificates the CA issues.

use const_oid::ObjectIdentifier;
use serde::Deserialize;
use yinqiao_ca_sdk::Product;

/// The profile that is always there, unless the configuration has another of this name.
pub(crate) const PAIR: &str = "pair";

/// The longest validity that any certificate may have, in days.
pub(crate) const LONGEST_DAYS: u32 = 3650;

/// One kind of certificate. An issue request names it as its product; renewal and rekeying keep it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateProfile {
    /// 1 to 64 letters, digits, dots, hyphens and underscores.
    pub name: String,
    /// What it is, for operators.
    #[serde(default)]
    pub text: String,
    /// Whom it is for. Default: everybody.
    #[serde(default = "everybody")]
    pub holders: Vec<HolderClass>,
    /// Which certificates come of it. Default: the pair.
    #[serde(default)]
    pub certificates: Certificates,
    /// How long they are valid when the request does not say, in days. Default: the CA's `validity_days`.
    #[serde(default)]
    pub validity_days: Option<u32>,
    /// The longest validity that a request may ask for, in days. Default: 3650.
    #[serde(default = "longest_days")]
    pub longest_validity_days: u32,
    /// Object identifiers of certificate policies (RFC 5280, 4.2.1.4).
    #[serde(default)]
    pub policies: Vec<String>,
    /// Extended key usages (RFC 5280, 4.2.1.12): `serverAuth`, `clientAuth`, `codeSigning`, `emailProtection`, or an
    /// object identifier. Those of a timestamp authority and an OCSP responder are refused: nobody else may be one.
    #[serde(default)]
    pub extended_key_usages: Vec<String>,
    /// Where the revocation list is published. Default: the CA's `crl_url`.
    #[serde(default)]
    pub crl_url: Option<String>,
    /// Where the OCSP responder answers (authorityInfoAccess). Default: the CA's `ocsp_url`.
    #[serde(default)]
    pub ocsp_url: Option<String>,
    /// Where the issuing CA's certificate can be fetched (authorityInfoAccess). Default: the CA's `issuer_url`.
    #[serde(default)]
    pub issuer_url: Option<String>,
    /// The subject's attributes, in order. Default: a subject as the holder's kind suggests.
    #[serde(default)]
    pub subject: Option<Vec<SubjectAttribute>>,
    /// Whether a person's identity code goes into the certificate (GM/T 0015). Default: true.
    #[serde(default = "yes")]
    pub identity_code: bool,
    /// Whether an operator must consent to each issue and rekeying. Default: false.
    #[serde(default)]
    pub review: bool,
}

/// Whom a certificate is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum HolderClass {
    /// An enterprise (法人用户): a holder of kind `enterprise`.
    Enterprise,
    /// Who represents an enterprise (法定代表人): a holder of kind `person` with `organization` and
    /// `unified_social_credit_code`.
    LegalPerson,
    /// Any person (个人用户): a holder of kind `person`.
    Person,
}

/// Which certificates come of a request.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Certificates {
    /// A signing and an encryption certificate; the encryption key is kept for recovery.
    #[default]
    Pair,
    /// A signing certificate only.
    Signing,
}

/// One attribute of the subject.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectAttribute {
    /// Which one.
    pub attribute: AttributeType,
    /// Text in which `{name}`, `{organization}` and `{unified_social_credit_code}` stand for the holder's. Where one of
    /// them is absent, the attribute is left out.
    pub value: String,
}

/// The attributes that a subject may have.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub enum AttributeType {
    /// Country.
    C,
    /// Common name.
    #[serde(rename = "CN")]
    CommonName,
    /// Organisation.
    O,
    /// Organisational unit.
    #[serde(rename = "OU")]
    OrganizationalUnit,
    /// serialNumber.
    #[serde(rename = "serialNumber")]
    SerialNumber,
}

/// What may stand in braces.
pub(crate) const PLACEHOLDERS: [&str; 3] = ["name", "organization", "unified_social_credit_code"];

fn everybody() -> Vec<HolderClass> {
    vec![HolderClass::Person, HolderClass::LegalPerson, HolderClass::Enterprise]
}

const fn longest_days() -> u32 {
    LONGEST_DAYS
}

const fn yes() -> bool {
    true
}

impl CertificateProfile {
    /// The profile [`PAIR`].
    pub(crate) fn pair() -> Self {
        Self {
            name: PAIR.to_owned(),
            text: "signing and encryption certificate of a person or an enterprise".to_owned(),
            holders: everybody(),
            certificates: Certificates::Pair,
            validity_days: None,
            longest_validity_days: LONGEST_DAYS,
            policies: Vec::new(),
            extended_key_usages: Vec::new(),
            crl_url: None,
            ocsp_url: None,
            issuer_url: None,
            subject: None,
            identity_code: true,
            review: false,
        }
    }

    /// As the description names it.
    pub(crate) fn product(&self) -> Product {
        Product { name: self.name.clone(), text: self.text.clone() }
    }

    /// The policies' identifiers.
    ///
    /// # Errors
    /// The text that is none.
    pub(crate) fn policy_oids(&self) -> Result<Vec<ObjectIdentifier>, String> {
        self.policies.iter().map(|text| object_identifier(text)).collect()
    }

    /// The extended key usages' identifiers.
    ///
    /// # Errors
    /// The text that is none, or is not for holders.
    pub(crate) fn extended_key_usage_oids(&self) -> Result<Vec<ObjectIdentifier>, String> {
        self.extended_key_usages.iter().map(|text| extended_key_usage(text)).collect()
    }

    /// Whether everything in it makes sense.
    ///
    /// # Errors
    /// What does not.
    pub(crate) fn check(&self) -> Result<(), String> {
        let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"._-".contains(&octet);
        if !(1..=64).contains(&self.name.len()) || !self.name.bytes().all(plain) {
            return Err("name must have 1 to 64 letters, digits, dots, hyphens and underscores".to_owned());
        }
        if self.holders.is_empty() {
            return Err("holders must name whom the profile is for".to_owned());
        }
        if !(1..=LONGEST_DAYS).contains(&self.longest_validity_days) {
            return Err(format!("longest_validity_days must be 1 to {LONGEST_DAYS}"));
        }
        if self.validity_days.is_some_and(|days| !(1..=self.longest_validity_days).contains(&days)) {
            return Err("validity_days must be 1 to longest_validity_days".to_owned());
        }
        self.policy_oids()?;
        self.extended_key_usage_oids()?;
        for (member, url) in
            [("crl_url", &self.crl_url), ("ocsp_url", &self.ocsp_url), ("issuer_url", &self.issuer_url)]
        {
            check_url(member, url.as_deref())?;
        }
        self.subject.iter().try_for_each(|subject| check_subject(subject))
    }
}

/// Whether a text can stand as a URL in a certificate.
pub(crate) fn check_url(member: &str, url: Option<&str>) -> Result<(), String> {
    let fits = |url: &str| {
        (url.starts_with("http://") || url.starts_with("https://") || url.starts_with("ldap://"))
            && url.len() <= 2000
            && url.bytes().all(|octet| octet.is_ascii_graphic())
    };
    match url {
        Some(url) if !fits(url) => {
            Err(format!("{member} must be a URL that begins with http://, https:// or ldap://, in ASCII"))
        }
        _ => Ok(()),
    }
}

pub(crate) fn object_identifier(text: &str) -> Result<ObjectIdentifier, String> {
    ObjectIdentifier::new(text).map_err(|_| format!("{text:?} is no object identifier, such as 1.2.156.1"))
}

fn extended_key_usage(text: &str) -> Result<ObjectIdentifier, String> {
    let oid = match text {
        "serverAuth" => object_identifier("1.3.6.1.5.5.7.3.1")?,
        "clientAuth" => object_identifier("1.3.6.1.5.5.7.3.2")?,
        "codeSigning" => object_identifier("1.3.6.1.5.5.7.3.3")?,
        "emailProtection" => object_identifier("1.3.6.1.5.5.7.3.4")?,
        "timeStamping" | "OCSPSigning" => object_identifier("1.3.6.1.5.5.7.3.8")?,
        other => object_identifier(other)?,
    };
    // timeStamping, OCSPSigning and anyExtendedKeyUsage, which holds both.
    if ["1.3.6.1.5.5.7.3.8", "1.3.6.1.5.5.7.3.9", "2.5.29.37.0"].contains(&oid.to_string().as_str()) {
        return Err(format!("the extended key usage {text:?} is not for holders"));
    }
    Ok(oid)
}

fn check_subject(subject: &[SubjectAttribute]) -> Result<(), String> {
    if !subject.iter().any(|one| one.attribute == AttributeType::CommonName && one.value.contains("{name}")) {
        return Err("subject must have a CN with {name} in it".to_owned());
    }
    for attribute in subject {
        let mut rest = attribute.value.as_str();
        while let Some((_, after)) = rest.split_once('{') {
            let (placeholder, after) = after.split_once('}').unwrap_or((after, ""));
            if !PLACEHOLDERS.contains(&placeholder) {
                return Err(format!(
                    "subject: {{{placeholder}}} stands for nothing; one of {PLACEHOLDERS:?} is possible"
                ));
            }
            rest = after;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn profile(change: serde_json::Value) -> Result<(), String> {
        let mut document = json!({"name": "p"});
        document.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        serde_json::from_value::<CertificateProfile>(document).map_err(|error| error.to_string())?.check()
    }

    #[test]
    fn a_profile_with_its_name_only_is_a_pair_for_everybody() {
        profile(json!({})).unwrap();
        let read: CertificateProfile = serde_json::from_value(json!({"name": "p"})).unwrap();
        assert_eq!((read.holders.len(), read.certificates, read.review), (3, Certificates::Pair, false));
    }

    #[test]
    fn a_profile_that_makes_no_sense_is_refused_with_its_member() {
        for (change, word) in [
            (json!({"name": "二"}), "name"),
            (json!({"holders": []}), "holders"),
            (json!({"validity_days": 10, "longest_validity_days": 9}), "validity_days"),
            (json!({"longest_validity_days": 4000}), "longest_validity_days"),
            (json!({"policies": ["one"]}), "object identifier"),
            (json!({"extended_key_usages": ["OCSPSigning"]}), "not for holders"),
            (json!({"extended_key_usages": ["1.3.6.1.5.5.7.3.8"]}), "not for holders"),
            (json!({"extended_key_usages": ["2.5.29.37.0"]}), "not for holders"),
            (json!({"ocsp_url": "ftp://x"}), "ocsp_url"),
            (json!({"subject": [{"attribute": "CN", "value": "nobody"}]}), "CN"),
            (json!({"subject": [{"attribute": "CN", "value": "{name}{identity_code}"}]}), "identity_code"),
            (json!({"surprise": 1}), "surprise"),
        ] {
            let error = profile(change.clone()).unwrap_err();
            assert!(error.contains(word), "{change}: {error}");
        }
    }
}
