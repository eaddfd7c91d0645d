//! OpenSSL judges what this crate makes, and this crate what OpenSSL makes.
//!
//! OpenSSL 3.0 knows SM2 signatures, certificates, requests and encryption, SM3, and SM4-CBC. It cannot verify an SM2
//! revocation list (there is no way to give it the signer's ID) and has no SM4-GCM.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod bench;

use yinqiao_gm::{
    Error,
    sm2::{Ciphertext, PrivateKey, PublicKey, Signature},
    sm3, sm4,
    x509::{
        Certificate, CertificateBuilder, CertificateRequest, CertificateRevocationList, DistinguishedName,
        Profile, RevocationReason, RevokedEntry, SerialNumber,
        chain::{Usage, verify},
    },
};

use bench::{Bench, now};

const DISTID: &str = "distid:1234567812345678";
const DAY: i64 = 86_400;

fn name(common_name: &str) -> DistinguishedName {
    DistinguishedName::builder()
        .country("CN")
        .organization("测试机构")
        .common_name(common_name)
        .build()
        .unwrap()
}

fn builder(profile: Profile, common_name: &str, key: &PrivateKey) -> CertificateBuilder {
    let serial = SerialNumber::generate().unwrap();
    CertificateBuilder::new(
        profile,
        name(common_name),
        key.public_key().clone(),
        serial,
        now() - DAY,
        now() + DAY,
    )
}

#[test]
fn openssl_verifies_our_certificate_chain_and_refuses_a_forged_one() {
    let Some(bench) = Bench::new("our certificate chain") else { return };
    let keys = [(); 3].map(|()| PrivateKey::generate().unwrap());
    let root = builder(Profile::RootCa, "root", &keys[0]).self_sign(&keys[0]).unwrap();
    let issuing =
        builder(Profile::IssuingCa { path_len: Some(0) }, "issuing", &keys[1]).sign(&root, &keys[0]).unwrap();
    bench.write("root.pem", root.to_pem().unwrap());
    bench.write("issuing.pem", issuing.to_pem().unwrap());
    // The signer's ID reaches only the certificate that stands last: each link is verified by itself, the root not.
    let verify = format!("verify -x509_strict -vfyopt {DISTID}");
    bench.succeed(&format!("{verify} -CAfile root.pem issuing.pem"));
    let verify = format!("{verify} -partial_chain -trusted issuing.pem leaf.pem");
    for profile in [Profile::Signing, Profile::Encryption] {
        let leaf = builder(profile, "leaf", &keys[2])
            .crl_distribution_point("http://ca.example/crl")
            .sign(&issuing, &keys[1])
            .unwrap();
        bench.write("leaf.pem", leaf.to_pem().unwrap());
        bench.succeed(&verify);
        let shown = bench.succeed("x509 -in leaf.pem -noout -text -nameopt utf8,sep_comma_plus");
        for expected in ["CN=leaf", "SM2-with-SM3", "http://ca.example/crl", "X509v3 Key Usage: critical"] {
            assert!(shown.contains(expected), "{expected} in {shown}");
        }
        let mut forged = leaf.der().to_vec();
        *forged.last_mut().unwrap() ^= 1;
        bench.write("forged.der", forged);
        bench.succeed("x509 -inform DER -in forged.der -out leaf.pem");
        bench.refuse(&verify);
    }
}

#[test]
fn openssl_verifies_our_request() {
    let Some(bench) = Bench::new("our request") else { return };
    let key = PrivateKey::generate().unwrap();
    let request = CertificateRequest::build(&name("张三"), &key).unwrap();
    bench.write("request.pem", request.to_pem().unwrap());
    bench.succeed(&format!("req -in request.pem -verify -noout -vfyopt {DISTID}"));
}

#[test]
fn we_verify_openssls_certificates_and_request() {
    let Some(bench) = Bench::new("certificates by openssl") else { return };
    bench.generate_key("root.key");
    let leaf_key = bench.generate_key("leaf.key");
    bench.write(
        "config",
        "[req]\ndistinguished_name=dn\nx509_extensions=v3\n[dn]\n[v3]\nbasicConstraints=critical,CA:true\n\
         keyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n",
    );
    bench.write("leaf.ext", "basicConstraints=CA:false\nkeyUsage=critical,digitalSignature,nonRepudiation\n");
    bench.succeed(&format!(
        "req -x509 -new -config config -key root.key -sm3 -sigopt {DISTID} -subj /C=CN/CN=root -days 2 -out root.pem"
    ));
    bench.succeed(&format!(
        "req -new -key leaf.key -sm3 -sigopt {DISTID} -utf8 -subj /C=CN/O=测试/CN=张三 -out leaf.csr"
    ));
    let request = CertificateRequest::from_pem(&bench.text("leaf.csr")).unwrap();
    request.verify().unwrap();
    assert_eq!(request.public_key(), leaf_key.public_key());
    assert_eq!(request.subject().to_string(), "CN=张三,O=测试,C=CN");
    bench.succeed(&format!(
        "x509 -req -in leaf.csr -CA root.pem -CAkey root.key -CAcreateserial -days 1 -sm3 -sigopt {DISTID} \
         -vfyopt {DISTID} -extfile leaf.ext -out leaf.pem"
    ));
    let root = Certificate::from_pem(&bench.text("root.pem")).unwrap();
    let leaf = Certificate::from_pem(&bench.text("leaf.pem")).unwrap();
    leaf.verify_signature(&root).unwrap();
    root.verify_signature(&root).unwrap();
    let path = verify(&leaf, &[], std::slice::from_ref(&root), now(), Usage::Signing).unwrap();
    assert_eq!(path, [leaf, root]);
    // Signed under the empty ID, OpenSSL's default: not for us.
    bench.succeed("req -new -key leaf.key -sm3 -subj /CN=x -out empty.csr");
    let empty = CertificateRequest::from_pem(&bench.text("empty.csr")).unwrap();
    assert!(matches!(empty.verify(), Err(Error::Signature)));
}

#[test]
fn signatures_verify_on_both_sides() {
    let Some(bench) = Bench::new("signatures") else { return };
    let theirs = bench.generate_key("theirs.key");
    bench.write("message", "招标文件");
    bench.succeed(&format!(
        "pkeyutl -sign -inkey theirs.key -rawin -in message -digest sm3 -pkeyopt {DISTID} -out signature"
    ));
    let signature = Signature::from_der(&bench.read("signature")).unwrap();
    theirs.public_key().verify("招标文件".as_bytes(), &signature).unwrap();

    let ours = PrivateKey::generate().unwrap();
    bench.write("ours.pub", ours.public_key().to_pem().unwrap());
    let verify = format!(
        "pkeyutl -verify -pubin -inkey ours.pub -rawin -in message -digest sm3 -sigfile signature -pkeyopt {DISTID}"
    );
    bench.write("signature", ours.sign("招标文件".as_bytes()).unwrap().to_der().unwrap());
    bench.succeed(&verify);
    let other_id = ours.sign_with_id(b"someone else", "招标文件".as_bytes()).unwrap();
    bench.write("signature", other_id.to_der().unwrap());
    bench.refuse(&verify);
    bench.succeed(&verify.replace(DISTID, "hexdistid:736f6d656f6e6520656c7365"));
}

#[test]
fn keys_are_read_on_both_sides() {
    let Some(bench) = Bench::new("keys") else { return };
    let theirs = bench.generate_key("theirs.key");
    bench.succeed("pkey -in theirs.key -pubout -out theirs.pub");
    assert_eq!(PublicKey::from_pem(&bench.text("theirs.pub")).unwrap(), *theirs.public_key());
    let ours = PrivateKey::generate().unwrap();
    bench.write("ours.key", &*ours.to_pkcs8_pem().unwrap());
    bench.succeed("pkey -in ours.key -check -noout");
    bench.succeed("pkey -in ours.key -pubout -out ours.pub");
    assert_eq!(bench.text("ours.pub"), ours.public_key().to_pem().unwrap());
    bench.succeed("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out p256.key");
    bench.succeed("pkey -in p256.key -pubout -out p256.pub");
    assert!(matches!(PublicKey::from_pem(&bench.text("p256.pub")), Err(Error::Curve { .. })));
    assert!(PrivateKey::from_pkcs8_pem(&bench.text("p256.key")).is_err());
    bench.succeed("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out rsa.key");
    bench.succeed("pkey -in rsa.key -pubout -out rsa.pub");
    assert!(matches!(PublicKey::from_pem(&bench.text("rsa.pub")), Err(Error::Algorithm { .. })));
}

#[test]
fn keys_under_a_passphrase_open_on_both_sides() {
    let Some(bench) = Bench::new("keys under a passphrase") else { return };
    let ours = PrivateKey::generate().unwrap();
    bench.write("ours.key", ours.to_encrypted_pkcs8_pem("open-sesame").unwrap());
    bench.refuse("pkcs8 -in ours.key -passin pass:close-sesame -out opened.key");
    bench.succeed("pkcs8 -in ours.key -passin pass:open-sesame -out opened.key");
    let opened = PrivateKey::from_pkcs8_pem(&bench.text("opened.key")).unwrap();
    assert_eq!(*opened.to_bytes(), *ours.to_bytes());
    let theirs = bench.generate_key("theirs.key");
    for scheme in ["-v2 aes-256-cbc", "-v2 aes-128-cbc -v2prf hmacWithSHA512", "-v2 aes-256-cbc -scrypt"] {
        bench.succeed(&format!(
            "pkcs8 -topk8 {scheme} -in theirs.key -passout pass:open-sesame -out shut.key"
        ));
        let pem = bench.text("shut.key");
        let opened = PrivateKey::from_encrypted_pkcs8_pem(&pem, "open-sesame").unwrap();
        assert_eq!(*opened.to_bytes(), *theirs.to_bytes(), "{scheme}");
        let wrong = PrivateKey::from_encrypted_pkcs8_pem(&pem, "close-sesame");
        assert!(matches!(wrong, Err(Error::Passphrase)), "{scheme}");
    }
}

#[test]
fn ciphertexts_open_on_both_sides() {
    let Some(bench) = Bench::new("ciphertexts") else { return };
    let key = bench.generate_key("key");
    bench.succeed("pkey -in key -pubout -out pub");
    for length in [1, 16, 31, 32, 33, 200] {
        let message = vec![0x5a; length];
        bench.write("message", &message);
        bench.succeed("pkeyutl -encrypt -pubin -inkey pub -in message -out theirs");
        let theirs = Ciphertext::from_der(&bench.read("theirs")).unwrap();
        assert_eq!(*key.decrypt(&theirs).unwrap(), message, "{length} bytes");
        bench.write("ours", key.public_key().encrypt(&message).unwrap().to_der().unwrap());
        bench.succeed("pkeyutl -decrypt -inkey key -in ours -out opened");
        assert_eq!(bench.read("opened"), message, "{length} bytes");
    }
}

#[test]
fn openssl_reads_our_revocation_list_and_we_verify_its_own() {
    let Some(bench) = Bench::new("revocation lists") else { return };
    let key = bench.generate_key("root.key");
    let root = builder(Profile::RootCa, "root", &key).self_sign(&key).unwrap();
    let entry = RevokedEntry { revoked_at: now(), reason: RevocationReason::KeyCompromise };
    let serial = SerialNumber::from(0xabcd);
    let ours =
        CertificateRevocationList::build(&root, &key, now(), now() + DAY, 5, &[(serial, entry)]).unwrap();
    bench.write("ours.pem", ours.to_pem().unwrap());
    let shown = bench.succeed("crl -in ours.pem -noout -text");
    for expected in ["Serial Number: ABCD", "Key Compromise", "X509v3 CRL Number: \n                5"] {
        assert!(shown.contains(expected), "{expected} in {shown}");
    }

    bench.write("root.pem", root.to_pem().unwrap());
    bench.write("number", "0A\n");
    // status, expiry, revocation with reason, serial number, file, subject
    bench.write("index", "R\t350101000000Z\t260101000000Z,superseded\t1234\tunknown\t/CN=x\n");
    bench.write(
        "config",
        "[ca]\ndefault_ca=a\n[a]\ndatabase=index\ncrlnumber=number\ndefault_md=sm3\ndefault_crl_days=1\n\
         crl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n",
    );
    bench.succeed(&format!(
        "ca -gencrl -config config -cert root.pem -keyfile root.key -sigopt {DISTID} -out theirs.pem"
    ));
    let theirs = CertificateRevocationList::from_pem(&bench.text("theirs.pem")).unwrap();
    theirs.verify_signature(&root).unwrap();
    let entry = theirs.entry(&SerialNumber::from(0x1234)).unwrap();
    assert_eq!(entry, RevokedEntry { revoked_at: 1_767_225_600, reason: RevocationReason::Superseded });
    assert_eq!(theirs.number(), Some(&[10][..]));
}

#[test]
fn digests_and_cbc_agree() {
    let Some(bench) = Bench::new("SM3 and SM4") else { return };
    let (key, iv) = ([0x11; 16], [0x22; 16]);
    let options = format!("-K {} -iv {}", hex::encode(key), hex::encode(iv));
    for length in [0, 1, 15, 16, 17, 55, 56, 64, 1000] {
        let message: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
        bench.write("message", &message);
        assert!(
            bench.succeed("dgst -sm3 message").contains(&sm3::digest(&message).to_string()),
            "{length} bytes"
        );
        bench.succeed(&format!("enc -sm4-cbc {options} -in message -out theirs"));
        let ours = sm4::cbc_encrypt(&sm4::Key::new(key), &iv, &message);
        assert_eq!(bench.read("theirs"), ours, "{length} bytes");
        assert_eq!(*sm4::cbc_decrypt(&sm4::Key::new(key), &iv, &ours).unwrap(), message);
    }
}
