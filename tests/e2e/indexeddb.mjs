// The words of IndexedDB by the sections of its specification: in Node over records in memory, in a page of Chromium, and
// there against the browser's own, which has to pass too. Then programs written with `idb` and Dexie.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { indexedDBOn, IDBKeyRange, MemoryDevice } from '../../packages/mooring/src/idb/index.js';
import { atEnd, check, end, equal, need, root, truthy } from './lib/harness.mjs';
import { sections as beside } from './indexeddb/beside.mjs';
import { sections as data } from './indexeddb/data.mjs';
import { Bench } from './indexeddb/lib.mjs';
import { sections as libraries } from './indexeddb/libraries.mjs';
import { sections as neighbours } from './indexeddb/neighbours.mjs';
import { found } from './indexeddb/random.mjs';
import { sections as running } from './indexeddb/running.mjs';

const standard = { ...data, ...running };
const factoryOf = device => indexedDBOn(device.tab(), { database: 'addresses' });

for (const [name, run] of Object.entries(standard)) {
  await check(`node: ${name}`, async () => {
    const bench = new Bench(factoryOf(new MemoryDevice()), IDBKeyRange);
    await run(bench);
    await bench.end();
  });
}

for (const [name, run] of Object.entries({ ...beside, ...libraries })) {
  const device = new MemoryDevice();
  const deviceOf = ordinal => new MemoryDevice({ ordinal });
  await check(`node: ${name}`, () => run({ device, factory: factoryOf(device), again: factoryOf, deviceOf }));
}

for (const seed of [21, 23, 24, 25, 26, 28]) {
  await check(`node: what a program at random left is there after a restart, seed ${seed}`, async () => {
    const device = new MemoryDevice();
    const factory = () => ({ indexedDB: factoryOf(device), IDBKeyRange });
    const [before, after] = await found(factory(), factory(), seed);
    equal(after, before, 'all stores and indexes');
    truthy(before.some(line => line.length > 200), 'something is there');
  });
}

const types = { '.mjs': 'text/javascript', '.js': 'text/javascript' };
const server = http.createServer((request, response) => {
  const file = path.join(root, new URL(request.url, 'http://page').pathname);
  const type = types[path.extname(file)];
  if (type && fs.existsSync(file)) response.setHeader('content-type', type).end(fs.readFileSync(file));
  else response.setHeader('content-type', 'text/html').end('<!doctype html><title>IndexedDB</title>');
});
await new Promise(resolve => { server.listen(0, '127.0.0.1', resolve); });
atEnd(() => server.close());
const browser = await chromium.launch({ executablePath: need('MOORING_CHROMIUM'), args: ['--no-sandbox', '--disable-gpu', '--no-first-run'] });
atEnd(() => browser.close());
const page = await browser.newPage();
await page.goto(`http://127.0.0.1:${server.address().port}/`);

/** One section in the page, with Mooring's factory or the browser's own. */
const inPage = (file, name, isOwn) => page.evaluate(async ({ file, name, isOwn }) => {
  const { sections } = await import(`/tests/e2e/indexeddb/${file}.mjs`);
  const { Bench } = await import('/tests/e2e/indexeddb/lib.mjs');
  const ours = await import('/packages/mooring/src/idb/index.js');
  const bench = isOwn ? new Bench(indexedDB, IDBKeyRange) : new Bench(ours.indexedDBOn(new ours.MemoryDevice().tab()), ours.IDBKeyRange);
  await sections[name](bench);
  await bench.end();
}, { file, name, isOwn });

for (const [file, sections] of Object.entries({ data, running })) {
  for (const name of Object.keys(sections)) {
    await check(`chromium: ${name}`, () => inPage(file, name, false));
    await check(`the browser's own: ${name}`, () => inPage(file, name, true));
  }
}

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  await check(`a program at random sees the same on both, seed ${seed}`, async () => {
    const [ours, own] = await page.evaluate(async seed => {
      const { run } = await import('/tests/e2e/indexeddb/random.mjs');
      const { indexedDBOn, MemoryDevice, IDBKeyRange } = await import('/packages/mooring/src/idb/index.js');
      const mine = { indexedDB: indexedDBOn(new MemoryDevice().tab()), IDBKeyRange };
      return [await run(mine, seed), await run({ indexedDB, IDBKeyRange: globalThis.IDBKeyRange }, seed)];
    }, seed);
    const at = own.findIndex((line, at) => line !== ours[at]);
    equal([at, ours[at], ours.length], [-1, undefined, own.length], `the first difference, where the other has ${own[at]}`);
    truthy(own.length > 50, `${own.length} things seen`);
  });
}

for (const name of Object.keys(neighbours)) {
  await check(`tabs: ${name}`, () => page.evaluate(async name => {
    const { sections } = await import('/tests/e2e/indexeddb/neighbours.mjs');
    const { indexedDBOn, MemoryDevice } = await import('/packages/mooring/src/idb/index.js');
    const device = new MemoryDevice({ name });
    await sections[name]({ tabs: [indexedDBOn(device.tab()), indexedDBOn(device.tab())], name: `of ${name}` });
  }, name));
}

await end();
