// Tabs of each engine that have loaded the package, and run what `page.mjs` has by its name.
import fs from 'node:fs';
import path from 'node:path';
import { atEnd, root, until } from '../lib/harness.mjs';
import { Chromium, Firefox, WebKit } from '../lib/engines.mjs';

const PLACE = 'each/each.html';

/** Puts what the pages need into the folder that is served. */
export function provide(folder) {
  const to = path.join(folder, 'each');
  fs.cpSync(path.join(root, 'tests/e2e/npm'), to, { recursive: true });
  const more = { 'people.mjs': 'packages/mooring/examples/people.mjs', 'idb.js': 'node_modules/idb/build/index.js', 'dexie.mjs': 'node_modules/dexie/dist/dexie.mjs' };
  for (const [name, file] of Object.entries(more)) fs.copyFileSync(path.join(root, file), path.join(to, name));
}

/** Of a browser that Playwright drives. */
class Page {
  constructor(page, complaints) {
    Object.assign(this, { page, complaints });
    page.on('console', message => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', error => complaints.push(String(error)));
  }
  async show(address) {
    await this.page.goto(address);
    return this.#ready();
  }
  async #ready() {
    await this.page.waitForFunction(() => globalThis.run !== undefined);
    return this;
  }
  run(name, given) { return this.page.evaluate(([name, given]) => globalThis.run(name, given), [name, given]); }
  async reload() {
    await this.page.reload();
    await this.#ready();
  }
  close() { return this.page.close(); }
  /** Without those of a server that was stopped. */
  async reports() {
    const kept = await this.page.evaluate(() => JSON.parse(sessionStorage.getItem('reported') ?? '[]'));
    return [...kept, ...this.complaints.filter(text => !/Failed to load resource|net::ERR_|CORS|NS_ERROR/.test(text))];
  }
}

/** Of a profile on the disk, which outlives its browser. */
export class Profile {
  constructor(Engine, name, site) { Object.assign(this, { site, engine: new Engine(name, { url: site.url }) }); }

  async start() {
    this.context = await this.engine.launch({ headless: true });
    const { context } = this;
    atEnd(() => context.close().catch(() => {})); // it may have been killed
    return this;
  }

  async tab() { return new Page(await this.context.newPage(), []).show(`${this.site.url}/${PLACE}`); }

  /** Kills the browser's process, then those that it made (one that hangs does not notice), and waits until all are gone. */
  async kill() {
    const folder = this.engine.profile;
    const pids = () => fs.readdirSync('/proc').filter(pid => /^\d+$/.test(pid) && arguments_of(pid).some(one => one.includes(folder)));
    const [first] = pids().filter(pid => !arguments_of(pid).some(one => one.startsWith('--type=') || one === '-contentproc'));
    kill(first);
    await until('the browser gone', () => {
      const left = pids();
      left.forEach(kill);
      return left.length === 0;
    });
  }
}

function kill(pid) {
  try { process.kill(Number(pid), 'SIGKILL'); } catch (error) { if (error.code !== 'ESRCH') throw error; } // it has ended
}

function arguments_of(pid) {
  try { return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0'); } catch { return []; } // it has ended
}

/** Of WebKit, through its own driver. */
class WebKitTab {
  constructor(screen) { this.screen = screen; }
  async ready() {
    await until('the package loaded', () => this.screen.script('return globalThis.run !== undefined'));
    return this;
  }
  async run(name, given) {
    const script = 'const [name, given, done] = arguments; run(name, given).then(value => done({ value }), error => done({ failed: `${error}\\n${error.stack}` }));';
    const { value, failed } = await this.screen.ask('POST', '/execute/async', { script, args: [name, given ?? null] });
    if (failed) throw new Error(failed);
    return value;
  }
  async reload() {
    await this.screen.reload();
    await this.ready();
  }
  close() { return this.screen.closeTab(); }
  reports() { return this.screen.reports(); }
}

export class WebKitProfile {
  constructor(name, site) { Object.assign(this, { name, address: `${site.url}/${PLACE}` }); }
  async tab() {
    if (!this.first) {
      this.first = await new WebKit(this.name, { url: this.address, first() {} }).open();
      return new WebKitTab(this.first).ready();
    }
    return new WebKitTab(await this.first.tab(this.name, this.address)).ready();
  }
}

export { Chromium, Firefox };
