// How long people wait in the grid: 100,000 records of ten fields in the browser, imported once, then each thing done in
// rounds. Figures in $MOORING_BENCH_JSON or target/bench/ui.json, under `browser`. RECORDS and ROUNDS make it shorter.
import fs from 'node:fs';
import path from 'node:path';
import { end, need, root, scratch, until } from './lib/harness.mjs';
import { onSled } from './lib/server.mjs';
import { Browser, hook } from './lib/screens.mjs';
import * as act from './lib/actions.mjs';

for (const name of ['MOORING_SERVER', 'MOORING_CHROMIUM', 'MOORING_UI_DIST']) need(name);
const RECORDS = Number(process.env.RECORDS ?? 100_000);
const ROUNDS = Number(process.env.ROUNDS ?? 20);
const BARS = { warm_start_ms: 1000, sort_ms_p95: 150, filter_ms_p95: 150, search_ms_p95: 200, scroll_worst_frame_ms: 32, save_ms_p95: 30, cell_edit_ms_p95: 30 };
/** The search waits so long for the next letter. */
const PAUSE_MS = 180;
const p95 = list => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.ceil(list.length * 0.95) - 1)];

const server = await (await onSled()).start();
const a = new Browser('bench', server.url);
await a.open();
await act.join(a);
const places = ['Oslo', 'Bergen', 'Hamburg', 'Porto', 'Cork', 'Riga', 'Malmö'];
const file = path.join(scratch, 'orders.csv');
const line = i => [`O-${String(i).padStart(7, '0')}`, `Customer ${(i * 7919) % 9973}`, places[i % 7], ((i * 104_729) % 1_000_000 / 100).toFixed(2), `20${10 + i % 16}-0${1 + i % 9}-1${i % 10}`, i % 100, i % 3 ? 'yes' : 'no', `note ${i % 1000} about nothing`, `SKU-${i % 5000}`, i % 13, `batch ${i % 77}`].join(',');
fs.writeFileSync(file, ['Key,Customer,Place,Amount,Day,Pieces,Paid,Note,Article,Shelf,Batch', ...Array.from({ length: RECORDS }, (_, i) => line(i))].join('\n'));
await act.importFile(a, file);
const total = RECORDS.toLocaleString('en');
await until('all of them', async () => (await a.text(hook('record-count'))).startsWith(`${total} record`), 120_000);
await a.pillSays('Synced and verified', 600_000);

/** Does something in the page and measures until the grid shows what is wanted, painted: in ms of the page's clock. */
const measure = (act, shows, argument) => a.page.evaluate(async ([act, shows, argument]) => {
  const begin = performance.now();
  (0, eval)(`(${act})`)(argument);
  const done = (0, eval)(`(${shows})`);
  while (!done(argument)) await new Promise(next => requestAnimationFrame(next));
  await new Promise(next => requestAnimationFrame(next));
  return performance.now() - begin;
}, [String(act), String(shows), argument]);
/** As a link to the same page does. */
const to = query => { history.pushState(null, '', location.pathname + query); dispatchEvent(new PopStateEvent('popstate')); };
const first = field => `document.querySelector('[data-row="0"] [data-field="${field}"]')?.textContent`;
const settled = `!document.querySelector('[data-test=grid][aria-busy=true]')`;

const figures = {};
const home = a.page.url();
const collect = async (key, rounds, once) => {
  const all = [];
  for (let round = 0; round < rounds; round += 1) all.push(await once(round));
  figures[key] = Math.round(p95(all) * 10) / 10;
  console.log(`${key.padEnd(24)} ${all.map(ms => ms.toFixed(0)).join(' ')}`);
};

const fields = ['amount', 'customer', 'day', 'pieces', 'place'];
await collect('sort_ms_p95', ROUNDS, async round => {
  const before = await a.page.evaluate(first('_key'));
  // the largest first, then the smallest: another row is the first each time
  const query = `?s=${round % 2 ? '' : '-'}${fields[Math.floor(round / 2) % fields.length]}`;
  return measure(to, `() => ${settled} && ${first('_key')} && ${first('_key')} !== ${JSON.stringify(before)}`, query);
});
await a.page.goto(home);
await a.waitFor(hook('record-row'));
await collect('filter_ms_p95', ROUNDS, async round => {
  const wanted = Array.from({ length: RECORDS }, (_, i) => i).filter(i => i % 100 === round % 100).length.toLocaleString('en');
  return measure(to, `() => ${settled} && document.querySelector('[data-test=record-count]').textContent.startsWith('${wanted} of') && document.querySelector('[data-row="0"] [data-field="pieces"]')?.textContent === '${round % 100}'`, `?f=pieces.is.${round % 100}`);
});
await a.page.goto(home);
await a.waitFor(hook('record-row'));
await collect('search_ms_p95', ROUNDS, async round => {
  const word = `SKU-${1000 + round}`;
  const type = text => { const input = document.querySelector('[data-test=search]'); input.value = text; input.dispatchEvent(new Event('input', { bubbles: true })); };
  const took = await measure(type, `text => ${settled} && document.querySelector('[data-row="0"] [data-field="article"]')?.textContent === text`, word);
  return took - PAUSE_MS;
});
await a.page.goto(home);
await a.waitFor(hook('record-row'));
figures.scroll_worst_frame_ms = Math.round(await a.page.evaluate(async () => {
  const grid = document.querySelector('[data-test=grid]');
  const frame = () => new Promise(next => requestAnimationFrame(next));
  await frame();
  let worst = 0;
  const steps = 400;
  for (let step = 1, last = await frame(); step <= steps; step += 1) {
    grid.scrollTop = grid.scrollHeight * step / steps;
    const now = await frame();
    worst = Math.max(worst, now - last);
    last = now;
  }
  return worst;
}) * 10) / 10;
await a.page.locator(hook('grid')).evaluate(grid => { grid.scrollTop = 0; });
const edits = { save: [], edit: [] };
await a.click(act.cell('O-0000000', 'customer'));
await a.page.evaluate(() => {
  // from Enter to the next cell ready for letters; from Enter to the engine's word that it is saved
  window.took = [];
  document.addEventListener('keydown', event => {
    if (event.key !== 'Enter' || !document.querySelector('[data-test=cell-editor]')) return;
    const begin = performance.now(), before = document.querySelector('[data-test=grid]').getAttribute('aria-activedescendant');
    const look = () => {
      const grid = document.querySelector('[data-test=grid]');
      if (document.activeElement === grid && grid.getAttribute('aria-activedescendant') !== before) return window.took.push(performance.now() - begin);
      setTimeout(look);
    };
    setTimeout(look);
  }, true);
});
for (let round = 0; round < ROUNDS; round += 1) {
  const key = `O-${String(round).padStart(7, '0')}`;
  const saved = a.page.evaluate(key => new Promise(done => {
    const mark = `[data-key="${key}"] [data-test=mark-unsent]`;
    let begin = null;
    document.addEventListener('keydown', event => { if (event.key === 'Enter') begin ??= performance.now(); }, true);
    const watch = new MutationObserver(() => {
      if (begin !== null && document.querySelector(mark)) { watch.disconnect(); done(performance.now() - begin); }
    });
    watch.observe(document.querySelector('[data-test=grid]'), { subtree: true, childList: true });
  }), key);
  await a.page.keyboard.type('Typed');
  await a.press('Enter');
  edits.save.push(await saved);
}
edits.edit = await a.page.evaluate(() => window.took);
figures.save_ms_p95 = Math.round(p95(edits.save) * 10) / 10;
figures.cell_edit_ms_p95 = Math.round(p95(edits.edit) * 10) / 10;
await a.pillSays('Synced and verified', 120_000);
const starts = [];
for (let round = 0; round < 5; round += 1) {
  const begin = Date.now();
  await a.page.reload({ waitUntil: 'commit' });
  await a.waitFor(hook('record-row'));
  starts.push(Date.now() - begin);
}
figures.warm_start_ms = starts.sort((x, y) => x - y)[2];

for (const [key, bar] of Object.entries(BARS)) console.log(`${key.padEnd(24)} ${String(figures[key]).padStart(8)}  bar ${bar}: ${figures[key] <= bar ? 'met' : 'MISSED'}`);
const json = process.env.MOORING_BENCH_JSON ?? path.join(root, 'target/bench/ui.json');
fs.mkdirSync(path.dirname(json), { recursive: true });
fs.writeFileSync(json, `${JSON.stringify({ records: RECORDS, rounds: ROUNDS, browser: figures, bars: BARS }, null, 2)}\n`);
await a.close();
await server.kill('SIGTERM');
await end();
