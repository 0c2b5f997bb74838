//! A server of its own for each test, people who are signed in to it, and the changes they make.

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use sync_protocol::message::{
    Member, NewWorkspace, Problem, ProblemCode, Pull, PullAnswer, Push, PushAnswer, Role, SignedIn, Workspace,
};
use sync_protocol::schema::{Field, collection_record, field_record};
use sync_protocol::{
    Change, ChangeId, CollectionId, Counter, Cursor, Delta, Edit, FieldName, FieldType, Fields, RecordId,
    RecordKey, ReplicaId, Revision, Timestamp, Value, Verdict, WorkspaceId,
};
use sync_server::admin;
use sync_server::app::{App, Options};
use sync_server::server::Server;
use sync_server::store::Store;
use sync_server::store::clock::{Clock, ManualClock, SystemClock};
use sync_server::store::sled::SledStore;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub const PASSWORD: &str = "correct horse battery";

/// Longer than anything takes here, shorter than the longest wait of a pull.
pub const SOON: Duration = Duration::from_secs(15);

pub struct World {
    pub address: SocketAddr,
    pub store: Arc<dyn Store>,
    pub app: App,
    pub clock: Arc<ManualClock>,
    pub stop: CancellationToken,
    pub running: JoinHandle<()>,
    _folder: TempDir,
}

impl World {
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let store = Arc::new(SledStore::open_with(folder.path(), clock.clone()).unwrap());
        Self::on(store, clock, folder, options).await
    }

    /// On a store that other processes write to as well.
    pub async fn shared(store: Arc<dyn Store>, clock: Arc<ManualClock>) -> Self {
        Self::on(store, clock, tempfile::tempdir().unwrap(), Options::default()).await
    }

    async fn on(store: Arc<dyn Store>, clock: Arc<ManualClock>, folder: TempDir, options: Options) -> Self {
        let horizon = Duration::from_hours(24);
        let app = App::new(store, clock.clone(), horizon, options);
        // whatever is done to it here is done by the server's own process
        let store = Arc::clone(&app.store);
        let server = Server::bind(([127, 0, 0, 1], 0).into(), app.clone(), None).await.unwrap();
        if app.options.demo {
            sync_server::demo::prepare(&app).await.unwrap();
        }
        let address = server.address().unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(server.run(stop.clone().cancelled_owned()));
        Self { address, store, app, clock, stop, running, _folder: folder }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request without a session.
    pub fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        client().request(method, self.url(path)).header("mooring-protocol", "1")
    }

    pub async fn sign_in(&self, name: &str, password: &str) -> Response {
        let request = serde_json::json!({ "name": name, "password": password });
        self.ask(Method::POST, "/v1/sign-in").json(&request).send().await.unwrap()
    }

    /// Adds an account and signs in.
    pub async fn person(&self, login: &str) -> Person<'_> {
        admin::add_user(&*self.store, login, "A Person", PASSWORD).await.unwrap();
        let signed_in: SignedIn = ok(self.sign_in(login, PASSWORD).await).await;
        Person { world: self, token: signed_in.token }
    }

    /// Waits until so many pulls are under way.
    pub async fn pulls(&self, count: usize) {
        let reached = async {
            while self.app.pulls.in_use() != count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(SOON, reached).await.expect("the pulls arrive");
    }
}

/// A client that tells about each answer as it is: no redirects, no shared connections.
pub fn client() -> Client {
    Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

#[derive(Clone)]
pub struct Person<'w> {
    pub world: &'w World,
    pub token: String,
}

impl Person<'_> {
    pub fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.world.ask(method, path).bearer_auth(&self.token)
    }

    pub async fn get(&self, path: &str) -> Response {
        self.ask(Method::GET, path).send().await.unwrap()
    }

    pub async fn post<T: Serialize>(&self, path: &str, body: &T) -> Response {
        self.ask(Method::POST, path).json(body).send().await.unwrap()
    }

    pub async fn workspace(&self, partitions: u16) -> Workspace {
        let asked = NewWorkspace { name: "Harbour".into(), partitions: Some(partitions) };
        let answer = self.post("/v1/workspaces", &asked).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        answer.json().await.unwrap()
    }

    pub async fn set_member(&self, workspace: WorkspaceId, login: &str, role: Option<Role>) -> Response {
        let path = format!("/v1/workspaces/{workspace}/members/{login}");
        self.ask(Method::PUT, &path).json(&Member { role }).send().await.unwrap()
    }

    pub async fn push(&self, workspace: WorkspaceId, push: &Push) -> Response {
        self.post(&format!("/v1/workspaces/{workspace}/push"), push).await
    }

    pub async fn verdicts(&self, workspace: WorkspaceId, push: &Push) -> Vec<Verdict> {
        ok::<PushAnswer>(self.push(workspace, push).await).await.verdicts
    }

    pub async fn pull(&self, workspace: WorkspaceId, cursor: Cursor, wait_ms: u64) -> Response {
        self.post(&format!("/v1/workspaces/{workspace}/pull"), &Pull { cursor, wait_ms }).await
    }

    /// Everything after a cursor.
    pub async fn pulled(&self, workspace: WorkspaceId, cursor: Cursor) -> PullAnswer {
        ok(self.pull(workspace, cursor, 0).await).await
    }
}

/// The body of a success.
pub async fn ok<T: DeserializeOwned>(answer: Response) -> T {
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{status}: {text}");
    serde_json::from_str(&text).unwrap()
}

/// The problem of a failure, whose status must be the one of its code, and which must be a sentence.
pub async fn problem(answer: Response) -> Problem {
    let status = answer.status().as_u16();
    let problem: Problem = answer.json().await.unwrap();
    assert_eq!(problem.code.status(), status, "{problem:?}");
    assert!(problem.message.ends_with('.') && problem.message.len() > 20, "{problem:?}");
    problem
}

pub async fn assert_problem(answer: Response, code: ProblemCode) {
    let problem = problem(answer).await;
    assert_eq!(problem.code, code, "{problem:?}");
}

/// A device that mints changes.
pub struct Device {
    pub replica: ReplicaId,
    last: Counter,
}

impl Device {
    pub fn new() -> Self {
        Self { replica: ReplicaId(Uuid::now_v7()), last: Counter(0) }
    }

    pub fn change(&mut self, record: RecordId, edit: Edit) -> Change {
        self.last = self.last.next();
        let id = ChangeId { replica: self.replica, counter: self.last };
        Change { id, record, at: Timestamp(1_700_000_000_000), saw: None, edit }
    }

    pub fn insert(&mut self, key: i64, name: &str) -> Change {
        self.change(boat(key), Edit::Insert { fields: Fields::from([(field(), Value::from(name))]) })
    }

    pub fn rename(&mut self, key: i64, base: &str, incoming: &str) -> Change {
        let delta = Delta { base: Value::from(base), incoming: Value::from(incoming) };
        self.change(boat(key), Edit::Patch { fields: [(field(), delta)].into() })
    }

    /// The collection `boats` with the field `name`.
    pub fn schema(&mut self) -> Vec<Change> {
        let boats = CollectionId::new("boats").unwrap();
        let field = Field::new(field(), "Name", FieldType::Text);
        [collection_record(&boats, "Boats", None), field_record(&boats, &field)]
            .into_iter()
            .map(|(id, fields)| self.change(id, Edit::Insert { fields }))
            .collect()
    }

    pub fn push(&self, changes: Vec<Change>) -> Push {
        Push {
            replica: self.replica,
            settled: Counter(0),
            schema_seen: Revision(0),
            changes,
            only_known: Default::default(),
        }
    }
}

pub fn boat(key: i64) -> RecordId {
    RecordId::new(CollectionId::new("boats").unwrap(), RecordKey::Int(key))
}

pub fn field() -> FieldName {
    FieldName::new("name").unwrap()
}
