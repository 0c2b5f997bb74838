// A workspace as what the words of IndexedDB stand on: see `idb/records.d.ts`.
import { linkOf } from './link.js';

const PAGE = 499;
/** The memo that tells this device's numbers from other devices'. */
const ORDINAL = 'ordinal';
const ORDINALS = 2 ** 20;

/** The records of a workspace. `countsFromOne`: its generators do, for no other device has records there. */
export async function recordsOf(opened, { countsFromOne = false } = {}) {
  const workspace = await opened;
  const { link, store } = linkOf(workspace);
  const records = new WorkspaceRecords(workspace, link, store);
  records.ordinal = countsFromOne ? 0 : await ordinalOf(records);
  await link.ask('follow');
  return records;
}

/** Also where a workspace is on this device only: two of them may become one. There it was 0 in earlier versions. */
async function ordinalOf(records) {
  const [known] = await records.memos(ORDINAL);
  if (known?.value > 0) return known.value;
  const ordinal = 1 + Math.floor(Math.random() * ORDINALS);
  await records.write([{ memo: { name: ORDINAL, value: ordinal } }]);
  return ordinal;
}

class WorkspaceRecords {
  #workspace;
  #link;
  #listeners = new Set();
  #told = Promise.resolve();

  constructor(workspace, link, store) {
    this.#workspace = workspace;
    this.#link = link;
    this.device = store;
    link.listen((event, content) => this.#heard(event, content));
  }

  async ensureCollection(name) { await this.#workspace.ensureCollection(name); }

  async read(collection, { after, limit = PAGE }) {
    return this.#workspace.read(collection, { after, limit: Math.min(limit, PAGE) });
  }

  async get(collection, key) { return this.#workspace.get(collection, key); }

  async memos(prefix) {
    const found = await this.#link.ask({ memos: prefix });
    return found.map(([name, text]) => ({ name, value: JSON.parse(text) }));
  }

  async write(operations) {
    try {
      await this.#workspace.write((step) => {
        for (const { put, delete: gone, memo } of operations) {
          if (put) step.put(put.collection, put.key, put.fields, put.types);
          else if (gone) step.delete(gone.collection, gone.key);
          else step.memo(memo.name, memo.value === undefined ? undefined : JSON.stringify(memo.value));
        }
      });
    } catch (error) {
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
    for (const { name } of await this.#workspace.collections()) {
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
