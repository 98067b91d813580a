//! Quantiles of a histogram, estimated from the increases of its buckets.

use serde::Serialize;

use super::figures::rounded;

/// A value that a share of the observations do not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantile {
    #[serde(serialize_with = "rounded")]
    pub seconds: f64,
    /// The value lies somewhere above `seconds`, the last bound of the histogram.
    pub is_beyond: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantiles {
    pub p50: Quantile,
    pub p95: Quantile,
    pub p99: Quantile,
}

/// `None` when nothing was observed. The buckets are cumulative and sorted by their bounds.
pub(super) fn quantiles(buckets: &[(f64, f64)]) -> Option<Quantiles> {
    Some(Quantiles {
        p50: quantile(buckets, 0.5)?,
        p95: quantile(buckets, 0.95)?,
        p99: quantile(buckets, 0.99)?,
    })
}

/// Interpolates within the bucket, as Prometheus does.
pub(super) fn quantile(buckets: &[(f64, f64)], share: f64) -> Option<Quantile> {
    let (_infinity, all) = buckets.last().filter(|(_bound, all)| *all > 0.0)?;
    let rank = share * all;
    let (mut lower, mut below) = (0.0, 0.0);
    for (bound, up_to) in buckets.iter().filter(|(bound, _up_to)| bound.is_finite()) {
        if *up_to >= rank {
            let inside = (rank - below) / (up_to - below).max(f64::EPSILON);
            return Some(Quantile {
                seconds: lower + (bound - lower) * inside.clamp(0.0, 1.0),
                is_beyond: false,
            });
        }
        (lower, below) = (*bound, *up_to);
    }
    Some(Quantile {
        seconds: lower,
        is_beyond: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: f64 = f64::INFINITY;

    fn at(seconds: f64) -> Quantile {
        Quantile {
            seconds,
            is_beyond: false,
        }
    }

    fn beyond(seconds: f64) -> Quantile {
        Quantile {
            is_beyond: true,
            ..at(seconds)
        }
    }

    #[test]
    fn a_quantile_lies_within_its_bucket_or_beyond_the_last() {
        for (buckets, share, expected) in [
            (vec![], 0.5, None),
            (vec![(1.0, 0.0), (END, 0.0)], 0.5, None),
            (vec![(1.0, 10.0), (END, 10.0)], 0.5, Some(at(0.5))),
            (
                vec![(1.0, 5.0), (3.0, 10.0), (END, 10.0)],
                0.5,
                Some(at(1.0)),
            ),
            (
                vec![(1.0, 5.0), (3.0, 10.0), (END, 10.0)],
                0.75,
                Some(at(2.0)),
            ),
            (
                vec![(1.0, 0.0), (3.0, 10.0), (END, 10.0)],
                0.5,
                Some(at(2.0)),
            ),
            (
                vec![(1.0, 90.0), (3.0, 98.0), (END, 100.0)],
                0.99,
                Some(beyond(3.0)),
            ),
            (vec![(1.0, 0.0), (END, 4.0)], 0.5, Some(beyond(1.0))),
        ] {
            assert_eq!(
                quantile(&buckets, share),
                expected,
                "{share} of {buckets:?}"
            );
        }
    }
}
