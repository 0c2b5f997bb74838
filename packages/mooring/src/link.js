// Pairs what is asked with its answer, and tells what happens.
import { MooringError } from './error.js';
import { parse, stringify } from './values.js';

const STOPPED = 'Mooring’s engine stopped. What was saved is safe. Open the workspace again.';
const OUTDATED = 'A newer version of Mooring runs in another tab. Reload this page.';

/** Asked at the same time: the engine refuses a page that asks without end. */
const UNDER_WAY = 512;

/** A running engine. */
export class Link {
  #host;
  #next = 1;
  #waiting = new Map();
  #later = [];
  #listeners = new Set();
  #broken;
  /** What is asked is about this workspace, whatever other tabs look at. @type {string | undefined} */
  workspace;

  /** Starts one: `host(say)` gives `{send, end}`. */
  static async start(host) {
    const link = new Link();
    link.#host = await host((text) => link.#heard(text));
    return link;
  }

  /** What the engine calls whoever asks from here. */
  get id() { return this.#host.id; }

  /** Asks for something: the answer without its wrapping, or a {@link MooringError}. */
  ask(command) {
    if (this.#broken) return Promise.reject(this.#broken);
    const id = this.#next++;
    return new Promise((done, failed) => {
      // what cannot be written as JSON fails here, before anybody waits for it
      const asked = { id, text: stringify({ id, workspace: this.workspace, command }), done, failed };
      if (this.#waiting.size < UNDER_WAY) this.#send(asked);
      else this.#later.push(asked);
    });
  }

  /** Calls with every event, by its name and its content; gives what ends that. */
  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  end(why = new MooringError('closed', 'This workspace was closed by the program.')) {
    if (this.#broken) return;
    this.#broken = why;
    this.#host.end();
    for (const { failed } of [...this.#waiting.values(), ...this.#later]) failed(why);
    this.#waiting.clear();
    this.#later.length = 0;
    this.#tell('closed', why);
    this.#listeners.clear();
  }

  #send(asked) {
    this.#waiting.set(asked.id, asked);
    this.#host.send(asked.text);
  }

  #heard(text) {
    if (this.#broken) return;
    if (text === 'stopped') return this.end(new MooringError('internal', STOPPED));
    if (text === 'outdated') return this.end(new MooringError('internal', OUTDATED));
    const { answer, event } = parse(text);
    if (event) return this.#tell(...named(event.event));
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (this.#later.length > 0) this.#send(this.#later.shift());
    if (!waiting) return;
    const { Ok, Err } = answer.result;
    if (Err) waiting.failed(MooringError.of(Err));
    else waiting.done(named(Ok)[1]);
  }

  #tell(name, content) {
    for (const listener of [...this.#listeners]) listener(name, content);
  }
}

/** The link of an open workspace, and the name of what is kept; `undefined` in memory. */
const LINKS = new WeakMap();
export const linkOf = (workspace) => LINKS.get(workspace);
export const keepLink = (workspace, link, store) => LINKS.set(workspace, { link, store });

/** The name and the content of what is tagged from outside: `"done"` or `{"rows": ...}`. */
function named(tagged) {
  return typeof tagged === 'string' ? [tagged, undefined] : Object.entries(tagged)[0];
}
