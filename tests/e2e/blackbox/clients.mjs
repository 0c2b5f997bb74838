// Clients of each kind, with the same few words: what is acknowledged to each is what is acknowledged to its users.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as later } from 'node:timers/promises';
import { ask, recordsOf } from '../lib/api.mjs';
import { atEnd, need, scratch, until } from '../lib/harness.mjs';
import { password } from '../lib/members.mjs';
import { words } from './words.mjs';

/** What was asked for did not happen, and the client says so. */
export class Refused extends Error {}

/** What a client has of a workspace. */
const ALL = ['marks', 'registers', 'counters'];

/** The package in a page; pages that are given the same `store` share one engine. */
export class Page {
  constructor(name, browser, store) { Object.assign(this, { name, browser, store, adds: true, decides: true, parts: ALL }); }

  async start(options) {
    this.options = { ...options, store: this.store, device: this.store };
    await this.restart();
  }

  /** The page is gone, with its worker, in the middle of whatever it did. */
  async crash() {
    this.up = false;
    const { page } = this;
    if (page.isClosed()) return;
    const gone = new Promise(done => { page.once('crash', done); page.once('close', done); });
    const session = await page.context().newCDPSession(page);
    session.send('Page.crash').catch(() => {}); // it does not answer
    await gone;
    page.close().catch(() => {}); // nor may this
  }

  async restart() {
    this.page = await this.browser.tab();
    await until(`${this.name} opened`, () => this.page.evaluate(options => begin(options).then(() => true), this.options));
    this.up = true;
  }

  run(word, ...given) { return this.page.evaluate(([word, given]) => globalThis.word(word, given), [word, given]); }
}

/** The package in Node. It keeps nothing beyond its process, so it is not killed. */
export class Program {
  constructor(name, open) { Object.assign(this, { name, open, adds: true, decides: true, parts: ALL }); }

  async start(options) {
    this.workspace = await this.open({ ...options, device: this.name });
    this.up = true;
  }

  end() { return this.workspace?.close(); }
  run(word, ...given) { return words[word](this.workspace, ...given); }
}

/** `mooring-cli` with a folder of its own, where each command is a process; with `App`, all go through that. */
export class Commands {
  constructor(name, app) {
    Object.assign(this, { name, app, parts: ALL, folder: fs.mkdtempSync(path.join(scratch, `${name}-`)), running: new Set() });
  }

  async start({ server, workspace }) {
    await this.#done(['login', server, '--name', 'ada', '--password-stdin'], `${password}\n`);
    await this.#done(['use', workspace]);
    await this.#done(['sync']);
    await this.restart();
  }

  async crash() {
    this.up = false;
    for (const child of this.running) child.kill('SIGKILL');
    await this.app?.kill();
  }

  async restart() {
    await this.app?.start(this.folder);
    this.up = true;
  }

  async end() { await this.app?.kill(); }

  async run(word, ...given) {
    const doing = {
      insert: (collection, key, fields) => this.#done(['put', collection, key, ...pairs(fields)]),
      set: (key, value) => this.#done(['patch', 'registers', key, `value=${value}`]),
      read: async collection => Object.fromEntries((await this.#lines(['list', collection])).map(({ key, fields }) => [key, fields])),
      sync: () => this.#done(['--timeout', '2', 'sync'], '', [0, 4, 7]),
      state: async () => {
        if (!this.app) await this.#done(['--timeout', '5', 'sync'], '', [0, 4, 7]);
        const [{ pending, rejected, conflicts, phase }] = await this.#lines(['status']);
        return { pending, rejected, conflicts, phase };
      },
    };
    return doing[word](...given);
  }

  async #lines(args) { return (await this.#done(['--json', ...args])).split('\n').filter(Boolean).map(line => JSON.parse(line)); }

  /** A command that is done: also where something needs review (7). */
  async #done(args, input = '', codes = [0, 7]) {
    const child = spawn(need('MOORING_CLI'), ['--folder', this.folder, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.running.add(child);
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    let [out, error] = ['', ''];
    child.stdout.on('data', data => { out += data; });
    child.stderr.on('data', data => { error += data; });
    const code = await new Promise(ended => child.once('close', ended));
    this.running.delete(child);
    if (codes.includes(code)) return out;
    // the command line, what it names, or what is there already: it says that nothing was done
    throw new ([2, 3, 6].includes(code) ? Refused : Error)(`${args.join(' ')}: ${code}: ${out}${error}`);
  }
}

const pairs = fields => Object.entries(fields).map(([name, value]) => `${name}=${value}`);

/** The desktop app's window, driven by the commands that go through it. */
export class App {
  constructor(screen) { this.screen = screen; }

  async start(folder) {
    fs.rmSync(path.join(folder, 'socket'), { force: true }); // of one that was killed
    const env = { ...process.env, DISPLAY: this.screen.display, MOORING_DATA_DIR: folder, HOME: folder, LIBGL_ALWAYS_SOFTWARE: '1', WEBKIT_DISABLE_COMPOSITING_MODE: '1' };
    this.child = spawn(need('MOORING_DESKTOP'), [], { env, stdio: ['ignore', 'ignore', 'ignore'], detached: true });
    const { child } = this;
    atEnd(() => end(child));
    await until('the app there', () => fs.existsSync(path.join(folder, 'socket')));
  }

  /** With the processes of its web view. */
  async kill() {
    const { child } = this;
    if (!child) return;
    const gone = child.exitCode !== null || child.signalCode !== null ? undefined : new Promise(done => child.once('exit', done));
    end(child);
    await gone;
  }
}

function end(child) {
  try { process.kill(-child.pid, 'SIGKILL'); } catch (error) { if (error.code !== 'ESRCH') throw error; } // it has ended
}

/** Plain HTTP, as `docs/protocol.md` has it: what got no answer is sent again, the same. */
export class Http {
  constructor(name) { Object.assign(this, { name, adds: true, parts: ALL, replica: randomUUID(), counter: 0, up: true }); }

  async start({ server, workspace }) {
    this.url = server;
    this.token = (await ask(server, 'POST', '/v1/sign-in', null, { name: 'ada', password })).token;
    this.workspace = (await ask(server, 'GET', '/v1/workspaces', this.token)).find(({ name }) => name === workspace).id;
  }

  run(word, ...given) {
    const doing = {
      insert: (collection, key, fields) => this.#push(collection, key, { kind: 'insert', fields }),
      set: async (key, value) => {
        const seen = (await this.#records()).registers[key].value;
        await this.#push('registers', key, { kind: 'patch', fields: { value: { ...(seen !== undefined && { base: seen }), incoming: value } } });
      },
      add: async (key, by) => {
        const { n } = (await this.#records()).counters[key];
        await this.#push('counters', key, { kind: 'patch', fields: { n: { base: n, incoming: n + by } } });
      },
      read: async collection => (await this.#records())[collection],
      sync: async () => {},
      state: async () => ({ pending: 0, conflicts: 0, rejected: 0 }),
    };
    return doing[word](...given);
  }

  async #records() {
    const found = await recordsOf(this.url, this.token, this.workspace).catch(error => { throw new Refused(error.message); });
    const named = name => Object.fromEntries(Object.entries(found[name] ?? {}).map(([key, fields]) => [JSON.parse(key), fields]));
    return { marks: named('marks'), registers: named('registers'), counters: named('counters') };
  }

  async #push(collection, key, edit) {
    this.counter += 1;
    const change = { id: `${this.replica}.${this.counter}`, record: { collection, key }, at: Date.now(), edit };
    for (;;) {
      try {
        const { verdicts: [verdict] } = await ask(this.url, 'POST', `/v1/workspaces/${this.workspace}/push`, this.token, { replica: this.replica, settled: this.counter - 1, schema_seen: 0, changes: [change] });
        if (verdict.verdict === 'rejected') throw new Refused(JSON.stringify(verdict));
        return verdict;
      } catch (error) {
        if (error instanceof Refused) throw error;
        if (/: 4\d\d /.test(error.message)) throw new Refused(error.message);
        await later(50);
      }
    }
  }

  /** Where it ends: the values that a record has had, and those of the sides of its reviews. */
  async versions(collection, key, field) {
    const found = [];
    for (let resume; ;) {
      const answer = await ask(this.url, 'POST', `/v1/workspaces/${this.workspace}/history`, this.token, { record: { collection, key }, ...(resume !== undefined && { resume }) });
      found.push(...answer.versions.map(({ record }) => record.fields?.[field]));
      for (const { fields } of answer.conflicts ?? []) found.push(...Object.values(fields[field] ?? {}));
      if (answer.next === undefined) return found;
      resume = answer.next;
    }
  }
}

/**
 * Another program of the organisation, which knows nothing of Mooring: it writes and reads the table that is mirrored, by plain CQL.
 * Rows come there in any order.
 */
export class Rows {
  constructor(name, table) { Object.assign(this, { name, table, parts: ['marks'], ordered: false, up: true }); }

  async start() {}

  run(word, ...given) {
    const { name, cql } = this.table;
    const doing = {
      insert: (_, key, { author, n, after }) => cql.execute(`INSERT INTO ${name} (key, author, n, after) VALUES (?, ?, ?, ?)`, [key, author, n, after ?? null], { prepare: true }),
      read: async () => {
        const { rows } = await cql.execute(`SELECT key, author, n, after FROM ${name}`, [], { fetchSize: 5_000 });
        return Object.fromEntries(rows.map(({ key, author, n, after }) => [key, { author, n, ...(after && { after }) }]));
      },
      sync: async () => {},
      state: async () => ({ pending: 0, conflicts: 0, rejected: 0 }),
    };
    return doing[word](...given);
  }
}
