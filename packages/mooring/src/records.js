// A workspace as what the words of IndexedDB stand on: see `idb/records.d.ts`.
import { linkOf } from './link.js';
import { Notes } from './notes.js';

const PAGE = 499;
/** The note that tells this device's numbers from other devices'. */
const ORDINAL = 'ordinal';
const ORDINALS = 2 ** 20;

/** The records of a workspace. */
export async function recordsOf(opened) {
  const workspace = await opened;
  const { link, store } = linkOf(workspace);
  const notes = new Notes(store);
  const records = new WorkspaceRecords(workspace, link, notes, store);
  records.ordinal = await ordinalOf(workspace, notes);
  await link.ask('follow');
  return records;
}

async function ordinalOf(workspace, notes) {
  const [known] = await notes.read(ORDINAL);
  if (known) return known.value;
  const ordinal = workspace.local ? 0 : 1 + Math.floor(Math.random() * ORDINALS);
  await notes.write([{ name: ORDINAL, value: ordinal }]);
  return ordinal;
}

class WorkspaceRecords {
  #workspace;
  #link;
  #notes;
  #listeners = new Set();
  #told = Promise.resolve();

  constructor(workspace, link, notes, store) {
    this.#workspace = workspace;
    this.#link = link;
    this.#notes = notes;
    this.device = store;
    link.listen((event, content) => this.#heard(event, content));
  }

  async collections() {
    return (await this.#workspace.collections()).map(({ name }) => ({ name }));
  }

  async ensureCollection(name, { label }) { await this.#workspace.ensureCollection(name, { label }); }

  async read(collection, { after, limit = PAGE }) {
    return this.#workspace.read(collection, { after, limit: Math.min(limit, PAGE) });
  }

  async get(collection, key) { return this.#workspace.get(collection, key); }

  async notes(prefix) { return this.#notes.read(prefix); }

  /**
   * The notes are kept beside the records, and written first: where the device stops between the two, a note may know of
   * what was not saved, and a generator leaves a number out.
   */
  async write(operations) {
    const notes = operations.flatMap(({ note }) => note ?? []);
    const before = await this.#notes.write(notes);
    try {
      await this.#workspace.write((step) => {
        for (const { put, delete: gone } of operations) {
          if (put) step.put(put.collection, put.key, put.fields);
          else if (gone) step.delete(gone.collection, gone.key);
        }
      });
    } catch (error) {
      await this.#notes.write(before);
      throw error.kind === 'storage' ? new DOMException(error.message, 'QuotaExceededError') : error;
    }
  }

  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async caughtUp() {
    // answers come behind what was told before
    await this.#link.ask('status');
    await this.#told;
  }

  #heard(event, content) {
    if (event === 'touched' && content.by !== this.#link.id) {
      for (const [collection, keys] of Object.entries(content.records)) this.#tell(collection, keys);
    } else if (event === 'ended' && content.ids === null) {
      // another tab's engine has taken over: what changed meanwhile is not known
      this.#link.ask('follow').catch(() => {});
      this.#told = this.#told.then(() => this.#tellAll()).catch(() => {});
    }
  }

  /** Without keys: any record of the collection. */
  #tell(collection, keys) {
    this.#told = this.#told
      .then(async () => {
        const some = keys.length > 0 ? keys : await this.#keys(collection);
        for (const listener of [...this.#listeners]) listener({ collection, keys: some });
      })
      .catch(() => {}); // the workspace was closed
  }

  async #tellAll() {
    for (const { name } of await this.collections()) {
      const keys = await this.#keys(name);
      for (const listener of [...this.#listeners]) listener({ collection: name, keys });
    }
  }

  async #keys(collection) {
    const keys = [];
    for (let after, more = true; more; after = keys.at(-1)) {
      const page = await this.read(collection, { after });
      keys.push(...page.rows.map(({ key }) => key));
      more = page.more;
    }
    return keys;
  }
}
