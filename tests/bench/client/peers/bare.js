// IndexedDB itself, with the durability that others promise: what every library here stands on. It does not synchronise.
const done = request => new Promise((resolve, reject) => { request.onsuccess = () => resolve(request.result); request.onerror = () => reject(request.error); });

let database;
const transaction = mode => database.transaction('records', mode, { durability: 'strict' });
const ended = transaction => new Promise((resolve, reject) => { transaction.oncomplete = resolve; transaction.onabort = () => reject(transaction.error); });

export async function open(name) {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => request.result.createObjectStore('records', { keyPath: 'id' }).createIndex('name', 'name');
  database = await done(request);
}
export async function insert(record) {
  const step = transaction('readwrite');
  step.objectStore('records').add(record);
  await ended(step);
}
export async function bulk(records) {
  const step = transaction('readwrite');
  for (const record of records) step.objectStore('records').add(record);
  await ended(step);
}
export const count = () => done(transaction('readonly').objectStore('records').count());
export const page = () => done(transaction('readonly').objectStore('records').index('name').getAll(null, 50));
