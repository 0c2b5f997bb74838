//! Sessions that end, people who share a device, members who are none any more: what is said, and what is kept.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use mooring_tests::crew::{add, crew, edit, names, person, review, wait_value};
use mooring_tests::server::administer;
use mooring_tests::{Client, Server, on_a_local_set};
use sync_client::api::{Answer, Command, Failure, FailureKind, MembersAsk, MembersTold, Session, Unsent};
use sync_protocol::message::Role;
use sync_protocol::people::{NewInvitation, SetRole};
use sync_protocol::{Rejection, WorkspaceId};

const ANN: &str = "correct horse";
const BOB: &str = "battery staple";

/// A workspace of Ann's in which Bob may edit, and the server's folder; the server is started and stopped by the test.
struct Team {
    dir: tempfile::TempDir,
    data: PathBuf,
    workspace: WorkspaceId,
}

impl Team {
    fn make() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let data = dir.path().join("data");
        administer(&data, &["user", "add", "ann", "--name", "Ann"], ANN)?;
        administer(&data, &["user", "add", "bob", "--name", "Bob"], BOB)?;
        let workspace = administer(&data, &["workspace", "add", "Harbour", "--owner", "ann"], "")?.parse()?;
        let team = Self { dir, data, workspace };
        team.member("bob", "editor")?;
        Ok(team)
    }

    fn member(&self, login: &str, role: &str) -> Result<()> {
        let workspace = self.workspace.to_string();
        administer(&self.data, &["member", "set", &workspace, login, role], "")?;
        Ok(())
    }

    fn serve(&self, port: u16) -> Result<Server> {
        Server::of_team(&self.data, port)
    }

    /// A device that somebody has signed in to, with the workspace open.
    async fn device(&self, server: &Server, name: &str, login: &str, password: &str) -> Result<Client> {
        let client = Client::start(&self.dir.path().join(name), name)?;
        client.ask(Command::Connect { server: server.url.clone() }).await?;
        client.sign_in(login, password).await?;
        client.open(self.workspace).await?;
        Ok(client)
    }
}

fn people(pairs: &[(i64, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, name)| (key.to_string(), (*name).to_owned())).collect()
}

#[test]
fn a_new_password_ends_all_sessions_and_what_is_unsent_goes_out_after_signing_in_again() {
    on_a_local_set(async {
        let team = Team::make()?;
        let server = team.serve(0)?;
        let port = server.port()?;
        let tablet = team.device(&server, "tablet", "ann", ANN).await?;
        crew(&tablet).await?;
        add(&tablet, 1, "Ann").await?;
        tablet.synced().await?;
        let desktop = team.device(&server, "desktop", "ann", ANN).await?;
        let bobs = team.device(&server, "bob's", "bob", BOB).await?;
        for client in [&desktop, &bobs] {
            client.synced().await?;
        }

        server.kill()?;
        edit(&tablet, &person(1), "name", "Ann", "Ann Smith").await?;
        add(&tablet, 2, "Cid").await?;
        let said = administer(&team.data, &["user", "passwd", "ann"], "a new secret")?;
        ensure!(said.starts_with("Password of “ann” set, 2 sessions ended."), "{said}");
        let _server = team.serve(port)?;
        for client in [&tablet, &desktop, &bobs] {
            client.ask(Command::Network { online: true }).await?;
        }
        let status = tablet.until_pill("Needs sign-in, 2 changes safe on this device").await?;
        ensure!(status.problem.is_some_and(|p| p.contains("Sign in again")), "the details say what to do");
        desktop.until_pill("Needs sign-in").await?;
        bobs.until_pill("Synced and verified").await?;
        // work goes on meanwhile, also after a restart
        add(&tablet, 3, "Dora").await?;
        let tablet = tablet.restart().await?;
        tablet.until_pill("Needs sign-in, 3 changes safe on this device").await?;
        let wrong = tablet.sign_in("ann", ANN).await.err().context("the old password is none any more")?;
        assert_eq!(wrong.kind, FailureKind::Refused);
        assert_eq!(wrong.message, "The name or the password is wrong. Check both and try again.");
        tablet.until_pill("Needs sign-in, 3 changes safe on this device").await?;

        tablet.sign_in("ann", "a new secret").await?;
        tablet.until_pill("Synced and verified").await?;
        let all = people(&[(1, "Ann Smith"), (2, "Cid"), (3, "Dora")]);
        // each partition's news come by themselves
        for (key, name) in [(1, "Ann Smith"), (2, "Cid"), (3, "Dora")] {
            wait_value(&bobs, &person(key), "name", name).await?;
        }
        for client in [&tablet, &bobs] {
            assert_eq!((names(client).await?, client.status().await?.review()), (all.clone(), 0));
        }
        desktop.sign_in("ann", "a new secret").await?;
        desktop.until_pill("Synced and verified").await?;
        assert_eq!(names(&desktop).await?, all);
        Ok(())
    });
}

#[test]
fn somebody_else_on_the_same_device_never_sends_what_the_first_one_left() {
    on_a_local_set(async {
        let team = Team::make()?;
        let server = team.serve(0)?;
        let port = server.port()?;
        let shared = team.device(&server, "shared", "ann", ANN).await?;
        crew(&shared).await?;
        shared.synced().await?;
        server.kill()?;
        add(&shared, 1, "only Ann may send this").await?;
        administer(&team.data, &["user", "passwd", "ann"], ANN)?;
        let server = team.serve(port)?;
        shared.ask(Command::Network { online: true }).await?;
        shared.until_pill("Needs sign-in, 1 change safe on this device").await?;

        // Bob signs in where Ann was asked to, and works in the same workspace
        let session = shared.sign_in("bob", BOB).await?;
        assert_eq!((session.user.map(|u| u.name), session.open), (Some("Bob".into()), None));
        shared.open(team.workspace).await?;
        shared.synced().await?;
        assert_eq!(names(&shared).await?, people(&[]), "Ann's records are Ann's");
        add(&shared, 2, "Bob's").await?;
        shared.synced().await?;
        let other = team.device(&server, "other", "bob", BOB).await?;
        other.synced().await?;
        assert_eq!(names(&other).await?, people(&[(2, "Bob's")]), "nothing of Ann's was sent");
        // nor does Bob's leaving throw Ann's change away
        let Answer::Session(_) = shared.ask(Command::SignOut { unsent: Unsent::Discard }).await? else {
            bail!("not signed out")
        };

        shared.sign_in("ann", ANN).await?;
        shared.open(team.workspace).await?;
        shared.until_pill("Synced and verified").await?;
        let both = people(&[(1, "only Ann may send this"), (2, "Bob's")]);
        wait_value(&other, &person(1), "name", "only Ann may send this").await?;
        for client in [&shared, &other] {
            assert_eq!((names(client).await?, client.status().await?.review()), (both.clone(), 0));
        }
        Ok(())
    });
}

#[test]
fn who_is_no_member_any_more_is_told_and_keeps_what_was_made() {
    on_a_local_set(async {
        let team = Team::make()?;
        let server = team.serve(0)?;
        let port = server.port()?;
        let anns = team.device(&server, "tablet", "ann", ANN).await?;
        crew(&anns).await?;
        add(&anns, 1, "Ann").await?;
        anns.synced().await?;
        let bobs = team.device(&server, "desktop", "bob", BOB).await?;
        bobs.synced().await?;

        server.kill()?;
        add(&bobs, 2, "made offline").await?;
        team.member("bob", "none")?;
        let server = team.serve(port)?;
        for client in [&anns, &bobs] {
            client.ask(Command::Network { online: true }).await?;
        }
        let status = bobs.until_pill("No longer a member, 1 change safe on this device").await?;
        assert_eq!(
            status.problem.as_deref(),
            Some(
                "There is no such workspace, or you are not a member of it. Ask one of its owners to add you."
            )
        );
        assert_eq!(status.pending, 1);
        assert_eq!(names(&bobs).await?, people(&[(1, "Ann"), (2, "made offline")]), "all of it can be read");
        let Answer::Text(unsent) = bobs.ask(Command::ExportUnsent).await? else { bail!("no text") };
        ensure!(unsent.contains("made offline"), "and be taken away");
        anns.until_pill("Synced and verified").await?;
        let leaving: Failure =
            bobs.ask(Command::SignOut { unsent: Unsent::Ask }).await.err().context("asked")?;
        assert_eq!(leaving.kind, FailureKind::Unsent);

        // a member again, but only to read: what was made is refused one by one, and stays
        server.kill()?;
        team.member("bob", "reader")?;
        let server = team.serve(port)?;
        for client in [&anns, &bobs] {
            client.ask(Command::Network { online: true }).await?;
        }
        bobs.until_pill("Needs review (1)").await?;
        let refused = review(&bobs).await?.rejected.remove(0);
        assert_eq!((refused.id, refused.reason), (person(2), Rejection::NotPermitted));
        assert_eq!(
            refused.message,
            "You are not allowed to make this change. Ask an owner of the workspace."
        );
        assert_eq!(refused.wanted["name"], "made offline".into());

        // and an editor again: sent once more, it arrives
        server.kill()?;
        team.member("bob", "editor")?;
        let _server = team.serve(port)?;
        let bobs = bobs.restart().await?;
        bobs.ask(Command::Retry { counter: refused.counter }).await?;
        for client in [&anns, &bobs] {
            client.ask(Command::Network { online: true }).await?;
        }
        bobs.until_pill("Synced and verified").await?;
        wait_value(&anns, &person(2), "name", "made offline").await?;
        assert_eq!(names(&anns).await?, people(&[(1, "Ann"), (2, "made offline")]));
        Ok(())
    });
}

/// Two workspaces of Bob's on one device: in the one a change was not sent, the other one is open. Ann owns the first.
async fn two_workspaces(team: &Team) -> Result<(Server, Client, WorkspaceId)> {
    let attic = administer(&team.data, &["workspace", "add", "Attic", "--owner", "bob"], "")?.parse()?;
    let server = team.serve(0)?;
    let port = server.port()?;
    let anns = team.device(&server, "tablet", "ann", ANN).await?;
    crew(&anns).await?;
    anns.synced().await?;
    anns.stop().await;
    let bobs = team.device(&server, "desktop", "bob", BOB).await?;
    bobs.synced().await?;
    server.kill()?;
    add(&bobs, 2, "made offline").await?;
    let server = team.serve(port)?;
    // nothing of it reached the server: the other workspace is opened before there is a network
    bobs.ask(Command::Network { online: false }).await?;
    bobs.open(attic).await?;
    Ok((server, bobs, attic))
}

fn stores(team: &Team) -> Result<usize> {
    Ok(std::fs::read_dir(team.dir.path().join("desktop/workspaces"))?.count())
}

async fn session(client: &Client) -> Result<Session> {
    match client.ask(Command::Session).await? {
        Answer::Session(session) => Ok(session),
        other => bail!("no session: {other:?}"),
    }
}

async fn exported(client: &Client) -> Result<String> {
    match client.ask(Command::ExportUnsent).await? {
        Answer::Text(text) => Ok(text),
        other => bail!("no text: {other:?}"),
    }
}

#[test]
fn a_device_starts_and_exports_whatever_became_of_the_workspace_that_was_open_last() {
    on_a_local_set(async {
        let team = Team::make()?;
        let (server, bobs, attic) = two_workspaces(&team).await?;
        bobs.open(team.workspace).await?;
        let port = server.port()?;
        server.kill()?;
        team.member("bob", "none")?;
        let _server = team.serve(port)?;
        // the list of workspaces is looked at, as the first screen does, and the program starts again
        bobs.ask(Command::Workspaces).await?;
        let bobs = bobs.restart().await?;
        let now = session(&bobs).await?;
        assert_eq!(now.workspaces.iter().map(|w| w.id).collect::<Vec<_>>(), [attic]);
        assert_eq!(
            now.left.iter().map(|l| (l.id, l.name.as_str())).collect::<Vec<_>>(),
            [(team.workspace, "Harbour")]
        );
        ensure!(exported(&bobs).await?.contains("made offline"), "what is unsent can be taken away");
        bobs.until_pill("No longer a member, 1 change safe on this device").await?;
        bobs.open(attic).await?;
        bobs.synced().await?;

        // seen and exported, its records go, by an explicit act, and nothing else
        let remove = |unsent| Command::RemoveRecords { workspace: team.workspace, unsent };
        let asked = bobs.ask(remove(Unsent::Ask)).await.err().context("asked")?;
        assert_eq!(asked.kind, FailureKind::Unsent);
        ensure!(asked.message.starts_with("Only on this device: 1 of your changes in “Harbour”."), "{asked}");
        assert_eq!(stores(&team)?, 2);
        bobs.ask(remove(Unsent::Discard)).await?;
        assert_eq!((stores(&team)?, session(&bobs).await?.left), (1, Vec::new()));
        ensure!(!exported(&bobs).await?.contains("made offline"), "gone");
        let bobs = bobs.restart().await?;
        assert_eq!(session(&bobs).await?.open, Some(attic));
        bobs.synced().await?;
        Ok(())
    });
}

#[test]
fn who_is_added_again_finds_the_records_and_sends_what_was_made_meanwhile() {
    on_a_local_set(async {
        let team = Team::make()?;
        let (server, bobs, _) = two_workspaces(&team).await?;
        let port = server.port()?;
        server.kill()?;
        team.member("bob", "none")?;
        let server = team.serve(port)?;
        bobs.ask(Command::Workspaces).await?;
        bobs.open(team.workspace).await?;
        bobs.until_pill("No longer a member, 1 change safe on this device").await?;
        server.kill()?;
        team.member("bob", "editor")?;
        let _server = team.serve(port)?;
        bobs.ask(Command::Network { online: true }).await?;
        bobs.synced().await?;
        let start = std::time::Instant::now();
        while !session(&bobs).await?.left.is_empty() {
            ensure!(start.elapsed().as_secs() < 60, "it is listed again");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(names(&bobs).await?, people(&[(2, "made offline")]));
        Ok(())
    });
}

#[test]
fn signing_out_counts_exports_and_removes_what_is_unsent_in_every_workspace() {
    on_a_local_set(async {
        let team = Team::make()?;
        let (server, bobs, _) = two_workspaces(&team).await?;
        // one that is not listed any more counts too
        let port = server.port()?;
        server.kill()?;
        team.member("bob", "none")?;
        let _server = team.serve(port)?;
        bobs.ask(Command::Workspaces).await?;
        let asked = bobs.ask(Command::SignOut { unsent: Unsent::Ask }).await.err().context("asked")?;
        assert_eq!(asked.kind, FailureKind::Unsent);
        ensure!(asked.message.starts_with("Only on this device: 1 of your changes in “Harbour”."), "{asked}");
        ensure!(exported(&bobs).await?.contains("made offline"), "all of it is exported");

        // kept, it waits for the same person
        bobs.ask(Command::SignOut { unsent: Unsent::Keep }).await?;
        assert_eq!((stores(&team)?, session(&bobs).await?.left), (2, Vec::new()));
        bobs.sign_in("bob", BOB).await?;
        ensure!(exported(&bobs).await?.contains("made offline"), "nothing was lost");
        // a crash later it still counts
        bobs.open(team.workspace).await?;
        let bobs = bobs.restart().await?;
        let asked = bobs.ask(Command::SignOut { unsent: Unsent::Ask }).await.err().context("asked again")?;
        ensure!(asked.message.contains("1 of your changes in “Harbour”"), "{asked}");

        // discarded, nothing is left, and nothing is asked the next time
        bobs.ask(Command::SignOut { unsent: Unsent::Discard }).await?;
        assert_eq!(stores(&team)?, 0, "no record is left on the device");
        bobs.sign_in("bob", BOB).await?;
        bobs.ask(Command::SignOut { unsent: Unsent::Ask }).await?;
        Ok(())
    });
}

/// What the server says about people.
async fn told(client: &Client, ask: MembersAsk) -> Result<MembersTold> {
    match client.ask(Command::Members(Box::new(ask))).await? {
        Answer::Members(told) => Ok(*told),
        other => bail!("the answer is {other:?}"),
    }
}

/// The session as it is after something that changes it.
async fn after(client: &Client, ask: MembersAsk) -> Result<Session> {
    match client.ask(Command::Members(Box::new(ask))).await? {
        Answer::Session(session) => Ok(session),
        other => bail!("the answer is {other:?}"),
    }
}

#[test]
fn a_newcomer_joins_by_a_link_names_the_device_and_sees_to_the_account() {
    on_a_local_set(async {
        let team = Team::make()?;
        let server = team.serve(0)?;
        let anns = team.device(&server, "tablet", "ann", ANN).await?;
        crew(&anns).await?;
        add(&anns, 1, "Ann").await?;
        anns.synced().await?;
        let new = NewInvitation { role: Role::Editor, hours: 24, uses: 1 };
        let MembersTold::Made(made) = told(&anns, MembersAsk::Invite(new)).await? else { bail!("not made") };

        let cyds = Client::start(&team.dir.path().join("cyd's"), "cyd's")?;
        cyds.ask(Command::Connect { server: server.url.clone() }).await?;
        // before anybody is signed in: what it is for, and what this device is called
        let MembersTold::Invited(invited) = told(&cyds, MembersAsk::Look(made.token.clone())).await? else {
            bail!("not told")
        };
        assert_eq!((invited.workspace.as_str(), invited.by.as_str()), ("Harbour", "Ann"));
        assert_eq!(after(&cyds, MembersAsk::NameDevice("Deck tablet".into())).await?.device, "Deck tablet");
        let account = |token: &str| MembersAsk::MakeAccount {
            token: token.into(),
            login: "cyd".into(),
            name: "Cyd".into(),
            password: "tide and timetable".into(),
        };
        let session = after(&cyds, account(&made.token)).await?;
        assert_eq!((session.login.as_deref(), session.workspaces.len()), (Some("cyd"), 1));
        cyds.open(team.workspace).await?;
        cyds.synced().await?;
        edit(&cyds, &person(1), "name", "Ann", "Ann, by Cyd").await?;
        wait_value(&anns, &person(1), "name", "Ann, by Cyd").await?;
        let again = cyds.ask(Command::Members(Box::new(account(&made.token)))).await;
        ensure!(again.is_err_and(|failure| failure.message.contains("does not hold")), "the link is used up");

        // what others read, and what the account lists
        assert_eq!(
            after(&cyds, MembersAsk::Name("Cyd Smith".into())).await?.user.map(|user| user.name),
            Some("Cyd Smith".into())
        );
        let known = async || match anns.ask(Command::People).await? {
            Answer::People(people) => {
                Ok::<_, anyhow::Error>(people.into_iter().any(|one| one.name == "Cyd Smith"))
            }
            other => bail!("the answer is {other:?}"),
        };
        for tries in 0.. {
            if known().await? {
                break;
            }
            ensure!(tries < 1_000, "others never read the new name");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let MembersTold::Sessions(sessions) = told(&cyds, MembersAsk::Sessions).await? else {
            bail!("no list")
        };
        assert_eq!(
            sessions.iter().map(|one| (one.device.as_str(), one.current)).collect::<Vec<_>>(),
            [("Deck tablet", true)]
        );

        // the role changes while the device cannot hear of it
        cyds.ask(Command::Pause).await?;
        edit(&cyds, &person(1), "name", "Ann, by Cyd", "too late").await?;
        let MembersTold::Members(members) = told(&anns, MembersAsk::List).await? else { bail!("no list") };
        let user = members.iter().find(|one| one.name == "Cyd Smith").context("Cyd is a member")?.user;
        told(&anns, MembersAsk::SetRole(SetRole { user, role: Some(Role::Reader) })).await?;
        cyds.ask(Command::Resume).await?;
        let status = cyds.until("refused", |status| status.rejected == 1).await?;
        ensure!(status.pending == 0, "{status:?}");
        ensure!(names(&anns).await? == people(&[(1, "Ann, by Cyd")]), "the server has what it had");

        // the records leave the device, and nothing of them stays
        let removed = Command::RemoveRecords { workspace: team.workspace, unsent: Unsent::Ask };
        let asked = cyds.ask(removed).await.err().context("what was refused would be lost")?;
        assert_eq!(asked.kind, FailureKind::Unsent);
        let removed = Command::RemoveRecords { workspace: team.workspace, unsent: Unsent::Discard };
        let Answer::Session(session) = cyds.ask(removed).await? else { bail!("no session") };
        assert_eq!((session.kept.len(), session.workspaces.len()), (0, 1));
        Ok(())
    });
}
