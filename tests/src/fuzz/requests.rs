//! Requests to a server, from a member with a session. Whatever is sent: the server answers, says in the words of the
//! protocol what is wrong, never "internal", and its feed stays whole.
//!
//! Input: requests between lines of `===`. Each is a line `METHOD PATH` (with ` gzip` at its end the body is compressed
//! already) and the body; `$w` stands for the workspace.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use sync_protocol::message::{
    AuditAnswer, HistoryAnswer, Problem, Pull, PullAnswer, Role, SnapshotAnswer, VERSION, VERSION_HEADER,
};
use sync_protocol::{Partition, Record, RecordId, Revision, UserId, WorkspaceId};
use sync_server::app::{App, Options, Peer};
use sync_server::store::clock::SystemClock;
use sync_server::store::memory::MemoryStore;
use sync_server::store::{Account, WorkspaceRow};
use tower::ServiceExt;
use uuid::Uuid;

const PARTITIONS: u16 = 4;
/// Longer than any answer takes that does not wait for news.
const PATIENCE: Duration = Duration::from_millis(500);
const ANSWER_BYTES: usize = 64 << 20;

pub(super) fn run(data: &[u8]) {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(async { Conversation::start().await.hold(data).await }));
}

struct Conversation {
    router: Router,
    token: String,
    workspace: WorkspaceId,
}

impl Conversation {
    async fn start() -> Self {
        let app = App::new(
            Arc::new(MemoryStore::default()),
            Arc::new(SystemClock),
            Duration::from_secs(86_400),
            Options::default(),
        );
        let (user, workspace) = (UserId(Uuid::from_u128(1)), WorkspaceId(Uuid::from_u128(2)));
        let account = Account {
            user,
            login: "ann".into(),
            name: "Ann".into(),
            password_hash: sync_server::auth::password::UNUSABLE.into(),
        };
        let row = WorkspaceRow { id: workspace, name: "Harbour".into(), partitions: PARTITIONS };
        app.store.add_account(&account).await.expect("memory takes an account");
        app.store.add_workspace(&row).await.expect("memory takes a workspace");
        app.store.set_member(workspace, user, Some(Role::Owner)).await.expect("memory takes a member");
        let token = app.auth.start(&account, "").await.expect("a session").token;
        Self { router: sync_server::routes::router(app), token, workspace }
    }

    async fn hold(self, data: &[u8]) {
        for request in pieces(data) {
            let Some((line, body)) = super::head(request) else { continue };
            let id = self.workspace.to_string();
            let line = line.replace("$w", &id);
            let mut words = line.split(' ');
            let (Some(method), Some(path)) = (words.next(), words.next()) else { continue };
            let gzip = words.next() == Some("gzip");
            let body = match std::str::from_utf8(body) {
                Ok(text) if !gzip => text.replace("$w", &id).into_bytes(),
                _ => body.to_vec(),
            };
            let mut request = Request::builder()
                .method(method)
                .uri(path)
                .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
                .header(header::CONTENT_TYPE, "application/json")
                .header(VERSION_HEADER, VERSION);
            if gzip {
                request = request.header(header::CONTENT_ENCODING, "gzip");
            }
            let Ok(request) = request.body(Body::from(body)) else { continue };
            // a pull may wait for news; it is left like by a client that goes away
            let _ = tokio::time::timeout(PATIENCE, self.ask(request)).await;
        }
        self.feed_is_whole().await;
    }

    async fn ask(&self, mut request: Request<Body>) -> Option<Vec<u8>> {
        let path = request.uri().path().to_owned();
        request.extensions_mut().insert(Peer(([127, 0, 0, 1], 1).into()));
        let Ok(answer) = self.router.clone().oneshot(request).await;
        let status = answer.status();
        assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        let body = to_bytes(answer.into_body(), ANSWER_BYTES).await.expect("an answer has an end").to_vec();
        if status.is_success() {
            return Some(body);
        }
        if path.starts_with("/v1/")
            && !matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)
        {
            let problem: Problem = serde_json::from_slice(&body).expect("a refusal is a problem");
            assert_eq!(problem.code.status(), status.as_u16());
            assert!(!problem.message.is_empty(), "a problem says what is wrong");
        }
        None
    }

    async fn feed_is_whole(&self) {
        let mut pull = Pull { cursor: sync_protocol::Cursor::start(PARTITIONS), wait_ms: 0 };
        loop {
            let request = Request::post(format!("/v1/workspaces/{}/pull", self.workspace))
                .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
                .header(header::CONTENT_TYPE, "application/json")
                .header(VERSION_HEADER, VERSION)
                .body(Body::from(serde_json::to_vec(&pull).expect("a pull is JSON")))
                .expect("a request");
            let Some(body) = self.ask(request).await else { return };
            let answer: PullAnswer = serde_json::from_slice(&body).expect("an answer of the protocol");
            for feed in &answer.feeds {
                assert!(!feed.unread, "readable: an entry of {}", feed.partition);
                let first = pull.cursor.get(feed.partition);
                for (entry, at) in feed.entries.iter().zip(first.0 + 1..) {
                    assert_eq!(entry.seq, Revision(at), "contiguous in {}", feed.partition);
                }
            }
            for partition in (0..PARTITIONS).map(Partition) {
                assert!(
                    answer.cursor.get(partition) >= pull.cursor.get(partition),
                    "a cursor does not go back"
                );
            }
            if !answer.more {
                break;
            }
            pull.cursor = answer.cursor;
        }
        self.all_is_readable().await;
    }

    /// `readable`: whatever push accepted is read back by every answer that can carry it, within the limits.
    async fn all_is_readable(&self) {
        let snapshot = self.read::<SnapshotAnswer>("snapshot", &serde_json::json!({})).await;
        let Some(snapshot) = snapshot else { return };
        assert!(self.read::<AuditAnswer>("audit", &serde_json::json!({})).await.is_some(), "an audit");
        for page in &snapshot.pages {
            let records: Vec<Record> = serde_json::from_str(page.records.get()).expect("readable: a page");
            for record in records {
                let id = RecordId::new(page.collection.clone(), record.key);
                let asked = serde_json::json!({ "record": id });
                assert!(self.read::<HistoryAnswer>("history", &asked).await.is_some(), "a history");
            }
        }
    }

    async fn read<T: serde::de::DeserializeOwned>(&self, what: &str, asked: &serde_json::Value) -> Option<T> {
        let request = Request::post(format!("/v1/workspaces/{}/{what}", self.workspace))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .header(VERSION_HEADER, VERSION)
            .body(Body::from(asked.to_string()))
            .expect("a request");
        let body = self.ask(request).await?;
        Some(serde_json::from_slice(&body).unwrap_or_else(|e| panic!("readable: {what}: {e}")))
    }
}

/// What stands between lines of `===`.
pub(super) fn pieces(data: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some(found) = data[at..].windows(5).position(|w| w == b"\n===\n") {
        pieces.push(&data[from..at + found]);
        at += found + 5;
        from = at;
    }
    pieces.push(&data[from..]);
    pieces
}
