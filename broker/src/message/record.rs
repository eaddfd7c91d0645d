//! A message as it is stored.

use serde::{Deserialize, Serialize};

use yinqiao_lifecycle::identity::PhoneNumber;
use yinqiao_protocol::{MessageId, Sm3Hex, Timestamp, UserId};

use crate::records::{Aggregate, Index, IndexEntry};
use crate::store::Collection;

/// One message to one person.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Message {
    /// Its name.
    pub id: MessageId,
    /// To whom.
    pub to: Recipient,
    /// What it says.
    pub notice: Notice,
    /// When it was written.
    pub at: Timestamp,
    /// When the gateway took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
}

/// To whom.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Recipient {
    /// Which user.
    pub user: UserId,
    /// Their telephone number, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneNumber>,
}

/// What a message says.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum Notice {
    /// A certificate ends soon.
    CertificateExpires {
        /// SM3 of its DER.
        certificate: Sm3Hex,
        /// In so many days at most.
        days: u32,
        /// When.
        at: Timestamp,
    },
    /// Someone wants to join the company.
    JoinRequested {
        /// The company's name.
        enterprise: String,
        /// The person's masked name.
        applicant: String,
    },
    /// The company has decided.
    JoinDecided {
        /// The company's name.
        enterprise: String,
        /// How.
        approved: bool,
        /// Why not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// An order waits for a decision.
    OrderWaits {
        /// The applicant's masked name.
        applicant: String,
    },
    /// An order has got further.
    OrderMoved {
        /// What it is now, as the order's state is called.
        state: String,
        /// Why, where it was refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A certificate was suspended or revoked.
    CertificateBlocked {
        /// SM3 of its DER.
        certificate: Sm3Hex,
        /// Whether for ever.
        revoked: bool,
    },
    /// The CA has decided on a seal.
    SealDecided {
        /// The seal's name.
        seal: String,
        /// How.
        made: bool,
        /// Why not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

impl Notice {
    /// What a person reads, without anything that must not stand in an SMS.
    #[must_use]
    pub fn text(&self) -> String {
        let because = |reason: &Option<String>| {
            reason.as_ref().map(|reason| format!("，原因：{reason}")).unwrap_or_default()
        };
        match self {
            Self::CertificateExpires { days, at, .. } => {
                let date = at.to_string();
                let date = date.get(..10).unwrap_or_default();
                format!(
                    "您的数字证书将在{days}天内（{date}）到期，请及时续期。续期后仍可解密此前加密的投标文件。"
                )
            }
            Self::JoinRequested { enterprise, applicant } => {
                format!("{applicant}申请加入{enterprise}，请登录审核。")
            }
            Self::JoinDecided { enterprise, approved: true, .. } => {
                format!("{enterprise}已同意您的加入申请。")
            }
            Self::JoinDecided { enterprise, approved: false, reason } => {
                format!("{enterprise}未同意您的加入申请{}。", because(reason))
            }
            Self::OrderWaits { applicant } => format!("{applicant}提交了证书申请，请登录审核。"),
            Self::OrderMoved { state, reason } => format!("您的证书申请状态：{state}{}。", because(reason)),
            Self::CertificateBlocked { revoked: true, .. } => "您的数字证书已被吊销。".to_owned(),
            Self::CertificateBlocked { revoked: false, .. } => "您的数字证书已被挂失（冻结）。".to_owned(),
            Self::SealDecided { seal, made: true, .. } => format!("电子印章“{seal}”已制作完成。"),
            Self::SealDecided { seal, made: false, reason } => {
                format!("电子印章“{seal}”未通过审核{}。", because(reason))
            }
        }
    }
}

impl Aggregate for Message {
    const COLLECTION: Collection = Collection::Message;

    fn key(&self) -> Vec<u8> {
        self.id.as_bytes().to_vec()
    }

    fn index_entries(&self) -> Vec<IndexEntry> {
        vec![
            IndexEntry::falling(Index::MessageByUser, self.to.user.as_bytes(), self.at),
            IndexEntry::falling(Index::MessageByTime, &[], self.at),
        ]
    }
}
