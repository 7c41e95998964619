//! A deletion that nsqd did not answer in time is done later.

use std::{sync::Arc, time::Duration};

use ferry_nsq::Admin;
use ferry_protocol::{DeviceId, UserId};
use ferry_testkit::{Nsqd, within};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinSet,
};

use super::{
    administration::{Administration, Watched},
    demands::Demands,
};
use crate::{
    NsqdAddress,
    nsq::names::{channel, topic},
};

const WATCHED: Watched = Watched {
    demands: Demands { message: 0, msg_timeout: Duration::ZERO, heartbeat: Duration::ZERO, window: 0 },
    allow_debug: false,
};

/// Leads to nsqd's HTTP interface, but holds deletions back until it is told.
async fn slow_to_delete(nsqd: &Nsqd, done: Arc<Notify>) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, target) = (listener.local_addr().unwrap().port().to_string(), nsqd.http_address());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let (target, done) = (target.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let mut server = TcpStream::connect(target).await.unwrap();
                let mut head = vec![0; 4096];
                let length = client.read(&mut head).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..length]);
                // Each call on a connection of its own, so that none slips through.
                let request = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
                if head.starts_with("POST /topic/delete") {
                    done.notified().await;
                    server.write_all(request.as_bytes()).await.unwrap();
                    // The answer shows that it is done.
                    server.read_u8().await.unwrap();
                    return done.notify_one();
                }
                server.write_all(request.as_bytes()).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (port, tasks)
}

#[tokio::test]
async fn a_late_deletion_does_not_take_a_new_channel_with_it() {
    let nsqd = Nsqd::start().await.unwrap();
    let done = Arc::new(Notify::new());
    let (http, _tasks) = slow_to_delete(&nsqd, Arc::clone(&done)).await;
    let address: NsqdAddress = format!("{}/{http}", nsqd.address()).parse().unwrap();
    let node = Administration::new(&address, Duration::from_millis(300), WATCHED).unwrap();
    let (topic, channel) = (topic(UserId::new()).unwrap(), channel(DeviceId::new()).unwrap());
    node.create_channel(&topic, &channel).await.unwrap();
    node.delete_topic(&topic).await.unwrap_err();

    // The user logs in again, and nsqd finds the deletion in between.
    let stats = async || Admin::channel_stats(&nsqd.admin(), &topic, &channel).await.unwrap();
    let deletion = async {
        done.notify_one();
        done.notified().await;
    };
    let login = node.create_channel(&topic, &channel);
    let late = async {
        // The first creation is there, or the old channel still is.
        assert!(stats().await.is_some());
        deletion.await;
    };
    let (created, ()) = within(async { tokio::join!(login, late) }).await;
    created.unwrap();
    assert!(stats().await.is_some());
}
