/**
 * A database among the tabs of a device.
 *
 * A tab that is alone with a database holds its lock for itself and pays nothing more. A second one says hello: then
 * both hold the lock together, and each transaction takes the locks of its stores. Opening is one tab's turn at a time;
 * who has connections holds a lock that an upgrade waits for.
 */

/** Takes a lock; resolves with what gives it back, or `null` where it is not free and was not to be waited for. */
function hold(name, options) {
  return new Promise((resolve, reject) => {
    navigator.locks.request(name, options, lock => {
      if (lock === null) resolve(null);
      return lock && new Promise(release => { resolve(release); });
    }).catch(reject);
  });
}

/** Whether there can be other tabs, and this platform can tell. */
export const canShare = records => records.device !== undefined
  && typeof BroadcastChannel !== 'undefined' && globalThis.navigator?.locks !== undefined;

/**
 * @typedef {object} Host what a database does for its neighbours
 * @property {(run: () => Promise<void>) => void} whenIdle runs something when no request and no transaction does
 * @property {(change: object) => Promise<void>} announce fires `versionchange` at its connections
 * @property {() => boolean} isConnected whether it has connections
 * @property {() => boolean} isOpen whether one of them is not about to close
 */

export class Tabs {
  #name;
  #host;
  /** @type {BroadcastChannel | undefined} */
  #channel;
  /** Gives the place among the tabs back. @type {(() => void) | undefined} */
  #place;
  /** Gives back what says that there are connections here. @type {(() => void) | undefined} */
  #connected;
  /** Gives back what says that there are none anywhere. @type {(() => void) | undefined} */
  #cleared;
  #isAsked = false;
  /** Those that wait for answers of other tabs, by the number of their question. */
  #questions = new Map();

  /** No other tab uses the database. */
  isAlone = true;

  /** @param {string} name of the device and the database @param {Host} host */
  constructor(name, host) {
    this.#name = name;
    this.#host = host;
  }

  get isHere() {
    return this.#place !== undefined;
  }

  /** Takes a place among the tabs. */
  async enter() {
    this.#isAsked = false;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.addEventListener('message', ({ data }) => this.#hear(data));
    const place = await hold(this.#name, { ifAvailable: true });
    this.isAlone = place !== null;
    if (!this.isAlone) this.#channel.postMessage({ hello: true });
    this.#place = place ?? await hold(this.#name, { mode: 'shared' });
    if (this.#isAsked) this.#share();
  }

  /** Gives the place back. */
  leave() {
    this.#connected?.();
    this.#place?.();
    this.#channel?.close();
    this.#connected = this.#place = this.#channel = undefined;
  }

  #hear({ hello, change, question, isOpen, asker }) {
    if (hello) {
      this.#isAsked = true;
      if (this.#place !== undefined) this.#share();
    } else if (change) {
      this.#announce(change, question);
    } else if (asker !== undefined) {
      this.#questions.get(asker)?.(isOpen);
    }
  }

  /** Another tab has come. */
  #share() {
    if (!this.isAlone) return;
    this.#host.whenIdle(async () => {
      if (!this.isAlone || !this.isHere) return;
      this.isAlone = false;
      await this.#connect();
      this.#place();
      this.#place = await hold(this.#name, { mode: 'shared' });
    });
  }

  async #announce(change, question) {
    if (!this.#host.isConnected()) return;
    await this.#host.announce(change);
    this.#channel?.postMessage({ asker: question, isOpen: this.#host.isOpen() });
  }

  async #connect() {
    if (this.#host.isConnected()) this.#connected ??= await hold(`${this.#name}/connections`, { mode: 'shared' });
  }

  /** The last connection is closed. */
  disconnected() {
    this.#connected?.();
    this.#connected = undefined;
  }

  /** One tab opens, upgrades or deletes at a time. */
  async turn(run) {
    if (this.isAlone) return run();
    const release = await hold(`${this.#name}/open`, {});
    try {
      return await run();
    } finally {
      this.#cleared?.();
      this.#cleared = undefined;
      await this.#connect();
      release();
    }
  }

  /**
   * Asks the other tabs to close their connections.
   * @returns {{ isBlocked: Promise<boolean>, isClear: Promise<void> }} whether they did not when they were asked; when they did
   */
  clear(change) {
    if (this.isAlone) return { isBlocked: Promise.resolve(false), isClear: Promise.resolve() };
    const isClear = hold(`${this.#name}/connections`, {}).then(release => { this.#cleared = release; });
    return { isBlocked: Promise.race([this.#ask(change), isClear.then(() => false)]), isClear };
  }

  async #ask(change) {
    const { held } = await navigator.locks.query();
    let left = held.filter(({ name }) => name === `${this.#name}/connections`).length - (this.#connected ? 1 : 0);
    if (left <= 0) return false;
    const question = crypto.randomUUID();
    const answers = new Promise(resolve => {
      let anyOpen = false;
      this.#questions.set(question, isOpen => {
        anyOpen ||= isOpen;
        if (--left === 0) resolve(anyOpen);
      });
    });
    this.#channel.postMessage({ change, question });
    return answers.finally(() => this.#questions.delete(question));
  }

  /** The locks of a transaction; in one order everywhere, so that none waits for another in a circle. */
  async lockStores(names, isWriting) {
    const held = [];
    for (const store of [...names].sort()) {
      held.push(await hold(`${this.#name}/store/${store}`, { mode: isWriting ? 'exclusive' : 'shared' }));
    }
    return () => { for (const release of held) release(); };
  }
}
