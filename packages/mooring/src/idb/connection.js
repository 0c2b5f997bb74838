/** Connections to a database: `IDBDatabase`. */

import { dictionary, failure, need, oneOf, textOrTexts } from './errors.js';
import { target } from './events.js';
import { attributes, expose, nameList, only, OURS, own, SELF } from './expose.js';
import { isValid } from './keypath.js';
import { IDBTransaction, storeOf } from './transaction.js';
import { Work } from './work.js';

export class IDBDatabase extends EventTarget {
  constructor(...given) {
    only(given[0]);
    super();
    this[SELF] = given[1];
  }

  get objectStoreNames() {
    return nameList(own(this).stores.keys());
  }

  transaction(storeNames, mode = 'readonly', options = undefined) {
    const connection = own(this);
    need(arguments, 1);
    const asked = textOrTexts(storeNames);
    const kind = oneOf(mode, ['readonly', 'readwrite', 'versionchange']);
    const { durability = 'default' } = dictionary(options);
    const how = oneOf(durability, ['default', 'strict', 'relaxed']);
    return connection.begin(Array.isArray(asked) ? asked : [asked], kind, how);
  }

  close() {
    own(this).close();
  }

  createObjectStore(name, options = undefined) {
    const connection = own(this);
    need(arguments, 1);
    const text = `${name}`;
    const { keyPath: given = null, autoIncrement = false } = dictionary(options);
    const keyPath = given === null ? null : textOrTexts(given);
    const work = connection.upgrading();
    if (keyPath !== null && !isValid(keyPath)) throw failure('SyntaxError', 'The key path is not valid.');
    if (connection.stores.has(text)) throw failure('ConstraintError', `There is an object store “${text}”.`);
    if (autoIncrement && (keyPath === '' || Array.isArray(keyPath))) {
      throw failure('InvalidAccessError', 'A generated key cannot be put where the key path points.');
    }
    const store = connection.database.create(work, { name: text, keyPath, autoIncrement: Boolean(autoIncrement) });
    return storeOf(work.transaction, store);
  }

  deleteObjectStore(name) {
    const connection = own(this);
    need(arguments, 1);
    const text = `${name}`;
    const work = connection.upgrading();
    const store = connection.stores.get(text);
    if (store === undefined) throw failure('NotFoundError', `There is no object store “${text}”.`);
    connection.database.destroy(work, store);
  }
}
attributes(IDBDatabase, 'name', 'version');
target(IDBDatabase, 'abort', 'close', 'error', 'versionchange');
expose(IDBDatabase, 'IDBDatabase');

/** What a connection keeps and does. */
export class Connection {
  /** @param {import('./database.js').Database} database */
  constructor(database) {
    this.database = database;
    this.name = database.name;
    this.version = database.version;
    /** The stores by name, as this connection sees them. */
    this.stores = new Map(database.stores);
    /** Transactions that are not over. @type {Set<Work>} */
    this.works = new Set();
    /** @type {Work | null} */
    this.upgrade = null;
    this.isClosing = false;
    this.db = new IDBDatabase(OURS, this);
    database.connections.add(this);
  }

  /** The transaction of the upgrade that runs, which can be asked now. */
  upgrading() {
    if (this.upgrade === null) throw failure('InvalidStateError', 'No upgrade is running.');
    this.upgrade.needActive();
    return this.upgrade;
  }

  begin(names, mode, durability) {
    if (this.upgrade !== null) throw failure('InvalidStateError', 'An upgrade is running.');
    if (this.isClosing) throw failure('InvalidStateError', 'The connection is closed.');
    const stores = new Map([...new Set(names)].map(name => [name, this.stores.get(name)]));
    for (const [name, store] of stores) {
      if (store === undefined) throw failure('NotFoundError', `There is no object store “${name}”.`);
    }
    if (stores.size === 0) throw failure('InvalidAccessError', 'No object store is named.');
    if (mode === 'versionchange') throw new TypeError('Only open starts an upgrade.');
    const work = new Work(this, { stores, mode, durability });
    const transaction = new IDBTransaction(OURS, work);
    this.database.schedule(work);
    return transaction;
  }

  /** Begins the upgrade. */
  beginUpgrade(durability = 'default') {
    this.upgrade = new Work(this, { stores: this.stores, mode: 'versionchange', durability });
    new IDBTransaction(OURS, this.upgrade);
    return this.upgrade;
  }

  close() {
    this.isClosing = true;
    this.#closeWhenDone();
  }

  /** A transaction is over. */
  left(work) {
    this.works.delete(work);
    this.database.unschedule(work);
    this.#closeWhenDone();
  }

  #closeWhenDone() {
    if (this.isClosing && this.works.size === 0) this.database.closed(this);
  }
}
