//! Rows as text: `case | order | events`. An event is followed by what happens to it, an outcome or the
//! reason of its dead letter, and by the balance that it leaves; a friend's follows after a slash.

use serde_json::Value;

use super::sale::Sale;

/// The outcomes of events that are no dead letters.
const OUTCOMES: [&str; 6] = [
    "credited",
    "already_credited",
    "reversed",
    "restored",
    "noted",
    "ignored",
];

pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) sale: Sale,
    pub(crate) steps: Vec<Step>,
}

/// Events that arrive together.
#[derive(Clone)]
pub(crate) struct Step {
    /// With what happens to each; `None` for any outcome.
    pub(crate) events: Vec<(Value, Option<String>)>,
    /// The buyer's balance after it, and perhaps a friend's.
    pub(crate) balances: Vec<i64>,
}

/// How the events of a row arrive.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arrival {
    /// Each after the one before was applied.
    OneByOne,
    /// The same, and each is told by a second event.
    Retold,
    /// All before the worker looks, so that one transaction applies them.
    AtOnce,
    /// The same from the last to the first: refunds and chargebacks come before their order.
    Backwards,
}

pub(crate) fn is_applied(ending: &str) -> bool {
    OUTCOMES.contains(&ending)
}

impl Step {
    /// The expectation as text.
    pub(crate) fn expected(&self) -> String {
        let endings = self.events.iter();
        let endings: Vec<&str> = endings
            .map(|(_event, ending)| ending.as_deref().unwrap_or("applied"))
            .collect();
        let balances: Vec<String> = self.balances.iter().map(i64::to_string).collect();
        format!("{} {}", endings.join(", "), balances.join("/"))
    }

    /// The same told by other events; `None` if nothing was applied that could be told again.
    fn retold(&self) -> Option<Self> {
        let again = self
            .events
            .iter()
            .filter(|(_event, ending)| ending.as_deref().is_some_and(is_applied));
        let events: Vec<_> = again
            .map(|(event, _ending)| {
                let is_order = event["event_type"] == "ON_ORDER_COMPLETED";
                let ending = if is_order {
                    "already_credited"
                } else {
                    "noted"
                };
                (Sale::retold(event), Some(ending.to_owned()))
            })
            .collect();
        let balances = self.balances.clone();
        (!events.is_empty()).then_some(Self { events, balances })
    }
}

impl Row {
    /// Reads `case | order | events`, with new ids.
    fn parse(line: &str) -> Self {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [name, order, events] = cells[..] else {
            panic!("three cells: {line}");
        };
        Self::of(name, Sale::parse(order), events)
    }

    /// A row with the events of this text.
    pub(crate) fn of(name: &str, sale: Sale, events: &str) -> Self {
        let mut steps: Vec<Step> = Vec::new();
        for part in events.split("; ") {
            let (event, result) = part.rsplit_once(": ").expect("an event has a result");
            let (ending, balances) = result.split_once(' ').expect("a result has a balance");
            let last = steps.last().map(|step| &step.events[0].0);
            steps.push(Step {
                events: vec![(sale.event(event.trim(), last), Some(ending.to_owned()))],
                balances: balances.trim().split('/').map(number).collect(),
            });
        }
        let name = name.to_owned();
        Self { name, sale, steps }
    }

    /// The row as its events arrive; `None` for one whose result depends on their order.
    fn arriving(mut self, arrival: Arrival) -> Option<Self> {
        self.name = format!("{} ({arrival:?})", self.name);
        let balances = self
            .steps
            .last()
            .expect("a row has events")
            .balances
            .clone();
        let mut events: Vec<_> = self
            .steps
            .iter()
            .flat_map(|step| step.events.clone())
            .collect();
        match arrival {
            Arrival::OneByOne => {}
            Arrival::Retold => {
                let steps = self.steps.iter();
                let twice = steps.flat_map(|step| [Some(step.clone()), step.retold()]);
                self.steps = twice.flatten().collect();
            }
            Arrival::AtOnce => self.steps = vec![Step { events, balances }],
            Arrival::Backwards => {
                let all_apply = events
                    .iter()
                    .all(|(_event, ending)| ending.as_deref().is_some_and(is_applied));
                if !all_apply {
                    return None;
                }
                events.reverse();
                events
                    .iter_mut()
                    .for_each(|(_event, ending)| *ending = None);
                self.steps = vec![Step { events, balances }];
            }
        }
        Some(self)
    }
}

fn number(text: &str) -> i64 {
    text.parse().unwrap_or_else(|_| panic!("a number: {text}"))
}

/// The rows of a table in each of these arrivals, each time with ids of its own.
pub(crate) fn rows(table: &str, arrivals: &[Arrival]) -> Vec<Row> {
    let lines = || table.lines().filter(|line| !line.trim().is_empty());
    let arriving = |arrival: &Arrival| {
        let arrival = *arrival;
        lines().filter_map(move |line| Row::parse(line).arriving(arrival))
    };
    arrivals.iter().flat_map(arriving).collect()
}
