//! Notices: who is told of changes to rooms and devices, and who is not. Each comes once, even to
//! a device that is away.

use ferry_protocol::{CreateRoom, NoticeEvent, PutMember, Role, RoomId, RoomKind, Secret, UpdateRoom, UserId};

use crate::{
    harness::{Online, Person, World, within},
    on_both,
};

const FOREVER: i64 = ferry_protocol::FOREVER;

/// Checks that these devices get nothing more than what was asked for: the message that was sent
/// last comes next.
async fn have_no_more<const N: usize>(devices: [&mut Online; N], from: &Online, room: RoomId) {
    from.send(room, "a fence").await;
    for device in devices {
        assert_eq!(device.text().await, "a fence");
        assert!(device.notices.is_empty(), "{:?}", device.notices);
    }
}

/// Three users online, of whom the first has two devices, and a room with all of them. All have
/// been told of it.
struct Scene {
    people: [Person; 3],
    phone: Online,
    laptop: Online,
    bobs: Online,
    carols: Online,
    room: RoomId,
}

impl Scene {
    async fn set(world: &World) -> Self {
        let relay = world.relay();
        let people = [world.person("alice").await, world.person("bob").await, world.person("carol").await];
        let [alice, bob, carol] = &people;
        let mut phone = alice.online(relay).await;
        let (mut laptop, mut bobs, mut carols) =
            (alice.online(relay).await, bob.online(relay).await, carol.online(relay).await);
        assert!(matches!(phone.notice().await, NoticeEvent::DeviceAdded { .. }));
        let room = phone.group(&[bob.id, carol.id]).await;
        for device in [&mut laptop, &mut bobs, &mut carols] {
            assert!(matches!(device.notice().await, NoticeEvent::MemberAdded { .. }));
        }
        Self { people, phone, laptop, bobs, carols, room }
    }

    fn ids(&self) -> [UserId; 3] {
        self.people.each_ref().map(|person| person.id)
    }

    /// Checks that all who are told of what the phone does get this notice next, and nothing after
    /// it.
    async fn all_hear(&mut self, event: &NoticeEvent) {
        for device in [&mut self.laptop, &mut self.bobs, &mut self.carols] {
            assert_eq!(device.notice().await, *event);
        }
        self.is_quiet().await;
    }

    async fn is_quiet(&mut self) {
        have_no_more([&mut self.laptop, &mut self.bobs, &mut self.carols], &self.phone, self.room).await;
        // The device that did it has the answer, and gets no notice.
        self.bobs.send(self.room, "to the phone").await;
        assert_eq!(self.phone.text().await, "to the phone");
        assert!(self.phone.notices.is_empty(), "{:?}", self.phone.notices);
        for device in [&mut self.laptop, &mut self.carols] {
            assert_eq!(device.text().await, "to the phone");
        }
    }
}

on_both!(each_member_of_a_new_room_is_told, |world| async move {
    let relay = world.relay();
    let [alice, bob, carol, eve] = [
        world.person("alice").await,
        world.person("bob").await,
        world.person("carol").await,
        world.person("eve").await,
    ];
    let (mut phone, mut bobs) = (alice.online(relay).await, bob.online(relay).await);
    let (mut laptop, away, mut eves) = (alice.online(relay).await, carol.log_in(relay).await, eve.online(relay).await);
    assert!(matches!(phone.notice().await, NoticeEvent::DeviceAdded { .. }));
    for kind in [RoomKind::Group, RoomKind::Channel] {
        let create = CreateRoom { kind, name: Some("new".into()), members: vec![bob.id, carol.id] };
        let room = phone.session.create_room(&create).await.unwrap().id;
        let added = |user, role| NoticeEvent::MemberAdded { room, user, role, by: alice.id };
        assert_eq!(bobs.notice().await, added(bob.id, Role::Member));
        assert_eq!(laptop.notice().await, added(alice.id, Role::Owner));
        have_no_more([&mut bobs, &mut laptop], &phone, room).await;
        bobs.send(room, "to the phone").await;
        assert_eq!([phone.text().await, laptop.text().await], ["to the phone", "to the phone"]);
        assert!(phone.notices.is_empty(), "who did it has the answer");
    }
    // A direct room is told to the other user once, even if it is asked for again.
    let room = phone.direct(eve.id).await;
    assert_eq!(eves.direct(alice.id).await, room);
    assert_eq!(phone.direct(eve.id).await, room);
    let added = NoticeEvent::MemberAdded { room, user: eve.id, role: Role::Member, by: alice.id };
    assert_eq!(eves.notice().await, added, "and of the other rooms she heard nothing");
    have_no_more([&mut eves], &phone, room).await;
    assert!(matches!(laptop.notice().await, NoticeEvent::MemberAdded { user, .. } if user == alice.id));

    // A device that was away gets it when it connects.
    let mut carols = Online::connect(away).await;
    carols.drained().await;
    let told: Vec<_> = carols.notices.drain(..).map(|notice| notice.event).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|event| matches!(event, NoticeEvent::MemberAdded { user, .. } if *user == carol.id)));
    // It does not come again after the acks.
    within(carols.connection.flush()).await.unwrap();
    let mut carols = Online::connect(carols.session).await;
    carols.drained().await;
    assert!(carols.notices.is_empty(), "{:?}", carols.notices);
});

on_both!(a_room_is_told_who_comes_and_goes, |world| async move {
    let mut scene = Scene::set(&world).await;
    let ([alice, _, carol], room) = (scene.ids(), scene.room);
    let dave = world.person("dave").await;
    let mut daves = dave.online(world.relay()).await;

    let put = PutMember { role: Some(Role::Moderator), muted_until: None };
    scene.phone.session.put_member(room, dave.id, &put).await.unwrap();
    let added = NoticeEvent::MemberAdded { room, user: dave.id, role: Role::Moderator, by: alice };
    assert_eq!(daves.notice().await, added);
    scene.all_hear(&added).await;

    scene.phone.session.remove_member(room, dave.id).await.unwrap();
    let removed = NoticeEvent::MemberRemoved { room, user: dave.id, by: alice };
    assert_eq!(daves.notice().await, removed, "who was removed is told too");
    scene.all_hear(&removed).await;
    // Nothing comes after it.
    let put = PutMember { role: Some(Role::Admin), muted_until: None };
    scene.phone.session.put_member(room, carol, &put).await.unwrap();
    scene
        .all_hear(&NoticeEvent::MemberChanged { room, user: carol, role: Role::Admin, muted_until: 0, by: alice })
        .await;
    let put = PutMember { role: None, muted_until: Some(FOREVER) };
    scene.phone.session.put_member(room, carol, &put).await.unwrap();
    let muted = NoticeEvent::MemberChanged { room, user: carol, role: Role::Admin, muted_until: FOREVER, by: alice };
    scene.all_hear(&muted).await;
    // A change to the present value sends no notice.
    scene.phone.session.put_member(room, carol, &put).await.unwrap();
    scene.is_quiet().await;
    let direct = scene.phone.direct(dave.id).await;
    assert!(matches!(daves.notice().await, NoticeEvent::MemberAdded { room, .. } if room == direct));
});

on_both!(joining_and_leaving_is_told, |world| async move {
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (mut alices, mut bobs) = (alice.online(relay).await, bob.online(relay).await);
    let create = CreateRoom { kind: RoomKind::Channel, name: Some("open".into()), members: vec![] };
    let room = alices.session.create_room(&create).await.unwrap().id;
    bobs.session.join(room).await.unwrap();
    let joined = NoticeEvent::MemberAdded { room, user: bob.id, role: Role::Member, by: bob.id };
    assert_eq!(alices.notice().await, joined);
    let mut second = bob.online(relay).await;
    assert!(matches!(bobs.notice().await, NoticeEvent::DeviceAdded { .. }));
    bobs.session.leave(room).await.unwrap();
    let left = NoticeEvent::MemberRemoved { room, user: bob.id, by: bob.id };
    assert_eq!((alices.notice().await, second.notice().await), (left.clone(), left));
    // Rejected calls send no notice.
    assert!(bobs.session.leave(room).await.is_err());
    alices.session.leave(room).await.unwrap();
    let direct = alices.direct(bob.id).await;
    for device in [&mut bobs, &mut second] {
        assert!(matches!(device.notice().await, NoticeEvent::MemberAdded { room, .. } if room == direct));
    }
    have_no_more([&mut bobs, &mut second], &alices, direct).await;
});

on_both!(a_changed_or_deleted_room_is_told, |world| async move {
    let mut scene = Scene::set(&world).await;
    let ([alice, bob, carol], room) = (scene.ids(), scene.room);
    let changed = NoticeEvent::RoomChanged { room, by: alice };
    for update in [
        UpdateRoom { name: Some("renamed".into()), description: None },
        UpdateRoom { name: None, description: Some("what\nabout".into()) },
    ] {
        scene.phone.session.update_room(room, &update).await.unwrap();
        scene.all_hear(&changed).await;
        // A second call sends no notice.
        scene.phone.session.update_room(room, &update).await.unwrap();
        scene.is_quiet().await;
    }
    // A rejected call sends none either.
    assert!(scene.bobs.session.update_room(room, &UpdateRoom::default()).await.is_err());
    scene.phone.session.transfer_room(room, bob).await.unwrap();
    let owner = NoticeEvent::MemberChanged { room, user: bob, role: Role::Owner, muted_until: 0, by: alice };
    for device in [&mut scene.laptop, &mut scene.bobs, &mut scene.carols] {
        assert_eq!(device.notice().await, owner);
    }
    scene
        .all_hear(&NoticeEvent::MemberChanged { room, user: alice, role: Role::Admin, muted_until: 0, by: alice })
        .await;

    scene.bobs.session.delete_room(room).await.unwrap();
    let deleted = NoticeEvent::RoomDeleted { room, by: bob };
    for device in [&mut scene.phone, &mut scene.laptop, &mut scene.carols] {
        assert_eq!(device.notice().await, deleted);
    }
    let direct = scene.phone.direct(carol).await;
    assert!(matches!(scene.carols.notice().await, NoticeEvent::MemberAdded { room, .. } if room == direct));
    have_no_more([&mut scene.carols], &scene.phone, direct).await;
});

on_both!(a_deleted_account_leaves_its_rooms, |world| async move {
    let mut scene = Scene::set(&world).await;
    let ([alice, bob, _], room) = (scene.ids(), scene.room);
    let put = PutMember { role: Some(Role::Admin), muted_until: None };
    scene.phone.session.put_member(room, bob, &put).await.unwrap();
    for device in [&mut scene.laptop, &mut scene.bobs, &mut scene.carols] {
        assert!(matches!(device.notice().await, NoticeEvent::MemberChanged { .. }));
    }
    let direct = scene.bobs.direct(alice).await;
    scene.phone.session.delete_me(&Secret::new("correct horse")).await.unwrap();
    let mut told = vec![scene.bobs.notice().await, scene.bobs.notice().await, scene.bobs.notice().await];
    // Notices of one room come in order. The two rooms have no order between them.
    let of_direct = told.iter().position(|event| event.room() == Some(direct)).unwrap();
    assert_eq!(told.remove(of_direct), NoticeEvent::RoomDeleted { room: direct, by: alice });
    let left = NoticeEvent::MemberRemoved { room, user: alice, by: alice };
    let heir = NoticeEvent::MemberChanged { room, user: bob, role: Role::Owner, muted_until: 0, by: alice };
    assert_eq!(told, [left.clone(), heir.clone()]);
    assert_eq!([scene.carols.notice().await, scene.carols.notice().await], [left, heir]);
    have_no_more([&mut scene.carols], &scene.bobs, room).await;
});

on_both!(the_other_devices_hear_of_logins_and_logouts, |world| async move {
    let relay = world.relay();
    let (alice, eve) = (world.person("alice").await, world.person("eve").await);
    let (mut eves, mut phone) = (eve.online(relay).await, alice.online(relay).await);
    let away = alice.log_in(relay).await;
    let (first, second) = (phone.device(), away.credentials().device);
    let added = |device| NoticeEvent::DeviceAdded { device, name: "test".into(), ip: Some("127.0.0.1".into()) };
    assert_eq!(phone.notice().await, added(second));
    let laptop = alice.log_in(relay).await;
    let third = laptop.credentials().device;
    assert_eq!(phone.notice().await, added(third));
    // One device is logged out by another, and one logs itself out.
    phone.session.logout_device(third).await.unwrap();
    let mut back = Online::connect(away).await;
    back.drained().await;
    let told: Vec<_> = back.notices.drain(..).map(|notice| notice.event).collect();
    assert_eq!(told, [added(third), NoticeEvent::DeviceRemoved { device: third }], "also while it was away");
    back.session.logout().await.unwrap();
    assert_eq!(phone.notice().await, NoticeEvent::DeviceRemoved { device: second });

    // A new password leaves only the device that set it, and that one knows.
    let fifth = alice.log_in(relay).await.credentials().device;
    assert_eq!(phone.notice().await, added(fifth));
    phone.session.change_password(&alice.password, &Secret::new("another horse")).await.unwrap();
    let room = eves.direct(alice.id).await;
    assert!(matches!(phone.notice().await, NoticeEvent::MemberAdded { .. }));
    have_no_more([&mut phone], &eves, room).await;
    // A wrong password is no login. Other users are not told of any of this.
    assert!(relay.client().login(&alice.name, &alice.password, "thief").await.is_err());
    have_no_more([&mut phone], &eves, room).await;
    phone.send(room, "a fence").await;
    assert_eq!(eves.text().await, "a fence");
    assert!(eves.notices.is_empty(), "{:?}", eves.notices);
    assert_ne!(first, second);
});
