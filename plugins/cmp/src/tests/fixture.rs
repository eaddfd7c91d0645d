//! Keys and certificates made by the openssl command line: nothing of them depends on code of this project.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;
use yinqiao_ca_sdk::messages::Serial;
use yinqiao_gm::x509::AnyCertificate;

use super::HOLDER;

const EXTENSIONS: &str = "
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[tls]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1
[signer]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
subjectKeyIdentifier = hash
";

/// A P-256 CA with its files; they go with this value.
pub(super) struct Pki {
    folder: TempDir,
}

impl Pki {
    /// A root, a CMP server, an RA, and the holder's request.
    pub(super) fn new() -> Self {
        let pki = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(pki.path("x.cnf"), EXTENSIONS).unwrap();
        pki.key("ca");
        pki.openssl(&[
            "req",
            "-x509",
            "-new",
            "-config",
            "x.cnf",
            "-extensions",
            "ca",
            "-key",
            "ca.key",
            "-subj",
            "/CN=Test CA",
            "-days",
            "30",
            "-out",
            "ca.pem",
        ]);
        for (name, subject) in [("server", "/CN=CMP Server"), ("ra", "/CN=Test RA")] {
            pki.issue(name, subject);
        }
        pki.request("holder");
        pki
    }

    /// A key and a certificate of the CA.
    pub(super) fn issue(&self, name: &str, subject: &str) {
        self.key(name);
        let (key, csr, pem) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
        self.openssl(&[
            "req", "-new", "-utf8", "-config", "x.cnf", "-key", &key, "-subj", subject, "-out", &csr,
        ]);
        self.sign(&csr, &pem);
    }

    /// A key and a PKCS#10 request in DER, for a holder.
    pub(super) fn request(&self, name: &str) {
        self.key(name);
        let (key, csr, der) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.der"));
        let subject = format!("/CN={HOLDER}");
        self.openssl(&[
            "req", "-new", "-utf8", "-config", "x.cnf", "-key", &key, "-subj", &subject, "-out", &csr,
        ]);
        self.openssl(&["req", "-in", &csr, "-outform", "DER", "-out", &der]);
    }

    /// A key and a certificate for TLS on 127.0.0.1.
    pub(super) fn tls_server(&self, name: &str) {
        self.request(name);
        self.sign_as("tls", &format!("{name}.csr"), &format!("{name}.pem"));
    }

    /// The CA's certificate for a request, as `NAME.pem`.
    pub(super) fn sign(&self, csr: &str, pem: &str) {
        self.sign_as("signer", csr, pem);
    }

    fn sign_as(&self, extensions: &str, csr: &str, pem: &str) {
        self.openssl(&[
            "x509",
            "-req",
            "-in",
            csr,
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "20",
            "-extfile",
            "x.cnf",
            "-extensions",
            extensions,
            "-out",
            pem,
        ]);
    }

    fn key(&self, name: &str) {
        let key = format!("{name}.key");
        self.openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &key]);
    }

    fn openssl(&self, arguments: &[&str]) {
        let output =
            Command::new("openssl").args(arguments).current_dir(self.folder.path()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(super) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(super) fn certificate(&self, name: &str) -> AnyCertificate {
        AnyCertificate::from_pem(&self.text(name)).unwrap()
    }

    pub(super) fn serial(&self, name: &str) -> Serial {
        Serial::from_octets(self.certificate(name).serial().as_bytes()).unwrap()
    }
}
