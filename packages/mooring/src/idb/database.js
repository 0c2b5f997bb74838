/** A database on this device: its stores, when they are read, and what an upgrade does to their collections. */

import { report } from './errors.js';
import { collectionOf } from './names.js';
import { News } from './news.js';
import { recordsOf, rowsOf } from './reading.js';
import { written } from './recordkey.js';
import { Scheduler } from './scheduler.js';
import { IndexState, StoreState } from './state.js';
import { toFields } from './value.js';

/** The memo of a database. */
export const memoOf = name => `idb/${name}`;

/** What begins the memos about databases. */
export const MEMOS = memoOf('');

export class Database {
  #scheduler = new Scheduler();
  #jobs = new Map();
  #loading = new Map();
  #news = new News(this);
  #hasPlainNames;

  /**
   * @param {import('./records.js').Records} records
   * @param {string} name
   * @param {{ memo?: string, hasPlainNames?: boolean }} [options] what it is on this device, as JSON; whether the collections of
   *   its stores are called as they are
   */
  constructor(records, name, { memo = '{"version":0,"stores":[]}', hasPlainNames = false } = {}) {
    const definition = JSON.parse(memo);
    this.#hasPlainNames = hasPlainNames;
    this.records = records;
    this.name = name;
    this.version = definition.version;
    /** The other tabs, where there can be some. @type {import('./tabs.js').Tabs | undefined} */
    this.tabs = undefined;
    /** @type {Map<string, StoreState>} */
    this.stores = new Map(definition.stores.map(one => [one.name, this.#known(one)]));
    /** @type {Set<import('./connection.js').Connection>} */
    this.connections = new Set();
    /** Told when a connection is closed. @type {() => void} */
    this.onClosed = () => {};
    /** Told when the last one is. @type {() => void} */
    this.onLeft = () => {};
  }

  #known({ collection, indexes, ...definition }) {
    const store = new StoreState(definition, this.records.ordinal);
    store.collection = collection;
    for (const one of indexes) {
      const index = new IndexState(one);
      store.indexes.set(one.name, index);
      store.following.add(index);
    }
    return store;
  }

  /** Takes what the generators of stores have come to that no transaction uses. */
  async readGenerators(stores = [...this.stores.values()]) {
    const memos = new Map((await this.records.memos(this.#generators)).map(({ name, value }) => [name, value]));
    // one that was saved when the device had other numbers is below its own, or was chosen by the program
    for (const store of stores) store.next = Math.max(memos.get(this.generatorMemo(store)) ?? store.next, store.first);
  }

  /** Nobody uses it any more, and what other tabs did is known. */
  async catchUp() {
    if (this.tabs?.isAlone !== false) return;
    await this.records.caughtUp();
    await this.readGenerators();
  }

  get #generators() {
    return `idb-next/${JSON.stringify(this.name)}/`;
  }

  generatorMemo(store) {
    return this.#generators + store.name;
  }

  get definition() {
    return { version: this.version, stores: [...this.stores.values()].map(store => store.definition) };
  }

  schedule(work) {
    const names = [...work.stores.keys()];
    const job = { names, exclusive: work.isWriting, start: () => (this.#isShared(work) ? this.#startShared(work, names) : work.start()) };
    this.#jobs.set(work, job);
    this.#scheduler.add(job);
  }

  unschedule(work) {
    const job = this.#jobs.get(work);
    this.#jobs.delete(work);
    job.leave?.();
    this.#scheduler.done(job);
  }

  /** Other tabs may use its stores; an upgrade has them all. */
  #isShared(work) {
    return this.tabs?.isAlone === false && work.mode !== 'versionchange';
  }

  /** What other tabs wrote before it got its locks is seen by a transaction. */
  async #startShared(work, names) {
    const job = this.#jobs.get(work);
    const stores = [...work.stores.values()];
    const release = await this.tabs.lockStores(names, work.isWriting);
    job.leave = () => {
      release();
      for (const store of stores) store.users--;
    };
    for (const store of stores) store.users++;
    if (work.state === 'finished') return job.leave();
    try {
      await this.#catchUp(stores);
      if (work.isWriting) await this.readGenerators(stores);
    } catch (error) {
      return work.fail(error);
    }
    return work.start();
  }

  async #catchUp(stores) {
    await this.records.caughtUp();
    for (const store of stores) {
      // another transaction of this tab that reads it has seen to it, and must not see more
      if (store.users === 1) store.caughtUp = this.#news.take(store);
      await store.caughtUp;
    }
  }

  closed(connection) {
    if (!this.connections.delete(connection)) return;
    this.onClosed();
    if (this.connections.size === 0) this.onLeft();
  }

  /** Reads a store: once, when a request is the first to need it. Costs what the store has. */
  load(store) {
    if (!this.#loading.has(store)) {
      this.#loading.set(store, this.#load(store).finally(() => this.#loading.delete(store)));
    }
    return this.#loading.get(store);
  }

  async #load(store) {
    store.fill(await rowsOf(this.records, store));
    if (store.news.size > 0) this.#news.apply(store); // what came meanwhile
  }

  /** Others changed records. */
  hear({ collection, keys }) {
    for (const store of this.stores.values()) {
      if (store.collection !== collection) continue;
      // what is not read yet will be read as it is then
      if (store.loaded || this.#loading.has(store)) for (const key of keys) store.news.add(key);
      if (store.loaded) this.#news.apply(store);
    }
  }

  /** Runs something when no transaction uses a store. @param {() => Promise<void>} run */
  whenFree(names, run) {
    const job = { names, exclusive: true, start: () => run().catch(report).then(() => this.#scheduler.done(job)) };
    this.#scheduler.add(job);
  }

  /** Takes all parts of an upgrade together when it commits. */
  beginUpgrade(work) {
    const plan = { emptied: new Set(), settling: new Set(), adopting: new Set() };
    work.plan = plan;
    work.changes.first(() => this.#settle(work, plan));
  }

  #setStores(work, change) {
    const before = new Map(this.stores);
    change();
    const set = stores => {
      this.stores = new Map(stores);
      work.stores.clear();
      for (const [name, store] of stores) work.stores.set(name, store);
    };
    set(this.stores);
    work.changes.onUndo(() => set(before));
  }

  /** A new store, empty until the upgrade is done: then it has the records that its collection has. */
  create(work, definition) {
    const store = new StoreState(definition, this.records.ordinal);
    store.loaded = true;
    store.madeBy = work;
    this.#setStores(work, () => this.stores.set(store.name, store));
    work.plan.settling.add(store);
    work.plan.adopting.add(store);
    work.changes.onUndo(() => {
      store.deleted = true;
    });
    return store;
  }

  /** A store goes, with its records. */
  destroy(work, store) {
    this.#setStores(work, () => this.stores.delete(store.name));
    const indexes = [...store.indexes.values()];
    const set = deleted => {
      store.deleted = deleted;
      for (const index of indexes) index.deleted = deleted;
    };
    set(true);
    work.plan.settling.delete(store);
    if (store.collection !== undefined) work.plan.emptied.add(store.collection);
    work.changes.memo(this.generatorMemo(store), undefined);
    work.changes.onUndo(() => set(false));
    work.place({ run: () => work.changes.forget(store) }); // what was asked for before is done, and goes with it
  }

  /** A store gets another name: its records move to the collection of that name. */
  rename(work, store, name) {
    const { name: before, collection, next } = store;
    this.#setStores(work, () => {
      this.stores.delete(before);
      store.name = name;
      this.stores.set(name, store);
    });
    if (collection !== undefined) work.plan.emptied.add(collection);
    work.plan.settling.add(store);
    work.changes.memo(this.#generators + before, undefined);
    if (next !== store.first) work.changes.memo(this.generatorMemo(store), () => store.next);
    work.changes.onUndo(() => Object.assign(store, { name: before, collection }));
    work.place({ store, run: () => {
      for (const row of store.rows) work.changes.write(store, { key: row.key, ...toFields(row.value) });
    } });
  }

  /** What an upgrade comes to: operations on the collections of its stores. */
  async #settle(work, { emptied, settling, adopting }) {
    const operations = [];
    for (const collection of emptied) operations.push(...await this.#emptying(collection));
    for (const store of settling) {
      store.collection = await this.#collection(store.name);
      if (adopting.has(store) && !emptied.has(store.collection)) await this.#adopt(work, store);
    }
    work.changes.memo(memoOf(this.name), JSON.stringify(this.definition));
    return operations;
  }

  async #emptying(collection) {
    const operations = [];
    for await (const { key } of recordsOf(this.records, collection)) operations.push({ delete: { collection, key } });
    return operations;
  }

  /** The collection of a store, the same on every device; it is made where it is missing. */
  async #collection(name) {
    const collection = await collectionOf(name, this.#hasPlainNames ? undefined : this.name);
    await this.records.ensureCollection(collection);
    return collection;
  }

  /** The records that others have in the collection: they are more than what an upgrade put there as a start. */
  async #adopt(work, store) {
    const rows = await rowsOf(this.records, store);
    for (const row of rows) work.changes.yield(store, written(row.key));
    work.changes.onCommit(() => {
      for (const row of rows) store.take(row.key, row);
    });
  }

  /** Operations that delete all of it. */
  async erasing() {
    const operations = [];
    for (const { collection } of this.stores.values()) operations.push(...await this.#emptying(collection));
    for (const { name } of await this.records.memos(this.#generators)) operations.push({ memo: { name, value: undefined } });
    return [...operations, { memo: { name: memoOf(this.name), value: undefined } }];
  }
}

