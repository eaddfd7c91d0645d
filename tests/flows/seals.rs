//! Which seal a session uses.

use yinqiao_phone::ClaimOptions;
use yinqiao_phone::session::seal_choice;
use yinqiao_protocol::event::SessionState;
use yinqiao_tests::holder::{BUILDER, agree, problem_of};
use yinqiao_tests::{Broker, tasks};

#[test]
fn a_holder_chooses_among_two_seals_and_the_chosen_one_is_used() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let legal_person = broker.legal_person("陈建国", &BUILDER);
    let seals = [broker.seal(&BUILDER, "公章一"), broker.seal(&BUILDER, "公章二")];
    let opened = platform.open(tasks::seal(1));

    let choice = seal_choice(&legal_person.scan(&opened.code).unwrap_err()).unwrap();
    let mut offered: Vec<_> = choice.iter().map(|seal| seal.id.to_string()).collect();
    let mut made: Vec<_> = seals.iter().map(|(id, _)| id.clone()).collect();
    offered.sort();
    made.sort();
    assert_eq!(offered, made);
    assert_eq!(platform.view(&opened.session).state, SessionState::Waiting);

    let second = choice.iter().find(|seal| seal.name == "公章二").unwrap();
    let options = ClaimOptions { seal: Some(second.id), ..ClaimOptions::default() };
    agree(&mut legal_person.phone.claim(&opened.code, &options).unwrap());
    let result = platform.view(&opened.session).result.unwrap();
    let signature = yinqiao_gm::seal::SesSignature::from_der(result.items[0].value.as_slice()).unwrap();
    assert_eq!(signature.seal().der(), seals[1].1.as_slice());
}

#[test]
fn who_has_no_seal_is_told_so_and_another_holder_can_still_seal() {
    let broker = Broker::start();
    let platform = broker.relying_party("fuzhou");
    let person = broker.person("王小明");
    let legal_person = broker.legal_person("陈建国", &BUILDER);
    broker.seal(&BUILDER, "公章");
    let newcomer = broker.legal_person("林晓", &BUILDER);
    let opened = platform.open(tasks::seal(1));
    assert_eq!(problem_of(person.scan(&opened.code)), "no-seal");
    // A seal lists the certificates that may use it: one issued later is not among them.
    assert_eq!(problem_of(newcomer.scan(&opened.code)), "no-seal");
    assert_eq!(legal_person.answer(&opened.code).state, SessionState::Completed);
}
