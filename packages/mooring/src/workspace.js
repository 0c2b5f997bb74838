import { conflictOf, outcomeOf, rejectedOf } from './conflicts.js';
import { wrong } from './error.js';
import { Query } from './query.js';
import { authenticate, connectLocal } from './session.js';
import { Step } from './step.js';
import { viewOf } from './view.js';

/** Records that one answer holds at most. */
const PAGE = 500;

/** One workspace on this device. */
export class Workspace {
  #link;
  #listeners = new Set();
  #status;
  #id;
  #name;
  #local;
  /** Collections that are there. */
  #known = new Set();

  static over(link, options, session, status) {
    const workspace = new Workspace();
    workspace.#link = link;
    workspace.#is(session);
    workspace.#status = camel(status);
    link.listen((event, content) => workspace.#heard(event, content, options));
    if (typeof addEventListener === 'function') workspace.#followNetwork();
    return workspace;
  }

  get id() { return this.#id; }
  get name() { return this.#name; }
  get local() { return this.#local; }
  get status() { return this.#status; }

  /** Calls with every new status, first with the one of now; gives what ends that. */
  onStatus(listener) {
    this.#listeners.add(listener);
    listener(this.#status);
    return () => this.#listeners.delete(listener);
  }

  collection(name) { return new Collection(this, this.#link, name); }

  async collections() {
    const all = await this.#link.ask('collections');
    return all.map(({ id, label, open, fields, records, review }) => ({ name: id, label, open: open ?? false, fields: fields ?? {}, records, review }));
  }

  /** Makes a collection where it is missing: fields appear in it as they are written. */
  async ensureCollection(name) {
    await this.#link.ask({ open_collection: name });
    this.#known.add(name);
  }

  async dropCollection(name) {
    this.#known.delete(name);
    await this.#link.ask({ drop_collection: name });
  }

  /** Several edits in one step: all of them are saved, or none. Gives the key of each edit's record. */
  async write(edits, { label } = {}) {
    const step = new Step(this);
    await edits(step);
    return this.save(step, label);
  }

  /** Saves a step. */
  async save(step, label) {
    const { ops, types, memos } = step.close();
    if (ops.length === 0 && memos.length === 0) return [];
    // a program need not declare anything: what it writes into is there from then on
    for (const name of step.collections) if (!this.#known.has(name)) await this.ensureCollection(name);
    const { ids } = await this.#link.ask({ write: { ops, types, memos, ...(label ? { label } : {}) } });
    return ids.map(({ key }) => key);
  }

  /** Takes the last step back that is not undone yet. */
  async undo() { return undoneOf(await this.#link.ask('undo')); }

  async redo() { return undoneOf(await this.#link.ask('redo')); }

  /** What can be undone and redone next. */
  async undoable() { return this.#link.ask('undoable'); }

  async get(collection, key) {
    const [fields] = await this.#link.ask({ get: { ids: [{ collection, key }] } });
    return fields ?? undefined;
  }

  /** Records by key, numbers before texts. */
  async read(collection, { after, limit = 100 } = {}) {
    if (!(limit >= 1 && limit < PAGE)) throw wrong(`A page has 1 to ${PAGE - 1} records.`);
    const found = await this.#link.ask({ page: { collection, limit: limit + 1, ...(after === undefined ? {} : { after }) } });
    const rows = found.slice(0, limit).map(([key, fields]) => ({ key, fields }));
    return { rows, more: found.length > limit };
  }

  /** What waits for a decision, oldest first. */
  async conflicts({ offset = 0, limit = 50, collection, key } = {}) {
    const record = key === undefined ? {} : { record: { collection, key } };
    const filter = { ...record, ...(collection ? { collection } : {}) };
    const review = await this.#link.ask({ review: { filter, offset, limit } });
    const infos = await Promise.all(review.items.map(({ id }) => this.#link.ask({ conflict: { id } })));
    return infos.map(conflictOf);
  }

  /** Settles a conflict; works offline. */
  async resolve(conflict, decision) {
    const seen = { conflict: conflict.id, saw_conflict: conflict.revision, ...(conflict.recordRevision === undefined ? {} : { saw_record: conflict.recordRevision }) };
    const command = decision === 'both' ? { keep_both: seen } : { resolve: { ...seen, outcome: outcomeOf(conflict, decision) } };
    await this.#link.ask(command);
  }

  /** Opens a settled conflict again, as it was. */
  async takeBack(conflict) {
    const { done } = await this.#link.ask({ take_back: { conflicts: [conflict.id] } });
    if (done.length === 0) throw wrong('This decision cannot be taken back (any more).');
  }

  /** Changes that the server refused, with the reason. */
  async rejected() {
    const { rejected } = await this.#link.ask({ review: { limit: 0 } });
    return rejected.map(rejectedOf);
  }

  async retry(rejected) { await this.#link.ask({ retry: { counter: rejected.id } }); }

  async discard(rejected) { await this.#link.ask({ discard: { counter: rejected.id } }); }

  /** The versions of a record, newest first; needs the network. */
  async history(collection, key, { next } = {}) {
    const page = await this.#link.ask({ history: { id: { collection, key }, ...(next === undefined ? {} : { resume: next }) } });
    const versions = page.versions.map(({ rev, by, deleted, fields, changed }) => ({ revision: rev, by, deleted, fields, changed: changed ?? undefined }));
    return { versions, next: page.next ?? undefined, expired: page.expired };
  }

  /** Nothing is sent or fetched until `resume()`. */
  async pause() {
    await this.#link.ask('pause');
  }

  async resume() {
    await this.#link.ask('resume');
  }

  async syncNow() { await this.#link.ask('sync_now'); }

  /** All records of all collections, and what is not sent yet, as plain data. */
  async export() {
    const collections = {};
    for (const { name } of await this.collections()) {
      const rows = (collections[name] = []);
      for (let after, more = true; more; ) {
        const page = await this.read(name, { after, limit: PAGE - 1 });
        rows.push(...page.rows);
        after = page.rows.at(-1)?.key;
        more = page.more;
      }
    }
    return { workspace: this.#name, collections, unsent: JSON.parse(await this.#link.ask('export_unsent')) };
  }

  /** Ends it here; what is saved stays. */
  async close() { this.#link.end(); }

  #heard(event, content, options) {
    if (event === 'status') {
      const before = this.#status;
      this.#status = camel(content);
      if (this.#status.phase === 'needs_sign_in' && before.phase !== 'needs_sign_in') this.#signInAgain(options);
      for (const listener of [...this.#listeners]) listener(this.#status);
    }
  }

  /** With a token of now, where the program gives one; else the status goes on to ask for a sign-in. */
  #signInAgain(options) {
    if (typeof options.token === 'function') authenticate(this.#link, options).catch(() => {});
  }

  /**
   * Connects a workspace of this device only with a server: its records join those of the server's workspace (`combine`), or
   * become a new one there (`copy`), or that one is taken and these are kept aside on this device (`theirs`).
   */
  async connect(options) {
    this.#is(await connectLocal(this.#link, this.#id, options));
    this.#known.clear();
  }

  #is({ open, workspaces, local }) {
    this.#id = open;
    this.#link.workspace = open ?? undefined;
    this.#name = [...workspaces, ...local].find(({ id }) => id === open)?.name;
    this.#local = local.some(({ id }) => id === open);
  }

  /** Signs in (again), after `status.phase` said `needs_sign_in`. */
  async signIn(credentials) { await authenticate(this.#link, credentials); }

  #followNetwork() {
    const tell = (online) => () => {
      this.#link.ask({ network: { online } }).catch(() => {});
    };
    const [came, went] = [tell(true), tell(false)];
    addEventListener('online', came);
    addEventListener('offline', went);
    this.#link.listen((event) => {
      if (event !== 'closed') return;
      removeEventListener('online', came);
      removeEventListener('offline', went);
    });
  }
}

/** The records of one name. */
export class Collection {
  #workspace;
  #link;

  constructor(workspace, link, name) {
    this.#workspace = workspace;
    this.#link = link;
    this.name = name;
  }

  async get(key) { return this.#workspace.get(this.name, key); }

  /** Adds a record; without a key it gets one. Gives the key. */
  async insert(fields, key) { return this.#one((step) => step.insert(this.name, fields, key)); }

  /** Changes fields: `undefined` removes one. `seen` is the record as it was read; without it, it is read now. */
  async edit(key, fields, seen) { return this.#one((step) => step.edit(this.name, key, fields, seen)); }

  /** The record becomes exactly this. */
  async put(key, fields) { return this.#one((step) => step.put(this.name, key, fields)); }

  async delete(key) { await this.#one((step) => step.delete(this.name, key)); }

  /** A page of records by key; `after` is the last key of the page before. */
  async all(page) { return this.#workspace.read(this.name, page); }

  /** How many records it has, without reading them; see `index.d.ts`. */
  async count() {
    const found = (await this.#link.ask('collections')).find(({ id }) => id === this.name);
    return found?.records ?? 0;
  }

  /** A live query. */
  query({ where, search, sort, offset = 0, limit = 100 } = {}) {
    return new Query(this.#link, viewOf(this.name, { where, search, sort }), { offset, limit });
  }

  async conflicts(key, page) { return this.#workspace.conflicts({ ...page, collection: this.name, key }); }

  async history(key, page) { return this.#workspace.history(this.name, key, page); }

  async #one(edit) {
    const [key] = await this.#workspace.write(edit);
    return key;
  }
}

function undoneOf({ label, ids, left, next }) {
  return { label: label ?? undefined, records: ids, left, next };
}

/** The same with names as JavaScript has them; what is `null` is left out. */
function camel(all) {
  const name = (text) => text.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null).map(([key, value]) => [name(key), value]));
}
