// Files that are no tables, through the import screen: what the person reads, and that nothing is saved by halves.
import fs from 'node:fs';
import path from 'node:path';
import { check, end, equal, scratch, truthy, until, whenFailed } from './lib/harness.mjs';
import { onSled } from './lib/server.mjs';
import { Browser, hook, picturesOf } from './lib/screens.mjs';
import * as act from './lib/actions.mjs';

whenFailed(picturesOf);
const server = await (await onSled()).start();
const browser = new Browser('browser', server.url);
await browser.open();
await act.join(browser);
await browser.pillSays('Synced and verified');
const home = act.workspaceUrl(browser);
const collections = () => browser.page.locator(hook('collection-item')).evaluateAll(all => all.map(item => item.dataset.name));
const count = collection => browser.text(`${hook('collection-item')}[data-name="${collection}"] .mooring-nav-count`);

/** Chooses a file on a fresh import screen. */
async function choose(name, content) {
  const file = path.join(scratch, name);
  fs.writeFileSync(file, content);
  await browser.page.goto(`${home}/import`);
  await browser.waitFor(hook('import-file'));
  await browser.page.locator(hook('import-file')).setInputFiles(file);
}

const MB = 1 << 20;
/** A CSV text of about so many bytes. */
function table(bytes, width) {
  const lines = ['id,name,note'];
  const filling = 'x'.repeat(width);
  for (let size = 0, row = 1; size < bytes; size += width + 20, row += 1) lines.push(`${row},Row ${row},${filling}`);
  return lines.join('\n');
}

const refused = [
  ['broken.json', '[{"name": "Alma"}, {"name": "Bo', 'not a list of objects in JSON (line 1, column 31)'],
  ['object.json', '{"name": "Alma"}', 'not a list of objects in JSON'],
  ['numbers.json', '[1, 2, 3]', 'not a list of objects in JSON'],
  ['nothing.json', '[]', 'The file holds no records'],
  ['empty.csv', '', 'The file is empty'],
  ['blank.json', '\n \n', 'The file is empty'],
  ['twins.csv', 'name,name\nAlma,Bodil\n', 'Two columns are called “name”'],
  ['unnamed.csv', ',,\n1,2,3\n', 'The file has no heading row'],
  ['table.xlsx', Buffer.from([0x50, 0x4b, 3, 4, 0, 0, 255, 254]), 'Mooring imports .csv and .json files'],
  ['latin.csv', Buffer.from('name,place\nBjörn,Malmö\n', 'latin1'), 'The file is not in UTF-8'],
  ['picture.csv', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d]), 'The file is not in UTF-8'],
  ['one-line.csv', 'x'.repeat(30 * MB), 'the name of a column has at most 200 characters'],
  ['cut-off.json', `[{"note": "${'x'.repeat(30 * MB)}`, 'not a list of objects in JSON'],
  ['too-large.csv', Buffer.alloc(65 * MB, 'x'), 'The file is larger than 64 MB'],
  ['too-many.csv', table(30 * MB, 60), 'this device keeps at most 250,000'],
];
for (const [name, content, words] of refused) {
  await check(`${name}: ${words}`, async () => {
    const before = await collections();
    await choose(name, content);
    await until(`“${words}”`, async () => {
      const told = await browser.text(hook('import-failed'));
      if (told.includes(words)) return true;
      throw new Error(`it says “${told.slice(0, 300)}”`);
    });
    truthy(await browser.count(hook('import-file')) === 1, 'another file can be chosen at once');
    equal(await collections(), before, 'collections');
    await browser.pillSays('Synced and verified');
  });
}

await check('a ragged table: the rows that do not fit are named before and after, the others are saved', async () => {
  await choose('ragged.csv', 'name,berth,length\nAlma,A1,7\nBodil,A2\nClara,A3,9,extra\nDora,A4,11\n');
  await browser.waitFor(hook('import-start'));
  truthy((await browser.text(hook('import-refused'))).includes('2 rows cannot be imported as they are'), 'told before');
  truthy((await browser.text(hook('import-refused'))).includes('Row 2: It has 2 cells, the heading has 3.'), 'why');
  equal(await browser.text(hook('import-start')), 'Import 2 records', 'the button');
  await browser.click(hook('import-start'));
  await browser.waitFor(hook('import-done'));
  truthy((await browser.text(hook('import-done'))).includes('2 records saved on this device'), 'told after');
  truthy((await browser.text(hook('import-refused'))).includes('2 rows were refused'), 'told after, too');
  await browser.pillSays('Synced and verified');
  equal(Object.keys((await server.records()).ragged).sort(), ['"Alma"', '"Dora"'], 'keys on the server');
});

await check('one record that is too large: it is refused, the others are saved', async () => {
  const rows = Array.from({ length: 1500 }, (_, at) => `${at + 1},${at === 700 ? 'x'.repeat(1.2 * MB) : 'short'}`);
  await choose('heavy.csv', `id,note\n${rows.join('\n')}\n`);
  await browser.waitFor(hook('import-start'));
  truthy((await browser.text(hook('import-refused'))).includes('Row 701: It is larger than 1 MB'), 'told before');
  await browser.click(hook('import-start'));
  await browser.waitFor(hook('import-done'));
  truthy((await browser.text(hook('import-done'))).includes('1,499 records saved on this device'), 'told after');
  equal(await count('heavy'), '1,499', 'in the navigation');
});

await check('a file of 30 MB is read and shown; stopped half-way, what is told as saved is there', async () => {
  await choose('large.csv', table(30 * MB, 1_000));
  await browser.waitFor(hook('import-start'), 60_000);
  equal(await browser.text(hook('import-start')), 'Import 30,841 records', 'the button');
  await browser.click(hook('import-start'));
  await until('some are saved', async () => /[1-9].* of 30,841 records saved/.test(await browser.text(hook('progress'))));
  await browser.click(hook('import-cancel'));
  await browser.waitFor(hook('import-done'));
  const told = (await browser.text(hook('import-done'))).match(/Stopped\. ([\d,]+) records saved/)[1];
  await until('as many as told', async () => await count('large') === told);
  await browser.page.reload();
  await browser.waitFor(hook('collection-item'));
  equal(await count('large'), told, 'after a reload');
  await browser.pillSays('Synced and verified', 120_000);
  equal(Object.keys((await server.records()).large).length, Number(told.replace(',', '')), 'on the server');
});

await check('no page reported an error of its own', async () => equal(await browser.reports(), [], 'errors'));
await end();
