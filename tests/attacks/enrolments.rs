//! One-time codes for certificates.

use yinqiao_gm::sm2::PrivateKey;
use yinqiao_protocol::phone::{EnrolRequest, Enrolled};
use yinqiao_protocol::statement::{Enrolment, SignedText};
use yinqiao_protocol::{Base64, Token};
use yinqiao_tests::holder::pin;
use yinqiao_tests::{Broker, Holder};

use crate::wire;

const PATH: &str = "/v1/phone/enrolments";

#[test]
fn a_code_gives_one_pair_to_one_phone() {
    let broker = Broker::start();
    let code = broker.enrolment_code("王小明", None, None);
    let [phone, thief] = [Holder::new(), Holder::new()];
    let request = |phone: &Holder| phone.phone.begin(&broker.url(), &code, &pin()).unwrap().1;
    let (first, second) = (request(&phone), request(&thief));
    let enrolled: Enrolled = wire::post(&broker, PATH, None, &first).expect();
    wire::post(&broker, PATH, None, &second).refused("enrolment-code");
    let again: Enrolled = wire::post(&broker, PATH, None, &first).expect();
    assert_eq!(again.signing_certificate, enrolled.signing_certificate);
    assert_eq!(again.enveloped_key, enrolled.enveloped_key);
    let list = broker.operator_json(&["certificate", "list"]);
    assert_eq!(list["certificates"].as_array().unwrap().len(), 1);
}

#[test]
fn a_wrong_enrolment_is_refused_and_leaves_the_code_good() {
    let broker = Broker::start();
    let code = broker.enrolment_code("王小明", None, None);
    let other_code = broker.enrolment_code("李雷", None, None);
    let phone = Holder::new();
    let (_, good) = phone.phone.begin(&broker.url(), &code, &pin()).unwrap();
    let altered = |alter: &dyn Fn(&mut EnrolRequest)| {
        let mut request = good.clone();
        alter(&mut request);
        wire::post(&broker, PATH, None, &request)
    };
    let content = || Enrolment::from_bytes(good.enrolment.as_slice()).unwrap();
    let device = phone.phone.store().device_key();
    let signed = |request: &mut EnrolRequest, enrolment: &Enrolment, key: &PrivateKey| {
        let bytes = enrolment.to_bytes().unwrap();
        request.signature = Base64(key.sign(&bytes).unwrap().to_der().unwrap());
        request.enrolment = Base64(bytes);
    };

    altered(&|request| request.code = Token::random().unwrap()).refused("enrolment-code");
    altered(&|request| request.code = other_code.clone()).refused("enrolment-code");
    altered(&|request| request.signature = Base64(vec![0x30, 0])).refused("signature-invalid");
    altered(&|request| signed(request, &content(), &PrivateKey::generate().unwrap()))
        .refused("signature-invalid");
    altered(&|request| request.enrolment.0.push(b' ')).refused("malformed-request");
    altered(&|request| {
        let mut enrolment = content();
        // The last byte of the request is of its own signature.
        *enrolment.certificate_request.0.last_mut().unwrap() ^= 1;
        signed(request, &enrolment, device);
    })
    .refused("signature-invalid");
    altered(&|request| {
        let enrolment = Enrolment { certificate_request: Base64(vec![0x30, 0]), ..content() };
        signed(request, &enrolment, device);
    })
    .refused("malformed-request");

    wire::post(&broker, PATH, None, &good).expect::<Enrolled>();
}
