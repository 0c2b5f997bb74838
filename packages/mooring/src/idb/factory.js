/** The factory: databases by name, opened, upgraded and deleted one request after the other. */

import { failure, LARGEST, need, report, wholeNumber } from './errors.js';
import { dispatch, IDBVersionChangeEvent, plainEvent } from './events.js';
import { expose, only, OURS, own, SELF } from './expose.js';
import { Connection } from './connection.js';
import { Database, NOTES } from './database.js';
import { compare, keyOf } from './key.js';
import { IDBOpenDBRequest } from './request.js';
import { task } from './task.js';

export class IDBFactory {
  constructor(...given) {
    only(given[0]);
    this[SELF] = new Catalog(given[1]);
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
expose(IDBFactory);

/** One task, and what its listeners put off. */
const inTask = run => new Promise(resolve => { task(run, resolve); });

class Catalog {
  /** @type {Map<string, Database>} */
  #databases = new Map();
  /** The last request on each database. @type {Map<string, Promise<void>>} */
  #queues = new Map();
  #records;
  #ready;

  constructor(records) {
    this.#records = records;
  }

  /** The records, when the databases of the device are known. */
  #start() {
    this.#ready ??= this.#read();
    return this.#ready;
  }

  async #read() {
    const records = await this.#records;
    for (const { name, value } of await records.notes(NOTES)) {
      const database = new Database(records, name.slice(NOTES.length), value);
      await database.readGenerators();
      this.#databases.set(database.name, database);
    }
    records.subscribe(news => {
      for (const database of this.#databases.values()) database.hear(news);
    });
    return records;
  }

  /** A request whose turn comes after those that were made before on the same database. */
  ask(name, run) {
    const request = new IDBOpenDBRequest(OURS, { isOpening: true });
    const turn = (this.#queues.get(name) ?? Promise.resolve()).then(() => run(request)).catch(error => refuse(request, error));
    this.#queues.set(name, turn);
    turn.catch(report).then(() => { if (this.#queues.get(name) === turn) this.#queues.delete(name); });
    return request;
  }

  async list() {
    await this.#start();
    return [...this.#databases.values()].filter(one => one.committed > 0).map(({ name, committed }) => ({ name, version: committed }));
  }

  async open(request, name, wanted) {
    const records = await this.#start();
    const database = this.#databases.get(name) ?? new Database(records, name);
    const version = wanted ?? Math.max(database.version, 1);
    if (version < database.version) throw failure('VersionError', `The database has the version ${database.version} already.`);
    this.#databases.set(name, database);
    if (version > database.version) return this.#upgrade(request, database, version);
    const connection = new Connection(database);
    return answer(request, connection.db, plainEvent('success'));
  }

  async #upgrade(request, database, version) {
    const before = database.version;
    await clear(request, database, version);
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
        if (isCommitted) database.committed = version;
        else if (before === 0) this.#databases.delete(database.name);
        task(() => concluded(request, connection, isCommitted), resolve);
      };
    });
  }

  async delete(request, name) {
    await this.#start();
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

/** Asks all connections to close, and waits until they did. */
async function clear(request, database, newVersion) {
  const { version: oldVersion } = database;
  const closed = new Promise(resolve => {
    database.onClosed = () => { if (database.connections.size === 0) resolve(); };
  });
  for (const connection of [...database.connections]) {
    if (connection.isClosing) continue;
    await inTask(() => dispatch(new IDBVersionChangeEvent('versionchange', { oldVersion, newVersion }), [connection.db]));
  }
  const isOpen = [...database.connections].some(connection => !connection.isClosing);
  if (isOpen) await inTask(() => dispatch(new IDBVersionChangeEvent('blocked', { oldVersion, newVersion }), [request]));
  if (database.connections.size > 0) await closed;
}
