//! `--demo`: a sample user without password and a workspace to look around in, written as ordinary changes.

use anyhow::{Context, ensure};
use serde::Deserialize;
use sync_protocol::message::{Push, Role};
use sync_protocol::schema::{self, Field};
use sync_protocol::{
    Change, ChangeId, CollectionId, Counter, Edit, FieldName, FieldType, Fields, Policy, RecordId, RecordKey,
    ReplicaId, Revision, UserId, Verdict, WorkspaceId,
};
use tracing::info;
use uuid::Uuid;

use crate::app::App;
use crate::auth::password::UNUSABLE;
use crate::partition::Author;
use crate::store::{Account, WorkspaceRow};

/// The sample user's login.
pub const LOGIN: &str = "demo";

/// The sample workspace, the same on every server.
pub const WORKSPACE: WorkspaceId = WorkspaceId(Uuid::from_u128(0x4d6f_6f72_696e_7000_8000_0000_0000_0001));

/// The replica that wrote the samples.
const REPLICA: ReplicaId = ReplicaId(Uuid::from_u128(0x4d6f_6f72_696e_7000_8000_0000_0000_0002));

const PARTITIONS: u16 = 4;
const SAMPLE: &str = include_str!("../sample.json");

/// Makes whatever is not there yet. The changes have the same ids each time, so none is applied twice.
pub async fn prepare(app: &App) -> anyhow::Result<()> {
    let user = account(app).await?.user;
    let row = WorkspaceRow { id: WORKSPACE, name: "Sample workspace".into(), partitions: PARTITIONS };
    app.store.add_workspace(&row).await?;
    app.store.set_member(WORKSPACE, user, Some(Role::Owner)).await?;
    ensure!(
        app.store.claim_replica(REPLICA, user).await? == user,
        "the sample replica belongs to another account"
    );

    let sample: Sample = serde_json::from_str(SAMPLE).context("the sample file")?;
    let mut minted = Minted { at: app.clock.now(), last: Counter(0) };
    let changes = minted.changes(sample.schema(user).into_iter().chain(sample.records()));
    let count = changes.len();
    write(app, user, changes).await?;
    info!(changes = count, "the sample workspace is there");
    Ok(())
}

async fn account(app: &App) -> anyhow::Result<Account> {
    let account = Account {
        user: UserId(Uuid::now_v7()),
        login: LOGIN.into(),
        name: "Sample user".into(),
        password_hash: UNUSABLE.into(),
    };
    if app.store.add_account(&account).await? {
        return Ok(account);
    }
    let there = app.store.account(LOGIN).await?.context("the account was there a moment ago")?;
    ensure!(
        there.password_hash == UNUSABLE,
        "an account named “{LOGIN}” with a password exists already, and --demo would let anybody use it; leave --demo out"
    );
    Ok(there)
}

async fn write(app: &App, user: UserId, changes: Vec<Change>) -> anyhow::Result<()> {
    let push = Push {
        replica: REPLICA,
        settled: Counter(0),
        schema_seen: Revision(0),
        changes,
        only_known: Default::default(),
    };
    let author = Author { replica: REPLICA, user, standing: Role::Owner.into() };
    let verdicts = app.engine.push(WORKSPACE, PARTITIONS, author, &push).await?;
    for (change, verdict) in push.changes.iter().zip(verdicts) {
        // an id that is taken is that of an earlier start, which wrote at another time or from an older sample
        if let Verdict::Rejected { message, taken: false, .. } = verdict {
            anyhow::bail!("the sample {} was refused: {message}", change.record);
        }
    }
    Ok(())
}

/// Numbers the sample's changes, always in the same way.
struct Minted {
    at: sync_protocol::Timestamp,
    last: Counter,
}

impl Minted {
    fn changes(&mut self, records: impl Iterator<Item = (RecordId, Fields)>) -> Vec<Change> {
        let mint = |(record, fields)| {
            self.last = self.last.next();
            let id = ChangeId { replica: REPLICA, counter: self.last };
            Change { id, record, at: self.at, saw: None, edit: Edit::Insert { fields } }
        };
        records.map(mint).collect()
    }
}

#[derive(Deserialize)]
struct Sample {
    collections: Vec<SampleCollection>,
}

#[derive(Deserialize)]
struct SampleCollection {
    name: CollectionId,
    label: String,
    fields: Vec<SampleField>,
    records: Vec<SampleRecord>,
}

#[derive(Deserialize)]
struct SampleField {
    name: FieldName,
    label: String,
    #[serde(rename = "type")]
    field_type: FieldType,
    #[serde(default)]
    options: Vec<String>,
    policy: Option<Policy>,
}

#[derive(Deserialize)]
struct SampleRecord {
    key: RecordKey,
    fields: Fields,
}

impl Sample {
    fn schema(&self, user: UserId) -> Vec<(RecordId, Fields)> {
        let mut records = vec![
            schema::person_record(user, "Sample user"),
            schema::device_record(REPLICA, user, "Mooring server", "embedded"),
        ];
        for collection in &self.collections {
            records.push(schema::collection_record(&collection.name, &collection.label, None));
            for (position, field) in collection.fields.iter().enumerate() {
                let field = Field {
                    options: field.options.clone(),
                    policy: field.policy,
                    position: position as i64,
                    ..Field::new(field.name.clone(), field.label.clone(), field.field_type)
                };
                records.push(schema::field_record(&collection.name, &field));
            }
        }
        records
    }

    fn records(self) -> impl Iterator<Item = (RecordId, Fields)> {
        self.collections.into_iter().flat_map(|SampleCollection { name, records, .. }| {
            records.into_iter().map(move |r| (RecordId::new(name.clone(), r.key), r.fields))
        })
    }
}
