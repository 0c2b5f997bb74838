import type { Records } from './records.js';

/** What a connection hears of when others changed records of its stores: `db.addEventListener('remotechange', ...)`. */
export interface RemoteChange {
  /** The name of the object store. */
  store: string;
  /** The keys of the records, those that are gone too. */
  keys: IDBValidKey[];
  /** Records that have the same value of a unique index as another one: only what comes from others can bring this about. */
  duplicates: { index: string; key: IDBValidKey }[];
}

export interface FactoryOptions {
  /**
   * The database whose stores are the collections of their own names: `people`. Those of all others have the name of
   * their database in front, `addresses/people`. To be the same on every device.
   */
  database?: string;
}

/** A factory like `globalThis.indexedDB` whose databases are collections of a workspace. */
export function indexedDBOn(records: Records | Promise<Records>, options?: FactoryOptions): IDBFactory;

/** Puts a factory and its classes where programs look for them: `indexedDB`, `IDBKeyRange` and the others. */
export function install(factory: IDBFactory, where?: object): void;

/** Records that are in memory only, for tests and for programs in Node without a server. */
export class MemoryDevice {
  /** `ordinal` and `name` are those of `Records.ordinal` and `Records.device`. */
  constructor(options?: { ordinal?: number; name?: string });
  /** The records as one more tab sees them. */
  tab(): Records;
}

export const IDBCursor: typeof globalThis.IDBCursor;
export const IDBCursorWithValue: typeof globalThis.IDBCursorWithValue;
export const IDBDatabase: typeof globalThis.IDBDatabase;
export const IDBFactory: typeof globalThis.IDBFactory;
export const IDBIndex: typeof globalThis.IDBIndex;
export const IDBKeyRange: typeof globalThis.IDBKeyRange;
export const IDBObjectStore: typeof globalThis.IDBObjectStore;
export const IDBOpenDBRequest: typeof globalThis.IDBOpenDBRequest;
/** One of what `getAllRecords` gives. */
export const IDBRecord: {
  prototype: { readonly key: IDBValidKey; readonly primaryKey: IDBValidKey; readonly value: unknown };
};
export const IDBRequest: typeof globalThis.IDBRequest;
export const IDBTransaction: typeof globalThis.IDBTransaction;
export const IDBVersionChangeEvent: typeof globalThis.IDBVersionChangeEvent;

export type { Records } from './records.js';
