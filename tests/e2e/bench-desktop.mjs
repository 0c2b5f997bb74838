// The desktop app as a person has it: the package's program in its window, on an X server without a screen, with the server in a process of
// its own. Run on a quiet machine. `RECORDS`, `ROUNDS`: another size, fewer rounds.
import fs from 'node:fs';
import path from 'node:path';
import { end, equal, need, root, scratch, until } from './lib/harness.mjs';
import { Desktop, hook } from './lib/screens.mjs';
import { Peer, bus } from './lib/desktop.mjs';
import { onSled } from './lib/server.mjs';
import { xvfb } from './lib/xvfb.mjs';
import * as act from './lib/actions.mjs';

const RECORDS = Number(process.env.RECORDS ?? 100_000);
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SINGLES = 200;
const TURN = 20;
const BARS = { cold_start_ms: 1500, idle_memory_mb: 150, first_sync_100k_s: 3 };
const median = list => [...list].sort((a, b) => a - b)[list.length >> 1];
const round = (value, digits = 1) => Number(value.toFixed(digits));
const figures = {};
const note = (key, value) => { figures[key] = value; console.log(`${key.padEnd(24)} ${String(value).padStart(9)}`); };

const server = await (await onSled()).start();
const address = await bus();
const desk = new Desktop('bench', { more: { DBUS_SESSION_BUS_ADDRESS: address } });
desk.screen = await xvfb();
const peer = await Peer.start(desk.screen.display, address);
const total = RECORDS.toLocaleString('en');
const all = screen => until(`${total} records`, async () => (await screen.text(hook('record-count'))).startsWith(`${total} record`), 120_000);

await desk.open();
await act.join(desk, server.url);

// a file that it is started with, as a person imports one
const places = ['Oslo', 'Bergen', 'Hamburg', 'Porto', 'Cork', 'Riga', 'Malmö'];
const line = i => [`O-${String(i).padStart(7, '0')}`, `Customer ${(i * 7919) % 9973}`, places[i % 7], ((i * 104_729) % 1_000_000 / 100).toFixed(2), `20${10 + i % 16}-0${1 + i % 9}-1${i % 10}`, i % 100, i % 3 ? 'yes' : 'no', `note ${i % 1000} about nothing`, `SKU-${i % 5000}`, i % 13, `batch ${i % 77}`].join(',');
const file = path.join(scratch, 'orders.csv');
fs.writeFileSync(file, ['Key,Customer,Place,Amount,Day,Pieces,Paid,Note,Article,Shelf,Batch', ...Array.from({ length: RECORDS }, (_, i) => line(i))].join('\n'));
await desk.again(file);
await desk.waitFor(hook('import-start'));
const begun = Date.now();
await desk.click(hook('import-start'));
await desk.waitFor(hook('import-done'), 120_000);
note('bulk_per_s', Math.round(RECORDS * 1000 / (Date.now() - begun)));
await desk.click(hook('import-open'));
await all(desk);
await desk.pillSays('Synced and verified', 600_000);

// as the screens do it: a command to the engine, awaited until it is on the disk; in turns, for the driver waits for none for long
let took = 0;
for (let from = 0; from < SINGLES; from += TURN) {
  const ms = await desk.later(`(async () => {
    const call = command => window.__TAURI_INTERNALS__.invoke('call', { request: JSON.stringify({ id: 1, command }) }).then(JSON.parse);
    const begin = performance.now();
    for (let n = ${from}; n < ${from + TURN}; n += 1) {
      const { answer } = await call({ insert: { collection: 'orders', key: 'S-' + n, fields: { customer: 'Single ' + n } } });
      if (!answer?.result?.Ok) throw new Error(JSON.stringify(answer));
    }
    return performance.now() - begin;
  })().then(done, error => done(String(error)))`);
  if (typeof ms !== 'number') throw new Error(ms);
  took += ms;
}
note('single_write_per_s', Math.round(SINGLES * 1000 / took));
await desk.pillSays('Synced and verified', 120_000);

// memory of all that belongs to the program, while its window is closed; shared pages are counted by their part
const tree = pid => [pid, ...fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).flatMap(child => tree(Number(child)))];
const program = Number(fs.readFileSync(`/proc/${desk.driver.pid}/task/${desk.driver.pid}/children`, 'utf8').split(' ')[0]);
const memory = () => tree(program).reduce((sum, pid) => {
  const [, kb] = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').match(/^Pss: +(\d+)/m);
  return sum + Number(kb) / 1024;
}, 0);
note('window_memory_mb', round(memory()));
await peer.close();
await until('no window', async () => (await peer.windows()).length === 0);
// what a closed window leaves is given back bit by bit: the first figure that no longer falls
let last = Infinity;
await until('memory at rest', async () => {
  const before = last;
  last = memory();
  return last >= before * 0.99;
});
note('idle_memory_mb', round(last));
note('idle_processes', tree(program).length);
// without a window the driver has nothing to close
desk.driver.removeAllListeners('exit');
await peer.choose('Quit');
await until('the program gone', () => !fs.existsSync(`/proc/${program}`));
desk.driver.kill('SIGKILL');

// from the start of the program until the grid is there and takes keys
const starts = [];
const link = 'mooring://w/sample-workspace/c/orders';
for (let n = 0; n < ROUNDS; n += 1) {
  const since = Date.now();
  await desk.open(link);
  await desk.waitFor(`${hook('record-row')} ${hook('cell')}`);
  starts.push(Date.now() - since);
  await until('all of them', async () => Number((await desk.text(hook('record-count'))).replace(/\D/g, '')) === RECORDS + SINGLES);
  await desk.close();
}
console.log(`starts: ${starts.join(' ')}`);
note('cold_start_ms', median(starts));

// another device: from the click on the workspace until all is here
const firsts = [];
for (let n = 0; n < Math.min(ROUNDS, 3); n += 1) {
  const other = new Desktop(`other-${n}`);
  await other.open();
  await other.fill(hook('server-address'), server.url);
  await other.click(hook('connect'));
  await other.click(hook('sign-in-demo'));
  await other.waitFor(hook('workspace-item'));
  const since = Date.now();
  await other.click(hook('workspace-item'));
  await other.pillSays('Synced and verified', 120_000);
  firsts.push((Date.now() - since) / 1000);
  await act.showCollection(other, 'orders');
  await until('all of them', async () => Number((await other.text(hook('record-count'))).replace(/\D/g, '')) === RECORDS + SINGLES);
  equal(await other.reports(), [], 'errors of the page');
  await other.close();
}
console.log(`first syncs: ${firsts.join(' ')}`);
note('first_sync_100k_s', round(median(firsts), 2));
note('package_mb', round(fs.statSync(need('MOORING_DESKTOP_PACKAGE')).size / 1e6, 2));

for (const [key, bar] of Object.entries(BARS)) console.log(`${key.padEnd(24)} ${String(figures[key]).padStart(9)}  bar ${bar}: ${figures[key] <= bar ? 'met' : 'MISSED'}`);
const json = process.env.MOORING_BENCH_JSON ?? path.join(root, 'target/bench/desktop.json');
fs.mkdirSync(path.dirname(json), { recursive: true });
fs.writeFileSync(json, `${JSON.stringify({ records: RECORDS, rounds: ROUNDS, desktop: figures, bars: BARS }, null, 2)}\n`);
await server.kill('SIGTERM');
await end();
