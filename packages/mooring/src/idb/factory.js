/** The factory: databases by name, opened, upgraded and deleted one request after the other. */

import { failure, LARGEST, need, report, wholeNumber } from './errors.js';
import { dispatch, IDBVersionChangeEvent, plainEvent } from './events.js';
import { expose, only, OURS, own, SELF } from './expose.js';
import { Connection } from './connection.js';
import { Database, memoOf, MEMOS } from './database.js';
import { compare, keyOf } from './key.js';
import { IDBOpenDBRequest } from './request.js';
import { canShare, Tabs } from './tabs.js';
import { task } from './task.js';

export class IDBFactory {
  constructor(...given) {
    only(given[0]);
    this[SELF] = new Catalog(given[1], given[2]);
  }

  open(name, version = undefined) {
    const catalog = own(this);
    need(arguments, 1);
    const text = `${name}`;
    const wanted = version === undefined ? undefined : wholeNumber(version, LARGEST);
    if (wanted === 0) throw new TypeError('The version must not be 0.');
    return catalog.ask(text, request => catalog.open(request, text, wanted));
  }

  deleteDatabase(name) {
    const catalog = own(this);
    need(arguments, 1);
    const text = `${name}`;
    return catalog.ask(text, request => catalog.delete(request, text));
  }

  async databases() {
    return own(this).list();
  }

  cmp(first, second) {
    own(this);
    need(arguments, 2);
    return compare(keyOf(first), keyOf(second));
  }
}
expose(IDBFactory, 'IDBFactory');

/** One task, and what its listeners put off. */
const inTask = run => new Promise(resolve => { task(run, resolve); });

class Catalog {
  /** @type {Map<string, Database>} */
  #databases = new Map();
  /** The last request on each database. @type {Map<string, Promise<void>>} */
  #queues = new Map();
  /** By the database. @type {Map<string, Tabs>} */
  #tabs = new Map();
  #given;
  #plain;
  #ready;

  /** @param {{ database?: string }} [options] see `indexedDBOn` */
  constructor(records, { database } = {}) {
    this.#given = records;
    this.#plain = database;
  }

  /** The records, when they are there. @returns {Promise<import('./records.js').Records>} */
  #records() {
    this.#ready ??= this.#start();
    return this.#ready;
  }

  async #start() {
    const records = await this.#given;
    records.subscribe(news => {
      for (const database of this.#databases.values()) database.hear(news);
    });
    return records;
  }

  /** A request whose turn comes after those that were made before on the same database. */
  ask(name, run) {
    const request = new IDBOpenDBRequest(OURS);
    this.#queue(name, () => this.#turn(name, () => run(request)).catch(error => refuse(request, error)));
    return request;
  }

  #queue(name, run) {
    const turn = (this.#queues.get(name) ?? Promise.resolve()).then(run).catch(report).then(() => {
      if (this.#queues.get(name) !== turn) return;
      this.#queues.delete(name);
      this.#leave(name);
    });
    this.#queues.set(name, turn);
  }

  async #turn(name, run) {
    const records = await this.#records();
    if (!canShare(records)) {
      await this.#find(name);
      return run();
    }
    const tabs = this.#tabs.get(name) ?? new Tabs(`mooring/${records.device}/${name}`, this.#host(name));
    this.#tabs.set(name, tabs);
    if (!tabs.isHere) await tabs.enter();
    return tabs.turn(async () => {
      await records.caughtUp();
      await this.#find(name);
      return run();
    });
  }

  /** Where nobody here uses the database any more, it is left, and its records are no longer in memory. */
  #leave(name) {
    const database = this.#databases.get(name);
    if (this.#queues.has(name) || (database && database.connections.size > 0)) return;
    this.#databases.delete(name);
    this.#tabs.get(name)?.leave();
    this.#tabs.delete(name);
  }

  /** What a database does for its neighbours. */
  #host(name) {
    const connections = () => [...(this.#databases.get(name)?.connections ?? [])];
    return {
      isConnected: () => connections().length > 0,
      isOpen: () => connections().some(connection => !connection.isClosing),
      announce: change => announce(connections(), change),
      whenIdle: run => this.#queue(name, () => this.#whenFree(name, run)),
    };
  }

  #whenFree(name, run) {
    const database = this.#databases.get(name);
    if (!database) return run();
    return new Promise(resolve => { database.whenFree([...database.stores.keys()], () => run().finally(resolve)); });
  }

  /** Sees to it that a database that this device has is known here. Where it has connections, nobody else changed it. */
  async #find(name) {
    if (this.#databases.has(name)) return;
    const records = await this.#records();
    const memo = (await records.memos(memoOf(name))).find(one => one.name === memoOf(name));
    if (memo === undefined) return;
    const database = this.#made(records, name, memo.value);
    await database.readGenerators();
    this.#databases.set(name, database);
  }

  #made(records, name, memo) {
    const database = new Database(records, name, { memo, hasPlainNames: name === this.#plain });
    database.tabs = this.#tabs.get(name);
    database.onLeft = () => this.#left(name);
    return database;
  }

  async list() {
    const records = await this.#records();
    return (await records.memos(MEMOS)).map(({ name, value }) => ({ name: name.slice(MEMOS.length), version: JSON.parse(value).version }));
  }

  async open(request, name, wanted) {
    const records = await this.#records();
    const database = this.#databases.get(name) ?? this.#made(records, name);
    const version = wanted ?? Math.max(database.version, 1);
    if (version < database.version) throw failure('VersionError', `The database has the version ${database.version} already.`);
    this.#databases.set(name, database);
    if (version > database.version) return this.#upgrade(request, database, version);
    const connection = new Connection(database);
    return answer(request, connection.db, plainEvent('success'));
  }

  /** The last connection is closed. */
  #left(name) {
    this.#tabs.get(name)?.disconnected();
    this.#leave(name);
  }

  async #upgrade(request, database, version) {
    const before = database.version;
    await clear(request, database, version);
    await database.catchUp();
    const connection = new Connection(database);
    const work = connection.beginUpgrade();
    database.beginUpgrade(work);
    database.version = version;
    connection.version = version;
    work.changes.onUndo(() => {
      database.version = before;
      connection.version = before;
    });
    Object.assign(request[SELF], { isDone: true, result: connection.db, transaction: work.transaction });
    work.place({ target: request, event: () => new IDBVersionChangeEvent('upgradeneeded', { oldVersion: before, newVersion: version }) });
    database.schedule(work);
    await new Promise(resolve => {
      work.onEnd = isCommitted => {
        if (!isCommitted && before === 0) this.#databases.delete(database.name);
        task(() => concluded(request, connection, isCommitted), resolve);
      };
    });
  }

  async delete(request, name) {
    const database = this.#databases.get(name);
    const oldVersion = database?.version ?? 0;
    if (database) {
      await clear(request, database, null);
      await database.records.write(await database.erasing());
      this.#databases.delete(name);
    }
    await answer(request, undefined, new IDBVersionChangeEvent('success', { oldVersion, newVersion: null }));
  }
}

/** How a request to open ends whose upgrade is over. */
function* concluded(request, connection, isCommitted) {
  request[SELF].transaction = null;
  if (!isCommitted) connection.close();
  if (!connection.isClosing) yield* answered(request, connection.db, plainEvent('success'));
  else yield* refused(request, failure('AbortError', isCommitted ? 'The connection was closed.' : 'The upgrade was aborted.'));
}

function* answered(request, result, event) {
  Object.assign(request[SELF], { isDone: true, result, error: null });
  yield* dispatch(event, [request]);
}

function* refused(request, error) {
  Object.assign(request[SELF], { isDone: true, result: undefined, error });
  yield* dispatch(plainEvent('error', { bubbles: true, cancelable: true }), [request]);
}

const answer = (...given) => inTask(() => answered(...given));
const refuse = (request, error) => inTask(() => refused(request, error instanceof DOMException ? error : failure('UnknownError', error.message)));

/** Fires `versionchange` at connections, one after the other. */
async function announce(connections, change) {
  for (const connection of connections) {
    if (!connection.isClosing) await inTask(() => dispatch(new IDBVersionChangeEvent('versionchange', change), [connection.db]));
  }
}

/** Asks all connections to close, those of other tabs too, and waits until they did. */
async function clear(request, database, newVersion) {
  const { version: oldVersion, connections, tabs } = database;
  const change = { oldVersion, newVersion };
  const closed = new Promise(resolve => {
    database.onClosed = () => { if (connections.size === 0) resolve(); };
  });
  const others = tabs?.clear(change);
  await announce([...connections], change);
  const isBlocked = [...connections].some(connection => !connection.isClosing) || await others?.isBlocked;
  if (isBlocked) await inTask(() => dispatch(new IDBVersionChangeEvent('blocked', change), [request]));
  if (connections.size > 0) await closed;
  await others?.isClear;
}
