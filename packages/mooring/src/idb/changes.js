/** What a transaction changed: how it is taken back, and what is written when it commits. */

import { fits, shortened, written } from './recordkey.js';
import { KEY } from './value.js';

/** @typedef {{ key: import('./key.js').Key, fields?: import('./records.js').Fields, types?: object, complete?: () => Promise<void> }} Written */

export class Changes {
  #undo = [];
  /** The last word on each record. @type {Map<import('./state.js').StoreState, Map<number | string, Written>>} */
  #written = new Map();
  /** Memos by name; a function is asked when the transaction commits. */
  #memos = new Map();
  /** What an upgrade does before anything is written. @type {(() => Promise<object[]>) | undefined} */
  #first;
  #committed = [];

  /** @param {() => void} revert takes back what was just done */
  onUndo(revert) {
    this.#undo.push(revert);
  }

  undo() {
    while (this.#undo.length > 0) this.#undo.pop()();
  }

  /** @param {Written} write without fields: the record is deleted */
  write(store, write) {
    const there = this.#written.get(store);
    const id = written(write.key);
    if (there) there.set(id, write);
    else this.#written.set(store, new Map([[id, write]]));
  }

  /** A store is gone: what was to be written into it is not. */
  forget(store) {
    this.#written.delete(store);
  }

  /** Others have the record: it is not written. */
  yield(store, id) {
    this.#written.get(store)?.delete(id);
  }

  memo(name, value) {
    this.#memos.set(name, value);
  }

  /** Operations that come before all others; asked for when the transaction commits. */
  first(operations) {
    this.#first = operations;
  }

  /** @param {() => void} run when all is written */
  onCommit(run) {
    this.#committed.push(run);
  }

  committed() {
    for (const run of this.#committed) run();
  }

  /** Whether there is nothing to write. */
  get isEmpty() {
    return this.#written.size === 0 && this.#memos.size === 0 && this.#first === undefined;
  }

  /** All of it as operations on records. */
  async operations() {
    const operations = await this.#first?.() ?? [];
    for (const [store, records] of this.#written) {
      for (const [id, write] of records) operations.push(await this.#operation(store, id, write));
    }
    for (const [name, value] of this.#memos) {
      operations.push({ memo: { name, value: typeof value === 'function' ? value() : value } });
    }
    return operations;
  }

  async #operation(store, id, { key: own, fields, types, complete }) {
    const isShort = fits(id);
    const key = isShort ? id : await shortened(id);
    if (!isShort) store.shortened.set(key, own);
    const { collection } = store;
    if (fields === undefined) return { delete: { collection, key } };
    await complete?.();
    return { put: { collection, key, fields: isShort ? fields : { ...fields, [KEY]: id }, types } };
  }
}
