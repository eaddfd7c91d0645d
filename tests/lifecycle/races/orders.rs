//! Who agrees against who agrees, and against who takes back.

use serde_json::{Value, json};

use super::{ROUNDS, Ring, both, delete, post, text};
use crate::stage::COMPANY;

#[test]
fn of_two_approvals_of_an_order_at_once_one_is_noted_and_both_are_answered() {
    let ring = Ring::new(0);
    for _ in 0..ROUNDS {
        let path = ring.order();
        let approve = || post(&ring.legal_person, &format!("{path}/approve"));
        let (one, other) = both(approve, approve);
        let payments = [one, other].map(|answer| answer.unwrap()["payment"]["payment"].clone());
        assert_eq!(payments[0], payments[1]);
        assert_eq!(ring.look(&path)["state"], "awaiting_payment");
        assert_eq!(ring.noted(&path), ["order.approve"]);
    }
}

#[test]
fn an_order_that_is_taken_back_while_it_is_agreed_to_is_cancelled() {
    let ring = Ring::new(0);
    for _ in 0..ROUNDS {
        let path = ring.order();
        let (approved, cancelled) = both(
            || post(&ring.legal_person, &format!("{path}/approve")),
            || post(&ring.member, &format!("{path}/cancel")),
        );
        assert_eq!(cancelled.unwrap()["state"], "cancelled");
        match approved {
            Ok(_) => assert_eq!(ring.noted(&path), ["order.approve", "order.cancel"]),
            Err(problem) => {
                assert_eq!(problem, "conflict");
                assert_eq!(ring.noted(&path), ["order.cancel"]);
            }
        }
        let order = ring.look(&path);
        assert_eq!((&order["state"], &order["payment"]["state"]), (&json!("cancelled"), &json!("closed")));
    }
}

#[test]
fn a_person_who_takes_an_application_back_while_it_is_agreed_to_is_in_or_out_and_both_know() {
    let ring = Ring::new(0);
    let user = ring.member.account.account().user;
    let applications = format!("/v1/enterprises/{COMPANY}/applications");
    let membership = format!("/v1/account/memberships/{COMPANY}");
    let subject = format!("membership/{COMPANY}%2F{user}");
    let mut before = ring.notes(&subject).len();
    let mut leave = true;
    for _ in 0..ROUNDS {
        if leave {
            delete(&ring.member, &membership).unwrap();
            ring.wait_for_jobs();
            before += 2;
        }
        let _: Value = ring.member.account.post(&applications, &json!({})).unwrap();
        let (approved, withdrawn) = both(
            || post(&ring.legal_person, &format!("{applications}/{user}/approve")),
            || post(&ring.member, &format!("{membership}/withdraw")),
        );
        let notes = ring.notes(&subject).split_off(before);
        before += notes.len();
        let memberships: Value = ring.member.account.get("/v1/account/memberships").unwrap().value;
        let state = text(&memberships["items"][0]["state"]).to_owned();
        leave = approved.is_ok();
        match (approved, withdrawn) {
            (Ok(_), Err(problem)) => {
                assert_eq!((problem.as_str(), state.as_str()), ("conflict", "active"));
                assert_eq!(notes, ["membership.apply", "membership.approve"]);
            }
            (Err(problem), Ok(_)) => {
                assert_eq!((problem.as_str(), state.as_str()), ("conflict", "withdrawn"));
                assert_eq!(notes, ["membership.apply", "membership.withdraw"]);
            }
            other => panic!("{other:?}"),
        }
    }
}
