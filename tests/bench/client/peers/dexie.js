// Dexie: a friendlier IndexedDB. What it synchronises with is a service of its makers', so only the local half is measured.
import { Dexie } from 'dexie';

let database;
export async function open(name) {
  database = new Dexie(name, { chromeTransactionDurability: 'strict' });
  database.version(1).stores({ records: 'id, name' });
  await database.open();
}
export const insert = record => database.records.add(record);
export const bulk = records => database.records.bulkAdd(records);
export const count = () => database.records.count();
export const page = () => database.records.orderBy('name').limit(50).toArray();
