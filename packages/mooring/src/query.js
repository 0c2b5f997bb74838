import { MooringError } from './error.js';
import { among } from './view.js';

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
    const { id, shown } = await watch(this.#link, this.#view, this.#window);
    if (id !== undefined) this.#link.ask({ unwatch: { id } }).catch(() => {});
    return resultOf(shown);
  }

  /** Calls with the rows, and again whenever they change, with what changed. Gives what ends it. */
  subscribe(listener, failed = thrown) {
    const live = new Live(this.#link, this.#view, this.#window, listener, failed);
    return () => live.end();
  }
}

/**
 * Watches a view. What it asks for may not be here (yet), and come from another device: then `partly`, and as far as it is
 * here. A collection that is not here has no rows.
 */
async function watch(link, view, window) {
  try {
    return await link.ask({ watch: { view, window } });
  } catch (error) {
    if (error.kind !== 'input') throw error;
    const found = (await link.ask('collections')).find(({ id }) => id === view.collection);
    if (!found) return { partly: true, shown: { version: 0, rows: [], matching: 0, total: 0 } };
    const reduced = among(view, found.fields ?? {});
    // it may have come just now; else the mistake is the program's
    if (!reduced) return link.ask({ watch: { view, window } });
    return { partly: true, ...(await link.ask({ watch: { view: reduced, window } })) };
  }
}

/** An error that nobody takes is the program's, as one in a listener is. */
function thrown(error) { queueMicrotask(() => { throw error; }); }

/** A subscription. */
class Live {
  #link;
  #view;
  #window;
  #listener;
  #failed;
  #ended = false;
  #id;
  #shown;
  #early = [];
  /** Views that ended while it was opened: the answer that names its own may be read after that. */
  #gone = [];
  #ignore;
  /** Not all that it asks for is here (yet). */
  #partly = false;
  /** Something changed while it was opened. */
  #moved = false;

  constructor(link, view, window, listener, failed) {
    this.#link = link;
    this.#view = view;
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
    this.#unwatch(this.#id);
  }

  async #open() {
    const before = this.#id;
    this.#id = undefined;
    this.#partly = false;
    this.#moved = false;
    this.#early.length = 0;
    this.#gone.length = 0;
    if (before !== undefined) this.#unwatch(before);
    try {
      const { id, shown, partly = false } = await watch(this.#link, this.#view, this.#window);
      if (this.#ended) return void this.#unwatch(id);
      [this.#id, this.#partly] = [id, partly];
      if (this.#gone.some((ids) => ids?.includes(id) ?? true)) return void this.#open();
      this.#show(shown);
      for (const change of this.#early.splice(0)) this.#seen(change);
      if (partly && this.#moved) this.#open();
    } catch (error) {
      this.#fail(error);
    }
  }

  #unwatch(id) {
    if (id !== undefined) this.#link.ask({ unwatch: { id } }).catch(() => {});
  }

  #heard(event, content) {
    if (event === 'changed') {
      this.#moved = true;
      if (this.#partly) this.#open();
    } else if (event === 'seen') {
      // what comes before the answer that names the view may be about it
      if (this.#id === undefined) this.#early.push(content);
      else this.#seen(content);
    } else if (event === 'ended') {
      if (this.#id === undefined) this.#gone.push(content.ids);
      else if (content.ids?.includes(this.#id) ?? true) this.#open();
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
