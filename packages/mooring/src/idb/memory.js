/**
 * Records that are in memory only: for programs in Node without a server, and for tests.
 *
 * Several of them share what there is as the tabs of a device do: each is a `tab()` of one `MemoryDevice`.
 */

const order = (a, b) => (typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === 'number' ? -1 : 1);

export class MemoryDevice {
  /** @param {{ ordinal?: number, name?: string }} [options] see `Records.ordinal` and `Records.device` */
  constructor({ ordinal = 0, name = undefined } = {}) {
    this.ordinal = ordinal;
    this.name = name;
    /** @type {Map<string, Map<number | string, string>>} */
    this.collections = new Map();
    this.memos = new Map();
    this.tabs = new Set();
    /** What its tabs asked for, counted. */
    this.calls = { read: 0, get: 0, write: 0, operations: 0 };
    /** What reads and writes of its tabs are refused with. @type {Error | undefined} */
    this.refuses = undefined;
  }

  /** @returns {import('./records.js').Records} */
  tab() {
    return new MemoryRecords(this);
  }

  /** What another device or program writes: all tabs hear of it. */
  write(operations, by = undefined) {
    const changed = new Map();
    for (const operation of operations) this.#apply(operation, changed);
    for (const tab of this.tabs) {
      if (tab !== by) for (const [collection, keys] of changed) tab.tell({ collection, keys: [...keys] });
    }
  }

  #apply({ put, delete: gone, memo }, changed) {
    if (memo) {
      if (memo.value === undefined) this.memos.delete(memo.name);
      else this.memos.set(memo.name, JSON.stringify(memo.value));
      return;
    }
    const { collection, key } = put ?? gone;
    const records = this.ensure(collection);
    if (put) records.set(key, JSON.stringify(put.fields));
    else records.delete(key);
    changed.set(collection, (changed.get(collection) ?? new Set()).add(key));
  }

  ensure(name) {
    if (!this.collections.has(name)) this.collections.set(name, new Map());
    return this.collections.get(name);
  }
}

class MemoryRecords {
  #device;
  #listeners = new Set();
  #told = Promise.resolve();

  constructor(device) {
    this.#device = device;
    device.tabs.add(this);
  }

  get ordinal() {
    return this.#device.ordinal;
  }

  get device() {
    return this.#device.name;
  }

  tell(news) {
    // as from another thread: some time later, in order
    for (const listener of this.#listeners) this.#told = this.#told.then(() => listener(news));
  }

  #need() {
    if (this.#device.refuses) throw this.#device.refuses;
  }

  async ensureCollection(name) {
    this.#device.ensure(name);
  }

  async read(collection, { after, limit = Number.POSITIVE_INFINITY }) {
    this.#device.calls.read++;
    this.#need();
    const records = this.#device.collections.get(collection) ?? new Map();
    const keys = [...records.keys()].filter(key => after === undefined || order(key, after) > 0).sort(order);
    const rows = keys.slice(0, limit).map(key => ({ key, fields: JSON.parse(records.get(key)) }));
    return { rows, more: keys.length > rows.length };
  }

  async get(collection, key) {
    this.#device.calls.get++;
    this.#need();
    const fields = this.#device.collections.get(collection)?.get(key);
    return fields === undefined ? undefined : JSON.parse(fields);
  }

  async memos(prefix) {
    const found = [...this.#device.memos].filter(([name]) => name.startsWith(prefix)).sort();
    return found.map(([name, value]) => ({ name, value: JSON.parse(value) }));
  }

  async write(operations) {
    this.#device.calls.write++;
    this.#device.calls.operations += operations.length;
    this.#need();
    this.#device.write(operations, this);
  }

  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async caughtUp() {
    await this.#told;
  }
}
