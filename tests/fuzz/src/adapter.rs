//! What comes out of a CA's plugin: the frames of its worker, and the documents in them.

use serde_json::json;
use yinqiao_ca_sdk::messages::{
    Cancellation, ErrorDocument, Health, ListPage, ListQuery, LookupQuery, LookupReply, Pending,
};
use yinqiao_ca_sdk::{AdapterError, ErrorClass, Operation, Reply, Request};
use yinqiao_ca_worker::frame::{Decoder, Frame};
use yinqiao_ca_worker::message::{ToHost, ToWorker, parse_description};

use crate::pki::PKI;

/// A stream of frames; its first byte says where the stream is cut for the second time.
pub fn frames(bytes: &[u8]) -> bool {
    let Some((cut, stream)) = bytes.split_first() else { return false };
    let whole = decode(&[stream]);
    let (one, other) = stream.split_at(usize::from(*cut).min(stream.len()));
    assert_eq!(whole, decode(&[one, other]), "where a stream is cut changes its frames");
    let read = whole.iter().filter(|frame| {
        let to_host = ToHost::decode(frame);
        if let Ok(message) = &to_host {
            let again = message.encode(frame.id).unwrap();
            assert_eq!(*message, ToHost::decode(&decode(&[&again])[0]).unwrap());
        }
        let to_worker = ToWorker::decode(frame);
        if let Ok(message) = &to_worker {
            let again = message.encode(frame.id).unwrap();
            assert!(*message == ToWorker::decode(&decode(&[&again])[0]).unwrap());
        }
        to_host.is_ok() || to_worker.is_ok()
    });
    read.count() > 0
}

fn decode(pieces: &[&[u8]]) -> Vec<Frame> {
    let (mut decoder, mut frames) = (Decoder::with_limits(ToHost::limit), Vec::new());
    for piece in pieces {
        decoder.extend(piece);
        while let Ok(Some(frame)) = decoder.next_frame() {
            frames.push(frame);
        }
    }
    frames
}

/// Two messages in one stream, in both directions.
pub fn frame_seeds() -> Vec<Vec<u8>> {
    let reply = ToHost::Reply { status: -3, document: b"{}".to_vec() };
    let log = ToHost::Log { level: 2, event_id: 7, fields: br#"{"serial":"0a"}"#.to_vec() };
    let secret = ToHost::SecretRequest { name: "password".to_owned() };
    let to_worker =
        [ToWorker::Cancel, ToWorker::Secret(None), ToWorker::Close].map(|message| message.encode(5).unwrap());
    let pairs = [(&reply, &log), (&log, &secret)];
    let mut seeds: Vec<_> = pairs
        .iter()
        .map(|(one, other)| [vec![9], one.encode(1).unwrap(), other.encode(2).unwrap()].concat())
        .collect();
    seeds.push([vec![3], to_worker.concat()].concat());
    seeds
}

/// A document of the contract; its first byte says which.
pub fn document(bytes: &[u8]) -> bool {
    let Some((which, document)) = bytes.split_first() else { return false };
    let operation = Operation::try_from(u32::from(*which & 0x1f));
    if let Ok(operation) = operation {
        return of_operation(operation, document, *which & 0x80 != 0);
    }
    let _ = AdapterError::from_status(-i32::from(*which), document, ErrorClass::Unhealthy);
    let read = [
        serde_json::from_slice::<Pending>(document).is_ok(),
        serde_json::from_slice::<LookupQuery>(document).is_ok(),
        serde_json::from_slice::<LookupReply>(document).is_ok(),
        serde_json::from_slice::<Cancellation>(document).is_ok(),
        serde_json::from_slice::<ListQuery>(document).is_ok(),
        serde_json::from_slice::<ListPage>(document).is_ok(),
        serde_json::from_slice::<Health>(document).is_ok(),
        serde_json::from_slice::<ErrorDocument>(document).is_ok(),
        parse_description(document).is_ok(),
    ];
    read.contains(&true)
}

fn of_operation(operation: Operation, document: &[u8], is_request: bool) -> bool {
    if is_request {
        return Request::parse(operation, document).is_ok_and(|request| {
            let again = Request::parse(operation, &request.to_json().unwrap()).unwrap();
            assert_eq!(request, again);
            true
        });
    }
    Reply::parse(operation, document).is_ok_and(|reply| {
        let again = Reply::parse(operation, &serde_json::to_vec(&reply).unwrap()).unwrap();
        assert_eq!(reply, again);
        true
    })
}

/// Replies, and the documents that no operation has.
pub fn documents() -> Vec<Vec<u8>> {
    let der = base64(PKI.signer.certificate.der());
    let replies = [
        (Operation::CaCertificates, json!({ "certificates": [der] })),
        (
            Operation::Crl,
            json!({ "crl": der, "number": "01", "this_update_ms": 1, "next_update_ms": 2, "delta": der }),
        ),
        (Operation::Ocsp, json!({ "response": der })),
    ];
    let mut seeds: Vec<_> = replies
        .into_iter()
        .map(|(operation, reply)| seed(u8::try_from(u32::from(operation)).unwrap(), &reply))
        .collect();
    let others = [
        json!({ "token": "1", "retry_after_ms": 5 }),
        json!({ "class": "permanent", "text": "no" }),
        json!({ "configuration": { "type": "object" }, "secrets": [], "products": [] }),
    ];
    seeds.extend(others.iter().map(|document| seed(0x1f, document)));
    seeds
}

fn seed(which: u8, document: &serde_json::Value) -> Vec<u8> {
    [vec![which], document.to_string().into_bytes()].concat()
}

fn base64(bytes: &[u8]) -> String {
    serde_json::to_value(yinqiao_protocol::Base64(bytes.to_vec())).unwrap().as_str().unwrap().to_owned()
}
