//! Orders for certificates, their payments and invoices.

use serde::{Deserialize, Serialize};

use crate::binary::Sm3Hex;
use crate::identifier::{OrderId, PaymentId, UserId};
use crate::timestamp::Timestamp;
use crate::token::Token;

/// What can be ordered.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OfferView {
    /// The trading platform.
    pub platform: String,
    /// What people call it.
    pub platform_name: String,
    /// Name of the CA's adapter.
    pub certificate_authority: String,
    /// What the CA calls the product, where it has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Whether nothing can be encrypted for it.
    pub signing_only: bool,
    /// For how long, and for how much.
    pub terms: Vec<TermView>,
}

/// How long a certificate is valid, and what that costs.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TermView {
    /// Days.
    pub days: u32,
    /// In 分, a hundredth of a yuan, before any rule that makes it free.
    pub fee_fen: u64,
}

/// Makes an order.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderRequest {
    /// As offered.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 32))]
    pub platform: String,
    /// As offered.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64))]
    pub certificate_authority: String,
    /// As offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 64))]
    pub product: Option<String>,
    /// As offered.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1825))]
    pub days: u32,
    /// 统一社会信用代码 of the company that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enterprise: Option<String>,
    /// SM3 of the certificate that it renews: the same phone, from 90 days before its end to 30 days after it, where the
    /// trading centre sets nothing else. One order at a time comes in a certificate's place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renews: Option<Sm3Hex>,
    /// SM3 of the certificate in whose place it comes, since its phone or PIN is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Sm3Hex>,
}

/// An order.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrderView {
    /// Names it.
    pub order: OrderId,
    /// `applied`, `awaiting_payment`, `paid`, `ready`, `issuing`, `issued`, `rejected`, `cancelled`, `expired` or `failed`.
    pub state: String,
    /// Why it was rejected or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it expires where nothing happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Who ordered.
    pub applicant: UserId,
    /// The applicant's masked name.
    pub applicant_name: String,
    /// For which company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enterprise: Option<String>,
    /// The trading platform.
    pub platform: String,
    /// Name of the CA's adapter.
    pub certificate_authority: String,
    /// What the CA calls the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Days of validity.
    pub days: u32,
    /// The certificate that it renews or replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_place_of: Option<Sm3Hex>,
    /// Who has to agree: `nobody`, `legal_person` or `operator`.
    pub approver: String,
    /// What has to be paid, in 分.
    pub amount_fen: u64,
    /// The rule by which it is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_by: Option<String>,
    /// When it was made.
    pub applied_at: Timestamp,
    /// When it was approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_at: Option<Timestamp>,
    /// The payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentView>,
    /// The invoice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice: Option<InvoiceView>,
    /// SM3 of the certificate that came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Sm3Hex>,
}

/// A payment.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PaymentView {
    /// Stands in the picture that is scanned.
    pub payment: PaymentId,
    /// What the picture says.
    pub text: String,
    /// `awaited`, `paid`, `closed`, `refund_due` or `refunded`.
    pub state: String,
    /// References of payments that are to be given back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds_due: Vec<String>,
}

/// An invoice.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InvoiceView {
    /// `requested`, `issued` or `failed`.
    pub state: String,
    /// 发票号码
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Asks for an invoice.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewInvoice {
    /// 发票抬头
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 100))]
    pub title: String,
    /// 纳税人识别号; none for a person's invoice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9A-Z]{15,20}$"))]
    pub tax_number: Option<String>,
    /// Where it is sent to.
    #[cfg_attr(feature = "openapi", schema(max_length = 254))]
    pub mail: String,
}

/// What a phone downloads an ordered certificate with, at `POST /v1/phone/enrolments`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DownloadCode {
    /// The code: for one request of one phone of the applicant's.
    pub code: Token,
    /// The code is void then.
    pub expires_at: Timestamp,
}

/// An operator has seen money come, or given it back.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentConfirmation {
    /// What bank or provider calls the payment.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[!-~]{1,64}$"))]
    pub reference: String,
    /// How much has come or was given back, in 分.
    pub amount_fen: u64,
}
