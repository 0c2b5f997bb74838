/**
 * What happens in a transaction: its requests one after the other, each a task of its own with its event, then the
 * commit or the abort.
 */

import { failure } from './errors.js';
import { dispatch, plainEvent } from './events.js';
import { SELF } from './expose.js';
import { afterThisCall, task } from './task.js';
import { Changes } from './changes.js';

/** @typedef {{ store?: import('./state.js').StoreState, request?: object, run?: () => unknown, event?: () => Event }} Step */

export class Work {
  /** @type {Step[]} */
  #steps = [];
  #busy = false;
  #started = false;

  /**
   * @param {object} connection what `IDBDatabase` keeps
   * @param {{ stores: Map<string, import('./state.js').StoreState>, mode: string, durability: string }} options
   */
  constructor(connection, { stores, mode, durability }) {
    Object.assign(this, { connection, stores, mode, durability });
    /** @type {'active' | 'inactive' | 'committing' | 'finished'} */
    this.state = mode === 'versionchange' ? 'inactive' : 'active';
    this.error = null;
    this.changes = new Changes();
    /** The public object, set by who makes it. */
    this.transaction = undefined;
    /** Told whether it committed, when its last event is on its way. @type {(isCommitted: boolean) => void} */
    this.onEnd = () => {};
    connection.works.add(this);
    if (this.state === 'active') afterThisCall(() => this.#deactivate());
  }

  get isWriting() {
    return this.mode !== 'readonly';
  }

  /** Throws where nothing can be asked for now. */
  needActive() {
    if (this.state !== 'active') throw failure('TransactionInactiveError', 'The transaction is not active.');
  }

  /** Runs something that calls back into the program, which cannot use the transaction meanwhile. */
  whileInactive(run) {
    const before = this.state;
    this.state = 'inactive';
    try {
      return run();
    } finally {
      this.state = before;
    }
  }

  /** @param {Step} step takes its turn */
  place(step) {
    this.#steps.push(step);
    if (this.#started) this.#kick();
  }

  /** Nothing is in its way any more. */
  start() {
    this.#started = true;
    this.#go();
  }

  #deactivate() {
    if (this.state === 'active') this.state = 'inactive';
    if (this.#started) this.#go();
  }

  #go() {
    if (this.#busy || this.state === 'finished') return;
    if (this.#steps.length > 0) this.#kick();
    else if (this.state !== 'active') this.#commit();
  }

  #kick() {
    if (this.#busy || this.state === 'finished') return;
    this.#busy = true;
    const { store } = this.#steps[0];
    if (store === undefined || store.loaded) this.#next();
    else this.connection.database.load(store).then(() => this.#next(), error => this.#next(named(error)));
  }

  /** @param {DOMException} [refused] why its store cannot be read */
  #next(refused = undefined) {
    if (this.state === 'finished') return;
    task(() => this.#run(refused), result => this.#after(result));
  }

  /** One step. */
  * #run(refused) {
    if (this.state === 'finished') return {};
    const step = this.#steps.shift();
    const outcome = { error: refused };
    try {
      if (refused === undefined) outcome.value = step.run?.();
    } catch (error) {
      outcome.error = error;
    }
    if (step.request) return yield* this.#answer(step.request, outcome);
    if (step.event) return { threw: yield* this.#dispatch(step.event(), [step.target]) };
    return { error: outcome.error };
  }

  * #answer(request, { value, error }) {
    Object.assign(request[SELF], { isDone: true, result: value, error: error ?? null });
    const event = error === undefined ? plainEvent('success') : plainEvent('error', { bubbles: true, cancelable: true });
    const threw = yield* this.#dispatch(event, [request, this.transaction, this.connection.db]);
    return { threw, error: error !== undefined && !event.defaultPrevented ? error : undefined };
  }

  * #dispatch(event, path) {
    if (this.state === 'inactive') this.state = 'active';
    return yield* dispatch(event, path);
  }

  /** The program has control back, and what it put off ran. */
  #after({ threw, error } = {}) {
    const wasCommitting = this.state === 'committing';
    if (this.state === 'active') this.state = 'inactive';
    this.#busy = false;
    if (this.state === 'finished') return;
    if (threw && !wasCommitting) this.#abort(failure('AbortError', 'A listener threw an exception.'));
    else if (error !== undefined) this.#abort(error);
    else this.#go();
  }

  /** The records could not be read or written. */
  fail(error) {
    this.#busy = false;
    if (this.state !== 'finished') this.#abort(named(error));
  }

  /** A program asks for the commit. */
  commit() {
    if (this.state !== 'active') throw failure('InvalidStateError', 'The transaction is not active.');
    this.state = 'committing';
    if (this.#started) this.#go();
  }

  /** A program asks for the abort. */
  abort() {
    if (this.state === 'committing' || this.state === 'finished') {
      throw failure('InvalidStateError', 'The transaction is committing or finished.');
    }
    this.#abort(null);
  }

  async #commit() {
    this.state = 'committing';
    this.#busy = true;
    try {
      await this.#write();
    } catch (error) {
      this.fail(error);
      return;
    }
    task(() => this.#end(plainEvent('complete')));
    this.#leave(true);
  }

  async #write() {
    if (this.changes.isEmpty) return;
    await this.connection.database.records.write(await this.changes.operations(), { relaxed: this.durability === 'relaxed' });
    this.changes.committed();
  }

  #abort(error) {
    this.changes.undo();
    this.error = error;
    this.state = 'finished';
    const steps = this.#steps;
    this.#steps = [];
    for (const { request } of steps) {
      if (request) task(() => this.#cancel(request));
    }
    task(() => this.#end(plainEvent('abort', { bubbles: true })));
    this.#leave(false);
  }

  * #end(event) {
    this.state = 'finished';
    this.connection.upgrade = null;
    yield* dispatch(event, [this.transaction, this.connection.db]);
  }

  * #cancel(request) {
    Object.assign(request[SELF], { isDone: true, result: undefined, error: failure('AbortError', 'The transaction was aborted.') });
    yield* dispatch(plainEvent('error', { bubbles: true, cancelable: true }), [request, this.transaction, this.connection.db]);
  }

  /** Its last events are on their way: what comes behind them. */
  #leave(isCommitted) {
    this.onEnd(isCommitted);
    this.connection.left(this);
  }
}

/** What a write failed with, as programs know it. */
const named = error => (error instanceof DOMException ? error : failure('UnknownError', `The records could not be read or written: ${error?.message ?? error}`));
