//! One thread for everything asynchronous: what the generator does not use is left to the measured.

use std::future::Future;

use lapin::Channel;
use paynow_process::broker::{BrokerAddress, Link};
use tokio::runtime::Builder;

use crate::failure::{Doing, Result};

/// Runs to the end on the calling thread.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.doing("starting a runtime")?.block_on(future)
}

/// Works on a channel of a connection of its own.
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
