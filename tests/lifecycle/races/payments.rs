//! Money that comes twice, wrong, late, or while nobody wants it any more: none of it is lost, and none is kept that is not owed.

use serde_json::{Value, json};

use super::{FEE, ROUNDS, Ring, both, post, text};

/// How a payment stands: its state, and what has to be given back.
fn payment(order: &Value) -> (&str, Vec<&str>) {
    let due = order["payment"]["refunds_due"].as_array().map(Vec::as_slice).unwrap_or_default();
    (text(&order["payment"]["state"]), due.iter().map(text).collect())
}

/// An operator says that money has come; gives the status.
fn confirm(ring: &Ring, path: &str, verb: &str, reference: &str) -> u16 {
    let path = format!("{}/{verb}", path.replace("/v1/orders", "/v1/operator/orders"));
    let body = json!({ "reference": reference, "amount_fen": FEE });
    ring.stage.try_as_staff(&ring.operator, &path, &body).0
}

#[test]
fn the_same_word_of_a_payment_twice_at_once_counts_once() {
    let ring = Ring::new(0);
    for _ in 0..ROUNDS {
        let (path, id) = ring.order_to_pay();
        let pay = || ring.stage.pay(&id, "wx-1", FEE);
        assert_eq!(both(pay, pay), (200, 200));
        let order = ring.look(&path);
        assert_eq!((text(&order["state"]), payment(&order)), ("paid", ("paid", vec![])));
        assert_eq!(ring.noted(&path), ["order.approve", "order.paid"]);
    }
}

#[test]
fn a_wrong_amount_beside_the_right_one_is_refused_and_harms_nothing() {
    let ring = Ring::new(0);
    for _ in 0..ROUNDS {
        let (path, id) = ring.order_to_pay();
        let (right, wrong) =
            both(|| ring.stage.pay(&id, "wx-1", FEE), || ring.stage.pay(&id, "wx-2", FEE - 1));
        assert_eq!((right, wrong), (200, 422));
        let order = ring.look(&path);
        assert_eq!((text(&order["state"]), payment(&order)), ("paid", ("paid", vec![])));
        let mut noted = ring.noted(&path);
        noted.sort_unstable();
        assert_eq!(noted, ["order.approve", "order.paid", "payment.refuse"]);
    }
}

#[test]
fn an_order_is_paid_whether_the_money_or_the_approval_comes_first() {
    let ring = Ring::new(0);
    for _ in 0..ROUNDS {
        let path = ring.order();
        let id = text(&ring.look(&path)["payment"]["payment"]).to_owned();
        let (approved, status) = both(
            || post(&ring.legal_person, &format!("{path}/approve")),
            || ring.stage.pay(&id, "wx-1", FEE),
        );
        assert!(approved.is_ok());
        assert_eq!(status, 200);
        let order = ring.look(&path);
        assert_eq!((text(&order["state"]), payment(&order)), ("paid", ("paid", vec![])));
        let mut noted = ring.noted(&path);
        noted.sort_unstable();
        assert_eq!(noted, ["order.approve", "order.paid"]);
    }
}

#[test]
fn of_two_payments_at_once_by_callback_and_operator_the_second_has_to_be_given_back() {
    let ring = Ring::new(0);
    for round in 0..ROUNDS {
        let (path, id) = ring.order_to_pay();
        // Every other time both speak of the same payment.
        let operators = if round % 2 == 0 { "wx-1" } else { "bank-2" };
        let (by_callback, by_operator) =
            both(|| ring.stage.pay(&id, "wx-1", FEE), || confirm(&ring, &path, "confirm-payment", operators));
        assert_eq!((by_callback, by_operator), (200, 200));
        let order = ring.look(&path);
        let (state, due) = payment(&order);
        assert_eq!((text(&order["state"]), state), ("paid", "paid"));
        if round % 2 == 0 {
            assert!(due.is_empty(), "{due:?}");
            assert_eq!(ring.noted(&path), ["order.approve", "order.paid"]);
        } else {
            assert!(due == ["wx-1"] || due == ["bank-2"], "{due:?}");
            assert_eq!(ring.noted(&path), ["order.approve", "order.paid", "order.paid"]);
            give_back(&ring, &path, due[0]);
            assert_eq!(payment(&ring.look(&path)), ("paid", vec![]));
        }
    }
}

#[test]
fn what_is_paid_while_the_order_is_cancelled_has_to_be_given_back() {
    let ring = Ring::new(0);
    for _ in 0..ROUNDS {
        let (path, id) = ring.order_to_pay();
        let (cancelled, status) =
            both(|| post(&ring.member, &format!("{path}/cancel")), || ring.stage.pay(&id, "wx-1", FEE));
        assert_eq!((text(&cancelled.unwrap()["state"]), status), ("cancelled", 200));
        let order = ring.look(&path);
        assert_eq!((text(&order["state"]), payment(&order)), ("cancelled", ("refund_due", vec!["wx-1"])));
        let mut noted = ring.noted(&path);
        noted.sort_unstable();
        assert_eq!(noted, ["order.approve", "order.cancel", "order.paid"]);
        give_back(&ring, &path, "wx-1");
        assert_eq!(payment(&ring.look(&path)), ("refunded", vec![]));
    }
}

/// The provider and an operator say at once that money was given back, and the provider says once more that it had come.
fn give_back(ring: &Ring, path: &str, reference: &str) {
    let id = text(&ring.look(path)["payment"]["payment"]).to_owned();
    let before = ring.noted(path).len();
    let word = json!({ "event": "refunded", "payment": id, "reference": reference, "amount_fen": FEE });
    let said = both(|| ring.stage.say(&word), || confirm(ring, path, "confirm-refund", reference));
    assert_eq!(said, (200, 200));
    assert_eq!(ring.stage.pay(&id, reference, FEE), 200);
    assert_eq!(ring.noted(path).split_off(before), ["order.refunded"]);
}
