// PouchDB with its newer IndexedDB adapter, replicating with PouchDB Server.
import PouchDB from 'pouchdb-core';
import http from 'pouchdb-adapter-http';
import indexeddb from 'pouchdb-adapter-indexeddb';
import mapreduce from 'pouchdb-mapreduce';
import replication from 'pouchdb-replication';
import find from 'pouchdb-find';

PouchDB.plugin(indexeddb).plugin(http).plugin(mapreduce).plugin(replication).plugin(find);

let database, sync, remote;
export async function open(name) {
  database = new PouchDB(name, { adapter: 'indexeddb', auto_compaction: true, revs_limit: 10 });
  // an index of this adapter is one of IndexedDB, made with the first look
  await database.createIndex({ index: { fields: ['name'] } });
}
const document = ({ id, ...fields }) => ({ _id: id, ...fields });
export const insert = record => database.put(document(record));
export const bulk = records => database.bulkDocs(records.map(document));
export async function connect(url) {
  remote = new PouchDB(`${url}/records`, { adapter: 'http' });
  sync = PouchDB.sync(database, remote, { live: true, retry: true, batch_size: 1_000, batches_limit: 5 });
  await remote.info();
}
export async function pushed(count) {
  // all are there when the server has them: the live replication pauses between batches too
  for (;;) {
    if ((await remote.info()).doc_count >= count) return;
    await new Promise(later => setTimeout(later, 10));
  }
}
// the index is a document too
export const count = async () => (await database.allDocs({ limit: 0 })).total_rows - 1;
export const page = async () => (await database.find({ selector: { name: { $gt: null } }, sort: ['name'], limit: 50 })).docs;
export async function update(id, fields) { await database.put({ ...(await database.get(id)), ...fields }); }
export function watch(heard) { database.changes({ since: 'now', live: true, include_docs: true }).on('change', ({ id, doc }) => heard(id, doc)); }
