//! What an operator wants to know of an nsqd.

use std::time::Duration;

use ferry_nsq::Admin;
use tokio::net::TcpStream;

use super::{
    ADMIN_TIMEOUT,
    administration::count_paused,
    demands::{Demands, Misfit},
    figures::NodeFigures,
};
use crate::{
    config::NsqdAddress,
    error::{BrokerError, unavailable},
};

/// How long an nsqd may take to accept a connection.
const ACCEPT: Duration = Duration::from_secs(2);

/// What was found.
#[derive(Debug, Clone)]
pub struct NodeReport {
    /// nsqd's version.
    pub version: String,
    /// Whether its port for the protocol takes connections.
    pub accepts: bool,
    /// What it says of itself, if it is not well.
    pub fault: Option<String>,
    /// The options that are not as Ferry needs them.
    pub misfits: Vec<Misfit>,
    /// `data_path`.
    pub data_path: String,
    /// How much waits there.
    pub figures: NodeFigures,
    /// Topics and channels of Ferry that are paused.
    pub paused: usize,
}

/// Asks an nsqd for all of it. Changes nothing there.
///
/// # Errors
/// Fails with [`BrokerError::Unavailable`] if its HTTP interface does not answer.
pub async fn examine(address: &NsqdAddress, demands: Demands) -> Result<NodeReport, BrokerError> {
    let admin = Admin::new(&address.http, ADMIN_TIMEOUT).map_err(unavailable)?;
    let version = admin.info().await.map_err(unavailable)?.version;
    let fault = admin.ping().await.err().map(|error| error.to_string());
    let misfits = demands.look(&admin).await.map_err(unavailable)?;
    let data_path = admin.option("data_path").await.map_err(unavailable)?;
    let topics = admin.stats().await.map_err(unavailable)?;
    let accepts = matches!(tokio::time::timeout(ACCEPT, TcpStream::connect(&address.tcp)).await, Ok(Ok(_)));
    let (figures, paused) = (NodeFigures::of(&topics), count_paused(&topics));
    Ok(NodeReport { version, accepts, fault, misfits, data_path, figures, paused })
}
