//! Extended key usages in certificates of a profile.
//!
//! The builder of certificates writes those of OCSP responders and timestamp authorities only. So what it made is
//! extended and signed anew, before anybody has seen it.

use const_oid::ObjectIdentifier;
use der::asn1::{BitString, OctetString};
use der::{Any, Decode, Encode, Tagged};
use yinqiao_ca_sdk::AdapterError;
use yinqiao_gm::sm2;
use yinqiao_gm::x509::Certificate;

use crate::authority::own;

const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");

/// The certificate with `purposes`, at least one, in an extension that is not critical; signed with the issuer's `key`.
pub(crate) fn add(
    certificate: &Certificate,
    purposes: &[ObjectIdentifier],
    key: &sm2::PrivateKey,
) -> Result<Certificate, AdapterError> {
    let parts = Vec::<Any>::from_der(certificate.der()).map_err(own)?;
    let Ok([to_be_signed, algorithm, _]) = <[Any; 3]>::try_from(parts) else {
        return Err(own("a certificate has not got three parts"));
    };
    let to_be_signed = extend(&to_be_signed, purposes).map_err(own)?;
    let signature = key.sign(&to_be_signed).and_then(|signature| signature.to_der()).map_err(own)?;
    let sign = || {
        let signature = Any::encode_from(&BitString::from_bytes(&signature)?)?;
        vec![Any::from_der(&to_be_signed)?, algorithm, signature].to_der()
    };
    // The parser is as strict as the builder.
    Certificate::from_der(&sign().map_err(own)?).map_err(own)
}

/// ```text
/// TBSCertificate ::= SEQUENCE { ..., extensions [3] EXPLICIT SEQUENCE OF Extension }     -- RFC 5280, 4.1
/// Extension ::= SEQUENCE { extnID OBJECT IDENTIFIER, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }
/// ExtKeyUsageSyntax ::= SEQUENCE SIZE (1..MAX) OF KeyPurposeId                           -- RFC 5280, 4.2.1.12
/// ```
fn extend(to_be_signed: &Any, purposes: &[ObjectIdentifier]) -> der::Result<Vec<u8>> {
    let mut fields = Vec::<Any>::from_der(&to_be_signed.to_der()?)?;
    let Some(last) = fields.pop() else { return fields.to_der() };
    let mut extensions = Vec::<Any>::from_der(last.value())?;
    let value = OctetString::new(purposes.to_vec().to_der()?)?;
    extensions
        .push(Any::encode_from(&vec![Any::encode_from(&EXTENDED_KEY_USAGE)?, Any::encode_from(&value)?])?);
    fields.push(Any::new(last.tag(), extensions.to_der()?)?);
    fields.to_der()
}
