//! Tests of the HTTP interfaces, and of how nsqd reads nsq.conf.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the report")]

use std::{process::Command, time::Duration};

use ferry_nsq::{Admin, AdminError, Options};
use ferry_testkit::{
    DEADLINE, Lookupd, Nsqd,
    nsq::{body, channel, topic, until_channel},
    nsq_binary, repository, until, within,
};

#[tokio::test]
async fn topics_and_channels_are_created_counted_and_deleted() {
    let nsqd = Nsqd::start().await.unwrap();
    let admin = nsqd.admin();
    let (topic, first, second) = (topic("user.a"), channel("device.1"), channel("device.2"));
    assert_eq!(admin.topic_stats(&topic).await.unwrap(), None);
    assert_eq!(admin.stats().await.unwrap(), []);

    admin.create_channel(&topic, &first).await.unwrap();
    admin.create_channel(&topic, &first).await.unwrap();
    admin.create_channel(&topic, &second).await.unwrap();
    admin.create_topic(&topic).await.unwrap();
    nsqd.publisher(Options::default()).await.publish(&topic, body("x")).await.unwrap();
    for channel in [&first, &second] {
        until_channel(&admin, &topic, channel, "the message is there", |stats| stats.depth == 1).await;
    }
    let stats = admin.stats().await.unwrap();
    assert_eq!((stats.len(), stats[0].name.as_str(), stats[0].message_count), (1, "user.a", 1));
    let names: Vec<_> = stats[0].channels.iter().map(|channel| channel.name.as_str()).collect();
    assert_eq!(names, ["device.1", "device.2"]);

    assert!(admin.empty_channel(&topic, &first).await.unwrap());
    assert_eq!(admin.channel_stats(&topic, &first).await.unwrap().unwrap().depth, 0);
    assert!(admin.delete_channel(&topic, &first).await.unwrap());
    assert!(!admin.delete_channel(&topic, &first).await.unwrap());
    assert_eq!(admin.channel_stats(&topic, &first).await.unwrap(), None);
    assert!(admin.delete_topic(&topic).await.unwrap());
    assert!(!admin.delete_topic(&topic).await.unwrap());
    assert!(!admin.delete_channel(&topic, &second).await.unwrap());
    assert!(!admin.empty_topic(&topic).await.unwrap());
    assert!(!admin.empty_channel(&topic, &second).await.unwrap());
}

#[tokio::test]
async fn an_emptied_topic_gives_its_first_channel_nothing() {
    let nsqd = Nsqd::start().await.unwrap();
    let admin = nsqd.admin();
    let (topic, channel) = (topic("user.a"), channel("device.1"));
    nsqd.publisher(Options::default()).await.publish(&topic, body("x")).await.unwrap();
    assert_eq!(admin.topic_stats(&topic).await.unwrap().unwrap().depth, 1);
    assert!(admin.empty_topic(&topic).await.unwrap());
    admin.create_channel(&topic, &channel).await.unwrap();
    assert_eq!(admin.topic_stats(&topic).await.unwrap().unwrap().depth, 0);
    assert_eq!(admin.channel_stats(&topic, &channel).await.unwrap().unwrap().message_count, 0);
}

#[tokio::test]
async fn ping_and_info_answer_and_a_dead_nsqd_is_an_error_that_names_it() {
    let mut nsqd = Nsqd::start().await.unwrap();
    let admin = nsqd.admin();
    admin.ping().await.unwrap();
    let info = admin.info().await.unwrap();
    assert_eq!((info.version.as_str(), info.tcp_port, info.http_port), ("1.3.0", nsqd.tcp, nsqd.http));
    nsqd.kill();
    let error = admin.ping().await.unwrap_err();
    assert!(matches!(error, AdminError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains(&nsqd.http.to_string()), "{error}");
}

#[tokio::test]
async fn a_frozen_nsqd_is_an_error_within_the_timeout() {
    let nsqd = Nsqd::start().await.unwrap();
    nsqd.freeze();
    let admin = Admin::new(&format!("http://127.0.0.1:{}/", nsqd.http), Duration::from_millis(200)).unwrap();
    assert!(matches!(within(admin.ping()).await, Err(AdminError::Unreachable { .. })));
}

#[tokio::test]
async fn nsqlookupd_learns_and_forgets() {
    let lookupd = Lookupd::start().await.unwrap();
    let nsqd = Nsqd::start_with(&[format!("-lookupd-tcp-address=127.0.0.1:{}", lookupd.tcp)]).await.unwrap();
    let admin = lookupd.admin();
    admin.ping().await.unwrap();
    let node = until("nsqd registers", || async { admin.nodes().await.unwrap().pop() }).await;
    assert_eq!((node.tcp_port, node.http_port), (nsqd.tcp, nsqd.http));
    assert_eq!(node.broadcast_address, "127.0.0.1");

    let (topic, channel) = (topic("user.a"), channel("device.1"));
    nsqd.admin().create_channel(&topic, &channel).await.unwrap();
    until("the channel is registered", || async {
        (admin.channels(&topic).await.unwrap() == ["device.1"]).then_some(())
    })
    .await;
    admin.tombstone(&topic, &format!("127.0.0.1:{}", nsqd.http)).await.unwrap();
    assert!(admin.delete_channel(&topic, &channel).await.unwrap());
    assert!(!admin.delete_channel(&topic, &channel).await.unwrap());
    assert_eq!(admin.channels(&topic).await.unwrap(), Vec::<String>::new());
    admin.create_topic(&topic).await.unwrap();
    admin.create_channel(&topic, &channel).await.unwrap();
    assert_eq!(admin.channels(&topic).await.unwrap(), ["device.1"]);
    admin.delete_topic(&topic).await.unwrap();
    assert_eq!(admin.channels(&topic).await.unwrap(), Vec::<String>::new());
}

/// nsqd ignores keys that it does not know, so a misspelt key would have no effect.
#[test]
fn every_key_of_nsq_conf_is_one_that_nsqd_knows() {
    let help = Command::new(nsq_binary("nsqd").unwrap()).arg("-help").output().unwrap();
    let help = String::from_utf8(help.stderr).unwrap();
    let config = std::fs::read_to_string(repository().join("nsq.conf")).unwrap();
    let keys: Vec<_> = config
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split_once(" = ").unwrap().0)
        .collect();
    assert!(keys.len() > 10, "{keys:?}");
    for key in keys {
        let flag = format!("  -{}", key.replace('_', "-"));
        let known = help.lines().any(|line| line == flag || line.starts_with(&format!("{flag} ")));
        assert!(known, "nsqd has no option {key}");
    }
}

/// nsqd reads the file, and the client's limit and nsqd's are the same.
#[tokio::test]
async fn nsqd_has_taken_the_values_of_nsq_conf() {
    // Fails only if another test has done it before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let nsqd = Nsqd::start().await.unwrap();
    let config = reqwest::get(format!("http://127.0.0.1:{}/config/log_level", nsqd.http)).await.unwrap();
    // nsqd numbers its levels: debug 1, info 2, warn 3.
    assert_eq!(config.text().await.unwrap(), "3");
    // The largest body that Ferry's client sends by default fits exactly. One byte more does not.
    let max = Options::default().max_body_size;
    let client = reqwest::Client::builder().no_proxy().timeout(DEADLINE).build().unwrap();
    let url = format!("http://127.0.0.1:{}/pub?topic=user.a", nsqd.http);
    for (size, status) in [(max, 200), (max + 1, 413)] {
        let answer = client.post(&url).body(vec![b'x'; size]).send().await.unwrap();
        assert_eq!(answer.status(), status, "{size}");
    }
}
