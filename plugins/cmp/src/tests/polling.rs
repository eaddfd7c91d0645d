//! poll, with the certificates that the CA takes its time for.

use yinqiao_ca_sdk::{ErrorClass, LocalError, Operation, Reply};

use super::fixture::Pki;
use super::mock_server::MockServer;
use super::{configuration, issue, mac_host};

#[test]
fn a_token_is_polled_across_a_restart_until_the_certificate_is_there() {
    let pki = Pki::new();
    pki.sign("holder.csr", "holder.pem");
    let server = MockServer::with_mac(&pki, &["-poll_count", "3", "-check_after", "1"]);
    let folder = tempfile::tempdir().unwrap();
    let document = configuration(folder.path(), &server.url, &pki.text("ca.pem"), "p10cr");
    let request = issue(&pki.bytes("holder.der"));
    let pending = mac_host().open(&document).unwrap().submit("order-1", &request).unwrap_err();
    let LocalError::Pending(pending) = pending else { panic!("{pending}") };

    let (host, unknown) = (mac_host(), "0".repeat(64));
    let ca = host.open(&document).unwrap();
    for nobody in [unknown.as_str(), "../transactions", ""] {
        let error = ca.poll(Operation::Issue, nobody).unwrap_err();
        assert_eq!(error.class(), Some(ErrorClass::Permanent), "{nobody}");
    }
    for _ in 0..50 {
        match ca.poll(Operation::Issue, &pending.token) {
            Ok(reply) => {
                assert!(matches!(reply, Reply::Pair(_)), "{reply:?}");
                assert_eq!(ca.poll(Operation::Issue, &pending.token).unwrap(), reply, "again");
                return;
            }
            Err(LocalError::Pending(again)) => {
                std::thread::sleep(std::time::Duration::from_millis(again.retry_after_ms.max(10)));
            }
            Err(other) => panic!("{other}"),
        }
    }
    panic!("never granted");
}
