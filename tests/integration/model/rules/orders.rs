//! Which orders are credited, and what their lines give.

use super::super::history::{Line, Order, Price, Rule, Verdict};
use super::Rules;

/// An order that is recorded.
#[derive(Debug, Clone)]
pub(super) struct Posted {
    pub(super) told: Order,
    pub(super) lines: Vec<PostedLine>,
    /// Orders of some types give none.
    gives_points: bool,
}

#[derive(Debug, Clone)]
pub(super) struct PostedLine {
    pub(super) told: Line,
    pub(super) wallet: i64,
    pub(super) points: i64,
}

impl Rules {
    pub(super) fn order_told(&mut self, order: &Order, event_id: i64) -> Verdict {
        if order
            .status
            .is_some_and(|status| !status.eq_ignore_ascii_case("completed"))
        {
            return Verdict::Refused("order_not_completed");
        }
        if let Some(earlier) = &self.order {
            return if matters(&earlier.told, earlier.gives_points)
                == matters(order, earlier.gives_points)
            {
                Verdict::Applied(if earlier.gives_points {
                    "already_credited"
                } else {
                    "ignored"
                })
            } else {
                Verdict::Refused("conflict")
            };
        }
        let rule = self.rule_of(order.kind);
        if rule == Rule::DeadLetter {
            return Verdict::Refused("order_type");
        }
        let at = order.completed_at.unwrap_or_else(|| time_of(event_id));
        let mut lines = Vec::new();
        for line in &order.lines {
            let points = if rule == Rule::Ignore {
                0
            } else {
                match self.points_of(line, at) {
                    Ok(points) => points * line.quantity,
                    Err(reason) => return Verdict::Refused(reason),
                }
            };
            lines.push(PostedLine {
                told: line.clone(),
                wallet: line.wallet(order),
                points,
            });
        }
        self.order = Some(Posted {
            told: order.clone(),
            lines,
            gives_points: rule != Rule::Ignore,
        });
        Verdict::Applied(if rule == Rule::Ignore {
            "ignored"
        } else {
            "credited"
        })
    }

    fn rule_of(&self, kind: Option<&str>) -> Rule {
        let known = [
            "one_time",
            "subscription_initial",
            "subscription_renewal",
            "mixed",
            "subscription_proration",
        ];
        let kind = kind.unwrap_or("one_time").to_ascii_lowercase();
        let kind = known
            .into_iter()
            .find(|one| *one == kind)
            .unwrap_or("unknown");
        let default = if ["subscription_proration", "unknown"].contains(&kind) {
            Rule::DeadLetter
        } else {
            Rule::Credit
        };
        self.settings
            .order_types
            .get(kind)
            .copied()
            .unwrap_or(default)
    }

    /// The points of one unit.
    fn points_of(&self, line: &Line, at: i64) -> Result<i64, &'static str> {
        if line.is_trial && line.total == 0 {
            match self.settings.trials {
                Rule::Credit => {}
                Rule::Ignore => return Ok(0),
                Rule::DeadLetter => return Err("order_type"),
            }
        }
        match price(&self.prices, line.product, at) {
            Some(points) => Ok(points),
            None if self.settings.unknown_is_zero => Ok(0),
            None => Err("unknown_product"),
        }
    }
}

/// What a product gave at a time: by the newest price that was valid then, else by the next one.
pub(super) fn price(prices: &[Price], product: i64, at: i64) -> Option<i64> {
    let of_product = || {
        let mut rows: Vec<&Price> = prices.iter().filter(|one| one.product == product).collect();
        rows.sort_by_key(|one| one.valid_from);
        rows
    };
    let is_valid = |one: &&Price| one.valid_from.is_none_or(|from| from <= at);
    let valid = of_product().into_iter().rfind(is_valid);
    valid.and_then(|one| one.points).or_else(|| {
        of_product()
            .into_iter()
            .filter(|one| !is_valid(one))
            .find_map(|one| one.points)
    })
}

/// When an id was made.
pub(super) fn time_of(id: i64) -> i64 {
    (id >> 22) + 1_645_568_542_000
}

/// What two tellings of one order must agree on. Of an order that gives no points no wallet is recorded.
fn matters(order: &Order, has_wallets: bool) -> (i64, i64, String, Vec<[i64; 6]>) {
    let mut lines: Vec<[i64; 6]> = order
        .lines
        .iter()
        .map(|line| {
            let wallet = if has_wallets { line.wallet(order) } else { 0 };
            let Line {
                id,
                product,
                quantity,
                total,
                tax,
                ..
            } = line;
            [*id, wallet, *product, *quantity, *total, *tax]
        })
        .collect();
    lines.sort_unstable();
    let currency = order.currency.to_ascii_lowercase();
    (order.total, order.giftcards, currency, lines)
}
