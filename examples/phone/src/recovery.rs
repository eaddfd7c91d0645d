//! Getting back the encryption key of a certificate whose phone is lost.
//!
//! The CA envelopes the key for a signing key of this phone that lies under a PIN, so that neither the broker nor somebody
//! who finds this phone can open it. It is kept beside that signing key and opens with the same PIN.

use yinqiao_gm::enveloped_key::EnvelopedKey;
use yinqiao_gm::x509::{Certificate, CertificateRequest, DistinguishedName};
use yinqiao_protocol::certificate::CertificateView;
use yinqiao_protocol::recovery::{RecoveredKey, RecoveryRequest, RecoveryView};
use yinqiao_protocol::{RecoveryId, Sm3Hex};

use crate::account::AccountClient;
use crate::clock;
use crate::enrolment::SUBJECT;
use crate::error::PhoneError;
use crate::phone::{CertificateSummary, summary};
use crate::pin::Pin;
use crate::store::{KeyEntry, KeyState, Pair};

impl AccountClient {
    /// Asks for the encryption key of the user's certificate with this SM3, for the pair `into` of the same holder on this
    /// phone: serial number of its signing certificate, and its PIN. Two security officers have to consent.
    ///
    /// # Errors
    /// What store and broker say; [`PhoneError::WrongCertificates`] when the two name different holders.
    pub fn request_recovery(
        &self,
        certificate: &Sm3Hex,
        into: (&str, &Pin),
    ) -> Result<RecoveryView, PhoneError> {
        let (entry, pair) = self.pair_for_recovery(into.0)?;
        let path = format!("/v1/certificates/{certificate}");
        let lost: CertificateView = self.get(&path)?.value;
        if lost.holder.id != pair.holder.id {
            return Err(PhoneError::WrongCertificates("the two certificates name different holders"));
        }
        let keys = self.phone().store().unlock(&entry.name, into.1, clock::now())?;
        let subject = DistinguishedName::builder().common_name(SUBJECT).build()?;
        let certificate_request = CertificateRequest::build(&subject, keys.signing())?.der().into();
        self.post(&format!("{path}/recoveries"), &RecoveryRequest { certificate_request })
    }

    /// Where a request for a key stands.
    ///
    /// # Errors
    /// What the broker says.
    pub fn recovery(&self, recovery: RecoveryId) -> Result<RecoveryView, PhoneError> {
        Ok(self.get(&format!("/v1/recoveries/{recovery}"))?.value)
    }

    /// Stores a recovered key with the pair `into` that it was asked for. `None` while it is not there:
    /// [`AccountClient::recovery`] says why. Done twice it changes nothing more.
    ///
    /// # Errors
    /// What store and broker say; [`PhoneError::WrongCertificates`] when another key came, [`PhoneError::Key`] when it was
    /// asked for another pair.
    pub fn take_recovered_key(
        &self,
        recovery: RecoveryId,
        into: (&str, &Pin),
    ) -> Result<Option<CertificateSummary>, PhoneError> {
        let (entry, mut pair) = self.pair_for_recovery(into.0)?;
        let RecoveryView { key: Some(key), encryption_serial, .. } = self.recovery(recovery)? else {
            return Ok(None);
        };
        let RecoveredKey { encryption_certificate, enveloped_key } = key;
        let certificate = Certificate::from_der(encryption_certificate.as_slice())?;
        let serial = certificate.serial().to_string();
        if serial != encryption_serial {
            return Err(PhoneError::WrongCertificates("another certificate's key came than was asked for"));
        }
        let store = self.phone().store();
        let keys = store.unlock(&entry.name, into.1, clock::now())?;
        if keys.encryption(&serial)?.is_none() {
            let recovered = EnvelopedKey::from_der(enveloped_key.as_slice())?.open(keys.signing())?;
            if recovered.public_key() != certificate.public_key() {
                return Err(PhoneError::WrongCertificates(
                    "the recovered key is not that of its certificate",
                ));
            }
            pair.encryption_certificates.push(encryption_certificate);
            store.change(&entry.name, keys, KeyState::Issued(pair), vec![recovered], into.1)?;
        }
        let (entry, pair) = self.phone().pair_of(into.0)?;
        Ok(Some(summary(&entry, &pair)?))
    }

    /// A pair of this broker.
    fn pair_for_recovery(&self, serial: &str) -> Result<(KeyEntry, Box<Pair>), PhoneError> {
        let (entry, pair) = self.phone().pair_of(serial)?;
        if pair.broker == self.base() {
            Ok((entry, pair))
        } else {
            Err(PhoneError::OtherBroker { base: self.base().to_owned() })
        }
    }
}
