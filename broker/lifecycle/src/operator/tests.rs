use super::*;

const ROLES: [OperatorRole; 3] =
    [OperatorRole::Operator, OperatorRole::Auditor, OperatorRole::SecurityOfficer];

fn operator(number: u8, role: OperatorRole) -> Operator {
    let id = OperatorId::from_bytes([number; 16]);
    let token = Sm3Hex::of(&[number]);
    Operator::add(id, "张三", role, token, false, &Actor::System, Timestamp::default()).unwrap().next
}

#[test]
fn every_power_is_somebodys_and_powers_that_check_each_other_are_apart() {
    for power in Power::ALL {
        assert!(ROLES.iter().any(|role| role.may(power)), "{power:?}");
    }
    let apart = [
        (Power::DecideBusiness, Power::ReadAudit),
        (Power::DecideBusiness, Power::ManageStaff),
        (Power::DecideBusiness, Power::ConsentToRecovery),
        (Power::ManageStaff, Power::ReadAudit),
    ];
    for (one, other) in apart {
        assert!(!ROLES.iter().any(|role| role.may(one) && role.may(other)), "{one:?} and {other:?}");
    }
    assert!(!OperatorRole::Auditor.may(Power::Retry));
}

#[test]
fn nobody_disables_themselves_and_names_are_unique() {
    let officer = operator(1, OperatorRole::SecurityOfficer);
    let other = operator(2, OperatorRole::Operator);
    let now = Timestamp::default();
    assert_eq!(officer.disable(&officer.actor(), now), Err(OperatorRefusal::Oneself));
    let disabled = other.disable(&officer.actor(), now).unwrap();
    assert!(disabled.changed && !disabled.next.disable(&officer.actor(), now).unwrap().changed);
    let add = |name: &str, taken| {
        let (id, token) = (OperatorId::from_bytes([3; 16]), Sm3Hex::of(b"3"));
        Operator::add(id, name, OperatorRole::Auditor, token, taken, &officer.actor(), now).map(|_| ())
    };
    assert_eq!(add("李四", true), Err(OperatorRefusal::NameTaken));
    assert_eq!(add(" 李四", false), Err(OperatorRefusal::Name));
    assert_eq!(add("", false), Err(OperatorRefusal::Name));
}
