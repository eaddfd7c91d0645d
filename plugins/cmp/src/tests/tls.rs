//! https, against openssl s_server: a server that is not trusted gets no request.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use yinqiao_ca_sdk::ErrorClass;

use super::fixture::Pki;
use super::{configuration, error, issue, mac_host};

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_tls_server_gets_the_request_only_when_its_certificate_is_trusted() {
    let (pki, stranger) = (Pki::new(), Pki::new());
    pki.tls_server("tls");
    let mut child = Command::new("openssl")
        .args(["s_server", "-accept", "127.0.0.1:0", "-cert", "tls.pem", "-key", "tls.key", "-www"])
        .current_dir(pki.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let _running = Running(child);
    let accept =
        lines.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("ACCEPT"))).unwrap().unwrap();
    let port = accept.rsplit(':').next().unwrap().trim().to_owned();
    std::thread::spawn(move || lines.for_each(drop));

    for (trusted, class) in
        [(stranger.text("ca.pem"), ErrorClass::Retryable), (pki.text("ca.pem"), ErrorClass::UnknownOutcome)]
    {
        let (host, folder) = (mac_host(), tempfile::tempdir().unwrap());
        let url = format!("https://127.0.0.1:{port}/");
        let mut document = configuration(folder.path(), &url, &pki.text("ca.pem"), "cr");
        document["tls_trusted_certificates"] = trusted.into();
        let ca = host.open(&document).unwrap();
        let refused = error(ca.submit("order-1", &issue(&pki.bytes("holder.der"))));
        assert_eq!(refused.class, class, "{refused}");
    }
}
