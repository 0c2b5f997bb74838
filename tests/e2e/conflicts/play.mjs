// Plays one scenario of the table on three real screens: edits meet, every screen says what is to be decided, somebody
// decides, every screen and the server hold the same, and nothing that anybody saved is lost.
import os from 'node:os';
import { becomes, equal, truthy, until } from '../lib/harness.mjs';
import { hook } from '../lib/screens.mjs';
import { rowTells, showCollection } from '../lib/actions.mjs';
import { edit as editOn, field, item, openReview, remove, says, toInbox } from '../lib/review.mjs';
import { DELETED } from './ledger.mjs';

export const COLLECTION = 'contacts';
/** In place of a field: the record as a whole. */
export const WHOLE = 'the record';

const people = { ann: 'Ann Berg', ben: 'Ben Okafor', carl: 'Carl Diaz' };
const devices = { ann: 'Chrome on Linux', ben: 'Chrome on Linux', carl: `Mooring on ${os.hostname()}` };
/** Who did something, as a screen says it: of itself, it says "this device". */
const as = (who, screen) => `${screen.who === who ? 'this device' : devices[who]} (${people[who]})`;
/** A text in which `{ann}` stands for her browser. */
export const told = (text, screen) => text.replace(/\{(\w+)\}/g, (_, who) => as(who, screen));

const row = key => `${hook('record-row')}[data-key="${key}"]`;
const typed = value => (Array.isArray(value) ? value.join(', ') : String(value));
const shown = value => (Array.isArray(value) ? value.join('') : String(value));

/** One scenario from the start to the accounting. `stage`: the screens, what reads the server, the records at first. */
export async function play(stage, scenario) {
  const { all, ledger } = stage;
  const { keys, ask, on, holds: wanted } = scenario;
  await (scenario.meet ?? meet)(stage, keys[0], scenario);
  if (ask || scenario.decided) {
    await awaits(all, keys);
    if (ask) await asked(all, keys[0], scenario);
    await (scenario.decided ?? decided)(stage, keys[0], scenario);
    for (const key of keys) await settledSays(all.filter(screen => screen !== stage[on]), key, scenario.how);
  }
  await quiet(all);
  await merged(stage, keys[0], scenario);
  for (const key of keys) await holds(stage, key, wanted);
  if (scenario.twin) {
    const beside = (await ledger.records(COLLECTION)).filter(record => record.twin_of === keys[0]);
    equal(beside.length, 1, 'records beside it');
    await holds(stage, beside[0].key, scenario.twin, keys[0]);
  }
  await scenario.then?.(stage, keys[0]);
  await quiet(all);
  for (const key of keys) await ledger.account(COLLECTION, key);
}

/** Both work without a network; what Ann did reaches the server first. */
async function meet({ ann, ben, ledger }, key, scenario) {
  await Promise.all([ann, ben].map(browser => browser.offline(true)));
  const work = async browser => {
    for (const what of scenario[browser.who]) {
      await edit(ledger, browser, key, what);
      await browser.pillSays(/^Offline, \d+ changes? safe on this device$/);
    }
  };
  if (scenario.earlier) for (const browser of scenario.earlier === 'ben' ? [ben, ann] : [ann, ben]) await work(browser);
  else await Promise.all([ann, ben].map(work));
  await ann.offline(false);
  await ann.pillSays('Synced and verified');
  await ben.offline(false);
}

/** Somebody saves values in a record's form, or deletes it. */
export async function edit(ledger, screen, key, what) {
  if (what === DELETED) await remove(screen, COLLECTION, key);
  else await editOn(screen, COLLECTION, key, Object.fromEntries(Object.entries(what).map(([name, value]) => [name, typed(value)])));
  ledger.saved(screen.who, key, what);
}

/** Pill, badge and list of every screen tell of exactly these records. */
export async function awaits(all, keys) {
  await Promise.all(all.map(async screen => {
    await screen.pillSays(`Needs review (${keys.length})`);
    await becomes(() => screen.text(hook('review-badge')), String(keys.length), `the badge of ${screen.name}`);
    await toInbox(screen);
    await until(`${keys} in the list of ${screen.name}`, async () => {
      const found = await Promise.all(keys.map(key => screen.count(item(key))));
      return found.every(count => count === 1) && await screen.count(hook('review-item')) === keys.length;
    });
  }));
}

/** Every screen names both people and shows both sides, in the list and one by one. */
async function asked(all, key, { ask, between = ['Changed on', 'and on'], sides = ['ann', 'ben'] }) {
  await Promise.all(all.map(async screen => {
    const [first, second] = sides.map(who => as(who, screen));
    const told = await screen.text(`${item(key)} ${hook('review-between')}`);
    truthy(told.startsWith(`${between[0]} ${first}`) && told.endsWith(`${between[1]} ${second}`), `${screen.name} says “${told}”`);
    await openReview(screen, key);
    for (const [name, [current, incoming]] of Object.entries(ask)) {
      const place = name === WHOLE ? '' : `${field(name)} `;
      await says(screen, `${place}${hook('review-current')}`, current);
      await says(screen, `${place}${hook('review-incoming')}`, incoming);
    }
    await until(`nothing is chosen for anybody on ${screen.name}`, () => screen.count(`${hook('resolve')}:disabled`));
  }));
}

/** The decision of the table. */
async function decided(stage, key, scenario) {
  const screen = stage[scenario.on];
  await pick(stage, screen, key, scenario.picks);
  await says(screen, hook('resolve'), told(scenario.button, screen));
  if (scenario.preview) await says(screen, hook('review-preview'), scenario.preview);
  if (scenario.from) {
    const told = await screen.tells(`${hook('review-preview')} .mooring-value-new`);
    equal(told.map(([name]) => name), scenario.from, 'fields with a source in the preview');
  }
  await stage.look(screen, scenario.name);
  await save(screen);
}

/** Opens a review and chooses: per field `current`, `incoming` or `{own}`; of the whole record also `both`. */
export async function pick({ ledger }, screen, key, picks) {
  await openReview(screen, key);
  for (const [name, choice] of Object.entries(picks)) {
    const place = name === WHOLE ? '' : `${field(name)} `;
    if (choice === 'both') await screen.click(hook('keep-both'));
    else if (choice.own === undefined) await screen.click(`${place}${hook(`pick-${choice}`)}`);
    else {
      await screen.click(`${place}${hook('write-own')}`);
      await screen.fill(`${place}.mooring-own input`, choice.own);
      ledger.saved(screen.who, key, { [name]: choice.own });
    }
  }
}

export async function save(screen) {
  await screen.click(hook('resolve'));
  await screen.waitFor(hook('undo'));
}

/** Screens tell who decided, and how. */
export async function settledSays(screens, key, how) {
  await Promise.all(screens.map(async screen => {
    await toInbox(screen);
    await screen.click(hook('review-tab-settled'));
    await says(screen, `${item(key)} ${hook('review-how')}`, told(how, screen));
    await screen.click(hook('review-tab-open'));
  }));
}

/** Nothing waits for anybody. */
async function quiet(all) {
  await Promise.all(all.map(async screen => {
    await screen.pillSays('Synced and verified');
    await becomes(() => screen.text(hook('review-badge')), '0', `the badge of ${screen.name}`);
  }));
}

/** The list of automatic merges has what the table says of a record, and no more. */
async function merged({ desk }, key, { merged = {} }) {
  await openMerges(desk);
  const box = `${hook('merge-item')}[data-key="${key}"] ${hook('met')}`;
  await until(`the merges of ${key}`, async () => await desk.count(box) === Object.keys(merged).length);
  for (const [name, wanted] of Object.entries(merged)) {
    for (const [at, part] of ['met-rule', 'met-current', 'met-incoming', 'met-result'].entries()) {
      await says(desk, `${box}[data-field="${name}"] ${hook(part)}`, wanted[at]);
    }
  }
}

/** Every screen and the server have these values of a record, and all others as they were. */
export async function holds({ all, ledger, first }, key, wanted, of = key) {
  const gone = wanted === DELETED;
  const values = { ...first(of), ...(!gone && wanted) };
  const cells = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, shown(value)]));
  await Promise.all(all.map(async screen => {
    await showCollection(screen, COLLECTION);
    await until(`what is wanted of ${key} on ${screen.name}`, async () => {
      const told = await rowTells(screen, key);
      const wrong = Object.keys({ ...told, ...(!gone && cells) }).filter(name => gone || told[name] !== cells[name]);
      if (wrong.length === 0) return true;
      throw new Error(wrong.map(name => `${name} is “${told[name]}”`).join(', '));
    });
  }));
  const record = (await ledger.records(COLLECTION)).find(each => each.key === key && !each.deleted);
  const sorted = fields => fields && Object.entries(fields).sort();
  equal(sorted(record?.fields), gone ? undefined : sorted(values), `${key} on the server`);
}

export async function openMerges(screen) {
  await screen.click(hook('nav-merges'));
  await screen.waitFor('#merges-title');
}

export async function openRecord(screen, key) {
  await showCollection(screen, COLLECTION);
  await screen.click(`${row(key)} a`);
  await screen.waitFor(hook('record-form'));
}

export async function openHistory(screen, key) {
  await openRecord(screen, key);
  await screen.click(hook('tab-history'));
  await screen.waitFor(hook('version'));
}
