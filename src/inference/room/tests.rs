//! Who is given what, and in whose turn.

use crate::fairness::{claim::Tenant, priority::Priority};

use super::*;

fn room(places: usize, bytes: u64) -> Room {
    Room::new(RoomName::Decode, (places, bytes), Some(2), Arc::default())
}

fn of(tenant: &str) -> Claim {
    Claim {
        tenant: Tenant::new(tenant),
        priority: Priority::Normal,
        deadline: None,
    }
}

fn soon() -> Claim {
    of("").until(Some(Instant::now() + Duration::from_millis(20)))
}

#[tokio::test]
async fn what_is_taken_comes_back() {
    let room = room(1, 100);
    let most = room.memory(90, &soon()).await.expect("is there");
    let refused = room.memory(20, &soon()).await.expect_err("is not");
    assert_eq!(refused.code, ErrorCode::DeadlineExceeded);
    let nobody = of("");
    let waits = room.memory(20, &nobody);
    drop(most);
    assert!(waits.await.is_ok());
}

#[tokio::test]
async fn who_needs_all_of_it_gets_no_more() {
    let room = room(1, 10);
    let all = room.memory(1000, &soon()).await.expect("all of it");
    assert!(room.memory(1, &soon()).await.is_err());
    drop(all);
    assert!(room.memory(1, &soon()).await.is_ok());
}

/// Everybody who waits in this order is served in that, one at a time.
#[tokio::test]
async fn tenants_take_turns_and_what_is_nearly_finished_goes_first() {
    let room = room(1, 100);
    let (busy, _memory) = room.place(1, &of("a"), None).await.expect("is free");
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let wait = |name: &'static str| {
        let (room, tell, before) = (room.clone(), tell.clone(), room.lock().line.len());
        let waits = tokio::spawn(async move {
            let (place, _) = room.place(10, &of(&name[..1]), None).await.expect("comes");
            tell.send(name).expect("is heard");
            drop(place);
        });
        async move { (waits, before) }
    };
    for name in ["a1", "a2", "a3", "b1"] {
        let (_, before) = wait(name).await;
        while room.lock().line.len() == before {
            tokio::task::yield_now().await;
        }
    }
    let finishing = tokio::spawn({
        let (room, tell) = (room.clone(), tell.clone());
        async move {
            let place = room.place_to_finish().await.expect("comes");
            tell.send("end").expect("is heard");
            drop(place);
        }
    });
    while room.lock().ending.is_empty() {
        tokio::task::yield_now().await;
    }
    drop(busy);
    finishing.await.expect("ends");
    let mut order = Vec::new();
    for _ in 0..5 {
        order.push(told.recv().await.expect("all are served"));
    }
    assert_eq!(order, ["end", "a1", "b1", "a2", "a3"]);
}

#[tokio::test]
async fn a_place_waits_for_its_memory_and_who_gave_up_holds_nobody_back() {
    let room = room(2, 10);
    let held = room.place(8, &of("a"), None).await.expect("is free");
    let large = tokio::time::timeout(Duration::ZERO, room.place(5, &of("b"), None)).await;
    assert!(large.is_err(), "there is a place, but no memory");
    let (small, _) = room
        .place(2, &of("c"), None)
        .await
        .expect("b has left the line");
    let work = small.run(|| 7).await;
    assert_eq!(work.expect("is done"), 7);
    drop(held);
    let state = room.lock();
    assert_eq!((state.places, state.bytes), (2, 10));
}

#[tokio::test]
async fn waits_are_foretold_by_what_was_done() {
    let room = room(1, 100);
    let claim = of("a");
    assert_eq!(room.expected_wait(20, &claim), Duration::ZERO);
    let (place, _memory) = room.place(10, &claim, None).await.expect("is free");
    room.lock().drain.done(10, Duration::from_millis(40));
    let waits = tokio::spawn({
        let room = room.clone();
        async move { room.place(20, &of("a"), None).await.map(drop) }
    });
    while room.lock().line.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(room.expected_wait(20, &claim), Duration::from_millis(80));
    assert_eq!(room.expected_wait(19, &claim), Duration::ZERO);
    drop(place);
    assert!(waits.await.expect("ends").is_ok());
}

/// Who had more than its part while another is about begins no more until that has caught up.
#[tokio::test]
async fn one_tenant_leaves_the_part_of_others_free() {
    let room = room(4, 100);
    let work = |tenant: &str| (of(tenant), room.work(&of(tenant)));
    let begin = async |(claim, work): &(Claim, Work)| {
        let wait = room.place(10, claim, Some(work));
        let wait = tokio::time::timeout(Duration::from_millis(20), wait);
        wait.await.is_ok()
    };
    let [first, second, third] = ["a", "a", "a"].map(work);
    assert!(begin(&first).await && begin(&second).await, "a is alone");
    let other = work("b");
    assert!(begin(&other).await);
    let (a, took) = (Tenant::new("a"), Duration::from_millis(1200));
    room.change(|state| state.shares.end(&a, Instant::now(), took));
    assert!(!begin(&third).await, "b has a part");
    assert!(begin(&first).await, "what has begun goes on");
    drop(first);
    let woken = room.place(10, &third.0, Some(&third.1)).await;
    assert!(woken.is_ok(), "it has its own");
}
