//! OpenSSL makes chains of RSA, ECDSA and SM2 certificates, cross certificates among them, and must agree with this crate
//! about each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod bench;

use yinqiao_gm::{
    Error,
    x509::{
        AnyCertificate, Certificate, PublicKey,
        chain::{ChainError, Path, Usage, find_path},
    },
};

use bench::{Bench, now};

const DISTID: &str = "distid:1234567812345678";
const RSA: &str = "RSA -pkeyopt rsa_keygen_bits:2048";
const P_256: &str = "EC -pkeyopt ec_paramgen_curve:P-256";
const P_384: &str = "EC -pkeyopt ec_paramgen_curve:P-384";

const CONFIG: &str = "\
[req]
distinguished_name=n
prompt=no
[n]
CN=unnamed
[ca]
basicConstraints=critical,CA:true
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
[ca0]
basicConstraints=critical,CA:true,pathlen:0
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
[named]
basicConstraints=critical,CA:true
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
nameConstraints=critical,permitted;dirName:permitted
[permitted]
O=permitted
[leaf]
basicConstraints=critical,CA:false
keyUsage=critical,digitalSignature
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
";

fn bench(test: &str) -> Option<Bench> {
    let bench = Bench::new(test)?;
    bench.write("config", CONFIG);
    Some(bench)
}

/// A key and its request, `{name}.key` and `{name}.csr`.
fn key(bench: &Bench, name: &str, algorithm: &str, subject: &str) {
    bench.succeed(&format!("genpkey -algorithm {algorithm} -out {name}.key"));
    let sm2 = if algorithm == "SM2" { format!("-sm3 -sigopt {DISTID}") } else { String::new() };
    bench.succeed(&format!("req -new -config config {sm2} -key {name}.key -subj {subject} -out {name}.csr"));
}

fn read(bench: &Bench, file: &str) -> AnyCertificate {
    AnyCertificate::from_pem(&bench.text(&format!("{file}.pem"))).unwrap()
}

fn self_sign(bench: &Bench, name: &str, section: &str, options: &str) -> AnyCertificate {
    bench.succeed(&format!(
        "x509 -req -in {name}.csr -signkey {name}.key -days 2 -extfile config -extensions {section} {options} -out {name}.pem"
    ));
    read(bench, name)
}

/// The certificate `{file}.pem` of `subject`'s key from `issuer`.
fn issue(
    bench: &Bench,
    issuer: &str,
    subject: &str,
    file: &str,
    section: &str,
    options: &str,
) -> AnyCertificate {
    bench.succeed(&format!(
        "x509 -req -in {subject}.csr -CA {issuer}.pem -CAkey {issuer}.key -days 2 -extfile config -extensions {section} \
         {options} -out {file}.pem"
    ));
    read(bench, file)
}

/// Whether we and OpenSSL accept the path, which must be the same.
fn judged(bench: &Bench, leaf: &str, candidates: &[&str], anchors: &[&str]) -> Result<Path, ChainError> {
    let all = |files: &[&str]| files.iter().map(|file| read(bench, file)).collect::<Vec<_>>();
    let ours = find_path(&read(bench, leaf), &all(candidates), &all(anchors), now(), Usage::Signing);
    let bundle =
        |files: &[&str]| files.iter().map(|file| bench.text(&format!("{file}.pem"))).collect::<String>();
    bench.write("anchors", bundle(anchors));
    bench.write("candidates", bundle(candidates));
    let untrusted = if candidates.is_empty() { "" } else { "-untrusted candidates" };
    let theirs = bench.run(&format!("verify -x509_strict -CAfile anchors {untrusted} {leaf}.pem"));
    assert_eq!(
        ours.is_ok(),
        theirs.status.success(),
        "ours: {ours:?}; theirs: {}",
        String::from_utf8_lossy(&[theirs.stdout, theirs.stderr].concat())
    );
    ours
}

#[test]
fn chains_of_every_algorithm_are_accepted_and_forged_ones_refused() {
    let Some(bench) = bench("chains of every algorithm") else { return };
    let rsa = [
        "-sha256",
        "-sha384",
        "-sha512",
        "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32",
        "-sha512 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:64",
        "-sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:20",
    ];
    let algorithms = [(RSA, &rsa[..]), (P_256, &["-sha256", "-sha512"]), (P_384, &["-sha384", "-sha256"])];
    for (algorithm, signatures) in algorithms {
        for (name, subject) in [("root", "/CN=root"), ("issuing", "/CN=issuing"), ("leaf", "/CN=leaf")] {
            key(&bench, name, algorithm, subject);
        }
        // Another key under the issuer's name.
        key(&bench, "forger", algorithm, "/CN=issuing");
        signatures.iter().for_each(|options| judge_one_chain(&bench, options));
    }
}

fn judge_one_chain(bench: &Bench, options: &str) {
    self_sign(bench, "root", "ca", options);
    issue(bench, "root", "issuing", "issuing", "ca0", options);
    let leaf = issue(bench, "issuing", "leaf", "leaf", "leaf", options);
    assert!(!matches!(leaf.any_public_key(), PublicKey::Sm2(_)));
    assert!(Certificate::from_der(leaf.der()).is_err(), "not SM2");
    let path = judged(bench, "leaf", &["issuing"], &["root"]).unwrap();
    assert_eq!((path.certificates().len(), path.anchor_index()), (3, 0), "{options}");

    self_sign(bench, "forger", "ca", options);
    issue(bench, "forger", "leaf", "forged", "leaf", options);
    judged(bench, "forged", &["issuing"], &["root"]).unwrap_err();
    judged(bench, "forged", &["issuing", "forger"], &["root"]).unwrap_err();
    // One changed bit anywhere: unreadable, or not the issuer's.
    let issuing = read(bench, "issuing");
    leaf.verify_signature(&issuing).unwrap();
    for place in (0..leaf.der().len()).step_by(3) {
        let mut der = leaf.der().to_vec();
        der[place] ^= 1;
        if let Ok(changed) = AnyCertificate::from_der(&der) {
            assert!(changed.verify_signature(&issuing).is_err(), "{options}: byte {place}");
        }
    }
}

#[test]
fn signatures_over_sha_1_and_short_keys_are_refused_by_name() {
    let Some(bench) = bench("weak algorithms") else { return };
    for algorithm in [RSA, P_256] {
        key(&bench, "root", algorithm, "/CN=root");
        bench.succeed("x509 -req -in root.csr -signkey root.key -days 2 -extfile config -extensions ca -sha1 -out root.pem");
        let error = AnyCertificate::from_pem(&bench.text("root.pem")).unwrap_err();
        assert!(matches!(error, Error::WeakAlgorithm { .. }), "{error}");
    }
    key(&bench, "root", RSA, "/CN=root");
    for options in ["-md5", "-sha1 -sigopt rsa_padding_mode:pss", "-sha224"] {
        bench.succeed(&format!("x509 -req -in root.csr -signkey root.key -days 2 {options} -extfile config -extensions ca -out root.pem"));
        let error = AnyCertificate::from_pem(&bench.text("root.pem")).unwrap_err();
        assert!(matches!(error, Error::WeakAlgorithm { .. } | Error::Invalid { .. }), "{options}: {error}");
    }
    key(&bench, "short", "RSA -pkeyopt rsa_keygen_bits:1024", "/CN=short");
    bench.succeed("x509 -req -in short.csr -signkey short.key -sha256 -days 2 -extfile config -extensions ca -out short.pem");
    let error = AnyCertificate::from_pem(&bench.text("short.pem")).unwrap_err();
    assert!(error.to_string().contains("2048"), "{error}");
}

#[test]
fn openssl_agrees_about_cross_certificates_between_cas_of_different_algorithms() {
    let Some(bench) = bench("cross certificates") else { return };
    key(&bench, "a", RSA, "/CN=A");
    key(&bench, "b", P_256, "/CN=B");
    key(&bench, "c", P_384, "/CN=C");
    key(&bench, "leaf", P_256, "/CN=leaf");
    for ca in ["a", "b", "c"] {
        self_sign(&bench, ca, "ca", "-sha384");
    }
    for (issuer, subject) in [("a", "b"), ("b", "a"), ("b", "c"), ("c", "b"), ("a", "c")] {
        issue(&bench, issuer, subject, &format!("{issuer}_for_{subject}"), "ca", "-sha384");
    }
    issue(&bench, "c", "leaf", "leaf", "leaf", "-sha384");
    let path = judged(&bench, "leaf", &["a_for_c"], &["a"]).unwrap();
    assert_eq!(path.certificates()[1], read(&bench, "a_for_c"));
    let path = judged(&bench, "leaf", &["b_for_c", "a_for_b"], &["a"]).unwrap();
    assert_eq!(path.certificates().len(), 4);
    judged(&bench, "leaf", &["b_for_c", "c_for_b", "b_for_a"], &["a"]).unwrap_err();
    // OpenSSL gives up at a self-signed certificate that it doesn't trust, so it doesn't judge among all of them.
    let everything =
        ["c", "c_for_b", "b_for_a", "b_for_c", "a_for_b", "a_for_c", "b"].map(|file| read(&bench, file));
    let anchors = ["b", "a"].map(|file| read(&bench, file));
    let path = find_path(&read(&bench, "leaf"), &everything, &anchors, now(), Usage::Signing).unwrap();
    assert_eq!(path.certificates().last(), Some(&anchors[path.anchor_index()]));
    judged(&bench, "leaf", &[], &["a", "b"]).unwrap_err();
    judged(&bench, "leaf", &[], &["a", "b", "c"]).unwrap();
}

#[test]
fn openssl_agrees_about_path_lengths_and_names() {
    let Some(bench) = bench("path lengths and names") else { return };
    for (name, subject) in
        [("root", "/CN=root"), ("ca", "/O=permitted/CN=ca"), ("below", "/O=permitted/CN=below")]
    {
        key(&bench, name, P_256, subject);
    }
    key(&bench, "leaf", P_256, "/O=permitted/CN=leaf");
    key(&bench, "other", P_256, "/O=other/CN=leaf");
    self_sign(&bench, "root", "ca", "");
    issue(&bench, "root", "ca", "ca", "ca0", "");
    issue(&bench, "ca", "below", "below", "ca", "");
    issue(&bench, "below", "leaf", "leaf", "leaf", "");
    let error = judged(&bench, "leaf", &["ca", "below"], &["root"]).unwrap_err();
    assert!(matches!(error, ChainError::PathLength { .. }), "{error}");
    issue(&bench, "root", "ca", "ca", "named", "");
    issue(&bench, "ca", "leaf", "leaf", "leaf", "");
    issue(&bench, "ca", "other", "other", "leaf", "");
    judged(&bench, "leaf", &["ca"], &["root"]).unwrap();
    let error = judged(&bench, "other", &["ca"], &["root"]).unwrap_err();
    assert!(matches!(error, ChainError::NameConstraints { .. }), "{error}");
}

#[test]
fn a_path_may_mix_rsa_and_sm2() {
    let Some(bench) = bench("mixed chains") else { return };
    key(&bench, "root", RSA, "/CN=root");
    key(&bench, "issuing", "SM2", "/CN=issuing");
    key(&bench, "leaf", "SM2", "/CN=leaf");
    let root = self_sign(&bench, "root", "ca", "-sha256");
    let issuing = issue(&bench, "root", "issuing", "issuing", "ca0", &format!("-sha256 -vfyopt {DISTID}"));
    let options = format!("-sm3 -sigopt {DISTID} -vfyopt {DISTID}");
    let leaf = issue(&bench, "issuing", "leaf", "leaf", "leaf", &options);
    // The leaf is SM2 throughout; the CA's certificate is not.
    assert!(Certificate::from_der(leaf.der()).is_ok() && Certificate::from_der(issuing.der()).is_err());
    let path = find_path(&leaf, &[issuing], &[root], now(), Usage::Signing).unwrap();
    assert_eq!(path.certificates().len(), 3);
    bench.succeed(&format!("verify -CAfile root.pem -untrusted issuing.pem -vfyopt {DISTID} leaf.pem"));
}
