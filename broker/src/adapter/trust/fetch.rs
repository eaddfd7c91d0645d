//! Fetches revocation lists and OCSP answers from the addresses that certificates name.
//!
//! Only addresses in certificates that lead to a trusted root are asked, only over `http` (what comes is signed, RFC 5280
//! section 8), without redirects, and within limits of size and time.

use std::time::Duration;

use ureq::Agent;

/// Octets of the largest answer.
const MOST_OCTETS: u64 = 16 << 20;
/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(5);

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address is not one over http.
    #[error("{0} is not asked: only http:// addresses are")]
    Scheme(String),
    /// There was no answer, or a useless one.
    #[error("{url} gives nothing: {reason}")]
    Failed {
        /// Where.
        url: String,
        /// Why.
        reason: String,
    },
}

/// What is sent.
pub(super) enum Sent {
    /// Nothing: GET.
    Nothing,
    /// An OCSPRequest: POST (RFC 6960 appendix A).
    Request(Vec<u8>, &'static str),
}

/// Whether anything is ever fetched from an address: lists and OCSP answers are signed, and need no TLS (RFC 5280 section 8).
pub(super) fn is_fetchable(url: &str) -> bool {
    url.starts_with("http://")
}

/// Gets what an address gives.
pub(super) async fn fetch(url: &str, sent: Sent) -> Result<Vec<u8>, FetchError> {
    if !is_fetchable(url) {
        return Err(FetchError::Scheme(url.to_owned()));
    }
    let asked = url.to_owned();
    let answer = tokio::task::spawn_blocking(move || exchange(&asked, sent)).await;
    let failed = |reason: String| FetchError::Failed { url: url.to_owned(), reason };
    match answer {
        Ok(answer) => answer.map_err(|reason| failed(reason.to_string())),
        Err(_) => Err(failed("the request was broken off".to_owned())),
    }
}

fn exchange(url: &str, sent: Sent) -> Result<Vec<u8>, ureq::Error> {
    let agent: Agent =
        Agent::config_builder().timeout_global(Some(WITHIN)).max_redirects(0).proxy(None).build().into();
    let mut response = match sent {
        Sent::Nothing => agent.get(url).call()?,
        Sent::Request(body, media_type) => agent.post(url).content_type(media_type).send(&body)?,
    };
    if !response.status().is_success() {
        return Err(ureq::Error::StatusCode(response.status().as_u16()));
    }
    response.body_mut().with_config().limit(MOST_OCTETS).read_to_vec()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Answers one request with these octets, and gives back what came.
    fn server(answer: &'static [u8]) -> (String, thread::JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/x", listener.local_addr().unwrap());
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = vec![0; 4096];
            let count = stream.read(&mut request).unwrap();
            stream.write_all(answer).unwrap();
            request.truncate(count);
            request
        });
        (url, served)
    }

    #[tokio::test]
    async fn what_an_address_gives_is_fetched_and_a_request_is_posted_with_its_type() {
        let (url, served) = server(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
        let request = Sent::Request(b"question".to_vec(), "application/ocsp-request");
        assert_eq!(fetch(&url, request).await.unwrap(), b"abc");
        let request = String::from_utf8(served.join().unwrap()).unwrap();
        assert!(request.starts_with("POST /x") && request.contains("application/ocsp-request"), "{request}");
    }

    #[tokio::test]
    async fn redirects_errors_and_other_schemes_give_nothing() {
        for answer in [
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".as_slice(),
            b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n",
            b"nonsense\r\n\r\n",
        ] {
            let (url, served) = server(answer);
            assert!(fetch(&url, Sent::Nothing).await.is_err());
            served.join().unwrap();
        }
        for url in ["https://127.0.0.1/", "file:///etc/passwd", "ldap://127.0.0.1/"] {
            assert!(matches!(fetch(url, Sent::Nothing).await, Err(FetchError::Scheme(_))), "{url}");
        }
    }
}
