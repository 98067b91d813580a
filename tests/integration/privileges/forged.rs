//! What the broker's users can do to balances: nothing, because no message counts without a proof.

use paynow_process::broker::BrokerAddress;
use paynow_process::environment::Environment;
use paynow_shared::wire::Headers;

use super::made::Users;
use crate::harness::{Order, TestApp, eventually, flake};

const POINTS: i64 = 600_000_000_000_000_040;

#[test]
fn an_order_that_a_user_of_the_broker_makes_up_gives_no_points() {
    let app = TestApp::start();
    app.set_product(POINTS, 500);
    let users = Users::for_app(&app);
    let headers = Headers {
        secret_id: Some("test".to_owned()),
        attempt: 1,
        ..Headers::default()
    };
    for user in ["worker", "operator"] {
        let url = users.amqp(user);
        let environment = Environment::of([("AMQP_URL", url.as_str())]);
        let address = BrokerAddress::from_environment(&environment).expect("it is valid");
        for queue in ["paynow.credits", "paynow.credits.retry.1s"] {
            let order = Order::of(POINTS, flake());
            app.broker
                .publish_as(&address, queue, &order.body(), &headers);
            let letter = format!("{}: unsigned", order.event_id);
            eventually(&format!("{user}'s order is a dead letter"), || {
                app.dead_letters().contains(&letter).then_some(())
            });
            assert_eq!(app.balance_of(order.customer_id), 0, "{user} {queue}");
        }
    }
}
