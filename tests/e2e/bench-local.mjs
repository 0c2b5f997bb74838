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
  await call('keep_answers', ALL);
  for (let round = 0; round < ROUNDS; round++) {
    note('bare_bulk_per_s', BULK, await call('bare.bulk', 'bare-bulk', BULK));
    note('bulk_per_s', BULK, await call('bulk', 'bulk', BULK));
    // in short turns: how long a disk takes to promise something varies more than what is compared here
    const took = { bare: 0, store: 0 };
    for (let turn = 0; turn < TURNS; turn++) {
      took.bare += await call('bare.singles', 'bare-singles', SINGLES / TURNS);
      took.store += await call('singles', 'singles', SINGLES / TURNS);
    }
    note('bare_strict_put_per_s', SINGLES, took.bare);
    note('single_write_per_s', SINGLES, took.store);
    note('first_sync_store_per_s', ALL, await call('first_sync', 'all'));
    if (round === 0) await call('bare.fill', 'bare-all', ALL);
    note('bare_get_all_per_s', ALL, await call('bare.getAll', 'bare-all', ALL));
    note('read_all_per_s', ALL, await call('read_all', 'all', ALL));
    // what a reading allocated is not for the next round to clean up
    await page.evaluate(() => window.restart());
    await call('keep_answers', ALL);
  }
  return Object.fromEntries(Object.entries(rates).map(([key, list]) => [key, Math.round(median(list))]));
}, process.argv[2]);

const bars = {
  bulk: [per_s.bulk_per_s / per_s.bare_bulk_per_s, 3],
  first_sync_store: [per_s.first_sync_store_per_s / per_s.bare_bulk_per_s, 5],
  read_all: [per_s.read_all_per_s / per_s.bare_get_all_per_s, 3],
  single_write: [per_s.single_write_per_s / per_s.bare_strict_put_per_s, 0.8],
};
for (const [key, rate] of Object.entries(per_s)) console.log(`${key.padEnd(24)} ${String(rate).padStart(9)}`);
const ratios = {};
for (const [key, [ratio, bar]] of Object.entries(bars)) {
  ratios[key] = { ratio: Number(ratio.toFixed(2)), bar, met: ratio >= bar };
  console.log(`${key.padEnd(24)} ${ratio.toFixed(2).padStart(9)} x bare, bar ${bar} x: ${ratio >= bar ? 'met' : 'MISSED'}`);
}
const json = process.env.MOORING_BENCH_JSON ?? path.join(root, 'target/bench/local.json');
fs.mkdirSync(path.dirname(json), { recursive: true });
fs.writeFileSync(json, `${JSON.stringify({ rounds: ROUNDS, ...per_s, ratios }, null, 2)}\n`);
