//! Posts messages to a gateway.
//!
//! `POST url` with the JSON `{"id", "user", "phone", "text", "notice": {…}, "at"}`, signed as [`crate::gateway`] says. The gateway
//! answers with a status of 2xx once it has the message.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::Message;
use super::sender::{SendError, Sender, Sending};
use crate::gateway::{Gateway, SharedKey};

/// How long the gateway may take.
const WITHIN: Duration = Duration::from_secs(10);

/// A gateway to SMS and mail.
pub struct Webhook {
    gateway: Gateway,
    key: SharedKey,
}

impl Webhook {
    /// With the key in a file.
    ///
    /// # Errors
    /// When the file is no key.
    pub fn new(url: &str, key_file: &Path) -> Result<Self, SendError> {
        let key = SharedKey::read(key_file).map_err(|reason| SendError(reason.to_string()))?;
        Ok(Self { gateway: Gateway::new(url, WITHIN), key })
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
        });
        Box::pin(async move {
            let handed_over = self.gateway.hand_over(&self.key, body.to_string()).await;
            handed_over.map_err(|reason| SendError(format!("the gateway {reason}")))
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
            assert_eq!(sent, webhook.key.signature(seconds, body.as_bytes()));
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
