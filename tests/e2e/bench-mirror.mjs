// What a mirror costs and how fast it is: a real server (release) on a real Cassandra, a table that a program writes with an ordinary
// driver, a device over HTTP. Ratios within one run are what counts. MOORING_BENCH_ROWS: the largest table (100,000 unless given).
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import cassandra from 'cassandra-driver';
import { atEnd, check, end, equal, need, truthy, until } from './lib/harness.mjs';
import { onCassandra } from './lib/server.mjs';
import { Person, Replica, addPeople } from './lib/members.mjs';

const MOST = Number(process.env.MOORING_BENCH_ROWS ?? 100_000);
const sizes = [10_000, 100_000, 1_000_000].filter(rows => rows <= MOST);
const result = { what: `mirrored tables of ${sizes.map(n => n.toLocaleString('en')).join(', ')} rows of four columns; one node, server and program on one machine`, notice_ms: {} };

const server = await onCassandra();
addPeople(server, { ann: 'Ann Berg' });
server.store.push('--mirror-keyspaces', 'bench');
await server.start();
atEnd(() => server.kill());
const ann = await Person.signIn(server, 'ann');
const cql = new cassandra.Client({ contactPoints: [`127.0.0.1:${server.cassandraPort}`], localDataCenter: 'datacenter1', pooling: { maxRequestsPerConnection: 4096 } });
atEnd(() => cql.shutdown());
const run = (text, params = [], options = {}) => cql.execute(text, params, { prepare: true, ...options });
const median = list => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const p95 = list => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.ceil(list.length * 0.95) - 1)];
const rate = (n, since) => Math.round(n / ((performance.now() - since) / 1000));
const memory = name => Number(fs.readFileSync(`/proc/${server.child.pid}/status`, 'utf8').match(new RegExp(`${name}:\\s+(\\d+)`))[1]) / 1024;
// the servers' account and the program are on one node: what it counted itself
const reads = async table => Number((await run('SELECT count FROM system_views.local_read_latency WHERE keyspace_name = ? AND table_name = ?', ['bench', table])).first()?.count ?? 0)
  + Number((await run('SELECT count FROM system_views.local_scan_latency WHERE keyspace_name = ? AND table_name = ?', ['bench', table])).first()?.count ?? 0);

/** Does `work(n)` for all n below `count`, so many at once. */
async function all(count, at_once, work) {
  let next = 0;
  await Promise.all(Array.from({ length: at_once }, async () => { while (next < count) await work(next++); }));
}

async function fill(table, rows) {
  await run(`CREATE TABLE bench.${table} (id int PRIMARY KEY, name text, phone text, visits int)`);
  await all(rows, 128, n => run(`INSERT INTO bench.${table} (id, name, phone, visits) VALUES (?, ?, ?, ?)`, [n, `Person ${n}`, `+49 40 ${n}`, n % 50]));
}

const mirror = (...args) => JSON.parse(execFileSync(need('MOORING_SERVER'), ['mirror', ...args, '--json', ...server.store.slice(0, 4)], { encoding: 'utf8' }));
const shown = id => ann.call('GET', `/v1/workspaces/${workspace.id}/mirrors/${id}`);
const inStep = (id, rows) => until(`${rows} rows in step`, async () => {
  const { status } = await shown(id);
  return status?.phase === 'following' && status.rows === rows && status.behind === 0;
}, 600_000);
const value = async (collection, key, field) => {
  const { versions } = await ann.call('POST', `/v1/workspaces/${workspace.id}/history`, { record: { collection, key } });
  return versions[0]?.record.fields[field];
};

await run("CREATE KEYSPACE bench WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
const workspace = await ann.workspace('Bench');
let largest;

await check('fenced writes against conditional ones', async () => {
  await fill('writes', 4_000);
  const seen = async n => (await run('SELECT name, WRITETIME(name) AS at FROM bench.writes WHERE id = ?', [n], { consistency: cassandra.types.consistencies.localSerial })).first();
  const fenced = [], conditional = [];
  // in turns, and the first turn only warms the node up: what comes first on a cold one pays for both
  for (let turn = 0; turn <= 3; turn += 1) {
    const rows = [];
    await all(4_000, 64, async n => { rows[n] = await seen(n); });
    let since = performance.now();
    await all(4_000, 32, n => run('UPDATE bench.writes USING TIMESTAMP ? SET name = ? WHERE id = ?', [rows[n].at.add(1), `fenced ${n} ${turn}`, n]));
    if (turn > 0) fenced.push(rate(4_000, since));
    since = performance.now();
    await all(4_000, 32, n => run('UPDATE bench.writes SET name = ? WHERE id = ? IF name = ?', [`lwt ${n} ${turn}`, n, `fenced ${n} ${turn}`]));
    if (turn > 0) conditional.push(rate(4_000, since));
  }
  result.fenced_per_s = median(fenced);
  result.lwt_per_s = median(conditional);
  result.fenced_to_lwt = Number((result.fenced_per_s / result.lwt_per_s).toFixed(2));
});

for (const rows of sizes) {
  const table = `people_${rows}`;
  await check(`${rows.toLocaleString('en')} rows: adopted, then one foreign write noticed`, async () => {
    await fill(table, rows);
    let since = performance.now();
    let read = 0;
    for await (const row of cql.stream(`SELECT id, name, WRITETIME(name), phone, WRITETIME(phone), visits, WRITETIME(visits) FROM bench.${table}`, [], { prepare: true, autoPage: true, fetchSize: 5_000 })) read += row ? 1 : 0;
    equal(read, rows, 'rows read');
    result.bare_paged_read_rows_per_s = rate(rows, since);
    const idle = memory('VmRSS');
    since = performance.now();
    const { id } = await ann.call('POST', `/v1/workspaces/${workspace.id}/mirrors`, { keyspace: 'bench', table });
    await inStep(id, rows);
    result.adopt_rows_per_s = rate(rows, since);
    result.adopt_memory_mb_above_idle = Math.round(memory('VmHWM') - idle);
    const times = [];
    for (let n = 0; n < 20; n += 1) {
      const begun = performance.now();
      await run(`UPDATE bench.${table} SET name = ? WHERE id = ?`, [`noticed ${n}`, n]);
      await until('it is noticed', async () => (await value(table, n, 'name')) === `noticed ${n}`);
      times.push(performance.now() - begun);
    }
    result.notice_ms[rows] = { p50: Math.round(median(times)), p95: Math.round(p95(times)) };
    largest = { id, table, rows };
  });
}

await check('nothing is read of a table while nobody writes to it', async () => {
  await inStep(largest.id, largest.rows);
  // what the last writes led to comes to rest first
  let before = await reads(largest.table);
  await until('no reads for five seconds', async () => {
    await new Promise(done => setTimeout(done, 5_000));
    const now = await reads(largest.table);
    const still = now === before;
    before = now;
    return still;
  });
  await new Promise(done => setTimeout(done, 60_000));
  result.idle_range_reads_per_min = (await reads(largest.table)) - before;
});

await check('changes of a device carried to the table', async () => {
  const device = new Replica(ann, workspace, 'Bench device');
  const changes = Math.min(5_000, largest.rows / 2);
  for (let n = 0; n < changes; n += 1) device.patch(largest.table, 100 + n, { phone: [`+49 40 ${100 + n}`, `carried ${n}`] });
  const since = performance.now();
  await device.push();
  await until('all are in the table', async () => {
    const { status } = await shown(largest.id);
    return status.behind === 0 && (await run(`SELECT phone FROM bench.${largest.table} WHERE id = ?`, [100 + changes - 1])).first().phone === `carried ${changes - 1}`;
  }, 300_000);
  await all(changes, 64, async n => equal((await run(`SELECT phone FROM bench.${largest.table} WHERE id = ?`, [100 + n])).first().phone, `carried ${n}`, 'carried'));
  result.outward_per_s = rate(changes, since);
  result.outward_to_fenced = Number((result.outward_per_s / result.fenced_per_s).toFixed(2));
});

result.adopt_to_bare_read = Number((result.adopt_rows_per_s / result.bare_paged_read_rows_per_s).toFixed(2));
const out = process.env.MOORING_BENCH_JSON ?? 'target/bench/mirror.json';
fs.mkdirSync(path.dirname(out), { recursive: true });
fs.writeFileSync(out, `${JSON.stringify(result, null, 2)}\n`);
console.log(JSON.stringify(result, null, 2));
await end();
