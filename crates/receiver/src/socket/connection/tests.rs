use super::*;

const LIMITS: BudgetLimits = BudgetLimits {
    connections: 2,
    body_bytes: 100_000,
    client_timeout: Duration::from_secs(5),
};

/// A connection from the same address as all others.
fn open(budget: &Rc<ConnectionBudget<Connection>>) -> Rc<Connection> {
    Connection::open(budget, address(250))
}

fn address(number: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, number).into()
}

fn is_out(connection: &Connection) -> bool {
    connection.ended.is_cancelled()
}

#[tokio::test]
async fn one_connection_too_many_evicts_the_oldest() {
    let budget = ConnectionBudget::new(LIMITS);
    let connections = [open(&budget), open(&budget), open(&budget)];
    assert_eq!(connections.map(|it| is_out(&it)), [true, false, false]);
    assert_eq!(budget.usage().0, 2);
}

#[tokio::test]
async fn a_signed_request_is_not_evicted_and_its_connection_goes_last() {
    let budget = ConnectionBudget::new(LIMITS);
    let (signed, silent) = (open(&budget), open(&budget));
    signed.begin_request(0);
    signed.protect();
    let third = open(&budget);
    assert!(is_out(&silent) && !is_out(&signed));
    signed.end_request(false);
    open(&budget);
    assert!(is_out(&third) && !is_out(&signed));
    signed.begin_request(0);
    signed.end_request(false);
    // Its last request was not signed, and another one is older.
    open(&budget);
    assert!(!is_out(&signed));
    open(&budget);
    assert!(is_out(&signed));
}

#[tokio::test]
async fn the_source_with_the_most_connections_makes_room() {
    let limits = BudgetLimits {
        connections: 6,
        ..LIMITS
    };
    let budget = ConnectionBudget::new(limits);
    let good = Connection::open(&budget, address(1));
    let proxy = address(9);
    let behind_proxy = Connection::open(&budget, proxy);
    behind_proxy.set_source(address(2));
    let hostile: Vec<_> = (0..20)
        .map(|_number| Connection::open(&budget, proxy))
        .inspect(|it| it.set_source(address(3)))
        .collect();
    assert!(!is_out(&good) && !is_out(&behind_proxy));
    let is_left: Vec<_> = hostile.iter().map(|it| !is_out(it)).collect();
    assert_eq!(is_left, [[false; 16].as_slice(), &[true; 4]].concat());
    hostile.iter().for_each(|it| it.leave());
    // Sources with as many connections take turns.
    let others = [4, 5, 6, 7, 8].map(|number| Connection::open(&budget, address(number)));
    assert!(is_out(&good) && !is_out(&behind_proxy));
    assert!(others.iter().all(|it| !is_out(it)));
    assert_eq!(budget.usage(), (6, 0, 6));
}

#[tokio::test]
async fn a_connection_that_left_makes_room_for_another() {
    let budget = ConnectionBudget::new(LIMITS);
    let first = open(&budget);
    open(&budget).leave();
    open(&budget);
    assert!(!is_out(&first));
    assert_eq!(budget.usage().2, 2);
}

#[tokio::test]
async fn small_bodies_are_free_and_of_large_ones_the_oldest_is_evicted() {
    let limits = BudgetLimits {
        connections: 10,
        ..LIMITS
    };
    let budget = ConnectionBudget::new(limits);
    let (old, new, small) = (open(&budget), open(&budget), open(&budget));
    assert!(small.reserve_body(SMALL_BODY_BYTES));
    assert_eq!(budget.usage().1, 0);
    old.begin_request(0);
    new.begin_request(0);
    assert!(old.reserve_body(60_000));
    assert!(new.reserve_body(20_000));
    assert_eq!(budget.usage().1, 65_536 + 32_768);
    assert!(new.reserve_body(40_000));
    assert!(is_out(&old) && !is_out(&small));
    assert_eq!(budget.usage().1, 65_536);
    new.end_request(false);
    assert_eq!(budget.usage().1, 0);
}

/// A connection of this source whose body of so many bytes began so long ago.
fn body_of(
    budget: &Rc<ConnectionBudget<Connection>>,
    source: u8,
    bytes: usize,
    age_ms: u64,
) -> Rc<Connection> {
    let connection = open(budget);
    connection.set_source(address(source));
    assert!(connection.reserve_body(bytes));
    let age = Duration::from_millis(age_ms);
    let held_since = connection.held_since.get().checked_sub(age).unwrap();
    connection.held_since.set(held_since);
    connection
}

const MANY: BudgetLimits = BudgetLimits {
    connections: 100,
    body_bytes: 1 << 20,
    client_timeout: Duration::from_secs(5),
};

#[tokio::test]
async fn a_source_over_its_share_loses_bodies_before_any_other_source() {
    let budget = ConnectionBudget::new(MANY);
    let good = body_of(&budget, 1, 200_000, 4000);
    let mut hostile = Vec::new();
    for _body in 0..50 {
        hostile.push(body_of(&budget, 2, 100_000, 0));
        assert!(!is_out(&good), "it is older and larger than all of them");
    }
    let left = hostile.iter().filter(|it| !is_out(it)).count();
    assert_eq!(left, 6, "of the memory that the other source leaves");
    // The other source may have more, up to half.
    assert!(good.reserve_body(500_000) && !is_out(&good));
    let left = hostile.iter().filter(|it| !is_out(it)).count();
    assert_eq!(left, 4);
}

#[tokio::test]
async fn memory_is_taken_from_nobody_who_has_less() {
    let budget = ConnectionBudget::new(MANY);
    let others = [1, 2, 3, 4].map(|source| body_of(&budget, source, 200_000, 4000));
    let newest = open(&budget);
    assert!(!newest.reserve_body(500_000), "it would have the most");
    assert!(others.iter().all(|it| !is_out(it)));
    assert!(newest.reserve_body(100_000), "now it would have the least");
    assert_eq!(others.iter().filter(|it| is_out(it)).count(), 1);
}

#[tokio::test]
async fn of_one_source_the_body_that_held_the_most_for_the_longest_goes_first() {
    let budget = ConnectionBudget::new(MANY);
    let small = body_of(&budget, 1, 100_000, 300);
    let old = body_of(&budget, 1, 400_000, 200);
    let young = body_of(&budget, 1, 200_000, 10);
    let newest = body_of(&budget, 1, 200_000, 0);
    let out = [small, old, young, newest].map(|it| is_out(&it));
    assert_eq!(out, [false, true, false, false]);
}

#[tokio::test]
async fn a_signed_body_keeps_its_memory_until_it_is_answered() {
    let budget = ConnectionBudget::new(LIMITS);
    let (signed, other) = (open(&budget), open(&budget));
    assert!(signed.reserve_body(60_000));
    signed.protect();
    assert!(!other.reserve_body(60_000), "there is memory for one only");
    assert!(!is_out(&signed));
    signed.end_request(false);
    assert!(other.reserve_body(60_000));
}

#[tokio::test]
async fn an_evicted_body_gets_no_memory() {
    let budget = ConnectionBudget::new(LIMITS);
    let (first, second) = (open(&budget), open(&budget));
    first.begin_request(0);
    second.begin_request(0);
    assert!(first.reserve_body(60_000) && second.reserve_body(60_000));
    assert!(is_out(&first) && !first.reserve_body(90_000));
    assert!(!is_out(&second));
}
