//! What a start and an opening do, and what they leave alone.

use crate::desk::{Desk, ask};
use sync_client::api::{Answer, Command};
use sync_client::engine::Handle;
use sync_client::status::Phase;
use sync_protocol::WorkspaceId;

async fn phase(handle: &Handle) -> Phase {
    let Answer::Status(status) = ask(handle, Command::Status).await else { panic!("a status") };
    status.phase
}

#[test]
fn a_start_with_nothing_new_writes_nothing() {
    let desk = Desk::new();
    let start = async |handle: Handle| {
        let Answer::Session(session) = ask(&handle, Command::Session).await else { panic!("a session") };
        assert!(session.open.is_some());
    };
    desk.at_work(start);
    let (saved, profile) = (desk.saves(), desk.profile());
    assert!(saved > 0, "the first one notes which stores there are");
    desk.at_work(start);
    assert_eq!((desk.saves(), desk.profile()), (saved, profile), "the second start");
}

#[test]
fn what_is_paused_before_it_is_opened_is_opened_paused() {
    let desk = Desk::offline();
    desk.set_profile(&desk.profile().unwrap().replace("\"last\"", "\"first\""));
    desk.at_work(async |handle| {
        ask(&handle, Command::Pause).await;
        ask(&handle, Command::Open { workspace: WorkspaceId(uuid::Uuid::from_u128(7)) }).await;
        assert_eq!(phase(&handle).await, Phase::Paused);
        ask(&handle, Command::Resume).await;
        assert_eq!(phase(&handle).await, Phase::FirstSync);
    });
}
