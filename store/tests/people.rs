//! People, their sessions and links, on both databases.

#[macro_use]
mod common;

use colloquy_domain::{access::Role, ports::StoreError, time::Timestamp};
use colloquy_store::{Allowance, NewUser, PasswordHash, Purpose, Refreshed, SecretHash};
use common::{Kind, NOW};
use std::time::Duration;

fn person(email: &str, role: Role) -> NewUser {
    NewUser { email: email.into(), name: "Ann".into(), role, password: None }
}

const fn later() -> Timestamp {
    Timestamp(NOW.millis() + 3_600_000)
}

// req: S1-AUTH-1
async fn a_session_goes_from_token_to_token_and_ends_when_one_comes_twice(on: Kind) {
    let opened = common::open(on).await;
    let installation = opened.store.installation();
    let (tenant, user) = installation.register("team", "Team", person("a@x.example", Role::Owner)).await.expect("made");
    let rows = opened.store.tenant(tenant.id);
    let [one, two, three] = ["one", "two", "three"].map(SecretHash::of);
    let session = rows.begin_session(user.id, one, later()).await.expect("begun");
    assert_eq!(installation.session_user(session).await.expect("read").map(|u| u.id), Some(user.id));
    let rotated = installation.rotate(one, two, later()).await.expect("rotated");
    assert!(matches!(rotated, Refreshed::Rotated { session: s, .. } if s == session), "{rotated:?}");
    let reused = installation.rotate(one, three, later()).await.expect("answered");
    assert_eq!(reused, Refreshed::Reused { tenant: tenant.id, session });
    assert_eq!(installation.session_user(session).await, Ok(None));
    assert_eq!(installation.rotate(two, three, later()).await, Ok(Refreshed::Refused));
    assert_eq!(installation.rotate(SecretHash::of("no"), three, later()).await, Ok(Refreshed::Refused));
}

async fn what_closes_a_door_closes_it_at_once(on: Kind) {
    let opened = common::open(on).await;
    let installation = opened.store.installation();
    let (tenant, owner) =
        installation.register("team", "Team", person("a@x.example", Role::Owner)).await.expect("made");
    let rows = opened.store.tenant(tenant.id);
    assert_eq!(
        installation.register("other", "Other", person("a@x.example", Role::Owner)).await.map(|_| ()),
        Err(StoreError::Conflict("email"))
    );
    assert_eq!(installation.tenant_by_slug("other").await, Ok(None), "both or neither");
    let mut last = owner.clone();
    last.role = Role::Admin;
    assert_eq!(rows.update_user(&last).await.map(|_| ()), Err(StoreError::Conflict("last owner")));

    let begin = |name: &'static str| rows.begin_session(owner.id, SecretHash::of(name), later());
    let first = begin("first").await.expect("begun");
    rows.set_password(owner.id, PasswordHash("x".into())).await.expect("set");
    assert_eq!(installation.session_user(first).await, Ok(None), "another password ends it");
    let second = begin("second").await.expect("begun");
    installation.suspend_tenant(tenant.id, true).await.expect("suspended");
    assert_eq!(installation.session_user(second).await, Ok(None));
    installation.suspend_tenant(tenant.id, false).await.expect("open again");
    assert!(installation.session_user(second).await.expect("read").is_some(), "nothing was lost by it");
    rows.end_session(second).await.expect("ended");
    assert_eq!(installation.session_user(second).await, Ok(None));

    let link = SecretHash::of("link");
    rows.add_link(owner.id, Purpose::Reset, link, later()).await.expect("sent");
    assert_eq!(installation.use_link(link).await, Ok(Some((tenant.id, owner.id))));
    assert_eq!(installation.use_link(link).await, Ok(None), "it opens once");
    let stranger = opened.store.tenant(common::new_tenant(&opened.store, "stranger").await);
    assert_eq!(stranger.user(owner.id).await, Err(StoreError::NotFound("user")));
}

// req: S4-RL-1
async fn an_allowance_is_used_up_and_comes_back(on: Kind) {
    let opened = common::open(on).await;
    let installation = opened.store.installation();
    let of = |subject: &str| vec![Allowance { subject: subject.to_owned(), most: 2, within: Duration::from_secs(60) }];
    for _ in 0..2 {
        assert_eq!(installation.attempt(of("a")).await, Ok(None));
    }
    assert_eq!(installation.attempt(of("a")).await, Ok(Some(Duration::from_secs(60))));
    assert_eq!(installation.attempt(of("b")).await, Ok(None), "others need not wait");
}

on_both! {
    a_session_goes_from_token_to_token_and_ends_when_one_comes_twice
    what_closes_a_door_closes_it_at_once
    an_allowance_is_used_up_and_comes_back
}
