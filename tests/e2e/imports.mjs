// Files that are no tables, through the import screen: what the person reads, and that nothing is saved by halves.
import fs from 'node:fs';
import path from 'node:path';
import { becomes, check, end, equal, scratch, truthy, until, whenFailed } from './lib/harness.mjs';
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
/** The navigation follows what is saved some moments later. */
const holds = (collection, records) => until(`${records} records of ${collection} in the navigation`, async () => {
  const told = await count(collection);
  if (told === records) return true;
  throw new Error(`it says ${told}`);
});

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
  ['unnamed.csv', ',,\n,,\n', 'The file holds no rows'],
  ['table.xlsx', Buffer.from([0x50, 0x4b, 3, 4, 0, 0, 255, 254]), 'This workbook cannot be read'],
  ['table.pdf', 'x', 'Mooring imports tables (.csv, .tsv, .txt), workbooks'],
  ['picture.csv', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d]), 'The file is not text in UTF-8'],
  ['one-line.csv', 'x'.repeat(30 * MB), 'the name of a column has at most 2,000 characters'],
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
    await until('another file can be chosen at once', async () => await browser.count(hook('import-file')) === 1);
    equal(await collections(), before, 'collections');
    await browser.pillSays('Synced and verified');
  });
}

await check('a ragged table: the rows that do not fit are named before and after, the others are saved', async () => {
  await choose('ragged.csv', 'name,berth,length\nAlma,A1,7\nBodil,A2\nClara,A3,9,extra\nDora,A4,11\n');
  await browser.waitFor(hook('import-start'));
  await until('told before', async () => (await browser.text(hook('import-refused'))).includes('2 rows cannot be imported as they are'));
  await until('why', async () => (await browser.text(hook('import-refused'))).includes('Line 3: It has 2 cells, the heading has 3.'));
  await becomes(() => browser.text(hook('import-start')), 'Import 2 records', 'the button');
  await browser.click(hook('import-start'));
  await browser.waitFor(hook('import-done'));
  await until('told after', async () => (await browser.text(hook('import-done'))).includes('2 records saved on this device'));
  await until('told after, too', async () => (await browser.text(hook('import-refused'))).includes('2 rows were refused'));
  await browser.pillSays('Synced and verified');
  equal(Object.keys((await server.records()).ragged).sort(), ['"Alma"', '"Dora"'], 'keys on the server');
});

/** Waits for the look at the file that a choice has asked for. */
const looked = () => browser.page.waitForSelector('.mooring-busy', { state: 'detached' });
const choice = async (hookName, value) => { await browser.page.locator(hook(hookName)).selectOption(value); await looked(); };
const counts = words => until(`counts: ${words}`, async () => {
  const told = await browser.text(hook('import-counts'));
  if (told === words) return true;
  throw new Error(told);
});
const imported = async () => { await browser.click(hook('import-start')); await browser.waitFor(hook('import-done')); };

await check('letters of Western Europe, semicolons and decimal commas: found, shown, and taken with their digits', async () => {
  await choose('latin.csv', Buffer.from('sep=;\r\nname;price;since\r\nBjörn;1.234,50;24.12.2025\r\nÅse;0,90;01.02.2024\r\n', 'latin1'));
  await browser.waitFor(hook('import-start'));
  for (const [name, value] of [['import-delimiter', ';'], ['import-heading', '1'], ['import-numbers', 'comma'], ['import-dates', 'day'], ['import-encoding', 'windows-1252']]) {
    await becomes(() => browser.page.locator(hook(name)).inputValue(), value, name);
  }
  await imported();
  await browser.pillSays('Synced and verified');
  const rows = Object.values((await server.records()).latin);
  equal(rows.map(row => [row.name, row.price, row.since]).sort(), [['Björn', '1234.50', '2025-12-24'], ['Åse', '0.90', '2024-02-01']], 'on the server');
});

await check('a workbook is read by a module that is loaded only then, and by nothing else', async () => {
  const loaded = () => browser.page.evaluate(() => performance.getEntriesByType('resource').some(({ name }) => name.includes('/workbook')));
  truthy(!await loaded(), 'not before');
  await choose('parts.xlsx', fs.readFileSync(new URL('../../workbook/fixtures/parts.xlsx', import.meta.url)));
  await browser.waitFor(hook('import-start'));
  await browser.fill(hook('import-label'), 'Workbook');
  await imported();
  await browser.pillSays('Synced and verified');
  const rows = (await server.records()).workbook;
  equal(Object.keys(rows).sort(), ['"007"', '"008"'], 'keys on the server');
  const { name, price, since, ok, ean } = rows['"007"'];
  equal([name, price, since, ok, ean], ['Bolt; M5', '1.5', '2026-11-23', true, 4006381333931], 'values on the server');
});

await check('imported again, with one value changed: told before, and then it is changed', async () => {
  await choose('parts.csv', 'id,qty,state\n1,5,open\n2,7,done\n');
  await browser.waitFor(hook('import-start'));
  await browser.page.locator(`${hook('import-column')}[data-field="state"] ${hook('import-type')}`).selectOption('choice');
  await looked();
  await browser.fill(hook('import-label'), 'Spare parts');
  // at once, while the name still has the focus
  await imported();
  await holds('spare_parts', '2');
  await choose('parts.csv', 'state,qty,id\nopen,6,1\ndone,7,2\ndone,1,3\nlost,2,4\n');
  await browser.waitFor(hook('import-start'));
  await choice('import-into', 'spare_parts');
  await counts('new 1 · change 1 · same 1 · cannot 1');
  await becomes(() => browser.text(hook('import-start')), 'Import 2 records', 'the button');
  await choice('import-mode', 'update');
  await counts('new 0 · change 1 · same 1 · left out 1 · cannot 1');
  await choice('import-mode', 'both');
  await counts('new 1 · change 1 · same 1 · cannot 1');
  await imported();
  await until('which, and why', async () => (await browser.text(hook('import-refused'))).includes('Line 5, state: Not one of the choices of this field.'));
  const [download] = await Promise.all([browser.page.waitForEvent('download'), browser.click(hook('import-refused-download'))]);
  const text = fs.readFileSync(await download.path(), 'utf8');
  truthy(text.includes('"lost","2","4","5","state: not one of the choices of this field"'), `with its cells: ${text}`);
  await browser.pillSays('Synced and verified');
  const rows = (await server.records()).spare_parts;
  equal([rows[1].qty, rows[2].qty, rows[3].qty, rows[4]], [6, 7, 1, undefined], 'on the server');
});

await check('rows without a key are records of their own, as often as they come', async () => {
  for (const name of ['crew-one.csv', 'crew-two.csv']) {
    await choose(name, 'what,n\nrope,1\nrope,2\n');
    await browser.waitFor(hook('import-start'));
    if (name === 'crew-two.csv') await choice('import-into', 'crew_one');
    await imported();
  }
  await holds('crew_one', '4');
});

await check('what was exported comes back as it was, and a spreadsheet runs nothing of it', async () => {
  await choose('formulas.csv', 'id,text\nA1,"=1+1"\nA2,"x;=cmd"\nA3,"\'-5"\nA4,"Käse"\n');
  await browser.waitFor(hook('import-start'));
  await imported();
  await browser.click(hook('import-open'));
  await browser.waitFor(hook('record-row'));
  const saved = {};
  for (const form of ['csv', 'json']) {
    await browser.click(hook('export-records'));
    const [download] = await Promise.all([browser.page.waitForEvent('download'), browser.click(hook(`export-records-${form}`))]);
    equal(download.suggestedFilename(), `Formulas.${form}`, 'the name');
    saved[form] = fs.readFileSync(await download.path(), 'utf8');
  }
  equal(saved.csv, '\u{feff}"Key","text"\r\n"A1","\'=1+1"\r\n"A2","x;\'=cmd"\r\n"A3","\'\'-5"\r\n"A4","Käse"\r\n', 'CSV');
  equal(JSON.parse(saved.json), [{ Key: 'A1', text: '=1+1' }, { Key: 'A2', text: 'x;=cmd' }, { Key: 'A3', text: "'-5" }, { Key: 'A4', text: 'Käse' }], 'JSON');
  for (const form of ['csv', 'json']) {
    await choose(`formulas.${form}`, saved[form]);
    await browser.waitFor(hook('import-start'));
    await choice('import-into', 'formulas');
    await counts('new 0 · same 4');
  }
});

await check('one record that is too large: it is refused, the others are saved', async () => {
  const rows = Array.from({ length: 1500 }, (_, at) => `${at + 1},${at === 700 ? 'x'.repeat(1.2 * MB) : 'short'}`);
  await choose('heavy.csv', `id,note\n${rows.join('\n')}\n`);
  await browser.waitFor(hook('import-start'));
  await until('told before', async () => (await browser.text(hook('import-refused'))).includes('Line 702: It is larger than 1 MB'));
  await browser.click(hook('import-start'));
  await browser.waitFor(hook('import-done'));
  await until('told after', async () => (await browser.text(hook('import-done'))).includes('1,499 records saved on this device'));
  await holds('heavy', '1,499');
});

await check('a file of 30 MB is read and shown; stopped half-way, what is told as saved is there', async () => {
  await choose('large.csv', table(30 * MB, 1_000));
  await browser.waitFor(hook('import-start'), 60_000);
  await becomes(() => browser.text(hook('import-start')), 'Import 30,841 records', 'the button');
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
