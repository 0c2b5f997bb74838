// Screens of WebKit, driven through WebDriver: each has an X server of its own, for a window that another one covers is
// not drawn.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { atEnd, until } from './harness.mjs';
import { Screen, shots } from './screen.mjs';
import { freePort } from './server.mjs';
import { xvfb } from './xvfb.mjs';

/** Keys that WebDriver has other names for. */
const keys = { Enter: '\uE007', Escape: '\uE00C', Tab: '\uE004', Home: '\uE011', End: '\uE010', ArrowDown: '\uE015', Control: '\uE009' };

/** Keeps in `window.reported` what the page reports as errors from now on. */
export const listening = `window.reported = [];
  addEventListener('error', event => reported.push(String(event.error ?? event.message)));
  addEventListener('unhandledrejection', event => reported.push(String(event.reason)));
  const write = console.error; console.error = (...all) => { reported.push(all.join(' ')); write.apply(console, all); };`;

export class Driven extends Screen {
  /**
   * Starts the driver and, through it, a program that shows pages. `home`: where that program keeps what is its own; `env`: more of
   * its environment; `waits`: until when the driver holds commands back while a page loads, in WebDriver's words.
   */
  async begin({ binary, home, args = [], env: more = {}, waits = 'normal' }) {
    fs.mkdirSync(home, { recursive: true });
    this.screen ??= await xvfb();
    const env = {
      ...process.env, LIBGL_ALWAYS_SOFTWARE: '1', WEBKIT_DISABLE_COMPOSITING_MODE: '1', DISPLAY: this.screen.display, HOME: home,
      XDG_DATA_HOME: path.join(home, 'data'), XDG_CACHE_HOME: path.join(home, 'cache'), XDG_CONFIG_HOME: path.join(home, 'config'), ...more,
    };
    this.env = env;
    const port = await freePort();
    this.driver = spawn('WebKitWebDriver', [`--port=${port}`], { env, stdio: ['ignore', 'ignore', 'inherit'] });
    const driver = this.driver;
    driver.on('exit', (code, signal) => { this.gone = `the driver of ${this.name} ended by itself (${signal ?? code})`; });
    atEnd(() => driver.kill('SIGKILL'));
    this.base = `http://127.0.0.1:${port}`;
    await until(`the driver of ${this.name}`, () => fetch(`${this.base}/status`).then(r => r.ok));
    const { sessionId } = await this.call('POST', '/session', { capabilities: { alwaysMatch: { pageLoadStrategy: waits, 'webkitgtk:browserOptions': { binary, args } } } });
    this.session = `/session/${sessionId}`;
  }

  /** Closes the program; when this returns, its process is gone. */
  async close() {
    const pids = fs.readFileSync(`/proc/${this.driver.pid}/task/${this.driver.pid}/children`, 'utf8').split(' ').filter(Boolean);
    await this.call('DELETE', this.session);
    this.driver.removeAllListeners('exit');
    await until(`the process of ${this.name} gone`, () => pids.every(pid => !fs.existsSync(`/proc/${pid}`)));
    this.driver.kill('SIGKILL');
  }

  async call(method, at, body, ms = 60_000) {
    const limit = AbortSignal.timeout(ms);
    const asked = fetch(this.base + at, { method, signal: limit, body: body === undefined ? undefined : JSON.stringify(body) });
    const answer = await asked.catch(error => { throw new Error(`${method} ${at} on ${this.name}: ${this.gone ?? error.cause ?? error}`); });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${at}: ${value?.error}: ${value?.message}`);
    return value;
  }
  /** A command of the session. */
  ask(method, at, body, ms) { return this.call(method, this.session + at, body, ms); }

  async find(selector, at = 0, ms = 30_000) {
    return until(`${selector} on ${this.name}`, async () => {
      const found = await this.ask('POST', '/elements', { using: 'css selector', value: selector });
      return found.length > at && Object.values(found[at])[0];
    }, ms);
  }

  script(source, ...args) { return this.ask('POST', '/execute/sync', { script: source, args }); }
  /** Runs what calls `done` when it is ready. */
  later(source) { return this.ask('POST', '/execute/async', { script: `const done = arguments[0]; ${source}`, args: [] }); }
  /** What the page reported as errors since it was opened. */
  async reports() { return this.script('return window.reported'); }
  address() { return this.ask('GET', '/url'); }
  go(address) { return this.ask('POST', '/url', { url: address }); }
  reload() { return this.ask('POST', '/refresh', {}); }
  back() { return this.ask('POST', '/back', {}); }
  offline(is) { return is ? this.relay.cut() : this.relay.mend(); }
  text(selector) { return this.script('return document.querySelector(arguments[0])?.textContent?.trim() ?? ""', selector); }
  tells(selector) { return this.script('return [...document.querySelectorAll(arguments[0])].map(one => [one.dataset.field, one.textContent.trim()])', selector); }
  count(selector) { return this.script('return document.querySelectorAll(arguments[0]).length', selector); }
  async waitFor(selector, ms) { await this.find(selector, 0, ms); }
  /** Scrolls there first, as a person does: for WebDriver, what is behind a bar at the edge is in view. */
  async click(selector) {
    // until it can be clicked: what is drawn anew between the look and the click is another element by then
    await until(`${selector} clicked on ${this.name}`, async () => {
      const element = await this.find(selector);
      await this.script('document.querySelector(arguments[0])?.scrollIntoView({ block: "center" })', selector);
      // a click that closes its window was one, too
      await this.ask('POST', `/element/${element}/click`, {}).catch(error => { if (!/no such window/.test(error.message)) throw error; });
      return true;
    }, 30_000);
  }
  fill(selector, text) { return this.fillNth(selector, 0, text); }
  async fillNth(selector, at, text) {
    const element = await this.find(selector, at);
    await this.ask('POST', `/element/${element}/clear`, {});
    if (text) await this.ask('POST', `/element/${element}/value`, { text });
  }
  /** Chooses a file, as in the dialog of the system. */
  async upload(selector, file) { await this.ask('POST', `/element/${await this.find(selector)}/value`, { text: file }); }
  async choose(selector, label) {
    await this.find(selector);
    const nth = await this.script('return [...document.querySelector(arguments[0]).options].findIndex(option => option.label === arguments[1])', selector, label);
    await this.click(`${selector} option:nth-of-type(${nth + 1})`);
  }
  /** A key, or several at once: `Control+s`. */
  press(chord) {
    const all = chord.split('+').map(key => keys[key] ?? key);
    const actions = [...all.map(value => ({ type: 'keyDown', value })), ...all.reverse().map(value => ({ type: 'keyUp', value }))];
    return this.#keyboard(actions);
  }
  /** Types into whatever has the focus. */
  type(text) { return this.#keyboard([...text].flatMap(value => [{ type: 'keyDown', value }, { type: 'keyUp', value }])); }
  #keyboard(actions) { return this.ask('POST', '/actions', { actions: [{ type: 'key', id: 'keys', actions }] }); }

  /** The window as the X server has it: WebKit's own picture waits for a repaint that may never come. */
  async screenshot(name) {
    const file = path.join(shots, `${name}.png`);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    await this.later('setTimeout(done, 500); requestAnimationFrame(() => requestAnimationFrame(done));');
    // no window manager: the window is in the left upper corner
    fs.writeFileSync(file, this.screen.picture(1200, 800));
  }
}
