//! Many devices at once, as bare as they can be: what `./x bench server` puts on a server.

pub mod bare;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use sync_protocol::message::{Push, Role};
use sync_protocol::schema::{Field, collection_record, field_record};
use sync_protocol::{
    Change, ChangeId, CollectionId, Counter, Delta, Edit, FieldName, FieldType, Fields, RecordId, RecordKey,
    ReplicaId, Revision, Timestamp, UserId, Value, WorkspaceId,
};
use sync_server::auth::Auth;
use sync_server::store::clock::SystemClock;
use sync_server::store::front::Front;
use sync_server::store::{Account, Store, WorkspaceRow};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

/// People with sessions, and workspaces, made in a store that no server has open yet.
pub struct Team {
    store: Arc<dyn Store>,
    auth: Auth,
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct Person {
    /// Who.
    pub user: UserId,
    /// For `Authorization`.
    pub token: String,
}

impl Team {
    /// In that store.
    pub fn of(store: Arc<dyn Store>) -> Self {
        let clock = Arc::new(SystemClock);
        let auth = Auth::new(Arc::new(Front::new(Arc::clone(&store), clock.clone())), clock);
        Self { store, auth }
    }

    /// One more person.
    pub async fn person(&self) -> Result<Person> {
        let user = UserId(Uuid::now_v7());
        let login = user.to_string();
        let account = Account { user, name: "A Person".into(), login, password_hash: "none".into() };
        ensure!(self.store.add_account(&account).await?, "the login is new");
        let session = self.auth.start(&account, "bench").await.map_err(|failure| failure.problem)?;
        Ok(Person { user, token: session.token })
    }

    /// One more workspace, of these people.
    pub async fn workspace(&self, partitions: u16, members: &[Person]) -> Result<WorkspaceId> {
        let row = WorkspaceRow { id: WorkspaceId(Uuid::now_v7()), name: "Bench".into(), partitions };
        ensure!(self.store.add_workspace(&row).await?, "the id is new");
        for member in members {
            self.store.set_member(row.id, member.user, Some(Role::Editor)).await?;
        }
        Ok(row.id)
    }
}

/// A replica that pushes records of about 300 bytes.
pub struct Writer {
    replica: ReplicaId,
    next: u64,
}

fn name(n: usize) -> FieldName {
    FieldName::new(format!("f{n}")).expect("a letter and a digit")
}

fn collection() -> CollectionId {
    CollectionId::new("airports").expect("a valid name")
}

fn text(n: i64) -> Value {
    Value::from(format!("{n} {}", "x".repeat(45)))
}

impl Default for Writer {
    fn default() -> Self {
        Self { replica: ReplicaId(Uuid::now_v7()), next: 1 }
    }
}

impl Writer {
    fn push(&mut self, edits: impl Iterator<Item = (RecordId, Edit)>) -> Push {
        let settled = Counter(self.next - 1);
        let changes = edits.map(|(record, edit)| {
            let id = ChangeId { replica: self.replica, counter: Counter(self.next) };
            self.next += 1;
            Change { id, record, at: Timestamp(1_700_000_000_000), saw: None, edit }
        });
        let changes = changes.collect();
        Push {
            replica: self.replica,
            settled,
            schema_seen: Revision(0),
            changes,
            only_known: Default::default(),
        }
    }

    /// The collection with its five fields.
    pub fn schema(&mut self) -> Push {
        let mut records = vec![collection_record(&collection(), "Airports", None)];
        for position in 0..5 {
            let field = Field::new(name(position), format!("Field {position}"), FieldType::Text);
            records.push(field_record(&collection(), &field));
        }
        self.push(records.into_iter().map(|(id, fields)| (id, Edit::Insert { fields })))
    }

    /// New records with these keys.
    pub fn inserts(&mut self, keys: std::ops::Range<i64>) -> Push {
        self.push(keys.map(|key| {
            let fields = Fields::from_iter((0..5).map(|f| (name(f), text(key + f as i64))));
            (RecordId::new(collection(), RecordKey::Int(key)), Edit::Insert { fields })
        }))
    }

    /// The `round`th edit of the first field of records with these keys.
    pub fn edits(&mut self, keys: std::ops::Range<i64>, round: i64) -> Push {
        self.push(keys.map(|key| {
            let delta = Delta { base: text(key + round), incoming: text(key + round + 1) };
            let fields = BTreeMap::from([(name(0), delta)]);
            (RecordId::new(collection(), RecordKey::Int(key)), Edit::Patch { fields })
        }))
    }
}

/// A connection that sends one request after the other and looks at answers no more than it must.
pub struct Line {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Line {
    /// To `http://ADDRESS`.
    pub async fn to(url: &str) -> Result<Self> {
        let address = url.strip_prefix("http://").context("an address of http")?;
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::new() })
    }

    /// One request of a person about a workspace; the answer's body as it was sent, and when its first byte came.
    pub async fn post(
        &mut self,
        who: &Person,
        workspace: WorkspaceId,
        what: &str,
        body: &[u8],
    ) -> Result<(Vec<u8>, Instant)> {
        let head = format!(
            "POST /v1/workspaces/{workspace}/{what} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {}\r\nmooring-protocol: 1\r\n\
             x-forwarded-for: 192.0.2.1\r\naccept-encoding: gzip\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            who.token,
            body.len()
        );
        self.stream.write_all(head.as_bytes()).await?;
        self.stream.write_all(body).await?;
        self.read.clear();
        let mut first = None;
        loop {
            let count = self.stream.read_buf(&mut self.read).await?;
            ensure!(count > 0, "the server closed the connection");
            let at = *first.get_or_insert_with(Instant::now);
            if let Some(body) = body_of(&self.read)? {
                return Ok((body, at));
            }
        }
    }

    /// A push, and that it was answered.
    pub async fn push(&mut self, who: &Person, workspace: WorkspaceId, push: &Push) -> Result<()> {
        self.post(who, workspace, "push", &serde_json::to_vec(push)?).await.map(drop)
    }
}

/// The body of a whole answer of status 200, without its chunks; `None` where there is more to come.
fn body_of(answer: &[u8]) -> Result<Option<Vec<u8>>> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&answer[..end])?.to_ascii_lowercase();
    let mut rest = &answer[end + 4..];
    if let Some(length) = head.lines().find_map(|line| line.strip_prefix("content-length: ")) {
        let length: usize = length.trim().parse()?;
        let whole = rest.len() >= length;
        ensure!(!whole || head.starts_with("http/1.1 200"), "{head}: {}", String::from_utf8_lossy(rest));
        return Ok(whole.then(|| rest.to_vec()));
    }
    let mut body = Vec::new();
    loop {
        let Some(line) = rest.windows(2).position(|two| two == b"\r\n") else { return Ok(None) };
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line])?.trim(), 16)?;
        if rest.len() < line + 2 + size + 2 {
            return Ok(None);
        }
        if size == 0 {
            ensure!(head.starts_with("http/1.1 200"), "{head}: {}", String::from_utf8_lossy(&body));
            return Ok(Some(body));
        }
        body.extend_from_slice(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 2 + size + 2..];
    }
}

/// A pull from a cursor as it is sent.
pub fn pull(cursor: &[u64], wait_ms: u64) -> Vec<u8> {
    json!({ "cursor": cursor, "wait_ms": wait_ms }).to_string().into_bytes()
}

/// A figure of `/metrics` by its name; `None` where this server has none of that name.
pub async fn figure(address: &str, name: &str) -> Result<Option<u64>> {
    let text = reqwest::get(format!("http://{address}/metrics")).await?.text().await?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(line.map(str::parse).transpose()?)
}

/// Bytes of memory that a process has.
pub fn memory(pid: u32) -> Result<u64> {
    let pages = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("statm"))?;
    let Some(resident) = pages.split(' ').nth(1) else { bail!("statm: {pages}") };
    Ok(resident.parse::<u64>()? * 4_096)
}

/// Half and 99 of 100 of these times, in milliseconds.
pub fn spread(mut times: Vec<Duration>) -> serde_json::Value {
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 100).map(|time| time.as_secs_f64() * 1_000.0);
    json!({ "p50": at(50), "p99": at(99) })
}
