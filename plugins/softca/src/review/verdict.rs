//! What operators' decisions come to.

use std::collections::BTreeSet;

use yinqiao_gm::{sm2, sm3};
use yinqiao_protocol::consent::{Consent, ConsentText, OperatorKey, OperatorName, Operators};

use super::Matter;
use crate::record::DecisionRecord;

/// What decisions come to.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Consents that count, each of another operator.
    pub(crate) consents: Vec<Consent>,
    /// An operator who refused, and why.
    pub(crate) rejection: Option<(OperatorName, String)>,
}

/// Counts the decisions that are signed by the keys of `operators` for this very matter.
pub(crate) fn judge(operators: &[OperatorKey], matter: &Matter, decisions: &[DecisionRecord]) -> Verdict {
    let mut verdict = Verdict::default();
    let Ok(known) = Operators::new(operators, 0) else { return verdict };
    let mut counted = BTreeSet::new();
    for decision in decisions {
        let name = &decision.consent.operator;
        match &decision.rejection {
            Some(reason) => {
                let text = rejection_text(&matter.text, reason);
                if verdict.rejection.is_none() && known.verify(&text, &decision.consent).is_ok() {
                    verdict.rejection = Some((name.clone(), reason.clone()));
                }
            }
            None => {
                let holds = known.verify(&matter.text, &decision.consent).is_ok();
                if holds && !matter.involves(operators, name) && counted.insert(name.clone()) {
                    verdict.consents.push(decision.consent.clone());
                }
            }
        }
    }
    verdict
}

impl Matter {
    /// Whether it is about this operator.
    pub(crate) fn involves(&self, operators: &[OperatorKey], name: &OperatorName) -> bool {
        let key = operators.iter().find(|operator| operator.name == *name);
        let key = key.and_then(|operator| sm2::PublicKey::from_spki_der(operator.public_key.as_slice()).ok());
        key.is_some_and(|key| self.involved.contains(&key))
    }
}

/// What an operator signs who refuses.
pub(crate) fn rejection_text(text: &ConsentText, reason: &str) -> ConsentText {
    let mut text = text.clone();
    text.action = format!("refuse to {}", text.action);
    text.summary.insert("reason".to_owned(), reason.to_owned());
    text
}

/// The file name of an operator's decision.
pub(crate) fn decision_name(token: &str, operator: &OperatorName) -> String {
    let digest = sm3::digest(operator.as_str().as_bytes()).to_string();
    format!("{token}-{}", &digest[..32])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use yinqiao_protocol::{Base64, Sm3Hex, Timestamp};

    use super::*;

    fn matter(involved: Vec<sm2::PublicKey>) -> Matter {
        let text = ConsentText {
            action: "issue a seal".into(),
            subject: "公章".into(),
            summary: BTreeMap::new(),
            content_sm3: Sm3Hex::of(b"request"),
            request: "token".into(),
            expires_at: Timestamp::from_millis(1000),
        };
        Matter { text, involved }
    }

    fn name(text: &str) -> OperatorName {
        text.to_owned().try_into().unwrap()
    }

    fn operator(text: &str, key: &sm2::PrivateKey) -> OperatorKey {
        OperatorKey { name: name(text), public_key: Base64(key.public_key().to_spki_der().unwrap()) }
    }

    fn decision(text: &ConsentText, who: &str, key: &sm2::PrivateKey, no: Option<&str>) -> DecisionRecord {
        let consent = Consent::sign(text, name(who), key).unwrap();
        DecisionRecord { consent, rejection: no.map(str::to_owned), at_ms: 1 }
    }

    #[test]
    fn an_operator_counts_once_and_not_where_it_is_about_that_operator() {
        let keys = [(); 2].map(|()| sm2::PrivateKey::generate().unwrap());
        let operators = [operator("one", &keys[0]), operator("two", &keys[1])];
        let about_two = matter(vec![keys[1].public_key().clone()]);
        let yes = |who: &str, key| decision(&about_two.text, who, key, None);
        let decisions = [yes("one", &keys[0]), yes("one", &keys[0]), yes("two", &keys[1])];
        assert_eq!(judge(&operators, &about_two, &decisions).consents.len(), 1);
        assert_eq!(judge(&operators, &matter(Vec::new()), &decisions).consents.len(), 2);
    }

    #[test]
    fn a_rejection_counts_by_its_own_signature_with_its_own_reason() {
        let key = sm2::PrivateKey::generate().unwrap();
        let operators = [operator("one", &key)];
        let matter = matter(Vec::new());
        let refusal = rejection_text(&matter.text, "the picture is another company's");
        let signed = decision(&refusal, "one", &key, Some("the picture is another company's"));
        assert!(judge(&operators, &matter, std::slice::from_ref(&signed)).rejection.is_some());
        let forged = DecisionRecord { rejection: Some("because".into()), ..signed.clone() };
        let turned = DecisionRecord { rejection: None, ..signed };
        let consent = decision(&matter.text, "one", &key, Some("no"));
        let verdict = judge(&operators, &matter, &[forged, turned, consent]);
        assert!(verdict.rejection.is_none() && verdict.consents.is_empty());
    }
}
