//! Runs asynchronous work on one thread, which leaves the other cores to the measured programs.

use std::future::Future;

use lapin::Channel;
use paynow_process::broker::{BrokerAddress, Link};
use tokio::runtime::Builder;

use crate::failure::{Doing, Result};

/// Runs a future on the calling thread.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.doing("starting a runtime")?.block_on(future)
}

/// Runs `work` with a channel of a new connection, and closes the connection.
pub(crate) fn on_channel<T>(
    address: &BrokerAddress,
    work: impl AsyncFnOnce(&Channel) -> Result<T>,
) -> Result<T> {
    block_on(async {
        let link = Link::open(address, "paynow-bench").await;
        let mut link = link.doing("connecting to the broker")?;
        let channel = link.channel().await.doing("opening a channel")?;
        let done = work(&channel).await;
        link.close().await;
        done
    })
}
