// The package in each engine that people browse with: what can differ between them, under the same strict policy.
import { randomUUID } from 'node:crypto';
import { check, equal, truthy, until } from '../lib/harness.mjs';
import { password } from '../lib/members.mjs';

/** One engine. `tabs` opens tabs of a profile of its own; `ada` is a client elsewhere, in the workspace `Boats`. */
export async function inEngine(name, tabs, { server, ada }) {
  const on = text => `${name}: ${text}`;
  const options = more => ({ server: server.url, workspace: 'Boats', name: 'ada', password, ...more });
  const mark = randomUUID().slice(0, 8);
  let tab;

  const begun = await check(on('the words of sync, in a worker, under the strict policy'), async () => {
    tab = await tabs.tab();
    equal(await tab.run('open', options()), 'Boats', 'the workspace');
    await tab.run('watch', ['boats', { where: { mark } }]);
    await tab.run('insert', ['boats', { name: 'Gná', mark }, `${mark}-1`]);
    await until('there', () => ada.get('boats', `${mark}-1`));
    await ada.collection('boats').insert({ name: 'Hrönn', mark }, `${mark}-2`);
    await until('seen here', async () => String(await tab.run('rows')) === `${mark}-1,${mark}-2`);
    equal(await tab.run('values'), ['9007199254740993', '2026-11-29T17:30:00.12Z', 'aGk=', 0.1, 'e\u0301 "1"'], 'values as they are read back');
  });
  if (!begun) return;

  await check(on('two tabs share one engine; when its tab is closed, the other one goes on'), async () => {
    const second = await tabs.tab();
    await second.run('open', options());
    await until('followed', async () => (await second.run('status')).follower);
    await second.run('watch', ['boats', { where: { mark } }]);
    await tab.run('insert', ['boats', { mark }, `${mark}-3`]);
    await until('seen there', async () => (await second.run('rows')).length === 3);
    equal(await tab.reports(), [], 'what the first page complains of');
    await tab.close();
    await second.run('insert', ['boats', { mark }, `${mark}-4`]);
    await until('seen once it leads', async () => (await second.run('rows')).length === 4);
    await until('sent', () => ada.get('boats', `${mark}-4`));
    tab = second;
  });

  await check(on('what is written without a server outlives the page, and is sent later'), async () => {
    await until('all sent', async () => { const { pending, verified } = await tab.run('status'); return pending === 0 && verified; });
    await server.kill();
    await tab.run('edit', ['boats', `${mark}-1`, { name: 'offline' }]);
    await tab.reload();
    await tab.run('open', options());
    equal([(await tab.run('get', ['boats', `${mark}-1`])).name, (await tab.run('status')).pending], ['offline', 1], 'the record, and what waits');
    await server.start();
    await tab.run('sync');
    await until('there', async () => (await ada.get('boats', `${mark}-1`)).name === 'offline');
    await tab.run('close');
  });

  await check(on('programs of IndexedDB, of idb and of Dexie'), async () => {
    await tab.run('open', options({ workspace: `Programs ${name}`, create: true }));
    equal(await tab.run('people'), [1, 'John Doe'], 'a program of a few lines');
    equal(await tab.run('idb'), ['Jane', 0, [1, 2]], 'on idb');
    equal(await tab.run('dexie'), [1, 2, 'no', ['Ann', 'Jane']], 'on Dexie');
    equal([await tab.run('another'), await tab.run('another')], [1, 2], 'counted');
    await tab.reload();
    await tab.run('open', options({ workspace: `Programs ${name}` }));
    equal(await tab.run('another'), 3, 'what is kept over a reload');
    await tab.run('close');
  });

  await check(on('on the page’s own thread, too'), async () => {
    await tab.run('open', { workspace: 'Own thread', worker: false });
    equal(await tab.run('another'), 1, 'a line');
    await tab.run('close');
    await tab.run('open', { workspace: 'Own thread', worker: false });
    equal(await tab.run('another'), 2, 'after it was opened again');
    await tab.run('close');
  });

  await check(on('IndexedDB by the sections of its specification, durably, and among tabs'), async () => {
    await tab.run('open', { workspace: 'Bench' });
    let ran = 0;
    for (const file of ['data', 'running']) {
      const found = await tab.run('sections', file);
      equal(found.failed, [], `what failed of ${file}`);
      ran += found.ran;
    }
    truthy(ran > 20, `${ran} sections ran`);
    await tab.run('close');
    equal(await tab.run('neighbours'), [], 'what failed among tabs');
    equal(await tab.reports(), [], 'what the page complains of');
  });
}
