//! Subjects as CAs write them, and those that name somebody else.

use yinqiao_gm::x509::DistinguishedName;
use yinqiao_protocol::HolderId;
use yinqiao_protocol::holder::{Enterprise, Holder, HolderKind};

use super::{SubjectError, must_name};

const COMPANY: &str = "闽江建设(集团)有限公司";
const CODE: &str = "91350100M000100Y43";
const OTHER_CODE: &str = "91350100M000200Y4T";

fn holder(kind: HolderKind, name: &str, company: Option<&str>) -> Holder {
    let enterprise =
        company.map(|name| Enterprise { name: name.into(), unified_social_credit_code: CODE.into() });
    Holder { id: HolderId::random(), kind, name: name.into(), enterprise }
}

fn person(name: &str) -> Holder {
    holder(HolderKind::Person, name, None)
}

fn employee() -> Holder {
    holder(HolderKind::Person, "王小明", Some(COMPANY))
}

fn company() -> Holder {
    holder(HolderKind::LegalPerson, "陈建国", Some(COMPANY))
}

/// A name from pairs such as `("CN", "王小明")`.
fn name(attributes: &[(&str, &str)]) -> DistinguishedName {
    let begun = DistinguishedName::builder().country("CN");
    let built = attributes.iter().fold(begun, |name, (attribute, value)| match *attribute {
        "CN" => name.common_name(value),
        "O" => name.organization(value),
        "OU" => name.organizational_unit(value),
        "serialNumber" => name.serial_number(value),
        other => panic!("{other}"),
    });
    built.build().unwrap()
}

fn checked(attributes: &[(&str, &str)], holder: &Holder) -> Result<(), SubjectError> {
    let issuer = name(&[("O", "Harbour CA"), ("CN", "Harbour Issuing CA")]);
    must_name(&name(attributes), &issuer, holder)
}

#[test]
fn a_persons_certificate_is_taken_however_the_ca_writes_the_name() {
    for common_name in [
        "王小明",
        " 王小明 ",
        "王 小明",
        "051@王小明@Z3501021990@1",
        "王小明(350102199001010014)",
        "王小明-0012",
    ] {
        assert_eq!(checked(&[("CN", common_name)], &person("王小明")), Ok(()), "{common_name}");
    }
    for (written, held) in [
        ("LI WEI", "Li Wei"),
        ("Ｌｉ　Ｗｅｉ", "Li Wei"),
        ("买买提・吐尔逊", "买买提·吐尔逊"),
        ("Jean-Paul", "Jean-Paul"),
    ] {
        assert_eq!(checked(&[("CN", written)], &person(held)), Ok(()), "{written}");
    }
}

#[test]
fn another_persons_name_is_never_taken() {
    for common_name in [
        "王小",
        "王小明明",
        "李王小明",
        "王大明",
        "王小明@李四",
        "王小明 LI",
        "王小明@LI4",
        "1",
        "yinqiao-phone",
        "王小明@",
    ] {
        let expected = if common_name == "王小明@" { Ok(()) } else { Err(SubjectError::Name) };
        assert_eq!(checked(&[("CN", common_name)], &person("王小明")), expected, "{common_name}");
    }
    assert_eq!(checked(&[("O", "Harbour CA")], &person("王小明")), Err(SubjectError::Name));
    let both = [("CN", "王小明"), ("CN", "李四")];
    assert_eq!(checked(&both, &person("王小明")), Err(SubjectError::Name));
}

#[test]
fn a_company_may_stand_as_common_name_or_as_organization_beside_its_legal_person() {
    let placed: [&[(&str, &str)]; 5] = [
        &[("O", COMPANY), ("CN", COMPANY), ("serialNumber", CODE)],
        &[("CN", "闽江建设（集团）有限公司"), ("OU", CODE)],
        &[("O", COMPANY), ("CN", "陈建国")],
        &[("O", COMPANY)],
        &[
            ("O", "Harbour CA"),
            ("OU", "Enterprises"),
            ("CN", "041@闽江建设(集团)有限公司@N91350100M000100Y43@1"),
        ],
    ];
    for attributes in placed {
        assert_eq!(checked(attributes, &company()), Ok(()), "{attributes:?}");
    }
    assert_eq!(checked(&[("CN", "陈建国")], &company()), Err(SubjectError::Name));
}

#[test]
fn an_employees_certificate_names_the_person_and_no_other_company() {
    assert_eq!(checked(&[("CN", "王小明")], &employee()), Ok(()));
    assert_eq!(checked(&[("O", COMPANY), ("OU", CODE), ("CN", "王小明")], &employee()), Ok(()));
    assert_eq!(checked(&[("O", COMPANY), ("CN", COMPANY)], &employee()), Err(SubjectError::Name));
    for organization in ["榕城贸易有限公司", "闽江建设(集团)有限公司(福州分公司)", "闽江建设(集团)有限公司二"]
    {
        let attributes = [("O", organization), ("CN", "王小明")];
        assert_eq!(checked(&attributes, &employee()), Err(SubjectError::Organization), "{organization}");
    }
    let of_a_company = [("O", COMPANY), ("CN", "王小明")];
    assert_eq!(checked(&of_a_company, &person("王小明")), Err(SubjectError::Organization));
}

#[test]
fn another_companys_credit_code_is_never_taken_wherever_it_stands() {
    for written in [OTHER_CODE.to_owned(), format!("NTRCN-{OTHER_CODE}"), format!("N{OTHER_CODE}")] {
        for attribute in ["serialNumber", "OU"] {
            let attributes = [("O", COMPANY), ("CN", COMPANY), (attribute, written.as_str())];
            assert_eq!(checked(&attributes, &company()), Err(SubjectError::CreditCode), "{written}");
        }
    }
    let decorated = format!("{COMPANY}@N{OTHER_CODE}");
    assert_eq!(checked(&[("CN", &decorated)], &company()), Err(SubjectError::CreditCode));
    assert_eq!(checked(&[("CN", "王小明"), ("OU", CODE)], &person("王小明")), Err(SubjectError::CreditCode));
}

#[test]
fn a_resident_number_that_passes_for_a_credit_code_is_none() {
    // Found by search: its last digit is the check character of both numberings.
    let number = "110101199003070396";
    let attributes = [("CN", "王小明"), ("serialNumber", number)];
    assert_eq!(checked(&attributes, &person("王小明")), Ok(()));
}
