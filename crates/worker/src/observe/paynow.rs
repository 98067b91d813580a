//! What questions to `PayNow`'s API report.

use metrics::{Counter, Gauge};
use paynow_process::observe::Observable;
use paynow_process::telemetry::Values::Known;
use paynow_process::{declare_log_events, declare_metrics};
use strum::{EnumIter, IntoEnumIterator, IntoStaticStr};

declare_metrics! {
    /// questions to PayNow's API about a refund: answered, unknown, unreadable, unavailable or denied
    static QUESTIONS: Counter = "paynow_worker_api_questions_total" { result: Known(results) };
    /// 1 while PayNow's API does not answer, so that refunds wait; 0 once it has answered
    static FAILING: Gauge = "paynow_worker_api_failing" {};
}

declare_log_events! {
    Warning "api_failing": "PayNow's API does not answer, and the refunds that need it wait";
    Info "api_back": "PayNow's API answers again";
}

/// The label `result` of questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum QuestionResult {
    Answered,
    /// `PayNow` does not know the refund.
    Unknown,
    Unreadable,
    Unavailable,
    Denied,
}

fn results() -> Vec<&'static str> {
    QuestionResult::iter().map(Into::into).collect()
}

/// A question that was asked. What came of it is in the log of its event.
pub(crate) struct Asked(pub(crate) QuestionResult);

impl Observable for Asked {
    fn emit(self) {
        let result: &'static str = self.0.into();
        QUESTIONS.with([result]).increment(1);
    }
}

pub(crate) struct ApiFailing<'a> {
    pub(crate) error: &'a str,
    /// Whether it did not fail before.
    pub(crate) is_new: bool,
}

impl Observable for ApiFailing<'_> {
    fn emit(self) {
        FAILING.handle().set(1);
        if self.is_new {
            slog_scope::warn!(# "api_failing", "PayNow's API fails"; "error" => self.error);
        }
    }
}

pub(crate) struct ApiBack;

impl Observable for ApiBack {
    fn emit(self) {
        FAILING.handle().set(0);
        slog_scope::info!(# "api_back", "PayNow's API answers again");
    }
}
