// What a page does with the package in each engine. Whoever drives the browser calls these by name, with plain data in and out.
import * as mooring from '/node_modules/mooring/src/index.js';
import { IDBKeyRange, indexedDBOf, install } from '/node_modules/mooring/src/indexeddb.js';
import { openPeople } from '/each/people.mjs';
import { Bench, done, over } from '/suite/lib.mjs';

let workspace;
let rows = [];

const john = { id: 1, name: 'John Doe' };

const doing = {
  async open(options) {
    workspace = await mooring.open(options);
    return workspace.name;
  },
  close: () => workspace.close(),
  status: () => workspace.status,
  insert: ([collection, fields, key]) => workspace.collection(collection).insert(fields, key),
  edit: ([collection, key, fields]) => workspace.collection(collection).edit(key, fields),
  get: ([collection, key]) => workspace.get(collection, key),
  sync: () => workspace.syncNow(),
  watch: ([collection, query]) => { workspace.collection(collection).query(query).subscribe(found => { rows = found.rows; }); },
  rows: () => rows.map(({ key }) => key),
  /** As it is read back: what JSON does not say is told as text. */
  async values() {
    const given = { whole: 9_007_199_254_740_993n, part: 0.1, at: new Date('2026-11-29T17:30:00.120Z'), bytes: new Uint8Array([104, 105]), text: 'e\u0301 "1"' };
    await workspace.collection('values').put('v', given);
    const { whole, at, bytes, part, text } = await workspace.get('values', 'v');
    return [String(whole), at, bytes, part, text];
  },

  /** Sections of the specification, over records that are kept here. */
  async sections(file) {
    const failed = [];
    let ran = 0;
    const { sections } = await import(`/suite/${file}.mjs`);
    const factory = indexedDBOf(workspace, { countsFromOne: true });
    for (const [name, run] of Object.entries(sections)) {
      const bench = new Bench(factory, IDBKeyRange);
      await run(bench).catch(error => failed.push(`${name}: ${error}`));
      await bench.end().catch(error => failed.push(`${name}, at its end: ${error}`));
      ran += 1;
    }
    return { failed, ran };
  },
  /** The same of tabs, of which each has a workspace of its own here. */
  async neighbours() {
    const failed = [];
    for (const [name, run] of Object.entries((await import('/suite/neighbours.mjs')).sections)) {
      const opened = [await mooring.open({ workspace: name }), await mooring.open({ workspace: name })];
      await run({ tabs: opened.map(one => indexedDBOf(one, { countsFromOne: true })), name: `of ${name}` }).catch(error => failed.push(`${name}: ${error}`));
      for (const one of opened) await one.close();
    }
    return failed;
  },

  /** A program of a few lines. */
  async people() {
    const people = await openPeople(indexedDBOf(workspace, { database: 'addresses' }));
    await people.put(john);
    const found = await people.get(1);
    await people.put({ ...john, name: 'John D. Doe' });
    people.close();
    return [found.id, found.name];
  },
  /** A program on `idb`, which looks for globals. */
  async idb() {
    install(indexedDBOf(workspace));
    const { openDB } = await import('/each/idb.js');
    const db = await openDB('friends', 1, {
      upgrade: made => made.createObjectStore('people', { keyPath: 'id' }).createIndex('by_name', 'name'),
    });
    await db.put('people', { ...john, since: new Date(0), photo: new Uint8Array([1, 2]) });
    const transaction = db.transaction('people', 'readwrite');
    for await (const cursor of transaction.store) await cursor.update({ ...cursor.value, name: 'Jane' });
    await transaction.done;
    const found = await db.getFromIndex('people', 'by_name', 'Jane');
    db.close();
    return [found.name, found.since.getTime(), [...found.photo]];
  },
  async dexie() {
    const { default: Dexie } = await import('/each/dexie.mjs');
    const db = new Dexie('colleagues', { indexedDB: indexedDBOf(workspace), IDBKeyRange });
    db.version(1).stores({ people: '++id, name, *tags' });
    const id = await db.people.add({ name: 'John Doe', tags: ['a', 'b'] });
    await db.people.bulkAdd([{ name: 'Ann', tags: ['b'] }, { name: 'Bob', tags: [] }]);
    const found = [await db.people.where('name').startsWithIgnoreCase('j').count(), await db.people.where('tags').equals('b').count()];
    await db.transaction('rw', db.people, async () => {
      await db.people.update(id, { name: 'Jane' });
      await db.people.where('name').equals('Bob').delete();
    });
    const failed = db.transaction('rw', db.people, async () => {
      await db.people.clear();
      throw new Error('no');
    });
    found.push(await failed.then(() => 'done', error => error.message));
    found.push((await db.people.orderBy('name').toArray()).map(({ name }) => name));
    db.close();
    return found;
  },

  /** What is kept: a line for each time that this is asked. */
  async another() {
    const request = indexedDBOf(workspace).open('visits', 1);
    request.onupgradeneeded = () => request.result.createObjectStore('s', { autoIncrement: true });
    const db = await done(request);
    const transaction = db.transaction('s', 'readwrite');
    const store = transaction.objectStore('s');
    store.add('here');
    const count = await done(store.count());
    await over(transaction);
    db.close();
    return count;
  },
};

/** The version to which an upgrade brings it. */
const NEW = 2;

Object.assign(doing, {
  /** A database as an earlier version of a program left it. */
  async fill(count) {
    const request = indexedDBOf(workspace, { database: 'ledger' }).open('ledger', 1);
    request.onupgradeneeded = () => request.result.createObjectStore('people', { keyPath: 'id' }).createIndex('by_name', 'name');
    const db = await done(request);
    const transaction = db.transaction('people', 'readwrite');
    for (let id = 0; id < count; id += 1) transaction.objectStore('people').put({ id, name: `First${id} Last${id}` });
    await over(transaction);
    db.close();
  },
  /** The next version takes the names apart, into another store, and counts them in a third. Says how far it is. */
  async upgrade() {
    const request = indexedDBOf(workspace, { database: 'ledger' }).open('ledger', NEW);
    request.onupgradeneeded = () => {
      const { result: db, transaction } = request;
      const persons = db.createObjectStore('persons', { keyPath: 'id' });
      persons.createIndex('by_first', 'first', { unique: true });
      persons.createIndex('by_last', 'last');
      const counts = db.createObjectStore('counts', { autoIncrement: true });
      let at = 0;
      transaction.objectStore('people').openCursor().onsuccess = ({ target: { result: cursor } }) => {
        if (cursor) {
          const { id, name } = cursor.value;
          const [first, last] = name.split(' ');
          persons.put({ id, first, last });
          if (at % 100 === 0) console.log(`migrated ${at}`);
          at += 1;
          return cursor.continue();
        }
        db.deleteObjectStore('people');
        counts.put({ persons: at }).onsuccess = () => console.log('committing');
      };
    };
    const db = await done(request);
    db.close();
  },
  /** What is there, whichever version that is. */
  async ledger() {
    const db = await done(indexedDBOf(workspace, { database: 'ledger' }).open('ledger'));
    const all = name => done(db.transaction(name).objectStore(name).getAll());
    const stores = [...db.objectStoreNames];
    const found = { version: db.version, stores };
    for (const name of stores) found[name] = await all(name);
    found.indexes = stores.map(name => [...db.transaction(name).objectStore(name).indexNames].join());
    found.records = Object.fromEntries((await workspace.collections()).map(({ name, records }) => [name, records]));
    db.close();
    return found;
  },
  /** Writes for as long as the page lives: steps of records, and transactions of objects. Says what is saved. */
  async pour() {
    const request = indexedDBOf(workspace, { database: 'poured' }).open('poured', 1);
    request.onupgradeneeded = () => request.result.createObjectStore('objects');
    const db = await done(request);
    for (let at = 0; ; at += 1) {
      const keys = Array.from({ length: 100 }, (_, n) => at * 100 + n);
      const transaction = db.transaction('objects', 'readwrite');
      for (const key of keys) transaction.objectStore('objects').put({ at }, key);
      await over(transaction);
      console.log(`objects ${at}`);
      await workspace.write(step => { for (const key of keys) step.put('records', key, { at }); });
      console.log(`records ${at}`);
    }
  },
  /** How many records there are of each round, by collection. */
  async poured() {
    const rounds = {};
    for (const name of ['objects', 'records']) {
      rounds[name] = [];
      for (let after, more = true; more;) {
        const page = await workspace.collection(name).all({ limit: 499, ...(after === undefined ? {} : { after }) });
        for (const { fields } of page.rows) rounds[name][fields.at] = (rounds[name][fields.at] ?? 0) + 1;
        more = page.more;
        after = page.rows.at(-1)?.key;
      }
    }
    return rounds;
  },
});

globalThis.run = async (name, given) => (await doing[name](given)) ?? null;
