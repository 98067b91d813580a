//! Tries out a login of the broker, for a program without a runtime.

use lapin::BasicProperties;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use tokio::runtime::Builder;

use super::connect::{BrokerAddress, BrokerError, Link, step};

/// No queue has this name: the broker checks the right to publish, and gives the message back.
const NOWHERE: &str = "paynow.doctor.nowhere";

/// What became of a login that was accepted.
pub struct Trial {
    /// Whether it may publish to a queue by its name, which a replay and a worker need.
    pub publishing: Result<(), BrokerError>,
}

/// Connects, and publishes an empty message that no queue takes. Do not call it within a runtime.
pub fn try_login(address: &BrokerAddress, name: &str) -> Result<Trial, BrokerError> {
    on_own_runtime(async {
        let mut link = Link::open(address, name).await?;
        let publishing = publish(&mut link).await;
        link.close().await;
        Ok(Trial { publishing })
    })
}

/// Runs one exchange with the broker.
pub(super) fn on_own_runtime<T>(
    exchange: impl Future<Output = Result<T, BrokerError>>,
) -> Result<T, BrokerError> {
    let started = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = started.map_err(|error| BrokerError::Refused {
        doing: "started a thread",
        source: error.into(),
    })?;
    let result = runtime.block_on(exchange);
    runtime.shutdown_background();
    result
}

async fn publish(link: &mut Link) -> Result<(), BrokerError> {
    let channel = link.channel().await?;
    let confirms = channel.confirm_select(ConfirmSelectOptions::default());
    step("turned confirms on", confirms).await?;
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let properties = BasicProperties::default();
    let published = channel.basic_publish("".into(), NOWHERE.into(), options, &[], properties);
    let confirm = step("published", published).await?;
    step("waited for a confirm", confirm).await.map(drop)
}
