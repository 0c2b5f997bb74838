/**
 * What the words of IndexedDB stand on: the records of one workspace as they are on this device.
 *
 * Implemented over the engine, and by `memory.js` where there is none. Several tabs share the records of a device;
 * each has a `Records` of its own.
 */

/** What a record is called in its collection: a whole number of at most 2^53, or a text of 1 to 512 bytes without control characters. */
export type RecordKey = number | string;

/** A JSON value. Its texts and names are Unicode: no half of a surrogate pair is alone. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** A record's values by the names of its fields: a letter a-z, then a-z, 0-9 and _, at most 48 characters. None is `null`. */
export type Fields = { [name: string]: Exclude<Json, null> };

/** One record as it is read. */
export interface Row {
  key: RecordKey;
  fields: Fields;
}

/** One part of a write. */
export type Operation =
  /**
   * The record's fields become these and no others. Fields that stay as they are are not touched: what others change in
   * them meanwhile stands. A field takes any JSON value: one whose values are of several types widens to JSON. `types`
   * says which texts are points in time, and which are bytes in base64; they are read back as texts.
   */
  | { put: { collection: string; key: RecordKey; fields: Fields; types?: { [name: string]: 'date_time' | 'bytes' } } }
  /** Removes a record; nothing happens where there is none. */
  | { delete: { collection: string; key: RecordKey } }
  /** Keeps a memo on this device; it is never synchronised. `undefined` removes it. */
  | { memo: { name: string; value: Json | undefined } };

/** What became different without this `Records`: by another tab, device or program. */
export interface News {
  collection: string;
  keys: RecordKey[];
}

/** The records of one workspace on this device. */
export interface Records {
  /** Tells this device's numbers from other devices': from 1 to 2^20; 0 where there is no other device. */
  readonly ordinal: number;

  /** What the tabs that share these records call them, all alike; `undefined` where there can be no other tab. */
  readonly device?: string;

  /** Makes an open collection (its fields appear as they are written) where it is missing; else does nothing. */
  ensureCollection(name: string): Promise<void>;

  /** A page of records by key, numbers before texts, behind `after`; at most `limit`. A missing collection is empty. */
  read(collection: string, options: { after?: RecordKey; limit?: number }): Promise<{ rows: Row[]; more: boolean }>;

  /** The fields of one record as it is now. */
  get(collection: string, key: RecordKey): Promise<Fields | undefined>;

  /** The memos of this device whose names begin so, by name. */
  memos(prefix: string): Promise<{ name: string; value: Json }[]>;

  /**
   * All of it or nothing, in this order; durable when it resolves unless `relaxed` is asked for.
   *
   * Rejects with a `QuotaExceededError` where the device has no room, else with what says why.
   */
  write(operations: Operation[], options?: { relaxed?: boolean }): Promise<void>;

  /** Hears of what others changed, in order; never of this one's own writes. Returns what ends it. */
  subscribe(listener: (news: News) => void): () => void;

  /** Resolves when the listeners have heard all that was written, by any tab, before it was asked for. */
  caughtUp(): Promise<void>;
}
