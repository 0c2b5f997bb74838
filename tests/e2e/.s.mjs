// The local store of the browser against bare loops on IndexedDB: same records, same Chromium, same worker, in turns.
// `node tests/e2e/bench-local.mjs [FOLDER OF THE BUILT MODULE]`; figures in $MOORING_BENCH_JSON or target/bench.
import fs from 'node:fs';
import path from 'node:path';
import { inBrowser, root } from '../browser-store/page.mjs';

const ROUNDS = Number(process.env.ROUNDS ?? 7);
const BULK = 10_000;
const ALL = 100_000;
const SINGLES = 200;
const TURNS = 10;
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

const per_s = await inBrowser(async ({ call, page }) => {
  // the answers of a first sync, made once and kept in the worker
  const rates = {};
  const note = (key, count, ms) => (rates[key] ??= []).push((count * 1000) / ms);
  for (let round = 0; round < ROUNDS; round++) {
    // in short turns: how long a disk takes to promise something varies more than what is compared here
    const took = { bare: 0, store: 0 };
    for (let turn = 0; turn < TURNS; turn++) {
      took.bare += await call('bare.singles', 'bare-singles', SINGLES / TURNS);
      took.store += await call('singles', 'singles', SINGLES / TURNS);
    }
    console.log('round', round, 'bare', Math.round(took.bare), 'store', Math.round(took.store), (took.bare/took.store).toFixed(2));
    note('bare_strict_put_per_s', SINGLES, took.bare);
    note('single_write_per_s', SINGLES, took.store);
    // what a reading allocated is not for the next round to clean up
    await page.evaluate(() => window.restart());
    }
  return Object.fromEntries(Object.entries(rates).map(([key, list]) => [key, Math.round(median(list))]));
}, process.argv[2]);

console.log(per_s);
