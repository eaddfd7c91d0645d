//! Why the provider does not do what a user asks for.

use yinqiao_lifecycle::identity::AssuranceLevel;

use crate::store::StoreError;
use crate::throttle::Wait;

/// A value that a user gives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Field {
    /// The user name.
    UserName,
    /// The password.
    Password,
    /// The telephone number.
    PhoneNumber,
    /// The code that came to the phone.
    Code,
    /// The person's name.
    Name,
    /// 公民身份号码
    IdNumber,
    /// The enterprise's name.
    EnterpriseName,
    /// 统一社会信用代码
    EnterpriseCode,
    /// Personal or legal-person user.
    UserKind,
    /// The application's request for a sign-in.
    AuthorizationRequest,
}

impl Field {
    /// Its name in the JSON API and in forms.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::UserName => "user_name",
            Self::Password => "password",
            Self::PhoneNumber => "phone_number",
            Self::Code => "code",
            Self::Name => "name",
            Self::IdNumber => "id_number",
            Self::EnterpriseName => "enterprise_name",
            Self::EnterpriseCode => "enterprise_code",
            Self::UserKind => "user_kind",
            Self::AuthorizationRequest => "authorization_url",
        }
    }

    /// Its name on Chinese pages.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::UserName => "用户名",
            Self::Password => "密码",
            Self::PhoneNumber => "手机号码",
            Self::Code => "短信验证码",
            Self::Name => "姓名",
            Self::IdNumber => "身份证号码",
            Self::EnterpriseName => "企业名称",
            Self::EnterpriseCode => "统一社会信用代码",
            Self::UserKind => "用户类型",
            Self::AuthorizationRequest => "登录请求",
        }
    }
}

/// Why not. The texts are English; [`Refusal::chinese`] has the ones for the pages.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A value breaks its rule.
    #[error("{}: {rule}", field.key())]
    Invalid {
        /// Which value.
        field: Field,
        /// What it has to be.
        rule: String,
    },
    /// Someone else has it.
    #[error("{} is in use by another account: sign in to that one, or give another", .0.key())]
    Taken(Field),
    /// There is no such account with such a password.
    #[error("user name or password is wrong: check both and try again")]
    WrongPassword,
    /// The code is not the one that was sent, or too old, or was tried too often.
    #[error("the code is wrong or expired: check it, or have a new one sent")]
    WrongCode,
    /// Too many tries.
    #[error("too many tries: wait {} seconds", .0.seconds)]
    TooMany(Wait),
    /// The steps have an order.
    #[error(
        "this step leads to {step:?} and the account stands at {stands:?}: take the steps in their order, {next}"
    )]
    OutOfOrder {
        /// Where the step leads to.
        step: AssuranceLevel,
        /// Where the account stands.
        stands: AssuranceLevel,
        /// What to do now.
        next: &'static str,
    },
    /// The register or the camera says that it is someone else.
    #[error("not confirmed: {0}")]
    NotConfirmed(String),
    /// Nobody is signed in.
    #[error("nobody is signed in, or the session is over: sign in")]
    SignedOut,
    /// Something that is asked does not answer.
    #[error("{0} does not answer: try again in a minute")]
    Unavailable(&'static str),
    /// The accounts could not be written.
    #[error("the account could not be stored: try again in a minute")]
    Store(#[from] StoreError),
    /// The system has no randomness, or a hash could not be made.
    #[error("the provider cannot do this now: try again in a minute")]
    Internal(String),
}

impl Refusal {
    /// For a value that breaks a rule.
    pub fn invalid(field: Field, rule: impl ToString) -> Self {
        Self::Invalid { field, rule: rule.to_string() }
    }

    /// For the pages.
    #[must_use]
    pub fn chinese(&self) -> String {
        match self {
            Self::Invalid { field, .. } => format!("{}不符合要求，请检查后重新填写。", field.label()),
            Self::Taken(field) => format!("该{}已被其他账号使用，请登录原账号或更换。", field.label()),
            Self::WrongPassword => "用户名或密码不正确，请检查后重试。".to_owned(),
            Self::WrongCode => "验证码不正确或已过期，请检查或重新获取。".to_owned(),
            Self::TooMany(wait) => format!("操作过于频繁，请在 {} 秒后重试。", wait.seconds),
            Self::OutOfOrder { stands, .. } => {
                format!("请按顺序完成认证步骤，当前等级为 {stands:?}。")
            }
            Self::NotConfirmed(_) => "核验未通过，请检查所填信息。".to_owned(),
            Self::SignedOut => "尚未登录或登录已过期，请重新登录。".to_owned(),
            Self::Unavailable(_) | Self::Store(_) | Self::Internal(_) => {
                "服务暂时不可用，请稍后重试。".to_owned()
            }
        }
    }
}

impl From<getrandom::Error> for Refusal {
    fn from(error: getrandom::Error) -> Self {
        Self::Internal(format!("no randomness: {error}"))
    }
}

impl From<Wait> for Refusal {
    fn from(wait: Wait) -> Self {
        Self::TooMany(wait)
    }
}
