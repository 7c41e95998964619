//! Two users with several devices each: everything else rests on this.

use crate::on_both;

on_both!(messages_reach_every_other_device, |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let relay = world.relay();
    let (mut phone, mut laptop) = (alice.online(relay).await, alice.online(relay).await);
    let (mut bobs_phone, mut bobs_laptop) = (bob.online(relay).await, bob.online(relay).await);
    let room = phone.direct(bob.id).await;

    let sent = phone.send(room, "hello").await;
    assert_eq!((sent.recipients, sent.unreachable), (1, vec![]));
    for device in [&mut laptop, &mut bobs_phone, &mut bobs_laptop] {
        assert_eq!(device.text().await, "hello");
    }
    bobs_phone.send(room, "and to you").await;
    // The sending device gets no copy of its own: the first thing it gets is the answer.
    assert_eq!(phone.text().await, "and to you");
    assert_eq!(laptop.text().await, "and to you");
});
