// RxDB on its Dexie storage, replicating over HTTP as its documents show it.
import { createRxDatabase } from 'rxdb/plugins/core';
import { getRxStorageDexie } from 'rxdb/plugins/storage-dexie';
import { replicateRxCollection } from 'rxdb/plugins/replication';
import { Subject } from 'rxjs';

const text = { type: 'string' };
const schema = {
  version: 0,
  type: 'object',
  primaryKey: 'id',
  properties: { id: { type: 'string', maxLength: 40 }, name: { type: 'string', maxLength: 60 }, email: text, phone: text, city: text, status: text, amount: { type: 'number' }, notes: text },
  required: ['id', 'name'],
  indexes: ['name'],
};

let records, replication;
export async function open(name) {
  const database = await createRxDatabase({ name, storage: getRxStorageDexie({ chromeTransactionDurability: 'strict' }), multiInstance: false });
  ({ records } = await database.addCollections({ records: { schema } }));
}
export const insert = record => records.insert(record);
export const bulk = async all => {
  const { error } = await records.bulkInsert(all);
  if (error.length > 0) throw new Error(`${error.length} were refused`);
};
export async function connect(url) {
  const stream = new Subject();
  const ask = async (path, body) => (await fetch(url + path, body ? { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {})).json();
  replication = replicateRxCollection({
    collection: records,
    replicationIdentifier: url,
    live: true,
    push: { batchSize: 1_000, handler: rows => ask('/push', rows) },
    pull: { batchSize: 1_000, handler: (checkpoint, limit) => ask(`/pull?after=${checkpoint?.number ?? 0}&limit=${limit}`), stream$: stream.asObservable() },
  });
  const source = new EventSource(`${url}/stream`);
  source.onmessage = event => stream.next(JSON.parse(event.data));
  source.onopen = () => stream.next('RESYNC');
  await new Promise(ready => { source.addEventListener('open', ready, { once: true }); });
}
export const pushed = () => replication.awaitInSync();
export const count = () => records.count().exec();
export const page = async () => (await records.find({ sort: [{ name: 'asc' }], limit: 50 }).exec()).map(found => found.toJSON());
export async function update(id, fields) { await (await records.findOne(id).exec()).incrementalPatch(fields); }
export function watch(heard) { records.$.subscribe(event => heard(event.documentId, event.documentData)); }
