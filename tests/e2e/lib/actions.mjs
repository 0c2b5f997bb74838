// What a person does, step by step, on any screen.
import fs from 'node:fs';
import { hook } from './screens.mjs';
import { until } from './harness.mjs';

/** Signs in as the sample user and opens the sample workspace. */
export async function join(screen, server, { phone = false } = {}) {
  if (server) {
    await screen.fill(hook('server-address'), server);
    await screen.click(hook('connect'));
  }
  await screen.click(hook('sign-in-demo'));
  await screen.click(hook('workspace-item'));
  // on a phone the navigation is behind a button
  await screen.waitFor(hook(phone ? 'nav-toggle' : 'collection-item'));
}

const ofWorkspace = address => address.match(/^.*\/w\/[^/]+/)[0];

/** The workspace's address, without its page. */
export function workspaceUrl(browser) { return ofWorkspace(browser.page.url()); }

/** Goes to a page of the workspace, loading the app anew. */
export async function goTo(screen, page) { await screen.go(ofWorkspace(await screen.address()) + page); }

export async function makeCollection(screen, label, fields) {
  await goTo(screen, '/new-collection');
  await screen.fill(hook('collection-label'), label);
  for (const [at, name] of fields.entries()) {
    if (at >= await screen.count(hook('field-label'))) await screen.click(hook('another-field'));
    await screen.fillNth(hook('field-label'), at, name);
  }
  await screen.click(hook('collection-create'));
  await screen.waitFor(hook('new-record'));
}

/** Imports a file as Mooring proposes it; gives the longest task of the page's main thread meanwhile, in ms (Chromium only). */
export async function importFile(screen, file) {
  await goTo(screen, '/import');
  await screen.waitFor(hook('import-file'));
  await screen.script(`window.longest = 0;
    window.watching = new PerformanceObserver(list => { for (const task of list.getEntries()) longest = Math.max(longest, task.duration); });
    if (PerformanceObserver.supportedEntryTypes.includes('longtask')) watching.observe({ type: 'longtask' });`);
  await screen.upload(hook('import-file'), file);
  await screen.waitFor(hook('import-start'));
  await screen.click(hook('import-start'));
  await screen.waitFor(hook('import-done'), 120_000);
  const longest = await screen.script('watching.disconnect(); return longest;');
  const refused = await screen.count(hook('import-refused'));
  await screen.click(hook('import-open'));
  await screen.waitFor(hook('record-row'));
  return { longest, refused };
}

const row = key => `${hook('record-row')}[data-key="${key}"]`;
const input = field => `${hook('field-input')}[data-field="${field}"]`;
export const cell = (key, field) => `${row(key)} ${hook('cell')}[data-field="${field}"]`;

/** Shows a collection through the navigation, without loading the page anew. */
export async function showCollection(screen, collection) {
  const item = `${hook('collection-item')}[data-name="${collection}"]`;
  await screen.click(item);
  await screen.waitFor(`${item}[aria-current="page"]`);
  await screen.waitFor(hook('search'));
}

/** Shows one record's row by searching for its key. */
export async function findRow(screen, key) {
  await screen.fill(hook('search'), String(key));
  await screen.waitFor(row(key));
}

/** Fills the form of a new record. */
export async function fillNew(screen, values, key) {
  await screen.click(hook('new-record'));
  if (key !== undefined) await screen.fill(hook('record-key'), String(key));
  for (const [field, value] of Object.entries(values)) await screen.fill(input(field), value);
}

/** What leads from a row, or a card, to its record. */
export const toRecord = key => `${row(key)} a`;

/** Fills one field in the form of a record in view. */
export async function fillEdit(screen, key, field, value) {
  await screen.click(toRecord(key));
  await screen.waitFor(input(field));
  await screen.fill(input(field), value);
}

/** Until the form says that a new record is saved: the record is shown in its place then, and only then. */
export function saved(screen) {
  return until(`the new record saved on ${screen.name}`, async () => await screen.count(hook('record-key')) === 0);
}

export async function addRecord(screen, key, values) {
  await fillNew(screen, values, key);
  await screen.click(hook('save'));
  await screen.waitFor(row(key));
}

/** Edits one field of a record in the form. */
export async function editRecord(screen, key, field, value) {
  await fillEdit(screen, key, field, value);
  await screen.click(hook('save'));
  await cellSays(screen, key, field, value);
  if (await screen.count(hook('close-record'))) await screen.click(hook('close-record'));
}

/** Columns that are not in view are not drawn: scrolls some of the way to the others, and from the last one back. */
function scrollColumns(screen) {
  return screen.script(`const grid = document.querySelector(arguments[0]);
    const most = grid ? grid.scrollWidth - grid.clientWidth : 0;
    if (grid) grid.scrollLeft = grid.scrollLeft >= most ? 0 : Math.min(most, grid.scrollLeft + 200);`, hook('grid'));
}

/** What a row says in all of its columns, `{field: text}`; nothing where there is no such row. */
export async function rowTells(screen, key) {
  // the boxes to tick and the key are columns too
  const columns = Number(await screen.script("return document.querySelector(arguments[0])?.getAttribute('aria-colcount')", hook('grid'))) - 2;
  const told = {};
  for (let step = 0; step < 50 && await screen.count(row(key)) > 0; step += 1) {
    Object.assign(told, Object.fromEntries(await screen.tells(`${row(key)} ${hook('cell')}`)));
    if (!(Object.keys(told).length < columns)) break;
    await scrollColumns(screen);
  }
  return told;
}

export function cellSays(screen, key, field, value) {
  return until(`"${value}" in ${field} of ${key} on ${screen.name}`, async () => {
    if (await screen.count(cell(key, field)) === 0) {
      await scrollColumns(screen);
      throw new Error('it is not in view');
    }
    const text = await screen.text(cell(key, field));
    if (text === value) return true;
    throw new Error(`it says "${text}"`);
  });
}

export async function deleteRecords(screen, keys) {
  for (const key of keys) {
    await findRow(screen, key);
    await screen.click(`${row(key)} ${hook('select-row')}`);
    await screen.click(hook('delete-selected'));
    await screen.click(hook('confirm'));
    await until(`${key} gone`, async () => await screen.count(row(key)) === 0);
  }
  await screen.fill(hook('search'), '');
}

export function read(file) { return JSON.parse(fs.readFileSync(file, 'utf8')); }

/** Ends the page's program as WebKit at times does: by a trap that nobody catches. */
export function trap(screen) {
  // a module whose one function traps
  const code = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 5, 1, 3, 0, 0, 11];
  return screen.script(`window.beforeTrap = true;
    setTimeout(new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(arguments[0]))).exports.f)`, code);
}

/** Until the page is another one than the trap was in. */
export function loadedAgain(screen) {
  return until(`${screen.name} loaded again`, async () => !await screen.script('return window.beforeTrap'));
}
