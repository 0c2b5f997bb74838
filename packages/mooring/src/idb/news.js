/**
 * What others changed: taken when no transaction uses the store, and then told to the program.
 *
 * The event is `remotechange` at each connection, a `CustomEvent` whose `detail` has `store` (its name), `keys`, and
 * `duplicates`: records that have the same value of a unique index as another one, which only sync can bring about.
 */

import { dispatch } from './events.js';
import { valueOf } from './key.js';
import { rowOf } from './reading.js';
import { read } from './recordkey.js';
import { task } from './task.js';

export class News {
  #database;
  /** Stores for which a turn is asked for. */
  #waiting = new Set();
  /** What is being taken. @type {Promise<void>} */
  #taking = Promise.resolve();

  /** @param {import('./database.js').Database} database */
  constructor(database) {
    this.#database = database;
  }

  /** Takes the news of a store in its turn. */
  apply(store) {
    if (this.#waiting.has(store)) return;
    this.#waiting.add(store);
    this.#database.whenFree([store.name], async () => {
      this.#waiting.delete(store);
      await this.take(store);
    });
  }

  /** Takes the news of a store, once at a time; no transaction uses it now. */
  take(store) {
    this.#taking = this.#taking.then(() => this.#take(store)).catch(() => {
      // the next request reads the store anew, and tells its program where that fails too
      store.loaded = false;
      store.news.clear();
    });
    return this.#taking;
  }

  async #take(store) {
    while (store.loaded && store.news.size > 0 && !store.deleted) {
      const keys = [...store.news];
      store.news.clear();
      const rows = await Promise.all(keys.map(key => this.#read(store, key)));
      for (const { key, row } of rows) store.take(key, row);
      this.#tell(store, rows);
    }
  }

  async #read(store, recordKey) {
    const fields = await this.#database.records.get(store.collection, recordKey);
    if (fields !== undefined) {
      const row = rowOf(store, recordKey, fields);
      return { key: row.key, row };
    }
    return { key: goneKey(store, recordKey), row: undefined };
  }

  #tell(store, rows) {
    const detail = { store: store.name, keys: rows.map(({ key }) => valueOf(key)), duplicates: duplicates(store, rows) };
    for (const { db } of this.#database.connections) {
      task(() => dispatch(new CustomEvent('remotechange', { detail }), [db]));
    }
  }
}

/** The key of a record that is gone: of a long one only its shortened form is left. */
function goneKey(store, recordKey) {
  return store.shortened.get(recordKey) ?? read(recordKey);
}

function duplicates(store, rows) {
  const found = [];
  for (const index of store.following) {
    for (const { row } of rows) if (row && index.refuses(row)) found.push({ index: index.name, key: valueOf(row.key) });
  }
  return found;
}
