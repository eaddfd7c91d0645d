//! Object identifiers of CMP and of the algorithms that protect its messages (RFC 9480 appendix A, RFC 9481).

use const_oid::ObjectIdentifier;

/// `PasswordBasedMac` (RFC 9810, 5.1.3.1).
pub(crate) const PASSWORD_BASED_MAC: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113533.7.66.13");
/// `PBMAC1` (RFC 8018, A.5).
pub(crate) const PBMAC1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.14");
/// `PBKDF2` (RFC 8018, A.2).
pub(crate) const PBKDF2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");

/// `id-regCtrl-oldCertID` (RFC 4211, 6.5).
pub(crate) const OLD_CERT_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.5.1.5");

/// `id-it-currentCRL` (RFC 9810, 5.3.19.6).
pub(crate) const IT_CURRENT_CRL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.4.6");
/// `id-it-implicitConfirm` (RFC 9810, 5.1.1.1).
pub(crate) const IT_IMPLICIT_CONFIRM: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.4.13");
/// `id-it-caCerts` (RFC 9810, 5.3.19.14).
pub(crate) const IT_CA_CERTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.4.17");
/// `id-it-rootCaKeyUpdate` (RFC 9810, 5.3.19.15).
pub(crate) const IT_ROOT_CA_KEY_UPDATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.4.18");
/// `id-it-rootCaCert` (RFC 9810, 5.3.19.15).
pub(crate) const IT_ROOT_CA_CERT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.4.20");
/// `id-it-certProfile` (RFC 9810, 5.1.1.4).
pub(crate) const IT_CERT_PROFILE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.4.21");
/// `id-it-crlStatusList` (RFC 9810, 5.3.19.17).
pub(crate) const IT_CRL_STATUS_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.4.22");
/// `id-it-crls` (RFC 9810, 5.3.19.17).
pub(crate) const IT_CRLS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.4.23");

/// `id-kp-cmcCA`: the signer acts for a CA (RFC 6402, 2.10).
pub(crate) const KP_CMC_CA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.27");
/// `id-kp-cmcRA`: the signer acts for a registration authority (RFC 6402, 2.10).
pub(crate) const KP_CMC_RA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.28");

/// HMAC-SHA-1 as CMP names it (RFC 9810, appendix C).
pub(crate) const CMP_HMAC_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.8.1.2");
/// HMAC-SHA-1 as PKCS#5 names it.
pub(crate) const HMAC_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.7");
/// HMAC-SHA-256.
pub(crate) const HMAC_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.9");
/// HMAC-SHA-384.
pub(crate) const HMAC_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.10");
/// HMAC-SHA-512.
pub(crate) const HMAC_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.11");
