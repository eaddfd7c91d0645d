//! What a new user gives.

use std::fmt;

use yinqiao_lifecycle::identity::PhoneNumber;
use zeroize::Zeroizing;

use super::{Enterprise, Password, User, UserKind, UserName};
use crate::refusal::{Field, Refusal};

/// The texts as they come in, from a page or the JSON API.
pub struct RegistrationFields {
    /// For whom they will act.
    pub user_kind: UserKind,
    /// See [`UserName`].
    pub user_name: String,
    /// See [`Password::chosen`].
    pub password: Zeroizing<String>,
    /// The number that the code went to.
    pub phone_number: String,
    /// The code.
    pub code: Zeroizing<String>,
    /// Of a legal person only.
    pub enterprise_name: Option<String>,
    /// Of a legal person only.
    pub enterprise_code: Option<String>,
}

/// The same, checked as far as that is possible without knowing the other accounts.
#[derive(Debug)]
pub struct Registration {
    /// For whom they will act.
    pub user: User,
    /// New.
    pub user_name: UserName,
    /// New.
    pub password: Password,
    /// To be confirmed.
    pub phone: PhoneNumber,
}

impl Registration {
    /// Checks each text by its rule; passwords have `shortest_password` characters or more.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], for the first that breaks it.
    pub fn check(fields: &RegistrationFields, shortest_password: usize) -> Result<Self, Refusal> {
        let user_name: UserName = fields.user_name.parse()?;
        let password = Password::chosen(fields.password.clone(), shortest_password, &user_name)?;
        let phone = fields.phone_number.parse().map_err(|rule| Refusal::invalid(Field::PhoneNumber, rule))?;
        let user = match (fields.user_kind, &fields.enterprise_name, &fields.enterprise_code) {
            (UserKind::Person, None, None) => User::Person,
            (UserKind::Person, ..) => {
                return Err(Refusal::invalid(
                    Field::EnterpriseCode,
                    "only a legal-person user gives an enterprise",
                ));
            }
            (UserKind::LegalPerson, name, code) => User::LegalPerson(Enterprise {
                name: name_rule(Field::EnterpriseName, name.as_deref().unwrap_or_default())?,
                code: code
                    .as_deref()
                    .unwrap_or_default()
                    .parse()
                    .map_err(|rule| Refusal::invalid(Field::EnterpriseCode, rule))?,
            }),
        };
        Ok(Self { user, user_name, password, phone })
    }
}

impl fmt::Debug for RegistrationFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistrationFields").field("user_name", &self.user_name).finish_non_exhaustive()
    }
}

/// A name of a person or an enterprise: 2 to 100 characters, no controls, no space at either end.
///
/// # Errors
/// [`Refusal::Invalid`] for `field`.
pub fn name_rule(field: Field, text: &str) -> Result<String, Refusal> {
    let fits = (2..=100).contains(&text.chars().count())
        && !text.chars().any(char::is_control)
        && text.trim() == text;
    if fits {
        Ok(text.to_owned())
    } else {
        Err(Refusal::invalid(field, "2 to 100 characters without spaces at its ends"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(user_kind: UserKind) -> RegistrationFields {
        RegistrationFields {
            user_kind,
            user_name: "zhangsan".to_owned(),
            password: "four words beside each other".to_owned().into(),
            phone_number: "13812345678".to_owned(),
            code: "123456".to_owned().into(),
            enterprise_name: None,
            enterprise_code: None,
        }
    }

    #[test]
    fn a_person_gives_no_enterprise_and_a_legal_person_a_valid_one() {
        assert!(Registration::check(&fields(UserKind::Person), 15).is_ok());
        assert!(Registration::check(&fields(UserKind::LegalPerson), 15).is_err());
        let with = |kind, code: &str| RegistrationFields {
            enterprise_name: Some("福建某建设有限公司".to_owned()),
            enterprise_code: Some(code.to_owned()),
            ..fields(kind)
        };
        let checked =
            |kind, code| Registration::check(&with(kind, code), 15).map(|registration| registration.user);
        assert!(matches!(checked(UserKind::LegalPerson, "91350100M000100Y43"), Ok(User::LegalPerson(_))));
        assert!(checked(UserKind::LegalPerson, "91350100M000100Y44").is_err());
        assert!(checked(UserKind::Person, "91350100M000100Y43").is_err());
    }

    #[test]
    fn names_have_two_characters_or_more_and_no_controls() {
        assert!(name_rule(Field::Name, "欧阳 修").is_ok());
        for text in ["", "张", " 张三", "张\n三"] {
            assert!(name_rule(Field::Name, text).is_err(), "{text}");
        }
    }
}
