// What is found and listed around the grid: dates as they are shown, the palette's settings, deleted records as they come and
// go, values that are there twice. Checks of the suite `ui`.
import { check, equal, until } from '../lib/harness.mjs';
import { hook } from '../lib/screens.mjs';
import * as act from '../lib/actions.mjs';
import { pictures } from '../lib/review.mjs';

/** `a`: a browser that has joined; `other`: another device of the same person. */
export async function around(a, other) {
  const home = act.workspaceUrl(a);
  const keys = selector => a.page.locator(selector).evaluateAll(all => all.map(one => one.dataset.key).sort());
  const listed = (selector, wanted) => until(`${wanted} in ${selector}`, async () => {
    const now = await keys(selector);
    if (now.join() === wanted.join()) return true;
    throw new Error(`there are ${now}`);
  });

  await check('a search finds dates and numbers as they are shown', async () => {
    await other.define('trips', 'Trips', [['to', 'text'], ['day', 'date'], ['at', 'date_time'], ['price', 'decimal']]);
    await other.insert('trips', 'T1', { to: 'Bergen', day: '2012-02-06', at: '2012-06-15T12:00:00Z', price: '1482.50' });
    await other.insert('trips', 'T2', { to: 'Turku', day: '2012-03-16', at: '2012-06-15T12:00:00Z', price: '1482.75' });
    await other.insert('trips', 'T3', { to: 'Riga', day: '2013-05-06', at: '2013-07-15T12:00:00Z', price: '20' });
    await a.waitFor(`${hook('collection-item')}[data-name="trips"]`);
    await a.go(`${home}/c/trips`);
    await listed(hook('record-row'), ['T1', 'T2', 'T3']);
    const shown = key => a.text(act.cell(key, 'day'));
    for (const [search, wanted] of [['feb', ['T1']], [await shown('T2'), ['T2']], ['jun', ['T1', 'T2']], ['1,482.50', ['T1']], ['1,482', ['T1', 'T2']], ['2012-02-06', ['T1']]]) {
      await a.fill(hook('search'), search);
      await listed(hook('record-row'), wanted);
    }
    await a.fill(hook('search'), 'feb');
    await listed(hook('record-row'), ['T1']);
    equal((await a.page.locator(`${act.cell('T1', 'day')} mark`).allTextContents()).join(), 'Feb', 'what is marked');
    await a.page.locator(hook('search')).press('Escape');
  });

  await check('Ctrl+K leads to members, invitations, the account and both settings', async () => {
    for (const [text, address] of [['members', /\/settings$/], ['invit', /\/settings$/], ['password', /\/account$/], ['collection sett', /\/c\/trips\/settings$/]]) {
      await a.go(`${home}/c/trips`);
      await a.waitFor(hook('record-row'));
      await a.press('Control+k');
      await a.fill(hook('palette-input'), text);
      await a.waitFor(hook('palette-line'));
      await a.press('Enter');
      await until(`${text} leads to ${address}`, () => address.test(new URL(a.page.url()).pathname));
    }
  });

  await check('deleted records come and go in their list as others delete and restore them', async () => {
    await a.go(`${home}/c/trips/deleted`);
    await a.waitFor(hook('deleted-empty'));
    const fields = (await other.records()).trips['"T3"'];
    await other.remove('trips', 'T3', fields);
    await listed(hook('deleted-item'), ['T3']);
    await other.insert('trips', 'T3', fields);
    await a.waitFor(hook('deleted-empty'));
  });

  await check('values that are there twice are listed from the settings, and leave the list as they are mended', async () => {
    await other.define('badges', 'Badges', [['code', 'text', { unique: true }], ['name', 'text']]);
    for (const [key, code] of [['B1', 'X-1'], ['B2', 'X-2'], ['B3', 'X-1'], ['B4', 'X-3'], ['B5', 'X-3']]) await other.insert('badges', key, { code, name: `Badge ${key}` });
    await a.waitFor(`${hook('collection-item')}[data-name="badges"]`);
    await a.go(`${home}/c/badges/settings`);
    await a.click(hook('to-twice'));
    const values = () => a.page.locator(hook('twice-value')).evaluateAll(all => all.map(one => [one.querySelector('strong').textContent, ...[...one.querySelectorAll('a')].map(link => new URL(link.href).pathname.split('/').at(-1))].join(' ')));
    const are = wanted => until(wanted.join(), async () => {
      const now = await values();
      if (now.join() === wanted.join()) return true;
      throw new Error(`there are ${now}`);
    });
    await are(['X-1 B1 B3', 'X-3 B4 B5']);
    await pictures(a, 'twice', { folder: 'ui', ready: hook('twice-value') });
    await other.patch('badges', 'B5', { code: ['X-3', 'X-4'] });
    await are(['X-1 B1 B3']);
    await a.page.locator(hook('twice-record')).last().click();
    await a.waitFor(hook('record-form'));
    await a.fill(`${hook('field-input')}[data-field="code"]`, 'X-5');
    await a.click(hook('save'));
    await a.pillSays('Synced and verified');
    await a.go(`${home}/c/badges/twice/code`);
    await a.waitFor(hook('twice-none'));
  });
}
