//! Which is due when.

use proptest::prelude::*;
use yinqiao_protocol::Sm3Hex;

use super::*;
use crate::certificate::fixture::{chief, day, facts, holder};
use crate::certificate::{HoldReason, RevocationReason};

/// Looks on these days; what was sent on which.
fn sent_on(days: impl IntoIterator<Item = i64>, mut standing: Standing) -> Vec<(i64, u32)> {
    let mut sent = Vec::new();
    for now in days {
        if let Some((reminder, step)) = standing.remind(&facts(), MessageId::random(), day(now)) {
            assert_eq!(step.jobs.len(), 1);
            sent.push((now, reminder.days()));
            standing = step.next;
        }
    }
    sent
}

#[test]
fn three_reminders_are_sent_each_once() {
    assert_eq!(sent_on(0..400, Standing::default()), [(335, 30), (358, 7), (364, 1)]);
}

#[test]
fn after_downtime_only_the_most_urgent_one_is_sent() {
    assert_eq!(sent_on([100, 360, 361], Standing::default()), [(360, 7)]);
    assert_eq!(sent_on([100, 364, 365], Standing::default()), [(364, 1)]);
    assert_eq!(sent_on([100, 366], Standing::default()), []);
}

#[test]
fn none_is_sent_for_one_that_is_suspended_revoked_or_replaced() {
    let fresh = Standing::default();
    let held = fresh.suspend(&facts(), &holder(), HoldReason::PhoneLost, day(1)).unwrap().next;
    let revoked = fresh.revoke(&facts(), &chief(), RevocationReason::Unspecified, day(1)).unwrap().next;
    let replaced = fresh.succeeded_by(&facts(), Sm3Hex::of(b"new"), &Actor::System, day(1)).unwrap().next;
    for standing in [held, revoked, replaced] {
        assert_eq!(sent_on(0..400, standing), []);
    }
}

#[test]
fn a_certificate_for_a_few_days_is_not_announced_to_end_in_thirty() {
    let short = Facts { issued_at: day(345), ..facts() };
    assert_eq!(Standing::default().due_reminder(&short, day(346)), None);
    assert_eq!(Standing::default().next_reminder_at(&short, day(346)), Some(day(358)));
    assert_eq!(Standing::default().due_reminder(&short, day(358)), Some(Reminder::SevenDays));
}

#[test]
fn what_was_sent_survives_the_store() {
    let (_, step) = Standing::default().remind(&facts(), MessageId::random(), day(335)).unwrap();
    let read: Standing = serde_json::from_str(&serde_json::to_string(&step.next).unwrap()).unwrap();
    assert_eq!(read.due_reminder(&facts(), day(336)), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whenever_one_looks_each_is_sent_once_in_its_span_at_most(mut days in prop::collection::vec(0..380i64, 0..40)) {
        days.sort_unstable();
        // By counting: in each of the three spans, the first look that falls into it sends.
        let mut expected = Vec::new();
        for (span, reminder) in [(335..358, 30), (358..364, 7), (364..366, 1)] {
            expected.extend(days.iter().find(|day| span.contains(*day)).map(|day| (*day, reminder)));
        }
        prop_assert_eq!(sent_on(days, Standing::default()), expected);
    }
}
