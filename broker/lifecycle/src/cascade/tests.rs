//! One rule each, and a crash at each point.

use super::fixture::{World, kinds, person};
use super::*;
use crate::actor::OperatorRole;
use crate::certificate::fixture::{chief, day, staff};

/// Drives it to its end, crashing once between an action and its note, after `crash` actions.
fn driven(kind: &CascadeKind, crash: Option<usize>) -> (World, usize) {
    let mut world = World::with_one_of_each();
    let mut cascade = world.start(kind, day(1));
    let (mut now, mut actions) = (day(1), 0);
    for _ in 0..100 {
        match cascade.next(now) {
            Next::Run(steps) => {
                for what in steps {
                    let result = world.run(&what);
                    actions += 1;
                    if crash == Some(actions) {
                        break;
                    }
                    let step = match result {
                        Ok(()) => cascade.step_done(&what, now),
                        Err(reason) => cascade.step_failed(&what, &reason, now),
                    };
                    cascade = step.unwrap().next;
                }
            }
            Next::Wait(until) => now = until,
            Next::TakeInventory => {
                cascade = cascade.replan(&world.inventory(kind), now).unwrap().next;
            }
            Next::Finished => return (world, actions),
        }
    }
    panic!("it does not end: {:?}", cascade.progress());
}

#[test]
fn a_crash_after_any_action_leads_to_the_same_end() {
    for kind in kinds() {
        let (end, actions) = driven(&kind, None);
        assert!(actions > 4);
        for crash in 1..=actions {
            assert_eq!(driven(&kind, Some(crash)).0, end, "{} after {crash}", kind.name());
        }
    }
}

#[test]
fn blocking_comes_first_and_the_company_last() {
    let kind = &kinds()[1];
    let mut world = World::with_one_of_each();
    let mut cascade = world.start(kind, day(1));
    assert!(
        cascade.steps.iter().all(|step| !matches!(step.what, What::DeleteEnterprise(_))),
        "before an inventory"
    );
    let mut order = Vec::new();
    while !cascade.is_finished() {
        for what in cascade.next_steps(day(1)) {
            world.run(&what).unwrap();
            let name = what.to_string();
            order.push(name.split('/').next().unwrap().to_owned());
            cascade = cascade.step_done(&what, day(1)).unwrap().next;
        }
        if cascade.next(day(1)) == Next::TakeInventory {
            cascade = cascade.replan(&world.inventory(kind), day(1)).unwrap().next;
        }
    }
    order.dedup();
    let expected = [
        "end-sessions",
        "revoke-certificate",
        "reject-recovery",
        "cancel-order",
        "cancel-seal-application",
        "revoke-seal",
        "end-membership",
        "delete-certificate",
        "delete-enterprise",
    ];
    assert_eq!(order, expected);
}

#[test]
fn a_ca_that_is_down_holds_up_only_what_needs_it() {
    let kind = &kinds()[1];
    let mut world = World::with_one_of_each();
    world.ca_down = true;
    let mut cascade = world.start(kind, day(1));
    for _ in 0..20 {
        for what in cascade.next_steps(day(1)) {
            cascade = match world.run(&what) {
                Ok(()) => cascade.step_done(&what, day(1)),
                Err(reason) => cascade.step_failed(&what, &reason, day(1)),
            }
            .unwrap()
            .next;
        }
    }
    let progress = cascade.progress();
    let open: Vec<&str> = progress.open.iter().map(|step| step.step.split('/').next().unwrap()).collect();
    assert_eq!(
        open,
        [
            "revoke-certificate",
            "revoke-certificate",
            "revoke-seal",
            "revoke-seal",
            "delete-certificate",
            "delete-certificate"
        ]
    );
    assert_eq!(progress.open[0].last_error.as_deref(), Some("the CA is down"));
    assert_eq!(cascade.next(day(1)), Next::Wait(day(1).plus_seconds(1)));
}

#[test]
fn an_operator_has_all_pauses_forgotten() {
    let kind = &kinds()[0];
    let mut cascade = World::with_one_of_each().start(kind, day(1));
    let what = What::EndSessions(person(0));
    for _ in 0..20 {
        cascade = cascade.step_failed(&what, "no answer", day(1)).unwrap().next;
    }
    assert_eq!(cascade.retry(&chief(), day(1)), Err(CascadeRefusal::NotAllowed));
    assert_eq!(cascade.retry(&staff(OperatorRole::Auditor), day(1)), Err(CascadeRefusal::NotAllowed));
    let retried = cascade.retry(&staff(OperatorRole::Operator), day(1)).unwrap();
    assert!(retried.next.next_steps(day(1)).contains(&what));
    assert_eq!(retried.jobs.len(), 1);
    assert!(!retried.next.retry(&staff(OperatorRole::Operator), day(1)).unwrap().changed);
}

#[test]
fn the_same_failure_is_written_down_once_and_a_step_that_is_done_stays_done() {
    let cascade = World::with_one_of_each().start(&kinds()[0], day(1));
    let what = What::EndSessions(person(0));
    let first = cascade.step_failed(&what, "no answer", day(1)).unwrap();
    let second = first.next.step_failed(&what, "no answer", day(1)).unwrap();
    assert_eq!((first.audit.len(), second.audit.len()), (1, 0));
    let done = second.next.step_done(&what, day(1)).unwrap().next;
    assert!(!done.step_done(&what, day(2)).unwrap().changed);
    assert!(!done.step_failed(&what, "no answer", day(2)).unwrap().changed);
    let unknown = What::EndSessions(person(5));
    assert!(matches!(done.step_done(&unknown, day(2)), Err(CascadeRefusal::NoSuchStep(_))));
}

#[test]
fn a_change_of_the_legal_person_leaves_the_official_seal_and_the_staff() {
    let steps = World::with_one_of_each().start(&kinds()[2], day(1)).steps;
    let names: Vec<String> = steps.iter().map(|step| step.what.to_string()).collect();
    let count = |start: &str| names.iter().filter(|name| name.starts_with(start)).count();
    assert_eq!((count("revoke-seal"), count("end-membership"), count("delete")), (1, 0, 0));
    assert_eq!(count("revoke-certificate"), 1);
}

#[test]
fn what_is_there_though_its_step_is_done_is_tried_again_after_a_pause() {
    let kind = &kinds()[0];
    let world = World::with_one_of_each();
    let what = What::EndSessions(person(0));
    let done = world.start(kind, day(1)).step_done(&what, day(1)).unwrap().next;
    let again = done.replan(&world.inventory(kind), day(1)).unwrap().next;
    let step = again.steps.iter().find(|step| step.what == what).unwrap();
    assert!(step.is_open() && day(1) < step.due);
}
