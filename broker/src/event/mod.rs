//! Who hears of events in this process: websockets, and requests that wait.

use std::sync::Arc;

use actix::Recipient;
use actix::prelude::Message;
use dashmap::DashMap;
use tokio::sync::Notify;
use uuid::Uuid;

use yinqiao_protocol::event::Event;
use yinqiao_protocol::{OpeningId, RelyingPartyId, SessionId};

use crate::store::{EventSink, EventsOf};

/// An event on its way to a websocket.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct Deliver(pub Arc<Event>);

/// Passes events on, in the order in which the store publishes them.
#[derive(Default)]
pub struct EventHub {
    by_session: DashMap<SessionId, Vec<Subscriber>>,
    by_relying_party: DashMap<RelyingPartyId, Vec<Subscriber>>,
}

struct Subscriber {
    id: Uuid,
    opening: Option<OpeningId>,
    target: Target,
}

enum Target {
    /// Gets every event until its bounded mailbox is full; then it is dropped, and its socket closes itself.
    Socket { deliver: Recipient<Deliver>, overrun: Arc<std::sync::atomic::AtomicBool> },
    /// Is woken and reads the store.
    Waiter(Arc<Notify>),
}

/// Ends its subscription when dropped.
pub struct Subscription {
    hub: Arc<EventHub>,
    id: Uuid,
    relying_party: RelyingPartyId,
    of: EventsOf,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.remove(&self.relying_party, self.of, self.id);
    }
}

impl EventHub {
    /// Sends events to a websocket from now on. `overrun` is set when its mailbox was full and it gets no more: it has
    /// missed events and must come back with `after=N`.
    pub fn subscribe_socket(
        self: &Arc<Self>,
        relying_party: &RelyingPartyId,
        of: EventsOf,
        deliver: Recipient<Deliver>,
        overrun: Arc<std::sync::atomic::AtomicBool>,
    ) -> Subscription {
        self.subscribe(relying_party, of, Target::Socket { deliver, overrun })
    }

    /// Wakes a waiting request at each event from now on.
    pub fn subscribe_waiter(
        self: &Arc<Self>,
        relying_party: &RelyingPartyId,
        of: EventsOf,
    ) -> (Subscription, Arc<Notify>) {
        let notify = Arc::new(Notify::new());
        (self.subscribe(relying_party, of, Target::Waiter(Arc::clone(&notify))), notify)
    }

    fn subscribe(
        self: &Arc<Self>,
        relying_party: &RelyingPartyId,
        of: EventsOf,
        target: Target,
    ) -> Subscription {
        let id = Uuid::new_v4();
        match of {
            EventsOf::Session(session) => {
                let subscriber = Subscriber { id, opening: None, target };
                self.by_session.entry(session).or_default().push(subscriber);
            }
            EventsOf::RelyingParty | EventsOf::Opening(_) => {
                let opening = if let EventsOf::Opening(opening) = of { Some(opening) } else { None };
                let subscriber = Subscriber { id, opening, target };
                self.by_relying_party.entry(relying_party.clone()).or_default().push(subscriber);
            }
        }
        Subscription { hub: Arc::clone(self), id, relying_party: relying_party.clone(), of }
    }

    fn remove(&self, relying_party: &RelyingPartyId, of: EventsOf, id: Uuid) {
        match of {
            EventsOf::Session(session) => remove_from(&self.by_session, &session, id),
            EventsOf::RelyingParty | EventsOf::Opening(_) => {
                remove_from(&self.by_relying_party, relying_party, id);
            }
        }
    }
}

fn remove_from<K: Eq + std::hash::Hash>(map: &DashMap<K, Vec<Subscriber>>, key: &K, id: Uuid) {
    if let Some(mut subscribers) = map.get_mut(key) {
        subscribers.retain(|subscriber| subscriber.id != id);
    }
    map.remove_if(key, |_, subscribers| subscribers.is_empty());
}

fn deliver_to(subscribers: &mut Vec<Subscriber>, event: &Arc<Event>) {
    subscribers.retain(|subscriber| {
        if subscriber.opening.is_some() && subscriber.opening != event.opening {
            return true;
        }
        match &subscriber.target {
            Target::Waiter(notify) => {
                notify.notify_one();
                true
            }
            Target::Socket { deliver, overrun } => {
                let taken = deliver.try_send(Deliver(Arc::clone(event))).is_ok();
                if !taken {
                    overrun.store(true, std::sync::atomic::Ordering::Release);
                }
                taken
            }
        }
    });
}

impl EventSink for EventHub {
    fn publish(&self, relying_party: &RelyingPartyId, event: Arc<Event>) {
        if let Some(mut subscribers) = self.by_session.get_mut(&event.session) {
            deliver_to(&mut subscribers, &event);
        }
        if let Some(mut subscribers) = self.by_relying_party.get_mut(relying_party) {
            deliver_to(&mut subscribers, &event);
        }
    }
}
