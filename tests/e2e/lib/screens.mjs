// The ways to a screen: a browser through Playwright, the desktop shell through WebDriver (other engines: `engines.mjs`).
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { atEnd, need, scratch, until } from './harness.mjs';
import { Screen, cleanUp, hook, picturesOf, shots } from './screen.mjs';
import { Driven, listening } from './webdriver.mjs';

const chromiumArgs = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** A browser profile of its own. */
export class Browser extends Screen {
  constructor(name, url, viewport = { width: 1440, height: 900 }) {
    super(name);
    Object.assign(this, { url, viewport, profile: path.join(scratch, `profile-${name}`), errors: [] });
  }

  async open({ offline = false, colorScheme = 'light', timezoneId, locale } = {}) {
    this.context = await this.launch({ headless: true, viewport: this.viewport, colorScheme, offline, timezoneId, locale });
    const context = this.context;
    atEnd(() => context.close());
    return this.show(this.context.pages()[0] ?? await this.context.newPage());
  }

  launch(options) {
    return chromium.launchPersistentContext(this.profile, { executablePath: need('MOORING_CHROMIUM'), args: chromiumArgs, ...options });
  }

  /** Another tab of the same profile, at an address. */
  async tab(name, url = this.url) {
    const tab = Object.assign(new this.constructor(name, url, this.viewport), { profile: this.profile, context: this.context });
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
  async address() { return this.page.url(); }
  go(address) { return this.page.goto(address); }
  reload() { return this.page.reload(); }
  /** A page that was kept is not loaded: nothing says that it was. */
  back() { return this.page.goBack({ waitUntil: 'commit' }); }
  /** Puts this tab in front, as whoever works in it does: browsers slow down the others. */
  front() { return this.page.bringToFront(); }
  /** Closes this tab, as a click on its cross does; the profile's others stay. */
  closeTab() { return this.page.close(); }
  offline(is) { return this.context.setOffline(is); }
  async text(selector) { return (await this.page.locator(selector).first().textContent({ timeout: 5_000 }))?.trim(); }
  count(selector) { return this.page.locator(selector).count(); }
  click(selector) { return this.page.locator(selector).first().click(); }
  fill(selector, text) { return this.fillNth(selector, 0, text); }
  fillNth(selector, at, text) { return this.page.locator(selector).nth(at).fill(text); }
  /** What each element is about (its field) and says. */
  tells(selector) { return this.page.locator(selector).evaluateAll(all => all.map(one => [one.dataset.field, one.textContent.trim()])); }
  /** Chooses in a list, by what is written there. */
  choose(selector, label) { return this.page.locator(selector).first().selectOption({ label }); }
  /** Chooses a file, as in the dialog of the system. */
  upload(selector, file) { return this.page.locator(selector).first().setInputFiles(file); }
  /** A key, or several at once: `Control+s`. */
  press(chord) { return this.page.keyboard.press(chord); }
  /** Types into whatever has the focus. */
  type(text) { return this.page.keyboard.type(text); }
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

/** The desktop shell. */
export class Desktop extends Driven {
  /**
   * `ownFolder`: the records are where the app puts them for a person; `data`: in this folder. `relay`: what stands
   * between it and the server, to take the network away. `more`: of its environment.
   */
  constructor(name, { ownFolder = false, data, relay, more = {} } = {}) {
    super(name);
    const home = path.join(scratch, `home-${name}`);
    Object.assign(this, { ownFolder, home, data: data ?? path.join(home, 'mooring'), relay, more });
  }

  /** `args`: what it is started with. */
  async open(...args) {
    const automation = { TAURI_AUTOMATION: 'true', TAURI_WEBVIEW_AUTOMATION: 'true' };
    const env = { ...automation, ...(!this.ownFolder && { MOORING_DATA_DIR: this.data }), ...this.more };
    await this.begin({ binary: need('MOORING_DESKTOP'), home: this.home, args, env });
    await this.script(listening);
    return this;
  }

  /** Starts the program once more, as the menu of programs does; its exit code, what it says, and how long it took, in ms. */
  again(...args) {
    const start = Date.now();
    const program = spawn(need('MOORING_DESKTOP'), args, { env: this.env, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    program.stderr.on('data', text => { said += text; });
    const limit = setTimeout(() => program.kill('SIGKILL'), 30_000);
    return new Promise(done => program.once('close', code => {
      clearTimeout(limit);
      done({ code, said, ms: Date.now() - start });
    }));
  }

  /** The page in the window that is open by now: after one was closed, another one is to be told of. */
  async turn() {
    await until(`a window of ${this.name}`, async () => {
      const [handle] = await this.ask('GET', '/window/handles');
      if (handle) await this.ask('POST', '/window', { handle });
      return handle;
    });
    await this.script(listening);
  }
}

export { cleanUp, hook, picturesOf, shots };
