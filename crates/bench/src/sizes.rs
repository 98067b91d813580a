//! How much is measured: enough for meaningful figures, or just enough to show that everything works.

#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) runs: usize,
    /// Posts before the first run, which are not counted.
    pub(crate) warm_up: usize,
    /// Posts over 64 and over 8 connections.
    pub(crate) posts_64: usize,
    pub(crate) posts_8: usize,
    /// Messages in a full queue.
    pub(crate) full_queue: usize,
    /// Transactions of 200 rows.
    pub(crate) transactions: usize,
    /// The length of a step in the search for the sustained rate.
    pub(crate) step_seconds: f64,
    pub(crate) steps: usize,
    pub(crate) latency_seconds: f64,
    /// Single confirms and single commits.
    pub(crate) singles: usize,
    pub(crate) past_orders: i64,
    pub(crate) few_waiting: usize,
    pub(crate) many_waiting: usize,
    pub(crate) overload_seconds: f64,
    pub(crate) recovery_seconds: f64,
    /// Connections of an overload: more than the receiver allows to wait for the broker.
    pub(crate) overload_connections: usize,
    /// How long signed posts are measured, alone and during a flood.
    pub(crate) flood_seconds: f64,
    /// Dead letters of a replay.
    pub(crate) letters: usize,
    /// Posts stop after this time even if the replay has not ended.
    pub(crate) replay_seconds: f64,
    /// Open dead letters while the console is measured.
    pub(crate) console_letters: i64,
    /// How long its pages are asked for.
    pub(crate) pages_seconds: f64,
}

impl Sizes {
    pub(crate) const FULL: Self = Self {
        runs: 5,
        warm_up: 20_000,
        posts_64: 150_000,
        posts_8: 60_000,
        full_queue: 200_000,
        transactions: 1000,
        step_seconds: 15.0,
        steps: 5,
        latency_seconds: 20.0,
        singles: 2000,
        past_orders: 10_000_000,
        few_waiting: 10_000,
        many_waiting: 1_000_000,
        overload_seconds: 6.0,
        recovery_seconds: 4.0,
        overload_connections: 4000,
        flood_seconds: 20.0,
        letters: 100_000,
        replay_seconds: 240.0,
        console_letters: 1_000_000,
        pages_seconds: 120.0,
    };

    pub(crate) const QUICK: Self = Self {
        runs: 1,
        warm_up: 100,
        posts_64: 1000,
        posts_8: 500,
        full_queue: 3000,
        transactions: 20,
        step_seconds: 1.0,
        steps: 2,
        latency_seconds: 1.0,
        singles: 20,
        past_orders: 20_000,
        few_waiting: 1000,
        many_waiting: 6000,
        overload_seconds: 1.0,
        recovery_seconds: 1.0,
        overload_connections: 1500,
        flood_seconds: 0.5,
        letters: 200,
        replay_seconds: 10.0,
        console_letters: 2000,
        pages_seconds: 1.5,
    };
}
