// Runs the module's functions for the page: `{ id, name, args }` in, `{ id, value | error }` out.
import init, * as store from './browser_store.js';
import * as bare from './bare.mjs';

// as a browser does when its storage process dies: connections end without a word
const connections = [];
const open = IDBFactory.prototype.open;
IDBFactory.prototype.open = function (...args) {
  const request = open.apply(this, args);
  request.addEventListener('success', () => connections.push(request.result));
  return request;
};

// as near the quota: an error that says so, or a transaction that is aborted without a word
let refusal;
const commit = IDBTransaction.prototype.commit;
IDBTransaction.prototype.commit = function () {
  if (refusal === 'silence') return this.abort();
  if (refusal === undefined) return commit.call(this);
  if (refusal === 'once') refusal = undefined;
  throw new DOMException('full', 'QuotaExceededError');
};
const estimate = StorageManager.prototype.estimate;
StorageManager.prototype.estimate = async function () {
  return refusal === undefined ? estimate.call(this) : { usage: 999_000_000, quota: 1_000_000_000 };
};
const refuse_commits = (way) => void (refusal = way);
globalThis.refuse_commits = refuse_commits;

// a request of each transaction is refused, or its transaction aborted behind it, as a failing disk makes it happen
let failing;
const counts = new WeakMap();
for (const method of ['put', 'delete', 'clear', 'get', 'getAll', 'getAllKeys']) {
  const request = IDBObjectStore.prototype[method];
  IDBObjectStore.prototype[method] = function (...args) {
    if (failing === undefined) return request.apply(this, args);
    const count = counts.get(this.transaction) ?? 0;
    counts.set(this.transaction, count + 1);
    if (count !== failing >> 1) return request.apply(this, args);
    if (failing % 2 === 0) throw new DOMException('failed', 'UnknownError');
    const made = request.apply(this, args);
    this.transaction.abort();
    return made;
  };
}
globalThis.fail_requests = (at) => void (failing = at);

// how many transactions were begun
let begun = 0;
const begin = IDBDatabase.prototype.transaction;
IDBDatabase.prototype.transaction = function (...args) {
  begun += 1;
  return begin.apply(this, args);
};

// a first sync's answers stay here: they are large
let answers = [];
const own = {
  refuse_commits,
  lose_handles: () => connections.splice(0).forEach((connection) => connection.close()),
  keep_answers: (count) => void (answers = store.answers(count)),
  first_sync: (name) => store.first_sync(name, answers),
  transactions: () => [begun, begun = 0][0],
};

const ready = init({ module_or_path: new URL('browser_store_bg.wasm', import.meta.url) });

onmessage = async ({ data: { id, name, args } }) => {
  try {
    await ready;
    const run = name.startsWith('bare.') ? bare[name.slice('bare.'.length)] : (own[name] ?? store[name]);
    postMessage({ id, value: await run(...args) });
  } catch (error) {
    postMessage({ id, error: String(error?.message ?? error) });
  }
};
