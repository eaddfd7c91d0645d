//! Who may use a seal.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use yinqiao_protocol::{Sm3Hex, UserId};

use crate::certificate::Facts;

/// Who of the company may put a seal on documents.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "who", rename_all = "snake_case")]
pub enum Usage {
    /// Everybody who has a certificate of the company.
    #[default]
    Company,
    /// Those who are named, by person or by certificate.
    Listed {
        /// With any of their certificates of the company.
        #[serde(default)]
        users: BTreeSet<UserId>,
        /// With just these certificates.
        #[serde(default)]
        certificates: Vec<Sm3Hex>,
    },
}

impl Usage {
    /// A list, each entry once.
    #[must_use]
    pub fn listed(users: impl IntoIterator<Item = UserId>, certificates: Vec<Sm3Hex>) -> Self {
        let mut certificates = certificates;
        certificates.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
        certificates.dedup();
        Self::Listed { users: users.into_iter().collect(), certificates }
    }

    /// Whether a certificate of the company is among those that may.
    #[must_use]
    pub fn admits(&self, certificate: &Facts) -> bool {
        match self {
            Self::Company => true,
            Self::Listed { users, certificates } => {
                certificate.user.is_some_and(|user| users.contains(&user))
                    || certificates.contains(&certificate.sm3)
            }
        }
    }
}
