// Pairs what is asked with its answer, and tells what happens.
import { MooringError } from './error.js';
import { parse, stringify } from './values.js';

const STOPPED = 'Mooring’s engine stopped. What was saved is safe. Open the workspace again.';
const OUTDATED = 'A newer version of Mooring runs in another tab. Reload this page.';

/** A running engine. */
export class Link {
  #host;
  #next = 1;
  #waiting = new Map();
  #listeners = new Set();
  #broken;

  /** Starts one: `host(say)` gives `{send, end}`. */
  static async start(host) {
    const link = new Link();
    link.#host = await host((text) => link.#heard(text));
    return link;
  }

  /** Asks for something: the answer without its wrapping, or a {@link MooringError}. */
  ask(command) {
    if (this.#broken) return Promise.reject(this.#broken);
    const id = this.#next++;
    return new Promise((done, failed) => {
      this.#waiting.set(id, { done, failed });
      this.#host.send(stringify({ id, command }));
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
    for (const { failed } of this.#waiting.values()) failed(why);
    this.#waiting.clear();
    this.#tell('closed', why);
    this.#listeners.clear();
  }

  #heard(text) {
    if (this.#broken) return;
    if (text === 'stopped') return this.end(new MooringError('internal', STOPPED));
    if (text === 'outdated') return this.end(new MooringError('internal', OUTDATED));
    const { answer, event } = parse(text);
    if (event) return this.#tell(...named(event.event));
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (!waiting) return;
    const { Ok, Err } = answer.result;
    if (Err) waiting.failed(MooringError.of(Err));
    else waiting.done(named(Ok)[1]);
  }

  #tell(name, content) {
    for (const listener of [...this.#listeners]) listener(name, content);
  }
}

/** The name and the content of what is tagged from outside: `"done"` or `{"rows": ...}`. */
function named(tagged) {
  return typeof tagged === 'string' ? [tagged, undefined] : Object.entries(tagged)[0];
}
