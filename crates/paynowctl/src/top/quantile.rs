//! Quantiles of a histogram, from what its buckets rose by.

/// Where a share of the observations lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Quantile {
    /// About here: within its bucket it is taken to lie in proportion.
    At(f64),
    /// Beyond the last bound; how far, the histogram does not know.
    Beyond(f64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Quantiles {
    pub(super) p50: Quantile,
    pub(super) p95: Quantile,
    pub(super) p99: Quantile,
}

/// `None` when nothing was observed. Buckets are in order, each with the observations up to it.
pub(super) fn quantiles(buckets: &[(f64, f64)]) -> Option<Quantiles> {
    Some(Quantiles {
        p50: quantile(buckets, 0.5)?,
        p95: quantile(buckets, 0.95)?,
        p99: quantile(buckets, 0.99)?,
    })
}

pub(super) fn quantile(buckets: &[(f64, f64)], share: f64) -> Option<Quantile> {
    let (_endless, all) = buckets.last().filter(|(_bound, all)| *all > 0.0)?;
    let rank = share * all;
    let (mut lower, mut below) = (0.0, 0.0);
    for (bound, up_to) in buckets {
        if *up_to >= rank && bound.is_finite() {
            let inside = (rank - below) / (up_to - below).max(f64::EPSILON);
            return Some(Quantile::At(
                lower + (bound - lower) * inside.clamp(0.0, 1.0),
            ));
        }
        if bound.is_finite() {
            (lower, below) = (*bound, *up_to);
        }
    }
    Some(Quantile::Beyond(lower))
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: f64 = f64::INFINITY;

    #[test]
    fn a_quantile_lies_within_its_bucket_or_beyond_the_last() {
        for (buckets, share, expected) in [
            (vec![], 0.5, None),
            (vec![(1.0, 0.0), (END, 0.0)], 0.5, None),
            (vec![(1.0, 10.0), (END, 10.0)], 0.5, Some(Quantile::At(0.5))),
            (
                vec![(1.0, 5.0), (3.0, 10.0), (END, 10.0)],
                0.5,
                Some(Quantile::At(1.0)),
            ),
            (
                vec![(1.0, 5.0), (3.0, 10.0), (END, 10.0)],
                0.75,
                Some(Quantile::At(2.0)),
            ),
            (
                vec![(1.0, 0.0), (3.0, 10.0), (END, 10.0)],
                0.5,
                Some(Quantile::At(2.0)),
            ),
            (
                vec![(1.0, 90.0), (3.0, 98.0), (END, 100.0)],
                0.99,
                Some(Quantile::Beyond(3.0)),
            ),
            (
                vec![(1.0, 0.0), (END, 4.0)],
                0.5,
                Some(Quantile::Beyond(1.0)),
            ),
        ] {
            assert_eq!(
                quantile(&buckets, share),
                expected,
                "{share} of {buckets:?}"
            );
        }
    }
}
