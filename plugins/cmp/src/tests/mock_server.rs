//! OpenSSL's mock server: a process of its own, ended with this value.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use super::SECRET;
use super::fixture::Pki;

pub(super) struct MockServer {
    child: Child,
    pub(super) url: String,
}

impl MockServer {
    /// A server that knows the tests' secret and answers with `holder.pem`.
    pub(super) fn with_mac(pki: &Pki, arguments: &[&str]) -> Self {
        let secret = format!("pass:{}", String::from_utf8_lossy(SECRET));
        Self::start(pki, &[&["-srv_secret", &secret, "-srv_ref", "server"], arguments].concat())
    }

    /// A server that signs, and trusts the CA's signers.
    pub(super) fn with_signature(pki: &Pki, arguments: &[&str]) -> Self {
        let own = ["-srv_cert", "server.pem", "-srv_key", "server.key", "-srv_trusted", "ca.pem"];
        Self::start(pki, &[&own, arguments].concat())
    }

    pub(super) fn start(pki: &Pki, arguments: &[&str]) -> Self {
        let mut command = Command::new("openssl");
        command.args(["cmp", "-config", "", "-port", "0", "-verbosity", "3"]);
        if !arguments.contains(&"-rsp_cert") {
            command.args(["-rsp_cert", "holder.pem"]);
        }
        command.args(arguments).current_dir(pki.path(""));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let accept = lines.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("ACCEPT")));
        let accept = accept.expect("the mock server must start").unwrap();
        let port: u16 =
            accept.split(' ').find_map(|word| word.rsplit(':').next()?.parse().ok()).expect("a port");
        // What else it prints is thrown away, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url: format!("http://127.0.0.1:{port}/") }
    }
}

impl Drop for MockServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
