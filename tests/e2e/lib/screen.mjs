// What every screen is, however it is driven: a name, its pill, its pictures. Each kind offers the same verbs (open, click,
// fill, press, text, count, waitFor, ...), so that a scenario does not know where it runs.
import path from 'node:path';
import { until } from './harness.mjs';

export const hook = name => `[data-test="${name}"]`;

/** Where pictures of a run go. */
export const shots = path.resolve('target/screenshots');

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

export class Screen {
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
