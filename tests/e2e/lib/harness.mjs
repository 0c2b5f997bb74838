// What the node suites share: named checks with a last line that ./x reads, waiting for conditions, clean-up.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');

// nothing of a test is kept among the keys of whoever runs it
process.env.MOORING_KEY_STORE ??= 'off';

/** A folder for this run; removed at the end. */
export const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'mooring-'));
const endings = [() => fs.rmSync(scratch, { recursive: true, force: true })];

/** Runs at the end, last come first served, whatever happened. */
export function atEnd(ending) { endings.unshift(ending); }

/** Called with the name of a check that failed. */
let onFailure = async () => {};
export function whenFailed(todo) { onFailure = todo; }

let passed = 0;
let failed = 0;

/** One named check. A failure is printed and counted; the suite goes on unless it is told that all else depends on it. */
export async function check(name, body) {
  const start = Date.now();
  try {
    await body();
    passed += 1;
    console.log(`ok    ${name} (${Date.now() - start} ms)`);
    return true;
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}: ${error.stack ?? error}`);
    await onFailure(name);
    return false;
  }
}

/** Ends the suite; the last line is the one that ./x reads. */
export async function end() {
  for (const ending of endings) {
    try { await ending(); } catch (error) { console.log(`clean-up: ${error}`); }
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed > 0 ? 1 : 0);
}

// what fails between checks ends the suite, and leaves no process behind
for (const uncaught of ['uncaughtException', 'unhandledRejection']) {
  process.once(uncaught, error => {
    failed += 1;
    console.log(`FAIL  between checks: ${error?.stack ?? error}`);
    end();
  });
}

/** What ./x puts into the environment. */
export function need(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run this through ./x test`);
  return value;
}

/** Waits until `probe` gives something truthy. */
export async function until(what, probe, ms = 60_000) {
  const deadline = Date.now() + ms;
  let last;
  for (;;) {
    try {
      last = await probe();
      if (last) return last;
    } catch (error) { last = error; }
    if (Date.now() > deadline) throw new Error(`not ${what} within ${ms / 1000} s; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`);
    await new Promise(done => setTimeout(done, 50));
  }
}

/**
 * Waits until what `probe` reads is as wanted. What a screen shows is read with this, never with `equal`: it is drawn
 * when its turn comes, not when the key or the click that changes it has been given.
 */
export async function becomes(probe, wanted, what, ms = 30_000) {
  const deadline = Date.now() + ms;
  for (;;) {
    let got, failure;
    try { got = await probe(); } catch (error) { failure = error; }
    if (!failure && JSON.stringify(got) === JSON.stringify(wanted)) return;
    if (Date.now() > deadline) {
      if (failure) throw new Error(`${what}: ${failure.message}`);
      equal(got, wanted, what);
    }
    await new Promise(done => setTimeout(done, 50));
  }
}

export function equal(got, wanted, what) {
  const [g, w] = [JSON.stringify(got), JSON.stringify(wanted)];
  if (g !== w) throw new Error(`${what}: got ${g.slice(0, 500)}, wanted ${w.slice(0, 500)}`);
}

export function truthy(value, what) { if (!value) throw new Error(what); }
