//! Reminders that a certificate ends: 30, 7 and 1 days before.

use serde::{Deserialize, Serialize};

use yinqiao_protocol::{MessageId, Timestamp};

use crate::actor::Actor;
use crate::audit::AuditNote;
use crate::certificate::{Facts, Standing, Status};
use crate::job::{Job, JobKind};
use crate::step::Step;

#[cfg(test)]
mod tests;

const MILLIS_PER_DAY: i64 = 86_400_000;

/// One of the three, from the earliest to the most urgent.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reminder {
    /// 30 days before.
    ThirtyDays,
    /// 7 days before.
    SevenDays,
    /// 1 day before.
    OneDay,
}

/// What was sent of them.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Reminders {
    /// The most urgent one that was sent: it and all before it are not sent any more.
    last: Option<Reminder>,
}

impl Reminder {
    /// From the earliest to the most urgent.
    pub const ALL: [Self; 3] = [Self::ThirtyDays, Self::SevenDays, Self::OneDay];

    /// How many days before the end.
    #[must_use]
    pub fn days(self) -> u32 {
        match self {
            Self::ThirtyDays => 30,
            Self::SevenDays => 7,
            Self::OneDay => 1,
        }
    }

    /// From when on it is due for a certificate that ends then.
    #[must_use]
    pub fn moment(self, not_after: Timestamp) -> Timestamp {
        Timestamp::from_millis(not_after.millis() - i64::from(self.days()) * MILLIS_PER_DAY)
    }
}

impl Reminders {
    /// Whether none was sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// The most urgent one that was sent.
    #[must_use]
    pub fn last(&self) -> Option<Reminder> {
        self.last
    }
}

impl Standing {
    /// The reminder that is due now: the most urgent whose moment has come, once. None for a certificate that is suspended,
    /// revoked, hidden, over or replaced, and none whose moment had passed when the certificate was issued.
    #[must_use]
    pub fn due_reminder(&self, facts: &Facts, now: Timestamp) -> Option<Reminder> {
        if self.status(facts, now) != Status::Active {
            return None;
        }
        self.open_reminders(facts).filter(|(_, moment)| *moment <= now).map(|(reminder, _)| reminder).last()
    }

    /// When a reminder is due next, if nothing happens to the certificate until then: when to look at it again.
    #[must_use]
    pub fn next_reminder_at(&self, facts: &Facts, now: Timestamp) -> Option<Timestamp> {
        if self.is_revoked() || facts.has_expired(now) {
            return None;
        }
        self.open_reminders(facts).map(|(_, moment)| moment.max(now)).next()
    }

    /// Sends the reminder that is due, as the message of that name. `None` where none is due.
    #[must_use]
    pub fn remind(
        &self,
        facts: &Facts,
        message: MessageId,
        now: Timestamp,
    ) -> Option<(Reminder, Step<Self>)> {
        let reminder = self.due_reminder(facts, now)?;
        let next = Self { reminders: Reminders { last: Some(reminder) }, ..self.clone() };
        let note = AuditNote::new("certificate.remind", facts.subject(), &Actor::System, now)
            .with("days", reminder.days().to_string());
        Some((reminder, Step::change(next, note).with_job(Job::new(JobKind::Message(message), now))))
    }

    /// Those that were not sent and could be, with their moments, from the earliest.
    fn open_reminders(&self, facts: &Facts) -> impl Iterator<Item = (Reminder, Timestamp)> {
        let (last, issued_at, not_after) = (self.reminders.last, facts.issued_at, facts.not_after);
        let wanted = !self.is_hidden() && self.successor.is_none();
        Reminder::ALL
            .into_iter()
            .filter(move |reminder| wanted && last.is_none_or(|last| last < *reminder))
            .map(move |reminder| (reminder, reminder.moment(not_after)))
            .filter(move |(_, moment)| issued_at < *moment)
    }
}
