//! Asking without changing anything: CA certificates, revocation list, health (RFC 9483, 4.3).

use der::asn1::Any;
use der::{Decode, Encode};
use yinqiao_ca_sdk::messages::{CaCertificates, Crl, Der};
use yinqiao_ca_sdk::{AdapterError, Call, ErrorClass, Operation};
use yinqiao_gm::x509::{AnyCertificate, AnyRevocationList, chain};

use crate::adapter::Instance;
use crate::asn1::{Body, CrlStatus, InfoTypeAndValue, RootCaKeyUpdate, oid, tag};
use crate::configuration::{CrlSource, HealthCheck};
use crate::dialogue::{Dialogue, Failure};
use crate::enrol::own;
use crate::journal::Transaction;

impl Instance {
    /// The configured certificates, with what the CA adds and they vouch for; roots last.
    pub(crate) fn ca_certificates(&self, call: &Call<'_>) -> Result<CaCertificates, AdapterError> {
        let now = (call.host().now_ms() / 1000) as i64;
        let mut roots = self.configuration.roots();
        let mut intermediates = self.configuration.intermediates();
        if self.configuration.ask_ca_certificates {
            for certificate in self.told_certificates(call)? {
                let known = intermediates.contains(&certificate) || roots.contains(&certificate);
                if !known
                    && certificate.is_ca()
                    && chain::find_path(&certificate, &intermediates, &roots, now, chain::Usage::CertSign)
                        .is_ok()
                {
                    intermediates.push(certificate);
                }
            }
        }
        if self.configuration.ask_root_update {
            for root in self.configuration.roots() {
                if let Some((next, links)) = self.next_root(call, &root, now)? {
                    intermediates.extend(links);
                    if !roots.contains(&next) {
                        roots.push(next);
                    }
                }
            }
        }
        let all = intermediates.iter().chain(&roots);
        Ok(CaCertificates { certificates: all.map(|certificate| Der(certificate.der().to_vec())).collect() })
    }

    /// id-it-caCerts. No value is an answer too: there are none.
    fn told_certificates(&self, call: &Call<'_>) -> Result<Vec<AnyCertificate>, AdapterError> {
        let asked = InfoTypeAndValue::bare(oid::IT_CA_CERTS);
        let answer = self.ask(call, asked, oid::IT_CA_CERTS).map_err(Failure::into_reading_error)?;
        let Some(value) = answer else { return Ok(Vec::new()) };
        let certificates: Vec<Any> = value.decode_as().map_err(broken)?;
        certificates
            .iter()
            .map(|any| AnyCertificate::from_der(&any.to_der().map_err(broken)?).map_err(broken))
            .collect()
    }

    /// The root that follows `root`, and the certificates between them, when the CA has one: the old root must have
    /// signed the new key, and the new root must be signed by itself (RFC 9810, 4.4).
    fn next_root(
        &self,
        call: &Call<'_>,
        root: &AnyCertificate,
        now: i64,
    ) -> Result<Option<(AnyCertificate, Vec<AnyCertificate>)>, AdapterError> {
        let value = Any::from_der(root.der()).map_err(own)?;
        let asked = InfoTypeAndValue { info_type: oid::IT_ROOT_CA_CERT, info_value: Some(value) };
        let answer =
            self.ask(call, asked, oid::IT_ROOT_CA_KEY_UPDATE).map_err(Failure::into_reading_error)?;
        let Some(value) = answer else { return Ok(None) };
        let update: RootCaKeyUpdate = value.decode_as().map_err(broken)?;
        let read = |any: &Any| AnyCertificate::from_der(&any.to_der().map_err(broken)?).map_err(broken);
        let next = read(&update.new_with_new)?;
        let Some(link) = &update.new_with_old else {
            return Err(broken(
                "the next root comes without newWithOld, so the present one does not vouch for it",
            ));
        };
        let link = read(link)?;
        let sound = next.is_self_issued()
            && next.is_ca()
            && next.verify_signature(&next).is_ok()
            && link.is_ca()
            && link.is_valid_at(now)
            && link.subject() == next.subject()
            && link.any_public_key() == next.any_public_key()
            && link.verify_signature(root).is_ok();
        if !sound {
            return Err(broken("the next root is not one that the present root vouches for"));
        }
        let back = update.old_with_new.as_ref().map(read).transpose()?;
        let back = back.filter(|back| back.verify_signature(&next).is_ok());
        Ok(Some((next, std::iter::once(link).chain(back).collect())))
    }

    /// The current revocation list.
    pub(crate) fn crl(&self, call: &Call<'_>) -> Result<Crl, AdapterError> {
        let (asked, expected) = match self.configuration.crl {
            CrlSource::None => return Err(AdapterError::not_supported(Operation::Crl)),
            CrlSource::StatusList => {
                let status = CrlStatus::of_issuer(self.configuration.issuer()).map_err(own)?;
                let asked = InfoTypeAndValue::new(oid::IT_CRL_STATUS_LIST, &vec![status]).map_err(own)?;
                (asked, oid::IT_CRLS)
            }
            CrlSource::Current => (InfoTypeAndValue::bare(oid::IT_CURRENT_CRL), oid::IT_CURRENT_CRL),
        };
        let answer = self.ask(call, asked, expected).map_err(Failure::into_reading_error)?;
        let value = answer.ok_or_else(|| broken("the CA answers without a revocation list"))?;
        let list = if expected == oid::IT_CRLS {
            let lists: Vec<Any> = value.decode_as().map_err(broken)?;
            let [list] = lists.as_slice() else {
                return Err(broken("the CA must answer with one revocation list"));
            };
            list.to_der().map_err(broken)?
        } else {
            value.to_der().map_err(broken)?
        };
        let list = AnyRevocationList::from_der(&list).map_err(broken)?;
        if list.is_delta() {
            return Err(broken("the CA answers with a delta, not with a complete revocation list"));
        }
        if !self.configuration.authorities.iter().any(|authority| list.verify_signature(authority).is_ok()) {
            return Err(broken("none of the configured CA certificates made the CA's revocation list"));
        }
        let number = list.number().ok_or_else(|| broken("the CA's revocation list has no cRLNumber"))?;
        let time = |seconds: i64| u64::try_from(seconds).unwrap_or(0).saturating_mul(1000);
        Ok(Crl {
            number: hex::encode(number),
            this_update_ms: time(list.this_update()),
            next_update_ms: time(list.next_update()),
            crl: Der(list.der().to_vec()),
            delta: None,
        })
    }

    /// Whether the CA answers as it should. A refusal of the question is an answer too.
    pub(crate) fn ask_health(&self, call: &Call<'_>) -> Result<String, AdapterError> {
        if self.configuration.health == HealthCheck::Local {
            Dialogue::open(&self.configuration, call)?;
            return Ok("the journal can be written; the CA was not asked".to_owned());
        }
        match self.ask(call, InfoTypeAndValue::bare(oid::IT_CA_CERTS), oid::IT_CA_CERTS) {
            Ok(_) => Ok("the CA answers general messages".to_owned()),
            Err(Failure::Refused(refusal)) if refusal.class() == ErrorClass::Permanent => {
                Ok(format!("the CA answers, though not general messages ({})", refusal.vendor_code()))
            }
            Err(failure) => Err(failure.into_reading_error()),
        }
    }

    /// One general message about one thing: its value, when there is one.
    fn ask(
        &self,
        call: &Call<'_>,
        asked: InfoTypeAndValue,
        expected: const_oid::ObjectIdentifier,
    ) -> Result<Option<Any>, Failure> {
        let dialogue = Dialogue::open(&self.configuration, call).map_err(Failure::NotSent)?;
        let mut transaction = Transaction::begin().map_err(Failure::NotSent)?;
        let body = Body::new(tag::GENM, &vec![asked]).map_err(|error| Failure::NotSent(own(error)))?;
        let answer = dialogue.exchange(&mut transaction, &body, Vec::new(), &[tag::GENP])?;
        let unfit = |text: String| Failure::Broken { text, vendor_code: None };
        let content: Vec<InfoTypeAndValue> =
            answer.body.read().map_err(|error| unfit(format!("the genp is not valid DER: {error}")))?;
        match content.into_iter().find(|information| information.info_type == expected) {
            Some(information) => Ok(information.info_value.filter(|value| !value.is_null())),
            None => Err(unfit(format!("the CA's genp has no information of the type {expected}"))),
        }
    }
}

fn broken(error: impl std::fmt::Display) -> AdapterError {
    AdapterError::unhealthy(error.to_string())
}
