/**
 * The words of IndexedDB over the records of a workspace.
 *
 * `indexedDBOn(records)` gives a factory like `globalThis.indexedDB`; `install` puts it and its classes in the place of
 * the platform's.
 */

import { OURS } from './expose.js';
import { IDBVersionChangeEvent } from './events.js';
import { IDBCursor, IDBCursorWithValue } from './cursor.js';
import { IDBDatabase } from './connection.js';
import { IDBFactory } from './factory.js';
import { IDBIndex } from './idbindex.js';
import { IDBKeyRange } from './range.js';
import { IDBObjectStore } from './objectstore.js';
import { IDBOpenDBRequest, IDBRequest } from './request.js';
import { IDBRecord } from './source.js';
import { IDBTransaction } from './transaction.js';

const classes = {
  IDBCursor, IDBCursorWithValue, IDBDatabase, IDBFactory, IDBIndex, IDBKeyRange, IDBObjectStore, IDBOpenDBRequest, IDBRecord,
  IDBRequest, IDBTransaction, IDBVersionChangeEvent,
};

/**
 * @param {import('./records.js').Records | Promise<import('./records.js').Records>} records
 * @param {{ database?: string }} [options] the database whose stores are the collections of their own names
 */
export const indexedDBOn = (records, options) => new IDBFactory(OURS, records, options);

/** Puts a factory and its classes where programs look for them. */
export function install(factory, where = globalThis) {
  for (const [name, Class] of Object.entries(classes)) {
    Object.defineProperty(where, name, { value: Class, enumerable: false, configurable: true, writable: true });
  }
  const { get } = Object.getOwnPropertyDescriptor({
    get indexedDB() {
      if (this !== undefined && this !== null && this !== where) throw new TypeError('Illegal invocation');
      return factory;
    },
  }, 'indexedDB');
  Object.defineProperty(where, 'indexedDB', { get, enumerable: true, configurable: true });
}

export {
  IDBCursor, IDBCursorWithValue, IDBDatabase, IDBFactory, IDBIndex, IDBKeyRange, IDBObjectStore, IDBOpenDBRequest, IDBRecord,
  IDBRequest, IDBTransaction, IDBVersionChangeEvent,
};
export { MemoryDevice } from './memory.js';
