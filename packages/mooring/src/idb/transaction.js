/** Transactions, as programs hold them. */

import { failure, need } from './errors.js';
import { target } from './events.js';
import { expose, nameList, only, OURS, own, SELF } from './expose.js';
import { IDBObjectStore } from './objectstore.js';

export class IDBTransaction extends EventTarget {
  constructor(...given) {
    only(given[0]);
    super();
    const [, work] = given;
    this[SELF] = { work, names: nameList(work.stores.keys()), handles: new Map() };
    work.transaction = this;
  }

  get objectStoreNames() {
    const { work, names } = own(this);
    return work.mode === 'versionchange' ? nameList(work.stores.keys()) : names;
  }

  get mode() {
    return own(this).work.mode;
  }

  get durability() {
    return own(this).work.durability;
  }

  get db() {
    return own(this).work.connection.db;
  }

  get error() {
    return own(this).work.error;
  }

  objectStore(name) {
    const { work } = own(this);
    need(arguments, 1);
    const text = `${name}`;
    if (work.state === 'finished') throw failure('InvalidStateError', 'The transaction is finished.');
    const store = work.stores.get(text);
    if (store === undefined) throw failure('NotFoundError', `There is no object store “${text}” in the transaction.`);
    return storeOf(this, store);
  }

  commit() {
    own(this).work.commit();
  }

  abort() {
    own(this).work.abort();
  }
}
target(IDBTransaction, 'abort', 'complete', 'error');
expose(IDBTransaction, 'IDBTransaction');

/** One object per store and transaction. */
export function storeOf(transaction, store) {
  const { work, handles } = own(transaction);
  if (!handles.has(store)) handles.set(store, new IDBObjectStore(OURS, { work, store }));
  return handles.get(store);
}
