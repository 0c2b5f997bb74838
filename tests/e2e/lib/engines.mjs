// The engines that people browse with: Chromium and Firefox (by WebDriver BiDi) through Playwright, WebKit through its own WebDriver.
// Each reaches the server over a relay, which takes the network away for real.
import path from 'node:path';
import { firefox } from 'playwright-core';
import { need, scratch, until } from './harness.mjs';
import { Browser } from './screens.mjs';
import { Driven } from './webdriver.mjs';

/** A Chromium. */
export class Chromium extends Browser {
  constructor(name, relay) { super(name, relay.url); this.relay = relay; }
  /** Without Playwright's wish that no page be kept to come back to. */
  launch(options) { return super.launch({ ignoreDefaultArgs: ['--disable-back-forward-cache'], ...options }); }
  /** A tab of the same profile, at an address. */
  async tab(name, address) {
    const tab = Object.assign(new this.constructor(name, this.relay), { url: address, profile: this.profile, context: this.context });
    return tab.show(await this.context.newPage());
  }
  offline(is) { return is ? this.relay.cut() : this.relay.mend(); }
}

export class Firefox extends Chromium {
  /** `moz-firefox`: the one of Mozilla, by WebDriver BiDi; Playwright's own build is another program. */
  launch(options) {
    return firefox.launchPersistentContext(this.profile, { channel: 'moz-firefox', executablePath: need('MOORING_FIREFOX'), ...options });
  }

  /** For a picture, Playwright adds a style that the content policy refuses: that one is not the page's. */
  async screenshot(name) {
    const before = this.errors.length;
    await super.screenshot(name);
    this.errors.length = before;
  }
}

/** What pages do first: what they report as errors is kept for the tab, over reloads, violations of the content policy too. */
const listener = `(() => {
  const report = text => sessionStorage.setItem('reported', JSON.stringify([...JSON.parse(sessionStorage.getItem('reported') ?? '[]'), String(text)]));
  addEventListener('error', event => report(event.error ?? event.message));
  addEventListener('unhandledrejection', event => report(event.reason));
  document.addEventListener('securitypolicyviolation', event => report('Content Security Policy: ' + event.violatedDirective + ' ' + event.blockedURI));
  const write = console.error;
  console.error = (...all) => { report(all.join(' ')); write.apply(console, all); };
})();`;

/** WebKitGTK's own small browser; it forgets its profile when it is closed. */
export class WebKit extends Driven {
  constructor(name, relay) {
    super(name);
    Object.assign(this, { relay, url: relay.url });
    // its driver tells nothing of a page's console
    relay.first(listener);
  }

  async open() {
    // its driver would never see a page complete that is come back to
    await this.begin({ binary: need('MOORING_WEBKIT'), args: ['--automation'], home: path.join(scratch, `home-${this.name}`), waits: 'none' });
    this.window = await this.ask('GET', '/window');
    this.shared = { front: this.window };
    await this.call('POST', `${this.session}/window/rect`, { x: 0, y: 0, width: 1440, height: 900 });
    await this.go(this.url);
    return this;
  }

  /** A tab of the same profile, at an address. */
  async tab(name, address) {
    const { driver, base, session, screen, shared, relay } = this;
    const tab = Object.assign(new WebKit(name, relay), { driver, base, session, screen, shared });
    tab.window = (await this.ask('POST', '/window/new', { type: 'tab' })).handle;
    await tab.go(address);
    return tab;
  }

  /** The driver speaks to one tab at a time. */
  async ask(method, at, body, ms) {
    if (this.shared && this.shared.front !== this.window) {
      await super.ask('POST', '/window', { handle: this.window });
      this.shared.front = this.window;
    }
    return super.ask(method, at, body, ms);
  }
  go(address) { return this.#leave(() => super.go(address)); }
  reload() { return this.#leave(() => super.reload()); }
  back() { return this.#leave(() => super.back()); }
  /** Until another page is shown, or the one that was left is shown again. */
  async #leave(how) {
    await this.script('window.left = true; addEventListener("pageshow", () => { window.left = false; });');
    await how();
    // what is asked of a page while its process goes may never be answered: it is asked again
    const script = 'return !window.left && document.readyState === "complete"';
    await until(`another page on ${this.name}`, () => this.ask('POST', '/execute/sync', { script, args: [] }, 3_000));
  }
  front() { return this.ask('GET', '/window'); }
  closeTab() { return this.ask('DELETE', '/window'); }

  /** Until the service worker can start the app without a network. */
  installed() {
    return until(`the service worker of ${this.name}`, () => this.script('return navigator.serviceWorker.controller !== null'));
  }
  reports() { return this.script('return JSON.parse(sessionStorage.getItem("reported") ?? "[]")'); }
}

/** By the names that people know. */
export const engines = { Chromium, Firefox, WebKit };
