//! OpenSSL makes complete and delta revocation lists, and must agree with this crate about what they say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod bench;

use yinqiao_gm::{
    sm2::PrivateKey,
    x509::{
        AnyCertificate, AnyRevocationList, CertificateBuilder, Covered, DistinguishedName, Profile,
        RevocationListBuilder, RevocationReason, RevokedEntry, Scope, SerialNumber,
    },
};

use bench::{Bench, now};

const CONFIG: &str = "\
[ca]
default_ca=a
[a]
database=index
crlnumber=number
default_md=sha256
default_crl_days=1
[req]
distinguished_name=n
prompt=no
x509_extensions=root
[n]
CN=ca
[root]
basicConstraints=critical,CA:true
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
[leaf]
keyUsage=critical,digitalSignature
authorityKeyIdentifier=keyid
crlDistributionPoints=URI:http://ca.example/base.crl
freshestCRL=URI:http://ca.example/delta.crl
[complete]
authorityKeyIdentifier=keyid
freshestCRL=URI:http://ca.example/delta.crl
[delta]
authorityKeyIdentifier=keyid
2.5.29.27=critical,DER:02:01:10
[user]
authorityKeyIdentifier=keyid
issuingDistributionPoint=critical,@only_user
[only_user]
onlyuser=TRUE
[indirect]
authorityKeyIdentifier=keyid
issuingDistributionPoint=critical,@only_indirect
[only_indirect]
indirectCRL=TRUE
";

/// A list of these entries with this number and these extensions, as OpenSSL makes it.
fn list(bench: &Bench, file: &str, number: &str, index: &str, section: &str) -> AnyRevocationList {
    bench.write("index", index);
    bench.write("number", number);
    bench.succeed(&format!(
        "ca -gencrl -config config -crlexts {section} -cert ca.pem -keyfile ca.key -out {file}"
    ));
    AnyRevocationList::from_pem(&bench.text(file)).unwrap()
}

fn revoked(serial: &str, reason: &str) -> String {
    format!("R\t350101000000Z\t260101000000Z,{reason}\t{serial}\tunknown\t/CN=x\n")
}

#[test]
fn openssl_agrees_about_a_base_and_its_delta() {
    let Some(bench) = Bench::new("deltas") else { return };
    bench.write("config", CONFIG);
    bench.succeed("req -x509 -config config -newkey rsa:2048 -nodes -keyout ca.key -days 2 -out ca.pem");
    let ca = AnyCertificate::from_pem(&bench.text("ca.pem")).unwrap();
    let leaf = |serial: &str| {
        bench.succeed(
            "req -new -config config -newkey rsa:2048 -nodes -keyout leaf.key -subj /CN=leaf -out leaf.csr",
        );
        bench.succeed(&format!(
            "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -set_serial 0x{serial} -days 1 -extfile config \
             -extensions leaf -out {serial}.pem"
        ));
        AnyCertificate::from_pem(&bench.text(&format!("{serial}.pem"))).unwrap()
    };
    let base = list(
        &bench,
        "base",
        "10\n",
        &[revoked("01", "keyCompromise"), revoked("02", "certificateHold")].concat(),
        "complete",
    );
    let delta = list(
        &bench,
        "delta",
        "12\n",
        &[revoked("02", "removeFromCRL"), revoked("03", "superseded")].concat(),
        "delta",
    );
    for list in [&base, &delta] {
        list.verify_signature(&ca).unwrap();
    }
    assert_eq!(base.freshest_crl(), ["http://ca.example/delta.crl"]);
    assert_eq!((delta.base_number(), delta.number()), (Some(&[0x10][..]), Some(&[0x12][..])));
    let combined = base.with_delta(&delta).unwrap();
    bench.write("lists", [bench.text("base"), bench.text("delta")].concat());
    for (serial, expected) in [
        ("01", Some(RevocationReason::KeyCompromise)),
        ("02", None),
        ("03", Some(RevocationReason::Superseded)),
        ("04", None),
    ] {
        let certificate = leaf(serial);
        let status = combined.status(&certificate).unwrap();
        assert_eq!(status.map(|entry| entry.reason), expected, "{serial}");
        let verify = format!("verify -crl_check -use_deltas -CAfile ca.pem -CRLfile lists {serial}.pem");
        assert_eq!(bench.run(&verify).status.success(), expected.is_none(), "{serial}");
    }
    let user = list(&bench, "user", "10\n", &revoked("05", "keyCompromise"), "user");
    assert_eq!(user.scope().covered, Covered::User);
    assert!(user.status(&leaf("05")).unwrap().is_some());
    bench.write("index", "");
    bench.succeed("ca -gencrl -config config -crlexts indirect -cert ca.pem -keyfile ca.key -out indirect");
    let error = AnyRevocationList::from_pem(&bench.text("indirect")).unwrap_err();
    assert!(error.to_string().contains("indirect"), "{error}");
}

#[test]
fn openssl_reads_our_deltas_and_scopes() {
    let Some(bench) = Bench::new("our deltas") else { return };
    let key = PrivateKey::generate().unwrap();
    let name = DistinguishedName::builder().country("CN").common_name("ca").build().unwrap();
    let (serial, public) = (SerialNumber::from(1), key.public_key().clone());
    let ca = CertificateBuilder::new(Profile::RootCa, name, public, serial, now() - 60, now() + 86_400)
        .self_sign(&key)
        .unwrap();
    let released = RevokedEntry { revoked_at: now(), reason: RevocationReason::RemoveFromCrl };
    let scope =
        Scope { covered: Covered::User, distribution_points: vec!["http://ca.example/1.crl".to_owned()] };
    let delta = RevocationListBuilder::new(now(), now() + 3_600, 12)
        .delta_of(10)
        .scope(scope)
        .entries(&[(SerialNumber::from(0xabcd), released)])
        .sign(&ca, &key)
        .unwrap();
    bench.write("delta", delta.to_pem().unwrap());
    let shown = bench.succeed("crl -in delta -noout -text");
    for expected in [
        "X509v3 Delta CRL Indicator: critical\n                10",
        "X509v3 CRL Number: \n                12",
        "X509v3 Issuing Distribution Point: critical",
        "Only User Certificates",
        "URI:http://ca.example/1.crl",
        "Remove From CRL",
    ] {
        assert!(shown.contains(expected), "{expected} in {shown}");
    }
    let base = RevocationListBuilder::new(now(), now() + 3_600, 10).freshest_crl("http://ca.example/d.crl");
    bench.write("base", base.sign(&ca, &key).unwrap().to_pem().unwrap());
    let shown = bench.succeed("crl -in base -noout -text");
    assert!(shown.contains("X509v3 Freshest CRL") && shown.contains("http://ca.example/d.crl"), "{shown}");
}
