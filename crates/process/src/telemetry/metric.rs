//! A metric, declared once: name, kind, labels with their values, help and buckets. The recorder, the
//! first value of every series and the table in `ops/telemetry.md` all come from the declaration.

#![expect(
    clippy::disallowed_macros,
    reason = "every series of a declared metric is registered here"
)]

use std::marker::PhantomData;

use metrics::{
    Counter, Gauge, Histogram, Label as LabelValue, SharedString, Unit, counter, describe_counter,
    describe_gauge, describe_histogram, gauge, histogram,
};

/// The name of a label and the values it can have.
pub type Label = (&'static str, Values);

/// The values of a label.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    /// All of them, known when the program is built.
    Known(fn() -> Vec<&'static str>),
    /// Known only at run time; see [`Metric::start_for`].
    AtRunTime,
}

/// The kind of a metric, as Prometheus has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// What is declared of a metric, whatever its kind.
#[derive(Debug, Clone, Copy)]
pub struct Declaration {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [Label],
    pub help: &'static str,
    /// Upper bounds, ascending; of histograms only.
    buckets: &'static [f64],
    starts_at_zero: bool,
}

/// A metric with `LABELS` labels. `H` is the handle of one of its series, and thereby its kind.
#[derive(Debug, Clone, Copy)]
pub struct Metric<H, const LABELS: usize> {
    declaration: Declaration,
    handle: PhantomData<fn() -> H>,
}

/// What a series is written through.
pub trait Handle {
    const KIND: Kind;
    fn of_series(name: &'static str, labels: Vec<LabelValue>) -> Self;
}

/// Implements [`Handle`] for a type with the macro that gives one.
macro_rules! handles {
    ($($handle:ident of $series:ident),+) => {$(
        impl Handle for $handle {
            const KIND: Kind = Kind::$handle;
            fn of_series(name: &'static str, labels: Vec<LabelValue>) -> Self {
                $series!(name, labels)
            }
        }
    )+};
}

handles! { Counter of counter, Gauge of gauge, Histogram of histogram }

impl<H: Handle, const LABELS: usize> Metric<H, LABELS> {
    pub const fn new(
        name: &'static str,
        labels: &'static [Label; LABELS],
        help: &'static str,
    ) -> Self {
        let declaration = Declaration {
            name,
            kind: H::KIND,
            labels,
            help,
            buckets: &[],
            starts_at_zero: !matches!(H::KIND, Kind::Histogram),
        };
        Self {
            declaration,
            handle: PhantomData,
        }
    }

    pub const fn declaration(&'static self) -> &'static Declaration {
        &self.declaration
    }

    /// The series with these label values, in the order of the declaration.
    pub fn with(&self, values: [impl Into<SharedString>; LABELS]) -> H {
        let labels = self.declaration.labels.iter().zip(values);
        let labels = labels.map(|((name, _values), value)| LabelValue::new(*name, value));
        H::of_series(self.declaration.name, labels.collect())
    }

    /// Starts at zero the series with `value` in a label whose values are known at run time only.
    pub fn start_for(&self, label: &str, value: &str) {
        self.declaration.start(Some((label, value)));
    }
}

impl<H: Handle> Metric<H, 0> {
    /// The only series of a metric without labels.
    pub fn handle(&self) -> H {
        H::of_series(self.declaration.name, Vec::new())
    }
}

impl<const LABELS: usize> Metric<Gauge, LABELS> {
    /// The gauge is absent until it is first set, because zero would look like a real value.
    pub const fn absent_until_set(mut self) -> Self {
        self.declaration.starts_at_zero = false;
        self
    }
}

impl<const LABELS: usize> Metric<Histogram, LABELS> {
    /// Every histogram has fixed upper bounds: unlike quantiles, they can be added up over replicas.
    pub const fn buckets(mut self, bounds: &'static [f64]) -> Self {
        self.declaration.buckets = bounds;
        self
    }
}

impl Kind {
    /// The word for it in `# TYPE`.
    pub fn word(self) -> &'static str {
        self.into()
    }
}

impl Declaration {
    /// The bucket bounds of a histogram.
    pub(super) fn buckets(&self) -> Option<&'static [f64]> {
        (self.kind == Kind::Histogram).then_some(self.buckets)
    }

    pub(super) fn describe(&self) {
        match self.kind {
            Kind::Counter => describe_counter!(self.name, Unit::Count, self.help),
            Kind::Gauge => describe_gauge!(self.name, self.help),
            Kind::Histogram => describe_histogram!(self.name, self.help),
        }
    }

    /// Starts at zero every series whose label values are known, so that `increase()` sees the first
    /// event. `at_run_time` is the value of one label that was not known before.
    pub(super) fn start(&self, at_run_time: Option<(&str, &str)>) {
        if !self.starts_at_zero {
            return;
        }
        let mut series = vec![Vec::new()];
        for (name, values) in self.labels {
            let values = match (values, at_run_time) {
                (Values::Known(known), _) => known(),
                (Values::AtRunTime, Some((label, value))) if label == *name => vec![value],
                // Without a value there is no series to start.
                (Values::AtRunTime, _) => return,
            };
            let with = |labels: &Vec<LabelValue>, value: &str| {
                [
                    labels.as_slice(),
                    &[LabelValue::new(*name, value.to_owned())],
                ]
                .concat()
            };
            let with_each = |labels| values.iter().map(move |value| with(labels, value));
            series = series.iter().flat_map(with_each).collect();
        }
        for labels in series {
            match self.kind {
                Kind::Counter => counter!(self.name, labels).increment(0),
                Kind::Gauge => gauge!(self.name, labels).set(0.0),
                Kind::Histogram => {}
            }
        }
    }
}

/// Declares metrics as statics, and `METRICS`, the list of their declarations. The documentation of a
/// metric is its help; its labels and their values stand in braces.
///
/// ```text
/// declare_metrics! {
///     /// requests by outcome
///     static REQUESTS: Counter = "requests_total" { outcome: Known(outcomes) };
/// }
/// ```
#[macro_export]
macro_rules! declare_metrics {
    ($(
        $(#[doc = $help:literal])+
        $visibility:vis static $name:ident: $handle:ty = $text:literal
            { $($label:ident: $values:expr),* } $(.$method:ident($($argument:expr)?))?;
    )+) => {
        $(
            $visibility static $name: $crate::telemetry::Metric<
                $handle,
                { <[&str]>::len(&[$(stringify!($label)),*]) },
            > = $crate::telemetry::Metric::new(
                $text,
                &[$((stringify!($label), $values)),*],
                concat!($($help),+).trim_ascii_start(),
            )$(.$method($($argument)?))?;
        )+
        pub(crate) const METRICS: &[&$crate::telemetry::Declaration] = &[$($name.declaration()),+];
    };
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    fn colours() -> Vec<&'static str> {
        vec!["red", "green"]
    }

    declare_metrics! {
        /// by colour
        static KNOWN: Counter = "known_total" { colour: Values::Known(colours) };
        /// by shop
        /// and colour
        static PARTLY: Counter = "partly_total" {
            shop: Values::AtRunTime,
            colour: Values::Known(colours)
        };
        /// a gauge
        static READ_LATER: Gauge = "read_later" {}.absent_until_set();
    }

    #[test]
    fn every_series_whose_labels_are_known_starts_at_zero() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let rendered = metrics::with_local_recorder(&recorder, || {
            METRICS.iter().for_each(|metric| metric.start(None));
            PARTLY.start_for("shop", "a");
            PARTLY.with(["a", "red"]).increment(1);
            recorder.handle().render()
        });
        let mut samples: Vec<&str> = rendered
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .collect();
        samples.sort_unstable();
        let expected = [
            "known_total{colour=\"green\"} 0",
            "known_total{colour=\"red\"} 0",
            "partly_total{shop=\"a\",colour=\"green\"} 0",
            "partly_total{shop=\"a\",colour=\"red\"} 1",
        ];
        assert_eq!(samples, expected);
        assert_eq!(PARTLY.declaration().help, "by shop and colour");
        assert!(!rendered.contains(READ_LATER.declaration().name));
    }
}
