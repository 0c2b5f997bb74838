// The verbs of the review screens, and pictures of them in every size and colour, each checked by axe.
import { createRequire } from 'node:module';
import AxeBuilder from '@axe-core/playwright';
import { Browser, hook } from './screens.mjs';
import { equal, truthy, until } from './harness.mjs';
import { password } from './members.mjs';

const sizes = { 1440: { width: 1440, height: 900 }, 390: { width: 390, height: 844 } };

/**
 * Pictures at both sizes in both colours; axe finds nothing. Toasts are closed first, unless they are the matter. `ready`: what is
 * there again in each look; `each`: axe sees each of them.
 */
export async function pictures(browser, name, { toasts = false, folder = 'review', ready, each = false } = {}) {
  if (!toasts) await closeToasts(browser);
  const found = [];
  for (const [size, viewport] of Object.entries(sizes)) {
    for (const colorScheme of ['light', 'dark']) {
      await browser.page.setViewportSize(viewport);
      await browser.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await browser.page.waitForFunction(dark => document.documentElement.classList.contains('pf-v6-theme-dark') === dark, colorScheme === 'dark');
      // nothing is in between two looks any more
      await browser.page.evaluate(() => Promise.all(document.getAnimations().filter(a => a.effect.getComputedTiming().endTime < Infinity).map(a => a.finished.catch(() => {}))));
      if (ready) await browser.waitFor(ready);
      await browser.screenshot(`${folder}/${name}-${size}-${colorScheme}`);
      const wide = await browser.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      truthy(wide <= 0, `${name} at ${size}: the page is ${wide} px too wide`);
      equal(await browser.page.evaluate(cut), [], `headings and buttons of ${name} at ${size} that do not fit`);
      // both sizes and both colours are seen by axe, each with each only where it is wanted: it takes a second
      if (!each && (size === '390') !== (colorScheme === 'dark')) continue;
      found.push(...(await barriers(browser)).map(what => `${size} ${colorScheme} ${what}`));
    }
  }
  await browser.page.setViewportSize(browser.viewport);
  await browser.page.emulateMedia({ colorScheme: 'light', reducedMotion: null });
  equal(found, [], `what axe finds on ${name}`);
}

/** A look at a screen: axe finds nothing; with MOORING_PICTURES=1, pictures in every size and colour. */
export async function look(screen, name) {
  const file = `conflicts-${name.replace(/[^a-z0-9]+/gi, '-').slice(0, 50)}`;
  const wanted = process.env.MOORING_PICTURES;
  if (wanted && screen instanceof Browser) return pictures(screen, file);
  if (wanted) await desktopPictures(screen, file);
  equal(await barriers(screen), [], `what axe finds on ${name}`);
}

/** The desktop's window in both colours. */
async function desktopPictures(desk, name) {
  for (const colours of ['Dark', 'Light']) {
    await desk.script('document.querySelector(arguments[0]).click()', hook('user-menu'));
    await desk.waitFor(hook('theme'));
    await desk.script('[...document.querySelectorAll(arguments[0])].find(one => one.textContent.trim() === arguments[1]).click()', hook('theme'), colours);
    await desk.later('const still = () => document.getAnimations().some(motion => motion.playState === "running") ? setTimeout(still, 50) : done(); requestAnimationFrame(still);');
    await desk.screenshot(`review/${name}-desktop-${colours.toLowerCase()}`);
  }
}

/** The source of axe itself, for the desktop's window. */
const { source } = createRequire(createRequire(import.meta.url).resolve('@axe-core/playwright'))('axe-core');

export async function barriers(screen) {
  const { violations } = screen instanceof Browser
    ? await new AxeBuilder({ page: screen.page }).analyze()
    : (await screen.script(source), await screen.later('axe.run().then(done)'));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(node => `${node.target} ${node.failureSummary}`).join(' | ')}`);
}

/** Headings and buttons whose words are cut or stand out. */
function cut() {
  const all = document.querySelectorAll('main :is(h1, h1 *, h2, .pf-v6-c-button), dialog :is(h1, h1 *, h2, .pf-v6-c-button)');
  return [...all].filter(one => one.clientWidth > 1 && one.scrollWidth > one.clientWidth + 1).map(one => one.textContent.trim());
}

export async function closeToasts(browser) {
  while (await browser.count(`${hook('toast')} button[aria-label="Close this message"]`)) {
    await browser.click(`${hook('toast')} button[aria-label="Close this message"]`);
  }
}

/** Signs in with a password and opens a workspace. */
export async function signIn(browser, login, workspace) {
  await browser.fill(hook('sign-in-name'), login);
  await browser.fill(hook('sign-in-password'), password);
  await browser.click(hook('sign-in'));
  await openWorkspace(browser, workspace);
}

export async function openWorkspace(browser, workspace) {
  await browser.click(`${hook('workspace-item')}[data-name="${workspace}"]`);
  await browser.waitFor(hook('nav-review'));
}

export async function toInbox(browser) {
  await browser.click(hook('nav-review'));
  await browser.waitFor('#review-title');
}

export const item = key => `${hook('review-item')}[data-key="${key}"]`;

/** Opens a record's review from the list, with the pointer. */
export async function openReview(browser, key) {
  await toInbox(browser);
  await browser.click(`${item(key)} ${hook('review-open')}`);
  await browser.waitFor(hook('review-screen'));
}

export const field = name => `${hook('review-field')}[data-field="${name}"]`;

export function says(browser, selector, wanted) {
  return until(`"${wanted}" in ${selector} of ${browser.name}`, async () => {
    const text = await browser.text(selector);
    if (wanted instanceof RegExp ? wanted.test(text) : text.includes(wanted)) return text;
    throw new Error(`it says "${text}"`);
  }, 30_000);
}

export function gone(browser, selector) {
  return until(`no ${selector} on ${browser.name}`, async () => await browser.count(selector) === 0, 30_000);
}

/** Until a device has nothing unsent any more: while something needs review, the pill does not tell. */
export async function sent(browser) {
  await browser.click(hook('pill'));
  await says(browser, hook('status-pending'), /^nothing/);
  await browser.click(hook('pill'));
}

/** Edits fields of a record in its form. */
export async function edit(browser, collection, key, values) {
  await browser.click(`${hook('collection-item')}[data-name="${collection}"]`);
  await browser.click(`${hook('record-row')}[data-key="${key}"] a`);
  for (const [name, value] of Object.entries(values)) await browser.fill(`${hook('record-form')} ${hook('field-input')}[data-field="${name}"]`, value);
  await browser.click(hook('save'));
  await browser.waitFor(`${hook('save')}:disabled:not([aria-busy])`); // it is saved: there is nothing to save any more
  await browser.click(hook('close-record'));
}

export async function remove(browser, collection, key) {
  await browser.click(`${hook('collection-item')}[data-name="${collection}"]`);
  await browser.click(`${hook('record-row')}[data-key="${key}"] ${hook('select-row')}`);
  await browser.click(hook('delete-selected'));
  await browser.click(hook('confirm'));
  await gone(browser, `${hook('record-row')}[data-key="${key}"]`);
}

/** Until a cell of the grid says what is wanted. */
export async function cellSays(browser, collection, key, name, wanted) {
  await browser.click(`${hook('collection-item')}[data-name="${collection}"]`);
  const cell = `${hook('record-row')}[data-key="${key}"] ${hook('cell')}[data-field="${name}"]`;
  await until(`"${wanted}" in ${name} of ${key} on ${browser.name}`, async () => {
    const text = await browser.text(cell);
    if (text === wanted) return true;
    throw new Error(`it says "${text}"`);
  });
}
