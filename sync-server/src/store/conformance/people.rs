//! Names, sessions as they are listed, members of a workspace, invitations.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use sync_protocol::message::Role;
use sync_protocol::{Timestamp, UserId, WorkspaceId};
use uuid::Uuid;

use super::{Subject, account, token_hash};
use crate::store::{Account, InvitationRow, Joined, SessionRow, WorkspaceRow};

fn user() -> UserId {
    UserId(Uuid::now_v7())
}

fn workspace() -> WorkspaceId {
    WorkspaceId(Uuid::now_v7())
}

pub(super) async fn names(s: Subject) {
    let ada = account();
    s.store.set_name(ada.user, "Nobody").await.expect("set");
    assert_eq!(s.store.account_of(ada.user).await, Ok(None), "a name makes no account");
    assert_eq!(s.store.add_account(&ada).await, Ok(true));
    s.store.set_name(ada.user, "Ada King").await.expect("set");
    let renamed = Account { name: "Ada King".into(), ..ada.clone() };
    assert_eq!(s.store.account(&ada.login).await, Ok(Some(renamed)));
    s.store.remove_account(&ada).await.expect("remove");
    assert_eq!(s.store.account(&ada.login).await, Ok(None));
    assert_eq!(s.store.account_of(ada.user).await, Ok(None));
    let again = Account { login: ada.login.clone(), ..account() };
    assert_eq!(s.store.add_account(&again).await, Ok(true), "the login is free again");

    let row = WorkspaceRow { id: workspace(), name: "Quay".into(), partitions: 4 };
    s.store.rename_workspace(row.id, "Nothing").await.expect("rename");
    assert_eq!(s.store.workspace(row.id).await, Ok(None), "a name makes no workspace");
    assert_eq!(s.store.add_workspace(&row).await, Ok(true));
    s.store.rename_workspace(row.id, "Harbour").await.expect("rename");
    let renamed = WorkspaceRow { name: "Harbour".into(), ..row.clone() };
    assert_eq!(s.store.workspace(row.id).await, Ok(Some(renamed)));
    s.store.remove_workspace(row.id).await.expect("remove");
    assert_eq!(s.store.workspace(row.id).await, Ok(None));
    s.store.remove_workspace(row.id).await.expect("removing twice is no fault");
}

pub(super) async fn noted_sessions(s: Subject) {
    let (ada, bob) = (user(), user());
    let now = s.clock.now();
    let row = |user| SessionRow {
        device: "Front desk".into(),
        since: Some(now),
        seen: Some(now),
        ..SessionRow::new(user, Timestamp(now.0 + 3_600_000))
    };
    let hashes = [token_hash(), token_hash(), token_hash()];
    for (hash, user) in hashes.iter().zip([ada, ada, bob]) {
        s.store.add_session(hash, &row(user)).await.expect("add");
    }
    let listed = async |user, limit| -> BTreeMap<[u8; 32], SessionRow> {
        s.store.sessions_of(user, limit).await.expect("list").into_iter().collect()
    };
    let adas = BTreeMap::from([(hashes[0], row(ada)), (hashes[1], row(ada))]);
    assert_eq!(listed(ada, 10).await, adas);
    assert_eq!(listed(ada, 1).await.len(), 1);
    let later = Timestamp(now.0 + 1_000);
    s.store.note_session(&hashes[0], None, later).await.expect("note");
    s.store.note_session(&hashes[1], Some("Till 2"), later).await.expect("note");
    let noted = |device: &str| SessionRow { device: device.into(), seen: Some(later), ..row(ada) };
    let adas = BTreeMap::from([(hashes[0], noted("Front desk")), (hashes[1], noted("Till 2"))]);
    assert_eq!(listed(ada, 10).await, adas);
    assert_eq!(s.store.session(&hashes[1]).await, Ok(Some(noted("Till 2"))));
    s.store.end_session(&hashes[0]).await.expect("end");
    s.store.note_session(&hashes[0], Some("Back"), later).await.expect("note");
    assert_eq!(s.store.session(&hashes[0]).await, Ok(None), "one that has ended does not come back");
    assert_eq!(listed(ada, 10).await.into_keys().collect::<Vec<_>>(), [hashes[1]]);
    assert_eq!(s.store.end_sessions(ada).await, Ok(1));
    assert_eq!(listed(ada, 10).await, BTreeMap::new());
    assert_eq!(listed(bob, 10).await, BTreeMap::from([(hashes[2], row(bob))]));
}

pub(super) async fn listed_members(s: Subject) {
    let (here, there) = (workspace(), workspace());
    let (ada, bob) = (user(), user());
    for (workspace, user, role) in [
        (here, ada, Role::Owner),
        (here, bob, Role::Editor),
        (there, bob, Role::Owner),
        (here, bob, Role::Reader),
    ] {
        s.store.set_member(workspace, user, Some(role)).await.expect("set");
    }
    let members = BTreeMap::from([(ada, Role::Owner), (bob, Role::Reader)]);
    assert_eq!(s.store.members_of(here, 10).await, Ok(members));
    assert_eq!(s.store.members_of(here, 1).await.expect("list").len(), 1);
    s.store.set_member(here, bob, None).await.expect("take away");
    assert_eq!(s.store.members_of(here, 10).await, Ok(BTreeMap::from([(ada, Role::Owner)])));
    assert_eq!(s.store.members_of(there, 10).await, Ok(BTreeMap::from([(bob, Role::Owner)])));
    assert_eq!(s.store.members_of(workspace(), 10).await, Ok(BTreeMap::new()));
}

fn invitation(s: &Subject, uses: u32, life: i64) -> InvitationRow {
    InvitationRow {
        id: Uuid::now_v7(),
        workspace: workspace(),
        role: Role::Editor,
        by: user(),
        expires: Timestamp(s.clock.now().0 + life),
        uses,
    }
}

pub(super) async fn invitations(s: Subject) {
    let (hash, unknown) = (token_hash(), token_hash());
    let row = invitation(&s, 2, 3_600_000);
    let now = s.clock.now();
    assert_eq!(s.store.invitation(&hash).await, Ok(None));
    s.store.add_invitation(&hash, &row).await.expect("add");
    assert_eq!(s.store.invitation(&hash).await, Ok(Some(row.clone())));
    assert_eq!(s.store.invitations_of(row.workspace).await, Ok(vec![(hash, row.clone())]));
    assert_eq!(s.store.invitations_of(workspace()).await, Ok(Vec::new()));
    let (ada, bob, cyd, eve) = (user(), user(), user(), user());
    assert_eq!(s.store.join(&unknown, eve, now).await, Ok(Joined::No));
    // a member takes no place, and keeps the role
    s.store.set_member(row.workspace, ada, Some(Role::Reader)).await.expect("set");
    assert_eq!(s.store.join(&hash, ada, now).await, Ok(Joined::Before(Role::Reader)));
    let left = |uses| InvitationRow { uses, ..row.clone() };
    assert_eq!(s.store.join(&hash, bob, now).await, Ok(Joined::Yes(left(1))));
    assert_eq!(s.store.role(row.workspace, bob).await, Ok(Some(Role::Editor)));
    assert_eq!(s.store.members_of(row.workspace, 10).await.expect("list").len(), 2);
    assert_eq!(s.store.invitation(&hash).await, Ok(Some(left(1))));
    assert_eq!(s.store.join(&hash, cyd, now).await, Ok(Joined::Yes(left(0))));
    assert_eq!(s.store.join(&hash, eve, now).await, Ok(Joined::No), "it is used up");
    assert_eq!(s.store.role(row.workspace, eve).await, Ok(None));
    assert_eq!(s.store.invitation(&hash).await, Ok(None));
    assert_eq!(s.store.invitations_of(row.workspace).await, Ok(Vec::new()));
    // whoever was removed does not come back with the same link
    s.store.set_member(row.workspace, bob, None).await.expect("take away");
    assert_eq!(s.store.join(&hash, bob, now).await, Ok(Joined::No));
}

pub(super) async fn last_place(s: Subject) {
    let hash = token_hash();
    let row = invitation(&s, 2, 3_600_000);
    s.store.add_invitation(&hash, &row).await.expect("add");
    let now = s.clock.now();
    let tasks = (0..6).map(|_| {
        let store = s.store.clone();
        // one that cannot be decided now is asked again, as a client does
        tokio::spawn(async move {
            let me = user();
            loop {
                if let Ok(joined) = store.join(&hash, me, now).await {
                    return (me, joined);
                }
            }
        })
    });
    let joined = futures::future::join_all(tasks.collect::<Vec<_>>()).await;
    let joined = joined.into_iter().map(|joined| joined.expect("the task ends"));
    let inside: BTreeSet<UserId> =
        joined.filter(|(_, joined)| matches!(joined, Joined::Yes(_))).map(|(user, _)| user).collect();
    assert_eq!(inside.len(), 2, "as many as it lets in");
    let members = s.store.members_of(row.workspace, 10).await.expect("list");
    assert_eq!(members.into_keys().collect::<BTreeSet<_>>(), inside, "and nobody else is a member");
}

pub(super) async fn ended_invitations(s: Subject) {
    let (taken_back, expired) = (token_hash(), token_hash());
    let now = s.clock.now();
    let row = invitation(&s, 1, 3_600_000);
    s.store.add_invitation(&taken_back, &row).await.expect("add");
    s.store.end_invitation(&taken_back, row.workspace).await.expect("end");
    assert_eq!(s.store.join(&taken_back, user(), now).await, Ok(Joined::No));
    assert_eq!(s.store.invitations_of(row.workspace).await, Ok(Vec::new()));
    s.store.end_invitation(&taken_back, row.workspace).await.expect("ending twice is no fault");

    let row = invitation(&s, 1, 3_000);
    s.store.add_invitation(&expired, &row).await.expect("add");
    // judged by the time that the server says, before the row has gone
    assert_eq!(s.store.join(&expired, user(), row.expires).await, Ok(Joined::No));
    (s.pass)(Duration::from_secs(5)).await;
    assert_eq!(s.store.invitation(&expired).await, Ok(None));
    assert_eq!(s.store.join(&expired, user(), s.clock.now()).await, Ok(Joined::No));
    assert_eq!(s.store.invitations_of(row.workspace).await, Ok(Vec::new()));
}
