//! One certificate pair with its keys, as it lies on the disk.

use serde::{Deserialize, Serialize};

use yinqiao_gm::x509::Certificate;
use yinqiao_gm::{sm2, sm3};
use yinqiao_protocol::holder::Holder;
use yinqiao_protocol::{Base64, Sm3Hex};

use super::StoreError;
use super::sealed_keys::SealedKeys;
use super::tries::Tries;

/// What a key is for, and how far it is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum KeyState {
    /// The broker was, or is about to be, asked for certificates. Kept so that a lost answer can be fetched again.
    Requested {
        /// The broker's address, without a final `/`.
        broker: String,
        /// SM3 of the one-time code.
        code_sm3: Sm3Hex,
        /// Bytes of [`yinqiao_protocol::statement::Enrolment`].
        enrolment: Base64,
        /// By the device key.
        signature: Base64,
    },
    /// Certificates are there.
    Issued(Box<Pair>),
}

/// A certificate pair.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The broker's address, without a final `/`.
    pub broker: String,
    /// Whom the certificates name.
    pub holder: Holder,
    /// Name of the CA's adapter.
    pub certificate_authority: String,
    /// DER.
    pub signing_certificate: Base64,
    /// DER: the pair's own, then those of earlier pairs whose keys were carried over.
    pub encryption_certificates: Vec<Base64>,
    /// Issuers up to and with the root, DER.
    pub chain: Vec<Base64>,
}

impl Pair {
    /// The signing certificate.
    ///
    /// # Errors
    /// [`StoreError::Content`] when it is none.
    pub fn signing(&self) -> Result<Certificate, StoreError> {
        certificate(&self.signing_certificate)
    }

    /// The encryption certificates, in the order of their keys.
    ///
    /// # Errors
    /// [`StoreError::Content`] when one is none.
    pub fn encryption(&self) -> Result<Vec<Certificate>, StoreError> {
        self.encryption_certificates.iter().map(certificate).collect()
    }
}

fn certificate(der: &Base64) -> Result<Certificate, StoreError> {
    Certificate::from_der(der.as_slice()).map_err(|_| StoreError::Content("a certificate cannot be read"))
}

/// What a file holds. The device key's authentication code over the rest shows a file that was altered, or came from
/// another phone, before a PIN is tried.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyFile {
    pub(super) content: Content,
    /// HMAC-SM3 under the device's private key over [`DOMAIN`] and the content's JSON.
    mac: Sm3Hex,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    pub(super) key: KeyState,
    pub(super) sealed_keys: SealedKeys,
    pub(super) tries: Tries,
}

const DOMAIN: &[u8] = b"YINQIAO KEY FILE 1\n";

impl KeyFile {
    pub(super) fn new(content: Content, device: &sm2::PrivateKey) -> Result<Self, StoreError> {
        let mac = Sm3Hex(sm3::hmac(&*device.to_bytes(), &[DOMAIN, &content.json()?]));
        Ok(Self { content, mac })
    }

    pub(super) fn read(bytes: &[u8], device: &sm2::PrivateKey) -> Result<Content, StoreError> {
        let file: Self =
            serde_json::from_slice(bytes).map_err(|_| StoreError::Content("it is not a key file"))?;
        let json = file.content.json()?;
        if sm3::hmac_verify(&*device.to_bytes(), &[DOMAIN, &json], file.mac.as_bytes()) {
            Ok(file.content)
        } else {
            Err(StoreError::Altered)
        }
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        serde_json::to_vec_pretty(self).map_err(|_| StoreError::Content("it cannot be written as JSON"))
    }
}

impl Content {
    fn json(&self) -> Result<Vec<u8>, StoreError> {
        serde_json::to_vec(self).map_err(|_| StoreError::Content("it cannot be written as JSON"))
    }
}

impl KeyState {
    /// What the sealed keys are bound to.
    pub(super) fn context(&self) -> Result<Vec<u8>, StoreError> {
        let mut bytes = DOMAIN.to_vec();
        serde_json::to_writer(&mut bytes, self)
            .map_err(|_| StoreError::Content("it cannot be written as JSON"))?;
        Ok(bytes)
    }
}
