/**
 * Events that go from a request to its transaction and its connection, and back.
 *
 * Events are the platform's own; but its targets know no parents outside of documents. So the targets of this package
 * keep their listeners themselves and tell each event where it is.
 */

import { expose, SELF } from './expose.js';
import { dictionary, LARGEST, need, report, wholeNumber } from './errors.js';

const ROUTE = Symbol('route');

/** What an event says of its way, on events that go it. */
const routed = Platform => {
  const get = (name, of) => ({
    configurable: true,
    enumerable: true,
    get() {
      const route = this[ROUTE];
      return route ? of(route) : Reflect.get(Event.prototype, name, this);
    },
  });
  return Object.defineProperties(Platform, {
    target: get('target', route => route.target),
    srcElement: get('srcElement', route => route.target),
    currentTarget: get('currentTarget', route => route.current),
    eventPhase: get('eventPhase', route => route.phase),
    composedPath: {
      configurable: true,
      writable: true,
      value() {
        const route = this[ROUTE];
        return route ? (route.current ? [...route.path] : []) : Event.prototype.composedPath.call(this);
      },
    },
    stopImmediatePropagation: {
      configurable: true,
      writable: true,
      value() {
        if (this[ROUTE]) this[ROUTE].stopped = true;
        Event.prototype.stopImmediatePropagation.call(this);
      },
    },
  });
};

/** An event of this package: to programs an `Event`. */
class RoutedEvent extends Event {}
routed(RoutedEvent.prototype);
Object.defineProperty(RoutedEvent.prototype, 'constructor', { value: Event });

/** @param {string} type */
export const plainEvent = (type, init) => new RoutedEvent(type, init);

export class IDBVersionChangeEvent extends Event {
  constructor(type, init = {}) {
    need(arguments, 1);
    const { oldVersion = 0, newVersion = null } = dictionary(init);
    super(type, init);
    this[SELF] = {
      oldVersion: wholeNumber(oldVersion, LARGEST),
      newVersion: newVersion === null ? null : wholeNumber(newVersion, LARGEST),
    };
  }

  get oldVersion() {
    return this[SELF].oldVersion;
  }

  get newVersion() {
    return this[SELF].newVersion;
  }
}
expose(IDBVersionChangeEvent, 'IDBVersionChangeEvent');
routed(IDBVersionChangeEvent.prototype);

/** The listeners of each target, in order. */
const listeners = new WeakMap();
const listenersOf = target => listeners.get(target) ?? [];

const members = {
  addEventListener(type, callback, options) {
    need(arguments, 2);
    const { capture, once, signal } = flags(options);
    if (callback === null || callback === undefined || signal?.aborted) return;
    const all = listenersOf(this);
    if (all.some(one => one.type === `${type}` && one.callback === callback && one.capture === capture)) return;
    const added = { type: `${type}`, callback, capture, once, removed: false };
    listeners.set(this, [...all, added]);
    signal?.addEventListener('abort', () => remove(this, one => one === added));
  },
  removeEventListener(type, callback, options) {
    need(arguments, 2);
    const { capture } = flags(options);
    remove(this, one => one.type === `${type}` && one.callback === callback && one.capture === capture && !one.attribute);
  },
  dispatchEvent(event) {
    if (!(event instanceof Event)) throw new TypeError('The argument is no Event.');
    if (event[ROUTE]?.current) throw new DOMException('The event is already being dispatched.', 'InvalidStateError');
    dispatchNow(event, [this]);
    return !event.defaultPrevented;
  },
};

const flags = options => (typeof options === 'object' && options !== null
  ? { capture: Boolean(options.capture), once: Boolean(options.once), signal: options.signal }
  : { capture: Boolean(options), once: false, signal: undefined });

function remove(target, is) {
  const all = listenersOf(target);
  for (const one of all) if (is(one)) one.removed = true;
  listeners.set(target, all.filter(one => !one.removed));
}

/**
 * Makes a class a target of events with attributes for handlers.
 * @param {Function} Class a class that extends EventTarget
 * @param {string[]} types of its handlers: `onsuccess` is that of `success`
 */
export function target(Class, ...types) {
  for (const name of Object.keys(members)) {
    Object.defineProperty(Class.prototype, name, { value: members[name], writable: true, configurable: true });
  }
  for (const type of types) Object.defineProperty(Class.prototype, `on${type}`, handler(type));
}

function handler(type) {
  const own = object => {
    if (object?.[SELF] === undefined) throw new TypeError('Illegal invocation');
    return listenersOf(object).find(one => one.attribute && one.type === type);
  };
  const name = `on${type}`;
  const { get, set } = Object.getOwnPropertyDescriptor({
    get [name]() { return own(this)?.callback ?? null; },
    set [name](value) {
      const callback = typeof value === 'function' || (typeof value === 'object' && value !== null) ? value : null;
      const before = own(this);
      if (callback === null) remove(this, one => one === before);
      else if (before) before.callback = callback; // keeps its place
      else listeners.set(this, [...listenersOf(this), { type, callback, capture: false, attribute: true, removed: false }]);
    },
  }, name);
  return { get, set, enumerable: true, configurable: true };
}

function call(listener, event, current) {
  const { callback, attribute } = listener;
  if (!attribute) {
    if (typeof callback === 'function') return callback.call(current, event);
    return callback.handleEvent(event);
  }
  if (typeof callback === 'function' && callback.call(current, event) === false) event.preventDefault();
  return undefined;
}

/** Sends an event, all of it at once. */
function dispatchNow(event, path) {
  const steps = dispatch(event, path);
  while (!steps.next().done);
}

/**
 * Sends an event to the first target of a path, whose others are its parents.
 * @returns {import('./task.js').Steps} a step per listener; in the end whether one threw
 */
export function* dispatch(event, path) {
  if (!(event instanceof RoutedEvent || event instanceof IDBVersionChangeEvent)) routed(event);
  const route = { target: path[0], current: null, phase: Event.NONE, path, stopped: false };
  event[ROUTE] = route;
  let threw = false;
  const parents = path.slice(1);
  const steps = [
    ...[...parents].reverse().map(at => [at, Event.CAPTURING_PHASE, true]),
    [path[0], Event.AT_TARGET, true],
    [path[0], Event.AT_TARGET, false],
    ...(event.bubbles ? parents.map(at => [at, Event.BUBBLING_PHASE, false]) : []),
  ];
  for (const [at, phase, capture] of steps) {
    if (event.cancelBubble) break;
    Object.assign(route, { current: at, phase });
    for (const one of listenersOf(at)) {
      if (one.type !== event.type || one.capture !== capture || one.removed) continue;
      if (one.once) remove(at, other => other === one);
      try {
        call(one, event, at);
      } catch (error) {
        threw = true;
        report(error);
      }
      yield;
      if (route.stopped) break;
    }
  }
  route.current = null;
  route.phase = Event.NONE;
  return threw;
}
