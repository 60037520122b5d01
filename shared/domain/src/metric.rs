//! What is measured: the one list of metrics.

use std::fmt;

/// A number that a function tells, added up by the deployment's monitoring.
///
/// Every metric has one name, one unit and at most one dimension, whose values are few and known: never an organisation,
/// a person or an id, as each value is a series of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Top-ups, by what became of them.
    TopUps,
    /// Credits given for payments.
    CreditsGranted,
    /// Credits taken back, by the kind of entry.
    CreditsTakenBack,
    /// Takings back that left a balance's main shard owing credits; where debits are spread, other shards may have them.
    Debts,
    /// From the payment, as the provider dates it, to the credits.
    PaymentToCredit,
    /// Payments credited without an event having told of them: events do not arrive.
    CreditedUnheard,
    /// Debits, by result.
    Debits,
    /// Credits spent on new debits.
    CreditsSpent,
    /// Debits whose sender died between its two writes, finished by somebody else.
    DebitsRepaired,
    /// Times that credits were moved between the shards of one balance.
    Rebalances,
    /// Refused requests, by problem code.
    Refusals,
    /// Deliveries to the webhook, by outcome.
    Webhooks,
    /// Messages to the worker, by outcome.
    Messages,
    /// Calls to the payment provider, by method and path; `held` are those that were not made, as it answers nobody.
    ProviderCalls,
    /// Calls that the provider did not answer clearly, by method and path.
    ProviderErrors,
    /// How long the provider took, by method and path.
    ProviderTime,
    /// How long messages have waited that are put off, as the provider answers nobody.
    CreditWaiting,
    /// Calls that the table did not answer or refused as wrong.
    TableErrors,
    /// Top-ups that cleanup could not compare.
    CleanupFailures,
    /// Records that did not fit together, by what was done about them.
    Differences,
    /// By how many credits balances are off what their entries say, all together.
    Drift,
    /// Processes started, by function.
    ColdStarts,
}

/// What a metric's numbers are, in the words of CloudWatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Count,
    Milliseconds,
}

/// The target of the events that carry a metric.
pub const METRICS: &str = "metric";

/// Tells `$amount` (an `i64`) of a [`Metric`], for `$of` if the metric has a dimension. It needs the crate `tracing`.
#[macro_export]
macro_rules! measure {
    ($metric:expr, $amount:expr) => {
        $crate::measure!($metric, $amount, "")
    };
    ($metric:expr, $amount:expr, $of:expr) => {{
        let (metric, amount): ($crate::Metric, i64) = ($metric, $amount);
        let of: &str = $of;
        ::tracing::info!(target: "metric", metric = metric.name(), amount, of)
    }};
}

impl Metric {
    pub const ALL: [Metric; 22] = [
        Metric::TopUps,
        Metric::CreditsGranted,
        Metric::CreditsTakenBack,
        Metric::Debts,
        Metric::PaymentToCredit,
        Metric::CreditedUnheard,
        Metric::Debits,
        Metric::CreditsSpent,
        Metric::DebitsRepaired,
        Metric::Rebalances,
        Metric::Refusals,
        Metric::Webhooks,
        Metric::Messages,
        Metric::ProviderCalls,
        Metric::ProviderErrors,
        Metric::ProviderTime,
        Metric::CreditWaiting,
        Metric::TableErrors,
        Metric::CleanupFailures,
        Metric::Differences,
        Metric::Drift,
        Metric::ColdStarts,
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Metric::TopUps => "TopUps",
            Metric::CreditsGranted => "CreditsGranted",
            Metric::CreditsTakenBack => "CreditsTakenBack",
            Metric::Debts => "Debts",
            Metric::PaymentToCredit => "PaymentToCredit",
            Metric::CreditedUnheard => "CreditedUnheard",
            Metric::Debits => "Debits",
            Metric::CreditsSpent => "CreditsSpent",
            Metric::DebitsRepaired => "DebitsRepaired",
            Metric::Rebalances => "Rebalances",
            Metric::Refusals => "Refusals",
            Metric::Webhooks => "Webhooks",
            Metric::Messages => "Messages",
            Metric::ProviderCalls => "ProviderCalls",
            Metric::ProviderErrors => "ProviderErrors",
            Metric::ProviderTime => "ProviderTime",
            Metric::CreditWaiting => "CreditWaiting",
            Metric::TableErrors => "TableErrors",
            Metric::CleanupFailures => "CleanupFailures",
            Metric::Differences => "Differences",
            Metric::Drift => "Drift",
            Metric::ColdStarts => "ColdStarts",
        }
    }

    /// The metric with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Metric> {
        Metric::ALL.into_iter().find(|metric| metric.name() == name)
    }

    #[must_use]
    pub fn unit(self) -> Unit {
        match self {
            Metric::PaymentToCredit | Metric::ProviderTime | Metric::CreditWaiting => Unit::Milliseconds,
            Metric::TopUps
            | Metric::CreditsGranted
            | Metric::CreditsTakenBack
            | Metric::Debts
            | Metric::CreditedUnheard
            | Metric::Debits
            | Metric::CreditsSpent
            | Metric::DebitsRepaired
            | Metric::Rebalances
            | Metric::Refusals
            | Metric::Webhooks
            | Metric::Messages
            | Metric::ProviderCalls
            | Metric::ProviderErrors
            | Metric::TableErrors
            | Metric::CleanupFailures
            | Metric::Differences
            | Metric::Drift
            | Metric::ColdStarts => Unit::Count,
        }
    }

    /// What it is told for, if for anything.
    #[must_use]
    pub fn dimension(self) -> Option<&'static str> {
        match self {
            Metric::TopUps | Metric::Webhooks | Metric::Messages | Metric::Differences => Some("outcome"),
            Metric::CreditsTakenBack => Some("kind"),
            Metric::Debits => Some("result"),
            Metric::Refusals => Some("code"),
            Metric::ProviderCalls | Metric::ProviderErrors | Metric::ProviderTime => Some("call"),
            Metric::ColdStarts => Some("function"),
            Metric::CreditsGranted
            | Metric::Debts
            | Metric::PaymentToCredit
            | Metric::CreditedUnheard
            | Metric::CreditsSpent
            | Metric::DebitsRepaired
            | Metric::Rebalances
            | Metric::CreditWaiting
            | Metric::TableErrors
            | Metric::CleanupFailures
            | Metric::Drift => None,
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unit::Count => "Count",
            Unit::Milliseconds => "Milliseconds",
        })
    }
}
