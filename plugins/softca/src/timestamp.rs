//! The timestamp authority (RFC 3161, with SM3 and SM2).
//!
//! A token's serial number is random: 159 bits repeat neither between processes nor after a kill, and, unlike a counter,
//! not after a directory was restored from a backup either.

use std::sync::{Mutex, PoisonError};

use yinqiao_ca_sdk::messages::{DerRequest, DerResponse};
use yinqiao_ca_sdk::{AdapterError, Call, LogLevel};
use yinqiao_gm::tsp::{
    Accuracy, FailureInfo, PreciseTime, TimeStampRequest, TimeStampResponse, TimeStampToken, TokenBuilder,
};
use yinqiao_gm::x509::SerialNumber;

use crate::adapter::Instance;
use crate::authority::own;
use crate::configuration::object_identifier;
use crate::delegate::Delegate;

const CLOCK_WENT_BACK: u32 = 2;

/// How far the time may be off; clocks are kept by NTP.
const ACCURACY_MS: u64 = 1000;

/// The wall clock as this process stamps it, which never goes backwards.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    /// The last time that was stamped. A lock of the standard library: it guards one number.
    last_ms: Mutex<u64>,
}

impl Clock {
    /// The time to stamp at `now_ms`. Within the accuracy a clock that was set back waits; beyond it, None: a stamp would
    /// either contradict earlier ones or lie in the future.
    fn tick(&self, now_ms: u64) -> Option<PreciseTime> {
        let mut last = self.last_ms.lock().unwrap_or_else(PoisonError::into_inner);
        if last.saturating_sub(now_ms) > ACCURACY_MS {
            return None;
        }
        *last = now_ms.max(*last);
        let nanoseconds = (*last % 1000) as u32 * 1_000_000;
        Some(PreciseTime { seconds: (*last / 1000) as i64, nanoseconds })
    }
}

impl Instance {
    /// Answers a request. What is wrong with the request the response says, as the RFC has it.
    pub(crate) fn timestamp(
        &self,
        call: &Call<'_>,
        request: &DerRequest,
    ) -> Result<DerResponse, AdapterError> {
        let response = match TimeStampRequest::from_der(request.request.as_bytes()) {
            Ok(request) => self.stamp(call, &request)?,
            Err(error) => TimeStampResponse::rejection(error.failure(), &error.to_string()).map_err(own)?,
        };
        Ok(DerResponse { response: response.der().to_vec().into() })
    }

    fn stamp(&self, call: &Call<'_>, request: &TimeStampRequest) -> Result<TimeStampResponse, AdapterError> {
        let policy =
            object_identifier(&self.configuration.timestamp_policy).map_err(AdapterError::permanent)?;
        let authority = self.delegate(call, Delegate::TimestampAuthority)?;
        let Some(time) = self.clock.tick(call.host().now_ms()) else {
            let event = serde_json::json!({"event": "clock went back", "timestamps": "refused"});
            call.host().log(LogLevel::Error, CLOCK_WENT_BACK, &event);
            let text = "the clock of the authority went backwards";
            return TimeStampResponse::rejection(FailureInfo::TimeNotAvailable, text).map_err(own);
        };
        let serial = SerialNumber::generate().map_err(own)?;
        let builder = match TokenBuilder::new(request, policy, serial, time) {
            Ok(builder) => builder,
            Err(error) => {
                return TimeStampResponse::rejection(error.failure(), &error.to_string()).map_err(own);
            }
        };
        let token: TimeStampToken = builder
            .accuracy(Accuracy { seconds: (ACCURACY_MS / 1000) as u32, ..Accuracy::default() })
            .certificate(self.authority.issuing.certificate.as_any())
            .sign(&authority.certificate, &authority.key)
            .map_err(own)?;
        TimeStampResponse::granted(&token).map_err(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_back_a_little_waits_and_one_that_was_set_back_far_stamps_nothing() {
        let clock = Clock::default();
        let at = |milliseconds: u64| PreciseTime {
            seconds: (milliseconds / 1000) as i64,
            nanoseconds: (milliseconds % 1000) as u32 * 1_000_000,
        };
        assert_eq!(clock.tick(10_250), Some(at(10_250)));
        assert_eq!(clock.tick(9_300), Some(at(10_250)));
        assert_eq!(clock.tick(9_249), None);
        assert_eq!(clock.tick(10_251), Some(at(10_251)));
    }
}
