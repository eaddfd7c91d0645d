//! Posts messages to a gateway.
//!
//! `POST url` with the JSON `{"id", "user", "phone", "text", "notice": {…}, "at"}` and the header
//! `Yinqiao-Signature: t=SECONDS,hmac-sm3=HEX`, HMAC-SM3 over the seconds in decimal, a full stop and the body. The gateway
//! answers with a status of 2xx once it has the message.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use zeroize::Zeroizing;

use yinqiao_gm::sm3;

use super::Message;
use super::sender::{SendError, Sender, Sending};
use crate::clock;

/// How long the gateway may take.
const WITHIN: Duration = Duration::from_secs(10);
/// Octets of a key at least.
const SHORTEST_KEY: usize = 32;

/// A gateway.
pub struct Webhook {
    url: String,
    key: Zeroizing<Vec<u8>>,
    agent: ureq::Agent,
}

impl Webhook {
    /// With the key in a file.
    ///
    /// # Errors
    /// When the file cannot be read, or the key is too short.
    pub fn new(url: &str, key_file: &Path) -> Result<Self, SendError> {
        let key = std::fs::read(key_file)
            .map(Zeroizing::new)
            .map_err(|reason| SendError(format!("{} cannot be read: {reason}", key_file.display())))?;
        if key.len() < SHORTEST_KEY {
            return Err(SendError(format!(
                "{} has {} octets, a key has at least {SHORTEST_KEY}",
                key_file.display(),
                key.len()
            )));
        }
        let agent =
            ureq::Agent::config_builder().timeout_global(Some(WITHIN)).max_redirects(0).build().into();
        Ok(Self { url: url.to_owned(), key, agent })
    }

    fn signature(&self, seconds: i64, body: &[u8]) -> String {
        let mac = sm3::hmac(&self.key, &[seconds.to_string().as_bytes(), b".", body]);
        format!("t={seconds},hmac-sm3={}", hex::encode(mac.as_bytes()))
    }
}

impl Sender for Webhook {
    fn send<'a>(&'a self, message: &'a Message) -> Sending<'a> {
        let body = json!({
            "id": message.id,
            "user": message.to.user,
            "phone": message.to.phone,
            "text": message.notice.text(),
            "notice": message.notice,
            "at": message.at,
        })
        .to_string();
        let signature = self.signature(clock::now().seconds(), body.as_bytes());
        let (agent, url) = (self.agent.clone(), self.url.clone());
        let post = move || {
            agent
                .post(&url)
                .header("Yinqiao-Signature", &signature)
                .content_type("application/json")
                .send(body.as_bytes())
                .map(drop)
                .map_err(|reason| SendError(format!("the gateway {url}: {reason}")))
        };
        Box::pin(async move {
            match tokio::task::spawn_blocking(post).await {
                Ok(sent) => sent,
                Err(_) => Err(SendError("the request was broken off".to_owned())),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use yinqiao_protocol::{MessageId, Timestamp, UserId};

    use super::*;
    use crate::message::{Notice, Recipient};

    fn message() -> Message {
        Message {
            id: MessageId::random(),
            to: Recipient { user: UserId::random(), phone: Some("13812345678".parse().unwrap()) },
            notice: Notice::SealDecided {
                seal: "公章".into(),
                made: false,
                reason: Some("图片不清晰".into()),
            },
            at: Timestamp::from_millis(1_800_000_000_000),
            sent_at: None,
        }
    }

    fn webhook(url: &str) -> Webhook {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        std::fs::write(&key, [7; 32]).unwrap();
        Webhook::new(url, &key).unwrap()
    }

    #[tokio::test]
    async fn the_gateway_gets_a_signed_message_and_its_refusal_is_noticed() {
        for (status, taken) in [("204 No Content", true), ("503 Busy", false)] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let webhook = webhook(&format!("http://{}/m", listener.local_addr().unwrap()));
            let served = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = Vec::new();
                let mut part = [0; 4096];
                while !request.windows(4).any(|end| end == b"\"at\"") {
                    let count = stream.read(&mut part).unwrap();
                    request.extend_from_slice(&part[..count]);
                }
                write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").unwrap();
                String::from_utf8(request).unwrap()
            });
            assert_eq!(webhook.send(&message()).await.is_ok(), taken);
            let request = served.join().unwrap();
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            let sent = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("yinqiao-signature: ").map(str::to_owned));
            let sent = sent.unwrap();
            let seconds: i64 = sent["t=".len()..].split(',').next().unwrap().parse().unwrap();
            assert_eq!(sent, webhook.signature(seconds, body.as_bytes()));
            assert!(body.contains("13812345678") && body.contains("图片不清晰"), "{body}");
        }
    }

    #[test]
    fn a_short_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        std::fs::write(&key, [7; 31]).unwrap();
        assert!(Webhook::new("http://127.0.0.1:1/", &key).is_err());
    }
}
