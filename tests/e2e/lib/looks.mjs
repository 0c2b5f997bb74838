// One screen in every look: a picture, an accessibility check, no sideways scrolling, a visible way by keyboard.
import { AxeBuilder } from '@axe-core/playwright';
import { check, equal, truthy, until } from './harness.mjs';
import { hook } from './screens.mjs';

const sizes = [{ width: 1440, height: 900 }, { width: 390, height: 844 }];
const schemes = ['light', 'dark'];

/**
 * Arranges a screen and looks at it. `main`: what one does there, to be reached by Tab; `only`: the one width at which
 * there is such a screen.
 */
export function screen(browser, name, { main, only, arrange }) {
  return check(name, async () => {
    const { page } = browser;
    await page.setViewportSize(sizes.find(size => size.width === only) ?? sizes[0]);
    await arrange?.();
    await page.evaluate(() => document.fonts.ready);
    if (main) await reach(browser, main);
    const found = [];
    for (const size of sizes.filter(size => !only || size.width === only)) {
      await page.setViewportSize(size);
      for (const colorScheme of schemes) {
        await page.emulateMedia({ colorScheme });
        await settled(page, colorScheme === 'dark');
        await browser.screenshot(`screens/${name}-${colorScheme}-${size.width}`);
        for (const what of [...await violations(page, colorScheme), ...await sideways(page)]) found.push(`${colorScheme} ${size.width}: ${what}`);
      }
    }
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize(sizes[0]);
    equal(found, [], 'what is wrong');
  });
}

/** Until the colours are there and nothing moves any more but what turns for ever. */
async function settled(page, dark) {
  await until('the colours', () => page.evaluate(dark => document.documentElement.classList.contains('pf-v6-theme-dark') === dark, dark));
  await until('nothing moves', () => page.evaluate(() => document.getAnimations().every(motion => motion.playState !== 'running' || motion.effect.getTiming().iterations === Infinity)));
}

/** Everything that axe knows; in the dark only what the colours can make worse. */
async function violations(page, colorScheme) {
  const axe = new AxeBuilder({ page }).setLegacyMode();
  const { violations } = await (colorScheme === 'dark' ? axe.withRules(['color-contrast']) : axe).analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => `${node.target.join(' ')} (${node.any[0]?.message ?? node.all[0]?.message ?? ''})`).slice(0, 3).join('; ')}`);
}

/** Whatever can be scrolled sideways, but for tables in a frame of their own. */
function sideways(page) {
  return page.evaluate(() => [...document.querySelectorAll('html, body, body *')].filter(element => {
    if (element.scrollWidth <= element.clientWidth + 1 || element.clientWidth === 0) return false;
    const { overflowX } = getComputedStyle(element);
    const scrolls = element === document.documentElement ? overflowX !== 'hidden' : ['auto', 'scroll'].includes(overflowX);
    return scrolls && !element.matches('.mooring-table-wrap');
  }).map(element => `${element.tagName}.${element.className} ${element.scrollWidth} > ${element.clientWidth}`));
}

/** Tabs to the element; the focus can be seen there. */
async function reach(browser, selector) {
  const { page } = browser;
  const here = () => page.evaluate(selector => !!document.activeElement?.closest(selector), selector);
  if (await here()) { // put there by a script after a click: no ring is shown then
    await page.keyboard.press('Tab');
    await page.keyboard.press('Shift+Tab');
  }
  for (let steps = 0; !await here(); steps += 1) {
    truthy(steps < 80, `${selector} is not reached by Tab`);
    await page.keyboard.press('Tab');
  }
  const seen = await page.evaluate(() => {
    // a link over a whole row rings with what it lays over it
    const rings = element => [null, '::after'].some(part => {
      const { content, outlineStyle, outlineWidth } = getComputedStyle(element, part);
      return (part === null || content !== 'none') && outlineStyle !== 'none' && parseFloat(outlineWidth) > 0;
    });
    const focused = document.activeElement;
    // a control's frame, or the place to drop a file, shows the ring in its stead
    const frame = focused.closest('.pf-v6-c-form-control, .pf-v6-c-text-input-group, .mooring-drop, .mooring-pick');
    return rings(focused) || (frame !== null && rings(frame));
  });
  truthy(seen, `the focus on ${selector} cannot be seen`);
}

/** Tab goes to nothing that one does not see. */
export async function tabsInSight(browser, steps) {
  const lost = [];
  for (let step = 0; step < steps; step += 1) {
    await browser.press('Tab');
    lost.push(await browser.page.evaluate(() => {
      const { activeElement: at } = document;
      const { left, right, width } = at.getBoundingClientRect();
      const seen = at.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && right > 0 && left < innerWidth && width > 0;
      return seen ? undefined : at.outerHTML.slice(0, 120);
    }));
  }
  equal(lost.filter(Boolean), [], 'what has the focus and is not seen');
}

/** Closes the short messages, which would go by themselves. */
export async function quiet(browser) {
  await until('no messages', async () => {
    if (await browser.count(hook('toast')) === 0) return true;
    await browser.page.locator(`${hook('toast')} button`).first().click({ timeout: 1_000 }).catch(() => {}); // it has just gone by itself
    return false;
  });
}
