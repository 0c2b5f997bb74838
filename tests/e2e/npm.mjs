// The npm package `mooring`: packed, installed from its file, in Node and in a browser whose page has a strict policy.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import cassandra from 'cassandra-driver';
import { sections as data } from './indexeddb/data.mjs';
import { Bench, done, over } from './indexeddb/lib.mjs';
import { sections as running } from './indexeddb/running.mjs';
import { atEnd, check, end, equal, need, root, truthy, until } from './lib/harness.mjs';
import { addPeople, password } from './lib/members.mjs';
import { compile, imported, install, Profile, Site } from './lib/npm.mjs';
import { inEngine } from './npm/each.mjs';
import { kills } from './npm/kills.mjs';
import { Firefox, Chromium, Profile as Kept, provide, WebKitProfile } from './npm/tabs.mjs';
import { onCassandra, onSled } from './lib/server.mjs';

const folder = install();
fs.cpSync(path.join(root, 'tests/e2e/indexeddb'), path.join(folder, 'suite'), { recursive: true }); // for pages
provide(folder);
const site = await new Site(folder).start();
const server = await onSled(undefined, ['--allow-origin', site.url]);
addPeople(server, { ada: 'Ada', ben: 'Ben' });
await server.start();
site.allow(server.url);
const { open, MooringError, any, not } = await imported(folder);

const options = (more) => ({ server: server.url, workspace: 'Boats', name: 'ada', password, create: true, ...more });
const kindOf = (promise) => promise.then(() => 'done', error => (error instanceof MooringError ? error.kind : String(error)));
const caughtUp = (workspace) => until('synced', () => workspace.status.verified && workspace.status.pending === 0);

await check('the types say what the package does, and refuse what it does not', () => {
  const program = (body) => `import { open, any, MooringError, type Workspace } from 'mooring';
    export async function run(workspace: Workspace) { const boats = workspace.collection('boats'); ${body} }`;
  compile(folder, program(`
    await boats.insert({ name: 'Ada', built: 1912, seen: new Date(), log: new Uint8Array(2), gone: undefined }, 'k');
    const keys = await workspace.write(step => { step.put('boats', 1, { a: true }); step.delete('boats', 2); }, { label: 'x' });
    const stop: () => void = boats.query({ where: any({ built: { atLeast: 1900 } }, { name: 'Ada' }), sort: '-built' })
      .subscribe(({ rows, changes }) => { rows[0]?.fields.name; changes?.map(change => change.kind); });
    const [conflict] = await workspace.conflicts();
    if (conflict) await workspace.resolve(conflict, { name: { value: 'B' } });
    try { await open({ server: 's', workspace: 'w' }); } catch (error) { if (error instanceof MooringError) error.kind === 'offline'; }
    stop(); keys.length;`));
  compile(folder, `import { open } from 'mooring'; import { indexedDBOf } from 'mooring/indexeddb';
    const factory: IDBFactory = indexedDBOf(open({ workspace: 'w' })); factory.open('d', 1);`);
  let refused = '';
  try { compile(folder, program('await boats.insert({ f: () => 1 }); await open({ server: "s" });')); } catch (error) { refused = error.message; }
  equal(refused.match(/error TS/g)?.length, 2, 'mistakes that the compiler finds');
});

let ada;
let ben;
const begun = await check('in Node two clients see what the other one writes', async () => {
  ada = await open(options({ device: 'Ada’s program' }));
  ben = await open(options({ device: 'another one' }));
  truthy(ada.name === 'Boats' && ada.id === ben.id, 'both have the workspace');
  const seen = [];
  ben.collection('boats').query({ sort: 'name' }).subscribe(({ rows, changes }) => seen.push({ names: rows.map(row => row.fields.name), changes }));
  const key = await ada.collection('boats').insert({ name: 'Rán', built: 1912 }, 'ran');
  equal(key, 'ran', 'the key');
  await until('seen there', () => seen.at(-1)?.names.join() === 'Rán');
  await ada.collection('boats').insert({ name: 'Ægir', built: 1931 });
  await until('seen there', () => seen.at(-1)?.names.join() === 'Ægir,Rán');
  equal(seen.at(-1).changes?.map(({ kind, at }) => [kind, at]), [['insert', 0]], 'what changed');
  equal(await ben.collection('boats').get('ran'), { built: 1912, name: 'Rán' }, 'the record there');
  equal(await ben.collection('boats').get('nobody'), undefined, 'a record that is not there');
});
if (!begun) await end();

await check('a step is saved wholly or not at all, and is undone as one', async () => {
  const failed = ada.write(step => {
    step.insert('boats', { name: 'New' }, 'new');
    step.insert('boats', { name: 'Again' }, 'ran');
  });
  equal(await failed.catch(({ kind, op }) => [kind, op]), ['exists', 1], 'why, and which edit');
  equal(await ada.get('boats', 'new'), undefined, 'nothing of it is there');
  const keys = await ada.write(async step => {
    step.insert('crew', { name: 'Njörd' }, 1);
    await step.edit('boats', 'ran', { built: 1913, port: 'Bergen' });
  }, { label: 'Sign on' });
  equal(keys, [1, 'ran'], 'the keys');
  equal((await ada.undo()).label, 'Sign on', 'what was undone');
  equal([await ada.get('crew', 1), await ada.get('boats', 'ran')], [undefined, { built: 1912, name: 'Rán' }], 'after the undo');
  await ada.redo();
  equal(await ada.get('boats', 'ran'), { built: 1913, name: 'Rán', port: 'Bergen' }, 'after the redo');
});

await check('numbers, points in time and bytes come back as they went in', async () => {
  const given = { whole: 9_007_199_254_740_993n, small: -5, part: 0.1, yes: true, at: new Date('2026-11-29T17:30:00.120Z'), bytes: new Uint8Array([104, 105]), text: '\u0001 "9007199254740993"', list: { deep: [1, null, 12345678901234567890n] } };
  await ada.collection('values').put('v', given);
  const wanted = { ...given, at: '2026-11-29T17:30:00.12Z', bytes: 'aGk=' };
  const got = await until('there', () => ben.get('values', 'v'));
  for (const name of Object.keys(wanted)) {
    const text = (value) => JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part));
    equal(text(got[name]), text(wanted[name]), name);
  }
});

await check('queries filter, sort and page, and refuse what does not fit', async () => {
  await ada.write(step => { for (let n = 0; n < 30; n += 1) step.insert('ports', { name: `Port ${n}`, depth: n }, n); });
  const ports = ada.collection('ports');
  const { rows, matching, total } = await ports.query({ where: any({ depth: { atLeast: 28 } }, { name: 'Port 3' }), sort: '-depth' }).once();
  equal([rows.map(row => row.key), matching, total], [[29, 28, 3], 3, 30], 'what matches');
  equal((await ports.query({ where: not({ depth: { less: 25 } }), limit: 2, offset: 1 }).once()).rows.map(row => row.key), [26, 27], 'a window');
  equal(await kindOf((async () => ports.query({ where: { depth: { above: 1 } } }).once())()), 'input', 'a test that there is not');
  const first = await ports.all({ limit: 20 });
  const second = await ports.all({ limit: 20, after: first.rows.at(-1).key });
  equal([first.more, second.more, second.rows.map(row => row.key)], [true, false, [20, 21, 22, 23, 24, 25, 26, 27, 28, 29]], 'pages');
});

await check('edits that meet become a conflict, on every device, and end by a decision', async () => {
  await caughtUp(ada);
  await until('there', async () => (await ben.get('boats', 'ran'))?.port === 'Bergen');
  await ada.pause();
  await ben.pause();
  await ada.collection('boats').edit('ran', { port: 'Oslo' });
  await ben.collection('boats').edit('ran', { port: 'Stavanger', built: 1914 });
  await ada.resume();
  await caughtUp(ada);
  await ben.resume();
  for (const workspace of [ada, ben]) await until('a conflict', () => workspace.status.conflicts === 1);
  const [conflict] = await ada.collection('boats').conflicts('ran');
  equal([conflict.kind, conflict.key, conflict.fields.port.current, conflict.fields.port.incoming], ['edit-edit', 'ran', 'Oslo', 'Stavanger'], 'the conflict');
  equal([conflict.incoming.device, conflict.incoming.here], ['another one', false], 'who made the other change');
  await ada.resolve(conflict, { port: { value: 'Tromsø' } });
  for (const workspace of [ada, ben]) {
    await until('decided', async () => workspace.status.conflicts === 0 && (await workspace.get('boats', 'ran')).port === 'Tromsø');
    equal(await workspace.get('boats', 'ran'), { built: 1914, name: 'Rán', port: 'Tromsø' }, 'the record');
  }
  const { versions } = await ada.history('boats', 'ran');
  truthy(versions.length >= 3 && versions[0].fields.port === 'Tromsø', 'its history');
});

await check('opened paused, it fetches nothing until it may', async () => {
  const workspace = await open(options({ paused: true }));
  equal([workspace.status.phase, await workspace.get('boats', 'ran')], ['paused', undefined], 'before');
  await workspace.resume();
  await until('there', async () => (await workspace.get('boats', 'ran'))?.port === 'Tromsø');
  await workspace.close();
});

await check('errors say what happened, and to a program what to do', async () => {
  equal(await kindOf(open(options({ password: 'wrong' }))), 'refused', 'a wrong password');
  equal(await kindOf(open(options({ workspace: 'Nowhere', create: false }))), 'input', 'no such workspace');
  equal(await kindOf(open(options({ server: 'http://127.0.0.1:1' }))), 'offline', 'no server');
  equal(await kindOf(open({ server: server.url, workspace: 'Boats' })), 'sign-in', 'nobody');
  equal(await kindOf(ada.collection('boats').edit('nobody', { name: 'x' })), 'input', 'no such record');
  const third = await open(options());
  await third.close();
  equal(await kindOf(third.get('boats', 'ran')), 'closed', 'a closed workspace');
});

await check('a session’s token will do, given or asked for', async () => {
  const answer = await fetch(`${server.url}/v1/sign-in`, { method: 'POST', headers: { 'content-type': 'application/json', 'mooring-protocol': '1' }, body: JSON.stringify({ name: 'ada', password }) });
  const { token } = await answer.json();
  const workspace = await open({ server: server.url, workspace: 'Boats', token: async () => token });
  await until('there', async () => (await workspace.get('boats', 'ran'))?.port === 'Tromsø');
  await workspace.close();
});

await check('an export has all records', async () => {
  const { collections, unsent } = await ada.export();
  equal([collections.ports.length, Object.keys(collections).sort()], [30, ['boats', 'crew', 'ports', 'values']], 'the records');
  equal(unsent.workspaces.map(({ unsent }) => unsent.length), [0], 'what is unsent');
});

await check('without a server, connected with one later', async () => {
  const alone = await open({ workspace: 'Harbour' });
  await alone.collection('berths').put(1, { boat: 'Rán' });
  equal([alone.name, alone.local, await alone.get('berths', 1)], ['Harbour', true, { boat: 'Rán' }], 'on this device only');
  await alone.connect({ server: server.url, name: 'ada', password, how: 'copy' });
  equal(alone.local, false, 'connected');
  await caughtUp(alone);
  const other = await open(options({ workspace: 'Harbour', create: false }));
  await until('there', async () => (await other.get('berths', 1))?.boat === 'Rán');
  for (const workspace of [alone, other]) await workspace.close();
});

await check('a program of IndexedDB keeps its objects as records that others read', async () => {
  const { openPeople } = await import('../../packages/mooring/examples/people.mjs');
  const { indexedDBOf } = await imported(folder, 'mooring/indexeddb');
  const [here, there] = [await open(options({ workspace: 'People' })), await open(options({ workspace: 'People' }))];
  const people = await openPeople(indexedDBOf(here, { database: 'addresses' }));
  await people.add({ id: 1, name: 'John Doe' });
  equal(await people.get(1), { id: 1, name: 'John Doe' }, 'the object');
  const record = await until('there', () => there.get('people', 1));
  equal(record.name, 'John Doe', 'the record there');
  await there.collection('people').edit(1, { name: 'Jane Doe' });
  await until('changed here', async () => (await people.get(1)).name === 'Jane Doe');
  for (const workspace of [here, there]) await workspace.close();
});

await check('generators of two workspaces on their devices only give no number twice, when these become one', async () => {
  const { indexedDBOf } = await imported(folder, 'mooring/indexeddb');
  const begin = async (countsFromOne) => {
    const workspace = await open({ workspace: 'Log', store: 'memory' });
    const add = async (line) => {
      const request = indexedDBOf(workspace, { database: 'log', countsFromOne }).open('log', 1);
      request.onupgradeneeded = () => request.result.createObjectStore('lines', { autoIncrement: true });
      const db = await done(request);
      const transaction = db.transaction('lines', 'readwrite');
      const key = await done(transaction.objectStore('lines').add(line));
      await over(transaction);
      db.close();
      return key;
    };
    return { workspace, add, keys: [await add('a'), await add('b')] };
  };
  const devices = [await begin(), await begin()];
  for (const [at, { workspace }] of devices.entries()) {
    await workspace.connect({ server: server.url, name: 'ada', password, ...(at === 0 ? { how: 'copy' } : { how: 'combine', workspace: 'Log' }) });
    await caughtUp(workspace);
  }
  for (const device of devices) device.keys.push(await device.add('c'));
  const keys = devices.flatMap(device => device.keys);
  equal(new Set(keys).size, 6, `all numbers differ: ${keys}`);
  for (const { workspace } of devices) {
    await until('all there', async () => (await workspace.collection('lines').all()).rows.length === 6);
    equal(workspace.status.conflicts, 0, 'nothing to review');
    await workspace.close();
  }
  // what was made by an earlier version counted from 1, and goes on as one among several devices
  const before = await begin(true);
  await before.workspace.write(step => { step.memo('ordinal', '0'); });
  const { length } = await indexedDBOf(before.workspace).databases();
  equal([before.keys, length], [[1, 2], 1], 'as it was');
  const { add } = before;
  truthy(await add('d') === 3, 'from 1, where that is wanted');
  const later = indexedDBOf(before.workspace, { database: 'log' }).open('log', 1);
  const db = await done(later);
  const key = await done(db.transaction('lines', 'readwrite').objectStore('lines').add('e'));
  truthy(key > 2 ** 32, `a number of its own: ${key}`);
  await before.workspace.close();
});

for (const [name, run] of Object.entries({ ...data, ...running })) {
  await check(`IndexedDB over the engine, node: ${name}`, async () => {
    const { indexedDBOf, IDBKeyRange } = await imported(folder, 'mooring/indexeddb');
    const workspace = await open({ workspace: 'Bench', store: 'memory' });
    const bench = new Bench(indexedDBOf(workspace, { countsFromOne: true }), IDBKeyRange);
    await run(bench);
    await bench.end();
    await workspace.close();
  });
}

const profile = await Profile.start('browser', site);
let tab;
const inBrowser = await check('in a browser, under a strict policy, on another origin than the server’s', async () => {
  tab = await profile.opened(options({ device: 'a browser' }));
  equal(await tab.evaluate(() => workspace.collection('boats').insert({ name: 'Gná' }, 'gna')), 'gna', 'the key');
  await until('there', () => ada.get('boats', 'gna'));
  equal(profile.complaints, [], 'what the page complains of');
});
if (!inBrowser) await end();

await check('several tabs share one engine, and go on when its tab is closed', async () => {
  const second = await profile.opened(options({ device: 'a browser' })); // by another name it would have something to send when it leads
  await until('followed', () => second.evaluate(() => workspace.status.follower));
  await second.evaluate(() => {
    globalThis.seen = [];
    workspace.collection('boats').query({ where: { name: { begins: 'H' } } }).subscribe(({ rows }) => { seen = rows.map(row => row.key); });
  });
  await tab.evaluate(() => workspace.collection('boats').insert({ name: 'Hrönn' }, 'hronn'));
  await until('seen in the other tab', () => second.evaluate(() => seen.join() === 'hronn'));
  await tab.close();
  await second.evaluate(() => workspace.collection('boats').insert({ name: 'Himinglæva' }, 'himin'));
  await until('seen once the other one leads', () => second.evaluate(() => seen.join() === 'himin,hronn'));
  await until('there', () => ada.get('boats', 'himin'));
  await until('heard of it', () => second.evaluate(() => workspace.status.pending === 0));
  tab = second;
});

await check('workspaces of one account that share a store are open at once, on one page and in two tabs', async () => {
  const at = (workspace, more) => options({ workspace, store: 'shared', ...more });
  const names = ['Boats', 'Harbour'];
  const elsewhere = { Boats: ada, Harbour: await open(options({ workspace: 'Harbour' })) };
  const page = await profile.tab();
  await page.evaluate(async all => {
    globalThis.opened = {};
    globalThis.seen = {};
    for (const options of all) {
      const workspace = opened[options.workspace] = await mooring.open(options);
      workspace.collection('marks').query({ sort: 'text' }).subscribe(({ rows }) => { seen[options.workspace] = rows.map(row => row.fields.text).join(); });
    }
  }, names.map(name => at(name)));
  const write = (tab, name, text) => tab.evaluate(([name, text]) => opened[name].collection('marks').insert({ text }), [name, text]);
  const seen = (tab, name, wanted) => until(`${wanted} seen in ${name}`, () => tab.evaluate(name => seen[name], name).then(found => found === wanted));
  for (const name of names) {
    await write(page, name, `a ${name}`);
    await until('there', async () => (await elsewhere[name].collection('marks').all()).rows.length === 1);
    await elsewhere[name].collection('marks').insert({ text: `b ${name}` });
  }
  for (const name of names) await seen(page, name, `a ${name},b ${name}`);
  equal(await page.evaluate(() => Object.values(opened).map(({ name, status }) => [name, status.follower])), [['Boats', false], ['Harbour', true]], 'who leads');
  // the one whose engine it is, is closed: the other one goes on
  await page.evaluate(() => opened.Boats.close());
  await write(page, 'Harbour', 'c Harbour');
  await seen(page, 'Harbour', 'a Harbour,b Harbour,c Harbour');
  await until('there', async () => (await elsewhere.Harbour.collection('marks').all()).rows.length === 3);
  const second = await profile.tab();
  await second.evaluate(async options => {
    globalThis.opened = { Boats: await mooring.open(options) };
    globalThis.seen = {};
    opened.Boats.collection('marks').query({ sort: 'text' }).subscribe(({ rows }) => { seen.Boats = rows.map(row => row.fields.text).join(); });
  }, at('Boats'));
  await write(second, 'Boats', 'c Boats');
  await seen(second, 'Boats', 'a Boats,b Boats,c Boats');
  await page.close();
  await write(second, 'Boats', 'd Boats');
  await seen(second, 'Boats', 'a Boats,b Boats,c Boats,d Boats');
  equal((await elsewhere.Harbour.collection('marks').all()).rows.length, 3, 'nothing of the one is in the other');
  await second.close();
  await elsewhere.Harbour.close();
});

await check('what is written offline outlives the page, and is sent later', async () => {
  await server.kill(); // before the edit: a page that is online again for a moment sends it
  try {
    await tab.evaluate(() => workspace.collection('boats').edit('gna', { port: 'offline' }));
    await tab.reload();
    await tab.waitForFunction(() => globalThis.mooring !== undefined);
    await tab.evaluate(async options => { globalThis.workspace = await mooring.open(options); }, options({ device: 'a browser' }));
    equal(await tab.evaluate(() => workspace.get('boats', 'gna').then(fields => fields.port)), 'offline', 'the record without a server');
    equal(await tab.evaluate(() => workspace.status.pending), 1, 'what waits');
  } finally {
    await server.start(); // the checks that follow need it, whatever became of this one
  }
  await tab.evaluate(() => workspace.syncNow());
  await until('there', async () => (await ada.get('boats', 'gna')).port === 'offline');
});

await check('in a browser, a program of IndexedDB that is loaded again finds what it kept', async () => {
  const begin = async (page) => page.evaluate(async options => {
    const { indexedDBOf } = await import('/node_modules/mooring/src/indexeddb.js');
    globalThis.workspace = await mooring.open(options);
    const done = request => new Promise((resolve, reject) => { request.onsuccess = () => resolve(request.result); request.onerror = () => reject(request.error); });
    const request = indexedDBOf(workspace).open('notes', 1);
    request.onupgradeneeded = () => request.result.createObjectStore('lines', { autoIncrement: true });
    const db = await done(request);
    globalThis.add = async line => {
      const transaction = db.transaction('lines', 'readwrite');
      const saved = new Promise((resolve, reject) => { transaction.oncomplete = resolve; transaction.onabort = () => reject(transaction.error); });
      const key = await done(transaction.objectStore('lines').add(line));
      await saved;
      return key;
    };
    globalThis.lines = () => done(db.transaction('lines').objectStore('lines').getAll());
  }, options({ workspace: 'Lines', worker: true }));
  const page = await profile.tab();
  await begin(page);
  const first = await page.evaluate(() => add('one'));
  await page.reload();
  await page.waitForFunction(() => globalThis.mooring !== undefined);
  await begin(page);
  const second = await page.evaluate(() => add('two'));
  equal([await page.evaluate(() => lines()), second - first], [['one', 'two'], 1], 'the lines, and how far their keys are apart');
  await page.close();
});

await check('IndexedDB over the engine, in a page, durably', async () => {
  const page = await profile.tab();
  const found = await page.evaluate(async () => {
    const { indexedDBOf, IDBKeyRange } = await import('/node_modules/mooring/src/indexeddb.js');
    const { Bench } = await import('/suite/lib.mjs');
    const failed = [];
    const workspace = await mooring.open({ workspace: 'Bench' });
    const factory = indexedDBOf(workspace, { countsFromOne: true });
    let ran = 0;
    for (const file of ['data', 'running']) {
      for (const [name, run] of Object.entries((await import(`/suite/${file}.mjs`)).sections)) {
        const bench = new Bench(factory, IDBKeyRange);
        await run(bench).catch(error => failed.push(`${name}: ${error}`));
        await bench.end().catch(error => failed.push(`${name}, at its end: ${error}`));
        ran += 1;
      }
    }
    await workspace.close();
    for (const [name, run] of Object.entries((await import('/suite/neighbours.mjs')).sections)) {
      const opened = [await mooring.open({ workspace: name }), await mooring.open({ workspace: name })];
      await run({ tabs: opened.map(one => indexedDBOf(one, { countsFromOne: true })), name: `of ${name}` }).catch(error => failed.push(`${name}: ${error}`));
      for (const one of opened) await one.close();
      ran += 1;
    }
    return { failed, ran };
  });
  equal(found.failed, [], 'what failed');
  truthy(found.ran > 25, `${found.ran} sections ran`);
  await page.close();
});

await check('two tabs of a program of IndexedDB take turns, and an upgrade asks the other one', async () => {
  const begin = async () => {
    const page = await profile.tab();
    await page.evaluate(async () => {
      const { indexedDBOf } = await import('/node_modules/mooring/src/indexeddb.js');
      const { done, over } = await import('/suite/lib.mjs');
      globalThis.workspace = await mooring.open({ workspace: 'Counted' });
      globalThis.factory = indexedDBOf(workspace);
      const request = factory.open('counters', 1);
      request.onupgradeneeded = () => request.result.createObjectStore('s', { autoIncrement: true }).put(0, 'n');
      const db = await done(request);
      globalThis.asked = 0;
      db.onversionchange = () => { asked += 1; db.close(); };
      globalThis.count = async times => {
        const keys = [];
        for (let at = 0; at < times; at += 1) {
          const transaction = db.transaction('s', 'readwrite');
          const store = transaction.objectStore('s');
          store.get('n').onsuccess = ({ target }) => { store.put(target.result + 1, 'n'); };
          store.add('one').onsuccess = ({ target }) => keys.push(target.result);
          await over(transaction);
        }
        return { keys, n: await done(db.transaction('s').objectStore('s').get('n')) };
      };
    });
    return page;
  };
  const [one, two] = [await begin(), await begin()];
  const counted = await Promise.all([one, two].map(page => page.evaluate(() => count(15))));
  equal(Math.max(...counted.map(({ n }) => n)), 30, 'none is lost');
  equal(new Set(counted.flatMap(({ keys }) => keys)).size, 30, 'all numbers of the generator differ');
  const version = await one.evaluate(async () => {
    const { done } = await import('/suite/lib.mjs');
    return (await done(factory.open('counters', 2))).version;
  });
  equal([version, await one.evaluate(() => asked), await two.evaluate(() => asked)], [2, 1, 1], 'the upgrade, and who was asked');
  for (const page of [one, two]) await page.close();
});

for (const worker of [true, false]) {
  await check(`the factory in the place of the browser’s own, ${worker ? 'with a worker' : 'on the page’s own thread'}`, async () => {
    const page = await profile.tab();
    const begin = () => page.evaluate(async ({ worker, server, password }) => {
      const { indexedDBOf, install } = await import('/node_modules/mooring/src/indexeddb.js');
      install(indexedDBOf(mooring.open({ server, workspace: `Installed ${worker}`, name: 'ada', password, create: true, worker })));
      const { done, over } = await import('/suite/lib.mjs');
      const request = indexedDB.open('d', 1);
      request.onupgradeneeded = () => request.result.createObjectStore('s');
      const db = await done(request);
      const transaction = db.transaction('s', 'readwrite');
      const before = await done(transaction.objectStore('s').getAll(IDBKeyRange.bound(1, 9)));
      transaction.objectStore('s').put('kept', 1);
      await over(transaction);
      return before;
    }, { worker, server: server.url, password });
    equal(await begin(), [], 'at first');
    await page.reload();
    await page.waitForFunction(() => globalThis.mooring !== undefined);
    equal(await begin(), ['kept'], 'what is kept');
    await page.close();
  });
}

await check('on the page’s own thread, too', async () => {
  const page = await profile.opened(options({ store: 'own thread', worker: false }));
  await page.evaluate(() => workspace.collection('boats').insert({ name: 'Kólga' }, 'kolga'));
  await until('there', () => ada.get('boats', 'kolga'));
  await page.evaluate(async options => {
    await workspace.close();
    globalThis.workspace = await mooring.open(options);
  }, options({ store: 'own thread', worker: false }));
  equal(await page.evaluate(() => workspace.get('boats', 'kolga')), { name: 'Kólga' }, 'after it was opened again');
  await page.close();
});

await check('a server lets pages of other origins in only where it was told so', async () => {
  const other = await new Site(folder).start();
  other.allow(server.url);
  const page = await (Object.assign(Object.create(Profile.prototype), profile, { site: other, complaints: [] })).tab();
  const kind = await page.evaluate(options => mooring.open(options).then(() => 'done', error => error.kind), options());
  equal(kind, 'offline', 'what the page is told');
});

// whole runs have Firefox and WebKit
need('MOORING_FIREFOX');
need('MOORING_WEBKIT');
await inEngine('Firefox', await new Kept(Firefox, 'firefox', site).start(), { server, ada });
await inEngine('WebKit', new WebKitProfile('webkit', site), { server, ada });
await kills('Chromium', Chromium, site);
await kills('Firefox', Firefox, site, { moments: [['migrated 300', 0]], pours: ['records 3'] });

const cassandraServer = await onCassandra();
addPeople(cassandraServer, { ada: 'Ada', ben: 'Ben' });
await cassandraServer.start();

await check('a program of IndexedDB, with one import changed: its objects are rows of plain CQL, and edits that meet are reviewed', async () => {
  const cql = new cassandra.Client({ contactPoints: [`127.0.0.1:${cassandraServer.cassandraPort}`], localDataCenter: 'datacenter1' });
  atEnd(() => cql.shutdown());
  await cql.execute("CREATE KEYSPACE book WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
  const { openPeople } = await import('../../packages/mooring/examples/people.mjs');
  const { indexedDBOf } = await imported(folder, 'mooring/indexeddb');
  const begin = async (device) => {
    const workspace = await open(options({ server: cassandraServer.url, workspace: 'People', device }));
    return { workspace, people: await openPeople(indexedDBOf(workspace, { database: 'addresses' })) };
  };
  const one = await begin('one');
  await one.people.add({ id: 1, name: 'John Doe' });
  await caughtUp(one.workspace);
  const place = ['--collection', 'people', '--publish', '--json', ...cassandraServer.store.slice(0, 4)];
  execFileSync(need('MOORING_SERVER'), ['mirror', 'add', one.workspace.id, '--table', 'book.people', ...place], { encoding: 'utf8' });
  const row = async () => (await cql.execute('SELECT id, name FROM book.people')).first();
  const there = await until('in the table', row);
  equal([Number(there.id), there.name], [1, 'John Doe'], 'the row');

  const two = await begin('two');
  await until('there', () => two.people.get(1));
  for (const { workspace } of [one, two]) await workspace.pause();
  await one.people.put({ id: 1, name: 'John D. Doe' });
  await two.people.put({ id: 1, name: 'Jane Doe' });
  await one.workspace.resume();
  await caughtUp(one.workspace);
  await two.workspace.resume();
  for (const { workspace } of [one, two]) await until('a review', () => workspace.status.conflicts === 1);
  const [conflict] = await one.workspace.conflicts();
  await one.workspace.resolve(conflict, 'incoming');
  await until('decided here', async () => (await one.people.get(1)).name === 'Jane Doe');
  await until('in the table', async () => (await row()).name === 'Jane Doe');
  for (const { workspace } of [one, two]) await workspace.close();
});

for (const workspace of [ada, ben]) await workspace.close();
await end();
