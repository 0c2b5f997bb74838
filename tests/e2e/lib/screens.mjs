// The two ways to a screen: a browser through Playwright, the desktop shell through WebDriver. Both offer the same
// few verbs, so that a scenario does not know where it runs.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { atEnd, need, scratch, until } from './harness.mjs';
import { freePort } from './server.mjs';
import { xvfb } from './xvfb.mjs';

const hook = name => `[data-test="${name}"]`;

/** Every screen of the run, to be looked at when a check fails. */
const screens = [];
export async function picturesOf(name) {
  for (const screen of screens) {
    try { console.log(`      ${screen.name} reported: ${JSON.stringify(await screen.reports())}`); } catch { /* closed, or never opened */ }
    try { await screen.screenshot(`failed-${name.replace(/[^a-z0-9]+/gi, '-').slice(0, 60)}-${screen.name}`); } catch { /* closed, or never opened */ }
  }
}

/** After a failed check: pictures of every screen, then a clean page on each, so that the next check fails for itself only. */
export async function cleanUp(name) {
  await picturesOf(name);
  for (const screen of screens) {
    try { await screen.afresh?.(); } catch { /* closed, or never opened */ }
  }
}

class Screen {
  constructor(name) { this.name = name; screens.push(this); }

  /** Text of the pill; where nothing is in the way of the sync and something needs review, that. */
  async pill() {
    const text = await this.text(hook('pill-text'));
    const review = await this.count(hook('pill-review')) ? await this.text(hook('pill-review')) : '';
    const inSync = /^(Synced and verified|Sending |Syncing$|Checking$|[0-9,]+ changes? waits? )/.test(text);
    return inSync && review ? `Needs review (${review})` : text;
  }
  async pillSays(wanted, ms = 60_000) {
    const fits = text => (wanted instanceof RegExp ? wanted.test(text) : text === wanted);
    return until(`"${wanted}" in the pill of ${this.name}`, async () => {
      const text = await this.pill();
      if (fits(text)) return text;
      throw new Error(`it says "${text}"`);
    }, ms);
  }
}

const chromiumArgs = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** A browser profile of its own. */
export class Browser extends Screen {
  constructor(name, url, viewport = { width: 1440, height: 900 }) {
    super(name);
    Object.assign(this, { url, viewport, profile: path.join(scratch, `profile-${name}`), errors: [] });
  }

  async open({ offline = false, colorScheme = 'light', timezoneId } = {}) {
    this.context = await chromium.launchPersistentContext(this.profile, {
      executablePath: need('MOORING_CHROMIUM'), headless: true, args: chromiumArgs, viewport: this.viewport, colorScheme, offline, timezoneId,
    });
    const context = this.context;
    atEnd(() => context.close());
    return this.show(this.context.pages()[0] ?? await this.context.newPage());
  }

  /** Another tab of the same profile, at an address. */
  async tab(name, url = this.url) {
    const tab = Object.assign(new Browser(name, url, this.viewport), { profile: this.profile, context: this.context });
    return tab.show(await this.context.newPage());
  }

  async show(page) {
    this.page = page;
    page.setDefaultTimeout(30_000);
    page.on('pageerror', error => this.errors.push(String(error)));
    page.on('console', message => message.type() === 'error' && this.errors.push(message.text()));
    await page.goto(this.url);
    return this;
  }

  /** The same workspace, loaded anew, as it is for a person who begins. */
  async afresh() {
    await this.slowed(1);
    await this.offline(false);
    await this.page.setViewportSize(this.viewport);
    await this.page.emulateMedia({ colorScheme: 'light', reducedMotion: null });
    await this.page.goto(this.page.url().match(/^.*\/w\/[^/]+/)?.[0] ?? this.url);
    await this.page.locator('main').first().waitFor({ timeout: 30_000 });
  }

  /** Runs a function in the worker of this tab. */
  inWorker(run, argument) { return this.page.workers()[0].evaluate(run, argument); }

  /** Until the service worker can start the app without a network. */
  async installed() {
    await this.page.evaluate(async () => {
      await navigator.serviceWorker.ready;
      if (!navigator.serviceWorker.controller) {
        await new Promise(done => navigator.serviceWorker.addEventListener('controllerchange', done, { once: true }));
      }
    });
  }

  /** What the page reported as errors, without those of a network that was taken away. */
  async reports() {
    const network = /Failed to load resource|net::ERR_|ERR_INTERNET_DISCONNECTED/;
    return this.errors.filter(text => !network.test(text));
  }
  script(source, ...args) { return this.page.evaluate(`(function () { ${source} })(${args.map(arg => JSON.stringify(arg))})`); }
  close() { return this.context.close(); }
  /** Puts this tab in front, as whoever works in it does: browsers slow down the others. */
  front() { return this.page.bringToFront(); }
  /** Closes this tab, as a click on its cross does; the profile's others stay. */
  closeTab() { return this.page.close(); }
  offline(is) { return this.context.setOffline(is); }
  async text(selector) { return (await this.page.locator(selector).first().textContent({ timeout: 5_000 }))?.trim(); }
  count(selector) { return this.page.locator(selector).count(); }
  click(selector) { return this.page.locator(selector).first().click(); }
  fill(selector, text) { return this.page.locator(selector).first().fill(text); }
  /** What each element is about (its field) and says. */
  tells(selector) { return this.page.locator(selector).evaluateAll(all => all.map(one => [one.dataset.field, one.textContent.trim()])); }
  /** Chooses in a list, by what is written there. */
  choose(selector, label) { return this.page.locator(selector).first().selectOption({ label }); }
  press(key) { return this.page.keyboard.press(key); }
  /** As on a machine that is so many times slower: the page's program, not the network nor its worker. 1: as it is. */
  async slowed(times) {
    this.devtools ??= await this.context.newCDPSession(this.page);
    await this.devtools.send('Emulation.setCPUThrottlingRate', { rate: times });
  }
  waitFor(selector, ms = 30_000) { return this.page.locator(selector).first().waitFor({ timeout: ms }); }
  async screenshot(name) {
    fs.mkdirSync(shots, { recursive: true });
    await this.page.screenshot({ path: path.join(shots, `${name}.png`) });
  }
}

/** Where pictures of a run go. */
export const shots = path.resolve('target/screenshots');

/** Keys that WebDriver has other names for. */
const keys = { Enter: '\uE007', Escape: '\uE00C' };

/** The desktop shell under an X server of its own: a window that another one covers is not drawn. */
export class Desktop extends Screen {
  /**
   * `ownFolder`: the records are where the app puts them for a person; `data`: in this folder. `relay`: what stands
   * between it and the server, to take the network away.
   */
  constructor(name, { ownFolder = false, data, relay } = {}) {
    super(name);
    const home = path.join(scratch, `home-${name}`);
    Object.assign(this, { ownFolder, home, data: data ?? path.join(home, 'mooring'), relay });
  }

  async open() {
    fs.mkdirSync(this.home, { recursive: true });
    const env = {
      ...process.env, TAURI_AUTOMATION: 'true', TAURI_WEBVIEW_AUTOMATION: 'true', LIBGL_ALWAYS_SOFTWARE: '1', WEBKIT_DISABLE_COMPOSITING_MODE: '1',
      HOME: this.home, XDG_DATA_HOME: path.join(this.home, 'data'), XDG_CACHE_HOME: path.join(this.home, 'cache'), XDG_CONFIG_HOME: path.join(this.home, 'config'),
      ...(!this.ownFolder && { MOORING_DATA_DIR: this.data }),
    };
    this.screen ??= await xvfb();
    env.DISPLAY = this.screen.display;
    const port = await freePort();
    this.driver = spawn('WebKitWebDriver', [`--port=${port}`], { env, stdio: ['ignore', 'ignore', 'inherit'] });
    const driver = this.driver;
    driver.on('exit', (code, signal) => { this.gone = `the driver of ${this.name} ended by itself (${signal ?? code})`; });
    atEnd(() => driver.kill('SIGKILL'));
    this.base = `http://127.0.0.1:${port}`;
    await until('the driver of the desktop shell', () => fetch(`${this.base}/status`).then(r => r.ok));
    const options = { binary: need('MOORING_DESKTOP'), args: [] };
    const { sessionId } = await this.call('POST', '/session', { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': options } } });
    this.session = `/session/${sessionId}`;
    await this.script(`window.reported = [];
      addEventListener('error', event => reported.push(String(event.error ?? event.message)));
      addEventListener('unhandledrejection', event => reported.push(String(event.reason)));
      const write = console.error; console.error = (...all) => { reported.push(all.join(' ')); write.apply(console, all); };`);
    return this;
  }

  /** Closes the window; when this returns, the process is gone. */
  async close() {
    const pids = fs.readFileSync(`/proc/${this.driver.pid}/task/${this.driver.pid}/children`, 'utf8').split(' ').filter(Boolean);
    await this.call('DELETE', this.session);
    this.driver.removeAllListeners('exit');
    await until('the desktop’s process gone', () => pids.every(pid => !fs.existsSync(`/proc/${pid}`)));
    this.driver.kill('SIGKILL');
  }

  async call(method, at, body) {
    const limit = AbortSignal.timeout(60_000);
    const asked = fetch(this.base + at, { method, signal: limit, body: body === undefined ? undefined : JSON.stringify(body) });
    const answer = await asked.catch(error => { throw new Error(`${method} ${at} on ${this.name}: ${this.gone ?? error.cause ?? error}`); });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${at}: ${value?.error}: ${value?.message}`);
    return value;
  }

  async find(selector) {
    return until(`${selector} on ${this.name}`, async () => {
      const found = await this.call('POST', `${this.session}/element`, { using: 'css selector', value: selector });
      return Object.values(found)[0];
    }, 30_000);
  }

  /** What the page reported as errors since it was opened. */
  async reports() { return this.script('return window.reported'); }
  script(source, ...args) { return this.call('POST', `${this.session}/execute/sync`, { script: source, args }); }
  /** Runs what calls `done` when it is ready. */
  later(source) { return this.call('POST', `${this.session}/execute/async`, { script: `const done = arguments[0]; ${source}`, args: [] }); }
  text(selector) { return this.script('return document.querySelector(arguments[0])?.textContent?.trim() ?? ""', selector); }
  tells(selector) { return this.script('return [...document.querySelectorAll(arguments[0])].map(one => [one.dataset.field, one.textContent.trim()])', selector); }
  offline(is) { return is ? this.relay.cut() : this.relay.mend(); }
  count(selector) { return this.script('return document.querySelectorAll(arguments[0]).length', selector); }
  async waitFor(selector) { await this.find(selector); }
  /** Scrolls there first, as a person does: for WebDriver, what is behind a bar at the edge is in view. */
  async click(selector) {
    const element = await this.find(selector);
    await this.script('document.querySelector(arguments[0])?.scrollIntoView({ block: "center" })', selector);
    await this.call('POST', `${this.session}/element/${element}/click`, {});
  }
  async fill(selector, text) {
    const element = await this.find(selector);
    await this.call('POST', `${this.session}/element/${element}/clear`, {});
    await this.call('POST', `${this.session}/element/${element}/value`, { text });
  }
  async choose(selector, label) {
    await this.find(selector);
    const nth = await this.script('return [...document.querySelector(arguments[0]).options].findIndex(option => option.label === arguments[1])', selector, label);
    await this.click(`${selector} option:nth-of-type(${nth + 1})`);
  }
  press(key) {
    const value = keys[key] ?? key;
    const actions = [{ type: 'key', id: 'keys', actions: [{ type: 'keyDown', value }, { type: 'keyUp', value }] }];
    return this.call('POST', `${this.session}/actions`, { actions });
  }
  /** The window as the X server has it: WebKit's own picture waits for a repaint that may never come. */
  async screenshot(name) {
    const file = path.join(shots, `${name}.png`);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    await this.later('setTimeout(done, 500); requestAnimationFrame(() => requestAnimationFrame(done));');
    // no window manager: the window is in the left upper corner
    fs.writeFileSync(file, this.screen.picture(1200, 800));
  }
}

export { hook };
