/** Requests, as programs hold them. */

import { failure } from './errors.js';
import { target } from './events.js';
import { attributes, expose, only, own, SELF } from './expose.js';

export class IDBRequest extends EventTarget {
  /** @param given what proves that this package calls, and what the request is about */
  constructor(...given) {
    only(given[0]);
    super();
    this[SELF] = { source: null, transaction: null, isDone: false, result: undefined, error: null, ...given[1] };
  }

  get result() {
    return done(own(this)).result;
  }

  get error() {
    return done(own(this)).error;
  }

  get readyState() {
    return own(this).isDone ? 'done' : 'pending';
  }
}

function done(self) {
  if (!self.isDone) throw failure('InvalidStateError', 'The request has not finished.');
  return self;
}

attributes(IDBRequest, 'source', 'transaction');
target(IDBRequest, 'success', 'error');
expose(IDBRequest, 'IDBRequest');

export class IDBOpenDBRequest extends IDBRequest {}
target(IDBOpenDBRequest, 'blocked', 'upgradeneeded');
expose(IDBOpenDBRequest, 'IDBOpenDBRequest');
