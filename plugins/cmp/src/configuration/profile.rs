//! What is asked for a product.

use serde::Deserialize;

use super::document::RequestKind;
use crate::x509::name::Attribute;

/// One of the configuration's profiles, or its update.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub(crate) request: RequestKind,
    /// id-it-certProfile of the header.
    #[serde(default)]
    pub(crate) certificate_profile: Option<String>,
    /// The subject of the template; for ir and cr only.
    #[serde(default)]
    pub(crate) subject: Option<Vec<SubjectPart>>,
    /// The extension of GM/T 0015 with the holder's identity code; for ir and cr only.
    #[serde(default)]
    pub(crate) identity_code_extension: bool,
    /// The CA's own validity, whatever the request says.
    #[serde(default)]
    pub(crate) ca_validity: bool,
    /// Whether the certificate's subject must hold the holder's name.
    #[serde(default = "yes")]
    pub(crate) check_holder: bool,
}

const fn yes() -> bool {
    true
}

/// One attribute of a subject.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubjectPart {
    pub(crate) attribute: Attribute,
    /// A fixed text.
    #[serde(default)]
    pub(crate) text: Option<String>,
    /// Or a member of the holder.
    #[serde(default)]
    pub(crate) from: Option<SubjectSource>,
}

/// A member of the request's holder.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SubjectSource {
    IdentityCode,
    Name,
    Organization,
    UnifiedSocialCreditCode,
}

impl Profile {
    /// The update when the configuration has none: a key update request.
    pub(super) const fn update() -> Self {
        Self {
            request: RequestKind::Kur,
            certificate_profile: None,
            subject: None,
            identity_code_extension: false,
            ca_validity: false,
            check_holder: true,
        }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.request == RequestKind::Kur {
            return Err("request must be ir, cr or p10cr".to_owned());
        }
        let from_template = self.request != RequestKind::P10cr;
        if !from_template && (self.subject.is_some() || self.identity_code_extension) {
            return Err(
                "a p10cr is the holder's own request: it takes no subject and no extension".to_owned()
            );
        }
        if !from_template && !self.ca_validity {
            return Err(
                "a p10cr carries no validity: set ca_validity to true to leave it to the CA".to_owned()
            );
        }
        for part in self.subject.iter().flatten() {
            if part.text.is_some() == part.from.is_some() {
                return Err("each part of subject has either text or from".to_owned());
            }
        }
        if self.subject.as_ref().is_some_and(Vec::is_empty) {
            return Err("subject must have at least one part".to_owned());
        }
        Ok(())
    }

    pub(super) fn check_update(&self) -> Result<(), String> {
        if self.subject.is_some() || self.identity_code_extension {
            return Err("the subject of an update is that of the present certificate".to_owned());
        }
        match self.request {
            RequestKind::Kur => Ok(()),
            RequestKind::P10cr if self.ca_validity => Ok(()),
            RequestKind::P10cr => {
                Err("a p10cr carries no validity: set ca_validity to true to leave it to the CA".to_owned())
            }
            RequestKind::Ir | RequestKind::Cr => Err("request must be kur or p10cr".to_owned()),
        }
    }
}
