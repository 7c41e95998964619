//! What a later version of Ferry sends.

use ferry_protocol::{DeviceId, Envelope, Notice, NoticeEvent};

use super::super::Shell;
use crate::harness::{Backend, World, nsq, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_this_version_does_not_know_is_stored_and_holds_nothing_up() {
    let world = World::start(Backend::Cluster).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    let id = shell.json("--profile bob whoami")["user"]["id"].as_str().unwrap().to_owned();
    let notice = Notice::new(NoticeEvent::SettingsChanged, ferry_protocol::now_ms());
    let mut envelope = Envelope::encode_notice(&notice, DeviceId::NONE).unwrap().to_vec();
    // A kind of delivery that comes later.
    envelope[1] = 4;
    let url = format!("http://127.0.0.1:{}/pub?topic=user.{id}", world.nsqds[0].http);
    reqwest::Client::new().post(url).body(envelope).send().await.unwrap().error_for_status().unwrap();
    shell.ok("--profile alice send @bob behind it");
    assert!(shell.ok("--profile bob tail --until-drained").contains(" alice: behind it\n"));
    let topic = nsq::topic(&format!("user.{id}"));
    until("nothing waits any more", || async {
        let stats = world.nsqds[0].admin().topic_stats(&topic).await.unwrap()?;
        stats.channels.iter().all(|channel| channel.depth + channel.in_flight == 0).then_some(())
    })
    .await;
    shell.ok("--profile bob history check");
    assert_eq!(shell.json("--profile bob history status")["messages"], 1);
}
