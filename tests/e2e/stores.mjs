// The local store's conformance suite on real IndexedDB, in a worker of a real Chromium, and what only a browser can
// do to a store. `node tests/e2e/stores.mjs [FOLDER OF THE BUILT MODULE]`
import { inBrowser } from '../browser-store/page.mjs';

let passed = 0;
let failed = 0;
async function check(name, run) {
  const start = performance.now();
  const why = await run().then((why) => why, (error) => error.message);
  const ms = Math.round(performance.now() - start);
  if (why) failed++;
  else passed++;
  console.log(why ? `FAILED  ${name}: ${why}` : `ok      ${name} (${ms} ms)`);
}
const expected = (got, want) => (String(got ?? '').includes(want) ? undefined : `got ${got}, want ${want}`);

await inBrowser(async ({ page, context, origin, call }) => {
  for (const name of await call('checks')) {
    await check(name, () => call('run_check', name));
  }

  await check('profile_keeps_texts', async () => {
    await call('profile', 'session', 'one');
    return expected(await call('profile', 'session', '{"two":"ü"}'), '{"two":"ü"}');
  });

  await check('places_of_few_pages_are_read_together', async () => {
    await call('keep_answers', 512);
    await call('first_sync', 'few');
    await call('transactions');
    await call('read_all', 'few', 512);
    const count = await call('transactions');
    // opening, the head, and a few for the pages
    return count <= 6 ? undefined : `${count} transactions for 16 places`;
  });

  await check('newer_store_is_left_alone', async () => {
    const make = (version) =>
      page.evaluate((version) => new Promise((resolve, reject) => {
        const request = indexedDB.open('newer', version);
        request.onupgradeneeded = () => request.result.createObjectStore('kept');
        request.onsuccess = () => {
          const names = [...request.result.objectStoreNames].join();
          request.result.close();
          resolve(names);
        };
        request.onerror = () => reject(request.error);
      }), version);
    await make(7);
    const why = expected(await call('open_store', 'newer'), 'TooNew { found: 7, known: 2 }');
    return why ?? expected(await make(7), 'kept');
  });

  await check('a_store_of_the_layout_before_keeps_what_is_unsent', async () => {
    await call('keep_open', 'before');
    await call('write_to_kept', 3);
    // the first layout had no decisions
    await page.evaluate(async () => {
      const done = (request) => new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
      const now = await done(indexedDB.open('before'));
      const names = [...now.objectStoreNames].filter((name) => name !== 'decisions');
      const rows = await Promise.all(names.map(async (name) => {
        const store = now.transaction(name).objectStore(name);
        return Promise.all([done(store.getAllKeys()), done(store.getAll())]);
      }));
      now.close();
      await done(indexedDB.deleteDatabase('before'));
      const request = indexedDB.open('before', 1);
      request.onupgradeneeded = () => names.forEach((name, at) => {
        const store = request.result.createObjectStore(name);
        rows[at][0].forEach((key, n) => store.put(rows[at][1][n], key));
      });
      (await done(request)).close();
    });
    return expected(await call('unsent_in', 'before'), '3');
  });

  await check('another_tab_that_holds_on_keeps_no_records', async () => {
    await call('keep_open', 'held');
    await call('write_to_kept', 3);
    const hold = await context.newPage();
    await hold.goto(`${origin}/`);
    const rows = () => hold.evaluate(async () => {
      // deaf to versionchange, as a frozen tab is
      window.held ??= await new Promise((resolve) => {
        const request = indexedDB.open('held');
        request.onsuccess = () => resolve(request.result);
      });
      const names = [...window.held.objectStoreNames];
      const counted = names.map((name) => window.held.transaction(name).objectStore(name).count());
      const count = (request) => new Promise((resolve) => { request.onsuccess = () => resolve(request.result); });
      return (await Promise.all(counted.map(count))).reduce((all, one) => all + one);
    });
    if (await rows() === 0) return 'nothing was written';
    const why = await call('delete_store', 'held');
    const left = await rows();
    // and it can be used again while the other tab still holds on
    const again = await call('open_store', 'held');
    await hold.close();
    return why ?? again ?? (left === 0 ? undefined : `${left} rows are left`);
  });

  await check('an_upgrade_that_another_tab_blocks_says_so_and_goes_on_after_it', async () => {
    const hold = await context.newPage();
    await hold.goto(`${origin}/`);
    // the layout before, held by a tab that is deaf to versionchange
    await hold.evaluate(() => new Promise((resolve, reject) => {
      const request = indexedDB.open('blocked', 1);
      request.onupgradeneeded = () => ['meta', 'outbox', 'settled', 'conflicts', 'quarantine', 'segments', 'pages']
        .forEach((name) => request.result.createObjectStore(name));
      request.onsuccess = () => { window.held = request.result; resolve(); };
      request.onerror = () => reject(request.error);
    }));
    const why = expected(await call('open_store', 'blocked'), 'another tab holds it open');
    await hold.close();
    // it reads every object store: what came through late was no half upgrade
    return why ?? await call('keep_open', 'blocked');
  });

  await check('ended_while_it_saves_it_has_saved_wholly_or_not_at_all', async () => {
    let had = 0;
    for (let round = 0; round < 20; round++) {
      await call('keep_open', 'ended');
      const first = await call('write_to_kept', 300);
      if (first) return first;
      await page.evaluate((ms) => {
        // nobody hears its end
        window.call('write_to_kept', 300);
        return new Promise((done) => setTimeout(() => { window.restart(); done(); }, ms));
      }, round);
      const has = await call('unsent_in', 'ended');
      if (has !== had + 300 && has !== had + 600) return `${has} after ${had}, round ${round}`;
      had = has;
    }
  });

  await check('asked_by_another_tab_it_lets_go', async () => {
    await call('keep_open', 'asked');
    const other = await context.newPage();
    await other.goto(`${origin}/`);
    await other.evaluate(() => new Promise((resolve, reject) => {
      const request = indexedDB.deleteDatabase('asked');
      request.onsuccess = () => resolve();
      request.onblocked = () => reject(new Error('blocked'));
    }));
    await other.close();
    return expected(await call('write_to_kept'), 'Gone');
  });

  const devtools = await context.newCDPSession(page);
  await check('a_lost_handle_is_opened_again', async () => {
    await call('keep_open', 'lost');
    await call('write_to_kept');
    await call('lose_handles');
    return call('write_to_kept');
  });

  await check('a_store_that_the_browser_deleted_is_gone', async () => {
    await call('keep_open', 'deleted');
    await call('write_to_kept');
    await devtools.send('Storage.clearDataForOrigin', { origin, storageTypes: 'indexeddb' });
    return expected(await call('write_to_kept'), 'Gone');
  });

  // Chromium takes no quota from a test: its two ways to refuse are played to the store instead
  for (const way of ['quota', 'silence']) {
    await check(`a_full_disk_is_said_to_be_full_${way}`, async () => {
      await call('keep_open', 'full');
      await call('refuse_commits', way);
      const why = expected(await call('write_to_kept', 300), 'Full');
      await call('refuse_commits', undefined);
      return why ?? call('write_to_kept', 300);
    });
  }
}, process.argv[2]);

console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
