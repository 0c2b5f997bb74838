// What the sections share: databases of their own, requests as promises, what is expected. Runs in Node and in pages.

export function equal(got, wanted, what = 'value') {
  const [g, w] = [show(got), show(wanted)];
  if (g !== w) throw new Error(`${what}: got ${g}, wanted ${w}`);
}

/** A text for any value, which tells apart what JSON does not. */
export function show(value) {
  if (typeof value === 'bigint') return `${value}n`;
  if (Object.is(value, -0)) return '-0';
  if (value instanceof Date) return `date ${value.getTime()}`;
  if (value instanceof ArrayBuffer) return `bytes ${[...new Uint8Array(value)]}`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} ${[...new Uint8Array(value.buffer)]}`;
  if (value instanceof Map) return `map ${show([...value])}`;
  if (value instanceof Set) return `set ${show([...value])}`;
  if (value instanceof RegExp) return String(value);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (Array.isArray(value)) return `[${Array.from(value, show).join(', ')}]`;
  if (value && Object.getPrototypeOf(value) === Object.prototype) {
    return `{${Object.keys(value).sort().map(name => `${name}: ${show(value[name])}`).join(', ')}}`;
  }
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

export const done = request => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = event => {
    event.preventDefault();
    reject(request.error);
  };
});

export const over = transaction => new Promise((resolve, reject) => {
  transaction.oncomplete = () => resolve('complete');
  transaction.onabort = () => reject(transaction.error ?? new Error('aborted by the program'));
});

/** The name of what a function, or a promise, fails with. */
export async function failure(run) {
  try {
    await run();
  } catch (error) {
    return error.name;
  }
  return 'none';
}

let made = 0;

/** What a section has: a factory, and databases that go when it ends. */
export class Bench {
  constructor(indexedDB, IDBKeyRange) {
    Object.assign(this, { indexedDB, IDBKeyRange, open: [], names: [] });
  }

  name() {
    const name = `database ${++made}`;
    this.names.push(name);
    return name;
  }

  /** A connection to a database of its own whose upgrade does this; `null` for the version that there is. */
  async database(upgrade, name = this.name(), version = 1) {
    const request = version === null ? this.indexedDB.open(name) : this.indexedDB.open(name, version);
    request.onupgradeneeded = event => upgrade?.(request.result, request.transaction, event);
    const db = await done(request);
    this.open.push(db);
    return db;
  }

  /** A database with a store `s` of these records, its keys outside. */
  filled(records, indexes = {}) {
    return this.database(db => {
      const store = db.createObjectStore('s');
      for (const [name, [path, options]] of Object.entries(indexes)) store.createIndex(name, path, options);
      for (const [key, value] of records) store.put(value, key);
    });
  }

  async end() {
    for (const db of this.open) db.close();
    for (const name of this.names) await done(this.indexedDB.deleteDatabase(name));
  }
}

/** What a cursor sees, until it ends. */
export async function walk(request, each = cursor => cursor.continue(), see = cursor => cursor.key) {
  const seen = [];
  for (;;) {
    const cursor = await done(request);
    if (cursor === null) return seen;
    seen.push(see(cursor));
    if (each(cursor) === 'stop') return seen;
  }
}
