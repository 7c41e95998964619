//! Connected devices, with a task for each.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::{Semaphore, oneshot},
    task::JoinHandle,
};

use crate::load::Load;

/// The longest time that a device may take to connect. After it the run fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// See the module's description.
#[derive(Debug, Default)]
pub struct Attached(Vec<JoinHandle<()>>);

impl Attached {
    /// Runs `device(number, ready)` for each of these devices, and waits until all of them are
    /// ready. At a time, at most this many are not ready yet. Returns how long each took since the
    /// call.
    ///
    /// # Errors
    /// Fails if the task of a device ends before it is ready, or if a device is not ready in time.
    pub async fn attach<F>(
        &mut self,
        load: &Arc<Load>,
        devices: &[usize],
        at_once: usize,
        device: impl Fn(usize, oneshot::Sender<()>) -> F,
    ) -> anyhow::Result<Vec<Duration>>
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let (start, turns) = (Instant::now(), Arc::new(Semaphore::new(at_once)));
        let mut waiting = FuturesUnordered::new();
        for &number in devices {
            let (ready, is_ready) = oneshot::channel();
            let (turn, is_turn) = oneshot::channel::<()>();
            let (running, load) = (device(number, ready), Arc::clone(load));
            self.0.push(tokio::spawn(async move {
                if is_turn.await.is_err() {
                    return;
                }
                if let Err(error) = running.await {
                    load.broke(number, &format!("{error:#}"));
                }
            }));
            let turns = Arc::clone(&turns);
            waiting.push(async move {
                let _permit = turns.acquire().await;
                let _ = turn.send(());
                is_ready.await.map(|()| start.elapsed()).map_err(|_| number)
            });
        }
        let all = async {
            let mut times = Vec::with_capacity(devices.len());
            while let Some(time) = waiting.next().await {
                times.push(time);
            }
            times
        };
        let times = tokio::time::timeout(PATIENCE, all).await.context("devices do not connect in time")?;
        times
            .into_iter()
            .map(|time| {
                time.map_err(|device| {
                    let reason = load.broken().map_or_else(|| "no reason given".to_owned(), |(_, first)| first);
                    anyhow::anyhow!("device {device} did not connect; the first reason: {reason}")
                })
            })
            .collect()
    }

    /// Ends all devices with their connections.
    pub async fn detach(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
        for task in self.0.drain(..) {
            // The error says that the task was cancelled, as requested.
            let _ = task.await;
        }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}
