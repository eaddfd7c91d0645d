//! What can be ordered now.

use yinqiao_lifecycle::money::Fen;
use yinqiao_lifecycle::offer::{Offer, Term};

use crate::broker::Broker;

/// The platform of orders where the configuration offers nothing by name.
const DEFAULT_PLATFORM: &str = "default";
/// Days of a certificate there.
const DEFAULT_DAYS: u32 = 365;

/// What the configuration offers at CAs that are there; where it offers nothing, a free certificate for a year at each CA.
pub(crate) fn offers(broker: &Broker) -> Vec<Offer> {
    let authorities = broker.authorities.all();
    let is_there = |name: &str| authorities.iter().any(|authority| authority.name() == name);
    let configured = &broker.offers.offer;
    if !configured.is_empty() {
        return configured.iter().filter(|offer| is_there(&offer.certificate_authority)).cloned().collect();
    }
    authorities
        .iter()
        .map(|authority| Offer {
            platform: DEFAULT_PLATFORM.to_owned(),
            platform_name: DEFAULT_PLATFORM.to_owned(),
            certificate_authority: authority.name().to_owned(),
            product: None,
            holders: Default::default(),
            signing_only: false,
            term: vec![Term { days: DEFAULT_DAYS, fee: Fen::ZERO }],
        })
        .collect()
}
