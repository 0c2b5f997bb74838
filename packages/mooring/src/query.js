import { MooringError, wrong } from './error.js';
import { valueIn } from './values.js';

const GROUP = Symbol('group');
/** Tests of one value, as programs write them and as the engine reads them. */
const TESTS = {
  is: 'is', isNot: 'is_not', anyOf: 'any_of', contains: 'contains', containsNot: 'contains_not', begins: 'begins',
  less: 'less', atMost: 'at_most', greater: 'greater', atLeast: 'at_least', between: 'between',
  hasAny: 'has_any', hasAll: 'has_all', hasNone: 'has_none',
};

/** Rows that pass all, one at least, or none of these. */
export const all = (...parts) => ({ [GROUP]: (read) => ({ all: parts.map(read) }) });
export const any = (...parts) => ({ [GROUP]: (read) => ({ any: parts.map(read) }) });
export const not = (part) => ({ [GROUP]: (read) => ({ not: read(part) }) });

/** What a program asks for, as the engine reads it. */
export function viewOf(collection, { where, search, sort }) {
  return {
    collection,
    ...(where ? { filter: filterOf(where) } : {}),
    ...(search ? { search } : {}),
    ...(sort ? { sort: [sort].flat().map(sortOf) } : {}),
  };
}

function filterOf(where) {
  if (where?.[GROUP]) return where[GROUP](filterOf);
  if (!where || typeof where !== 'object') throw wrong('where is an object of fields and tests, or all(), any(), not().');
  return { all: Object.entries(where).flatMap(([field, tests]) => testsOf(tests).map((test) => ({ field: { ...named(field), test } }))) };
}

/** `5` stands for `{is: 5}`, `{atLeast: 5, less: 9}` for two tests. */
function testsOf(tests) {
  const [plain] = valueIn(tests);
  if (plain === undefined) return ['empty'];
  if (typeof plain !== 'object' || Array.isArray(plain)) return [{ is: plain }];
  return Object.entries(tests).map(([name, value]) => {
    if (name === 'empty') return value ? 'empty' : 'filled';
    if (!(name in TESTS)) throw wrong(`There is no test “${name}”. There are: ${Object.keys(TESTS).join(', ')}, empty.`);
    return { [TESTS[name]]: Array.isArray(value) ? value.map((part) => valueIn(part)[0]) : valueIn(value)[0] };
  });
}

function sortOf(by) {
  const [text, descending] = by.startsWith('-') ? [by.slice(1), true] : [by, false];
  return { ...named(text), ...(descending ? { descending } : {}) };
}

/** `$key` is the key. */
const named = (field) => (field === '$key' ? {} : { field });

/** Rows of a collection that a program looks at. */
export class Query {
  #link;
  #view;
  #window;

  constructor(link, view, window) {
    this.#link = link;
    this.#view = view;
    this.#window = window;
  }

  /** The rows as they are now. */
  async once() {
    const { id, shown } = await this.#watch();
    this.#link.ask({ unwatch: { id } }).catch(() => {});
    return resultOf(shown);
  }

  /** Calls with the rows, and again whenever they change, with what changed. Gives what ends it. */
  subscribe(listener, failed = thrown) {
    const live = new Live(this.#link, this.#view.collection, () => this.#watch(), this.#window, listener, failed);
    return () => live.end();
  }

  #watch() { return this.#link.ask({ watch: { view: this.#view, window: this.#window } }); }
}

/** An error that nobody takes is the program's, as one in a listener is. */
function thrown(error) { queueMicrotask(() => { throw error; }); }

/** A subscription. */
class Live {
  #link;
  #collection;
  #watch;
  #window;
  #listener;
  #failed;
  #ended = false;
  #id;
  #shown;
  #early = [];
  #ignore;
  /** The collection is not here (yet). */
  #missing = false;

  constructor(link, collection, watch, window, listener, failed) {
    this.#link = link;
    this.#collection = collection;
    this.#watch = watch;
    this.#window = window;
    this.#listener = listener;
    this.#failed = failed;
    this.#ignore = link.listen((event, content) => this.#heard(event, content));
    this.#open();
  }

  end() {
    if (this.#ended) return;
    this.#ended = true;
    this.#ignore();
    if (this.#id !== undefined) this.#link.ask({ unwatch: { id: this.#id } }).catch(() => {});
  }

  async #open() {
    this.#id = undefined;
    this.#missing = false;
    try {
      const { id, shown } = await this.#watch();
      if (this.#ended) return void this.#link.ask({ unwatch: { id } }).catch(() => {});
      this.#id = id;
      this.#show(shown);
      for (const change of this.#early.splice(0)) this.#seen(change);
    } catch (error) {
      if (!(await this.#awaits())) this.#fail(error);
    }
  }

  /** Whether there is no such collection: it may come from another device. Until then it has no rows. */
  async #awaits() {
    const all = await this.#link.ask('collections').catch(() => undefined);
    this.#missing = all?.every(({ id }) => id !== this.#collection) ?? false;
    if (this.#missing) this.#show({ version: 0, rows: [], matching: 0, total: 0 });
    return this.#missing;
  }

  #heard(event, content) {
    if (event === 'seen') {
      // what comes before the answer that names the view may be about it
      if (this.#id === undefined) this.#early.push(content);
      else this.#seen(content);
    } else if (event === 'ended' && this.#id !== undefined && (content.ids ?? [this.#id]).includes(this.#id)) {
      this.#open();
    } else if (event === 'changed' && this.#missing) {
      this.#open();
    } else if (event === 'closed') {
      this.#fail(content);
    }
  }

  #seen(change) {
    if (change.id !== this.#id || change.version <= this.#shown.version) return;
    const { rows } = change;
    if (rows.whole) return this.#show({ ...change, rows: rows.whole });
    if (change.from !== this.#shown.version) return void this.#look();
    const now = [...this.#shown.rows];
    const changes = rows.steps.map((step) => applied(now, step));
    this.#shown = { version: change.version, total: change.total, matching: change.matching, rows: now };
    this.#tell(changes);
  }

  /** Something was missed. */
  async #look() {
    try {
      const shown = await this.#link.ask({ look: { id: this.#id, window: this.#window } });
      if (!this.#ended && shown.version > this.#shown.version) this.#show(shown);
    } catch (error) {
      if (error.kind !== 'ended') this.#fail(error);
    }
  }

  #show(shown) {
    this.#shown = shown;
    this.#tell(undefined);
  }

  #tell(changes) {
    if (!this.#ended) this.#listener({ ...resultOf(this.#shown), changes });
  }

  #fail(error) {
    if (this.#ended) return;
    this.end();
    if (!(error instanceof MooringError && error.kind === 'closed')) this.#failed(error);
  }
}

function resultOf({ rows, matching, total }) {
  return { rows: rows.map(rowOf), matching, total };
}

function rowOf({ key, fields, marks }) {
  const { unsent = false, review = false, rejected = false } = marks ?? {};
  return { key, fields, unsent, review, rejected };
}

/** Does a step of the engine among rows, and gives it as programs see it. */
function applied(rows, step) {
  const [[kind, { at, from, to, row }]] = Object.entries(step);
  if (kind === 'remove') rows.splice(at, 1);
  else if (kind === 'move') rows.splice(to, 0, ...rows.splice(from, 1));
  else rows.splice(at, kind === 'insert' ? 0 : 1, row);
  if (kind === 'move') return { kind, from, to };
  return row ? { kind, at, row: rowOf(row) } : { kind, at };
}
