//! Recovery of the encryption key.

use yinqiao_ca_sdk::messages::RecoverKeyRequest;
use yinqiao_ca_sdk::{ErrorClass, Reply, Request};
use yinqiao_gm::sm2::PrivateKey;
use yinqiao_gm::x509::Certificate;

use super::issue::opens;
use crate::bench::{Bench, Decided, serial_of};
use crate::fixtures;
use crate::verdict::{HOLDS, Verdict, While as _, ensure, failed, holds, not_offered};

pub(crate) async fn recovers(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let pair = bench.prepared(&handle, "recovered").await?;
    let Some(encryption) = &pair.encryption else {
        return Err(not_offered("the CA issues no encryption certificate"));
    };
    let key = PrivateKey::generate().during("making a key")?;
    let csr = fixtures::request_for(&key).during("making a certificate request")?;
    let request = Request::RecoverKey(RecoverKeyRequest { serial: serial_of(encryption)?, csr });
    let decided = match bench.run(&handle, &request, &bench.key("recover")?).await {
        Err(error) if error.class == ErrorClass::NotSupported => {
            return Err(not_offered(format!("with this configuration: {}", error.text)));
        }
        decided => decided.during("key recovery")?,
    };
    match decided {
        Decided::Pending(pending) => {
            ensure(!pending.token.is_empty(), || "it is pending with an empty token".to_owned())?;
            holds("pending: people at the CA decide")
        }
        Decided::Done { reply: Reply::RecoveredKey(recovered), .. } => {
            let certificate = Certificate::from_der(recovered.encryption_certificate.as_bytes())
                .during("reading the encryption certificate")?;
            ensure(certificate == *encryption, || {
                "the recovered key comes with another certificate".to_owned()
            })?;
            opens(recovered.enveloped_key.as_bytes(), &key, &certificate)?;
            HOLDS
        }
        Decided::Done { .. } => Err(failed("the reply is no recovered key")),
    }
}

pub(crate) async fn refuses(bench: &Bench) -> Verdict {
    let handle = bench.handle().await?;
    let subject = bench.subject()?;
    let request = Request::RecoverKey(RecoverKeyRequest { serial: subject.serial, csr: subject.csr });
    match bench.run(&handle, &request, &bench.key("recover")?).await {
        Err(error) if matches!(error.class, ErrorClass::Permanent | ErrorClass::NotSupported) => HOLDS,
        Err(error) => Err(failed(format!(
            "recovery for a number that was never given is {}; permanent is the class",
            error.class
        ))),
        Ok(_) => Err(failed("the key of a certificate that was never issued is recovered")),
    }
}
