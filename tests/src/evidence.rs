//! What anyone can check of a result with the CA's published certificates and revocation list, without the broker.

use yinqiao_gm::cms::{Content, SignedData};
use yinqiao_gm::seal::{self, CertificateStatus, VerifyPolicy};
use yinqiao_gm::sm2;
use yinqiao_gm::sm3;
use yinqiao_gm::x509::chain::{self, Usage};
use yinqiao_gm::x509::{Certificate, CertificateRevocationList};
use yinqiao_protocol::outcome::Outcome;
use yinqiao_protocol::statement::{OpenedKeys, SignedText};
use yinqiao_protocol::task::MessageArc;
use yinqiao_protocol::{Base64, Sm3Hex, Statement};

/// What a CA publishes.
pub struct Trust {
    roots: Vec<Certificate>,
    intermediates: Vec<Certificate>,
    list: CertificateRevocationList,
}

impl Trust {
    /// From PEM files.
    pub fn from_pem(certificates: &str, list: &str) -> Self {
        let certificates = Certificate::chain_from_pem(certificates).unwrap();
        let list = CertificateRevocationList::from_pem(list).unwrap();
        let issuer = certificates.iter().find(|issuer| issuer.subject() == list.issuer()).unwrap();
        list.verify_signature(issuer).unwrap();
        let (roots, intermediates) = certificates.into_iter().partition(Certificate::is_self_issued);
        Self { roots, intermediates, list }
    }

    /// How many certificates the list names.
    pub fn revoked(&self) -> usize {
        self.list.as_any().entries().len()
    }

    /// Checks a certificate's path, usage and status at a time in Unix seconds.
    pub fn verify(&self, der: &Base64, at: i64, usage: Usage) -> Certificate {
        let certificate = Certificate::from_der(der.as_slice()).unwrap();
        chain::verify(&certificate, &self.intermediates, &self.roots, at, usage).unwrap();
        assert!(self.list.entry(certificate.serial()).is_none(), "the certificate was revoked");
        certificate
    }

    /// Checks everything that each result has, and gives the statement.
    pub fn verify_outcome(&self, outcome: &Outcome) -> Statement {
        let certificate = self.verify(&outcome.certificate, outcome.completed_at.seconds(), Usage::Signing);
        verify_signature(&certificate, &outcome.statement, &outcome.statement_signature);
        let statement = Statement::from_bytes(outcome.statement.as_slice()).unwrap();
        assert_eq!(statement.certificate_sm3, Sm3Hex::of(outcome.certificate.as_slice()));
        assert_eq!(statement.holder, outcome.holder);
        assert_eq!(statement.task.purpose(), outcome.purpose);
        statement
    }

    /// Checks a detached CMS SignedData over `document`, with its chain.
    pub fn verify_message(&self, message: &Base64, document: &[u8], arc: MessageArc, at: i64) {
        let message = SignedData::from_der(message.as_slice()).unwrap();
        assert_eq!(message.arc(), arc.into());
        let verify = |content| {
            message.verify_detached_with_chain(content, &self.intermediates, &self.roots, at).unwrap()
        };
        let signers = verify(Content::Bytes(document));
        assert_eq!(signers.len(), 1);
        let signer = signers.into_iter().next().unwrap().unwrap();
        assert_eq!(signer.signing_time, Some(at));
        assert!(verify(Content::Bytes(b"another document"))[0].is_err());
    }

    /// Checks a seal signature over a document in every way that GB/T 38540 asks for.
    pub fn verify_seal(&self, signature: &Base64, data_hash: &sm3::Digest) {
        let status = |certificate: &Certificate, _: i64| match self.list.entry(certificate.serial()) {
            None => CertificateStatus::Good,
            Some(entry) => CertificateStatus::Revoked { revoked_at: entry.revoked_at },
        };
        let policy = VerifyPolicy {
            roots: &self.roots,
            intermediates: &self.intermediates,
            status: Some(&status),
            understood_extensions: &[],
        };
        let report = seal::verify_der(signature.as_slice(), data_hash, &policy);
        assert!(report.is_ok(), "{report:?}");
        assert!(!seal::verify_der(signature.as_slice(), &sm3::digest(b"another"), &policy).is_ok());
    }

    /// Checks the signed list of opened keys against the items of a `decrypt` result.
    pub fn verify_opened_keys(&self, outcome: &Outcome) {
        let certificate = Certificate::from_der(outcome.certificate.as_slice()).unwrap();
        let (list, signature) = (outcome.opened_keys.as_ref(), outcome.opened_keys_signature.as_ref());
        verify_signature(&certificate, list.unwrap(), signature.unwrap());
        let list = OpenedKeys::from_bytes(list.unwrap().as_slice()).unwrap();
        assert_eq!(list.statement_sm3, Sm3Hex::of(outcome.statement.as_slice()));
        let listed: Vec<_> = list.items.iter().map(|item| (&item.id, item.rewrapped_key_sm3)).collect();
        let given: Vec<_> =
            outcome.items.iter().map(|item| (&item.id, Sm3Hex::of(item.value.as_slice()))).collect();
        assert_eq!(listed, given);
    }
}

fn verify_signature(certificate: &Certificate, bytes: &Base64, signature: &Base64) {
    let signature = sm2::Signature::from_der(signature.as_slice()).unwrap();
    certificate.public_key().verify(bytes.as_slice(), &signature).unwrap();
}
