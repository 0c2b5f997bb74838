// A browser that is killed, by its process, while a program of IndexedDB upgrades its database or writes much.
import { setTimeout as later } from 'node:timers/promises';
import { check, equal, truthy } from '../lib/harness.mjs';
import { Profile } from './tabs.mjs';

const COUNT = 500;

/** Where in an upgrade the browser is killed: once the page has said this, and so many milliseconds later. */
const MOMENTS = [['migrated 0', 0], ['migrated 300', 0], ['committing', 0], ['committing', 10], ['committing', 40], ['committing', 150]];

const names = Array.from({ length: COUNT }, (_, id) => `First${id} Last${id}`);

/** Until the page says something. */
const says = (tab, words) => new Promise(heard => { tab.page.on('console', message => { if (message.text() === words) heard(); }); });

export async function kills(name, Engine, site, { moments = MOMENTS, pours = ['objects 3', 'records 7'] } = {}) {
  const on = text => `${name}: ${text}`;
  const begin = async (profile, workspace) => {
    const tab = await profile.tab();
    await tab.run('open', { workspace });
    return tab;
  };

  await check(on('killed in an upgrade, it is at the old version with the old data, or whole at the new one'), async () => {
    const profile = await new Profile(Engine, `upgrade-${name}`, site).start();
    const versions = [];
    for (const [at, [words, ms]] of moments.entries()) {
      const workspace = `Ledger ${at}`;
      let tab = await begin(profile, workspace);
      await tab.run('fill', COUNT);
      const reached = says(tab, words);
      tab.run('upgrade').catch(() => {}); // it is killed
      await reached;
      await later(ms); // what is done meanwhile is what this is about
      await profile.kill();
      await profile.start();
      tab = await begin(profile, workspace);
      const found = await tab.run('ledger');
      versions.push(found.version);
      if (found.version === 1) {
        equal([found.stores, found.indexes], [['people'], ['by_name']], `stores and indexes of the old one, killed at ${words} + ${ms}`);
        equal(found.people.map(one => one.name), names, 'the old data');
        equal(found.records.persons ?? 0, 0, 'records of the new one');
        await tab.run('upgrade');
      }
      isNew(found.version === 1 ? await tab.run('ledger') : found);
      await tab.close();
    }
    console.log(`      ${name} was killed ${moments.length} times, and was then at the versions ${versions.join(', ')}`);
    truthy(versions.includes(1), 'it was killed in the middle at least once');
    await profile.context.close();
  });

  await check(on('killed while it writes much, it has what it said to be saved, each step wholly'), async () => {
    const profile = await new Profile(Engine, `pour-${name}`, site).start();
    for (const words of pours) {
      const workspace = `Poured ${words}`;
      let tab = await begin(profile, workspace);
      const saved = { objects: -1, records: -1 };
      tab.page.on('console', message => {
        const [kind, at] = message.text().split(' ');
        if (kind in saved) saved[kind] = Number(at);
      });
      const reached = says(tab, words);
      tab.run('pour').catch(() => {}); // it is killed
      await reached;
      await later(30);
      await profile.kill();
      await profile.start();
      tab = await begin(profile, workspace);
      const found = await tab.run('poured');
      for (const kind of ['objects', 'records']) {
        truthy(found[kind].length > saved[kind], `${kind}: ${found[kind].length} rounds are there, ${saved[kind]} was said to be saved`);
        equal(found[kind].filter(count => count !== 100), [], `rounds of ${kind} that are there in part`);
      }
      await tab.close();
    }
    await profile.context.close();
  });
}

function isNew(found) {
  equal([found.version, found.stores, found.indexes], [2, ['counts', 'persons'], ['', 'by_first,by_last']], 'what is there of the new one');
  equal(found.persons.map(({ first, last }) => `${first} ${last}`), names, 'all names');
  equal(found.counts, [{ persons: COUNT }], 'how many');
  equal(found.records.people ?? 0, 0, 'records of the old one');
}
