/** What a store and its indexes hold on this device, and how a write changes them. */

import { failure } from './errors.js';
import { compare, convert, convertMulti } from './key.js';
import { evaluate } from './keypath.js';
import { Rows } from './rows.js';

/** A record of a store; to those who walk rows, an entry whose record it is itself. */
export class Row {
  constructor(key, value) {
    this.key = key;
    this.value = value;
  }

  get row() {
    return this;
  }
}

const byKey = (a, b) => compare(a.key, b.key);
const byKeyAndRecord = (a, b) => compare(a.key, b.key) || compare(a.row.key, b.row.key);

export class IndexState {
  /** @param {{ name: string, keyPath: string | string[], unique: boolean, multiEntry: boolean }} definition */
  constructor({ name, keyPath, unique, multiEntry }) {
    Object.assign(this, { name, keyPath, unique, multiEntry });
    this.deleted = false;
    /** The upgrade that made it, when it is of this page. */
    this.madeBy = undefined;
    this.rows = new Rows(byKeyAndRecord);
  }

  /** The keys under which a value is found. */
  keysOf(value) {
    const found = evaluate(value, this.keyPath);
    if (found === undefined) return [];
    const key = this.multiEntry ? convertMulti(found) : convert(found);
    if (typeof key === 'symbol') return [];
    return this.multiEntry && Array.isArray(found) ? key : [key];
  }

  /** Whether another record has the key. */
  isTaken(key, primary) {
    const { rows } = this;
    for (let at = rows.find(entry => compare(entry.key, key) < 0); rows.at(at) && compare(rows.at(at).key, key) === 0; at = rows.next(at)) {
      if (primary === undefined || compare(rows.at(at).row.key, primary) !== 0) return true;
    }
    return false;
  }

  /** Whether a record cannot be there beside those that are. */
  refuses(row) {
    return this.unique && this.keysOf(row.value).some(key => this.isTaken(key, row.key));
  }

  add(row) {
    for (const key of this.keysOf(row.value)) this.rows.set({ key, row });
  }

  remove(row) {
    for (const key of this.keysOf(row.value)) this.rows.delete({ key, row });
  }

  /** Takes all records of a store; costs one sort. */
  fill(rows) {
    const entries = [];
    for (const row of rows) for (const key of this.keysOf(row.value)) entries.push({ key, row });
    this.rows.fill(entries.sort(byKeyAndRecord));
  }

  get definition() {
    const { name, keyPath, unique, multiEntry } = this;
    return { name, keyPath, unique, multiEntry };
  }
}

/** How many numbers a device's generator has for itself: so two devices never mint the same. */
const OWN_NUMBERS = 2 ** 32;
/** The last number that a generator gives, and what stands behind it. */
const LAST = 2 ** 53;
const NONE_LEFT = LAST + 2;
const following = number => (number >= LAST ? NONE_LEFT : Math.floor(number) + 1);

export class StoreState {
  /** @param {{ name: string, keyPath: string | string[] | null, autoIncrement: boolean }} definition */
  constructor({ name, keyPath, autoIncrement }, ordinal) {
    Object.assign(this, { name, keyPath, autoIncrement });
    this.first = ordinal * OWN_NUMBERS + 1;
    this.next = this.first;
    this.deleted = false;
    /** The upgrade that made it, when it is of this page. */
    this.madeBy = undefined;
    this.rows = new Rows(byKey);
    /** By name, as programs see them. @type {Map<string, IndexState>} */
    this.indexes = new Map();
    /** Those that follow the records. @type {Set<IndexState>} */
    this.following = new Set();
    /** Where the records are; `undefined` before the first write. @type {string | undefined} */
    this.collection = undefined;
    this.loaded = false;
    /** Records that others changed, by record key, not seen here yet. @type {Set<number | string>} */
    this.news = new Set();
    /** Transactions that use it while other tabs may too. */
    this.users = 0;
    /** When the first of them has seen what others wrote. @type {Promise<void> | undefined} */
    this.caughtUp = undefined;
    /** Keys that are too long for a record's key, by that which stands for them. */
    this.shortened = new Map();
  }

  /** @returns {Row | undefined} */
  get(key) {
    return this.rows.get({ key });
  }

  /** Puts one record in place of another of the same key; either may be missing. */
  replace(old, row) {
    for (const index of this.following) {
      if (old) index.remove(old);
      if (row) index.add(row);
    }
    if (row) this.rows.set(row);
    else this.rows.delete(old);
  }

  /** Takes records in any order in place of all there are. */
  fill(rows) {
    this.rows.fill(rows.sort(byKey));
    for (const index of this.following) index.fill(this.rows);
    this.loaded = true;
  }

  /** A record as others have it, or without one that it is gone. */
  take(key, row) {
    const old = this.get(key);
    if (old || row) this.replace(old, row);
    if (row && this.autoIncrement) this.seen(key);
  }

  /** The next number of the generator. */
  generate() {
    if (this.next > LAST) throw failure('ConstraintError', 'The key generator has no number left.');
    const number = this.next;
    this.next = following(number);
    return number;
  }

  /** A program chose a key itself: the generator goes on behind it. */
  chosen(key) {
    if (typeof key === 'number' && key >= this.next) this.next = following(key);
  }

  /** Another device, or another program, has a record of this key: a number of this device's own is not given again. */
  seen(key) {
    if (typeof key === 'number' && key < this.first + OWN_NUMBERS) this.chosen(key);
  }

  get definition() {
    const { name, keyPath, autoIncrement, collection } = this;
    return { name, keyPath, autoIncrement, collection, indexes: [...this.indexes.values()].map(index => index.definition) };
  }
}
