// One run: clients of every kind work on one workspace while links, clients and the server fail at random; then all is mended, and
// what each did and saw is held against what is there.
import { setTimeout as later } from 'node:timers/promises';
import { execFileSync } from 'node:child_process';
import { need, until } from '../lib/harness.mjs';
import { password, Person, Replica } from '../lib/members.mjs';
import { App, Commands, Http, Page, Program, Refused, Rows } from './clients.mjs';
import { canonical, divergent, History, wrong } from './history.mjs';
import { Link, MODES } from './link.mjs';

/** How long clients work, and how long the rest may take once nothing fails any more, in ms. */
const WORKS = 5_000;
const QUIET = 90_000;
const REGISTERS = ['r1', 'r2', 'r3'];
const COUNTERS = ['c1', 'c2'];

/** Numbers that a seed gives (mulberry32). What runs at the same time still meets as it happens. */
export function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6D2B79F5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (least, most) => least + Math.floor(next() * (most - least + 1));
  return { between, one: list => list[between(0, list.length - 1)] };
}

/** Each step of a run as it happens, where somebody wants to see it. */
const trace = process.env.TRACE ? (...told) => console.log(new Date().toISOString().slice(14, 23), ...told) : () => {};

/** A run under way, at a place. */
export class Run {
  constructor(seed, place) { Object.assign(this, { seed, place, history: new History(), met: {}, odd: [], later: [], draw: random(seed), seen: new Map() }); }

  /** What is wrong in the end, in words; nothing is well. */
  async play() {
    try {
      await this.#begin();
      await this.#storm();
      const ended = await this.#quiet();
      return [...ended.stuck, ...wrong(this.history, ended)];
    } finally {
      await this.#end();
    }
  }

  async #begin() {
    const { draw, seed } = this;
    this.server = await this.place.server(seed);
    this.partitions = draw.one([1, 4]);
    this.name = `Box ${seed}`;
    const administer = args => execFileSync(need('MOORING_SERVER'), [...args, ...this.server.store], { encoding: 'utf8' });
    administer(['workspace', 'add', this.name, '--owner', 'ada', '--partitions', String(this.partitions)]);
    await this.server.start();
    const ada = await Person.signIn(this.server, 'ada');
    const workspace = (await ada.call('GET', '/v1/workspaces')).find(({ name }) => name === this.name);
    const maker = new Replica(ada, workspace, 'maker');
    const table = await this.place.table?.(seed);
    if (table) administer(['mirror', 'add', workspace.id, '--table', table.name, '--collection', 'marks']);
    else maker.define('marks', 'Marks', { author: ['Author', 'text'], n: ['N', 'integer'], after: ['After', 'text'] });
    maker.define('registers', 'Registers', { value: ['Value', 'text'] });
    maker.define('counters', 'Counters', { n: ['N', 'counter'] });
    for (const key of REGISTERS) maker.insert('registers', key, { value: 'begin' });
    for (const key of COUNTERS) maker.insert('counters', key, { n: 0 });
    await maker.push();
    this.browser = await this.place.browser(seed);
    const shared = `shared-${seed}`;
    this.clients = [
      new Page('leader', this.browser, shared), new Page('follower', this.browser, shared), new Page('page', this.browser, `alone-${seed}`),
      new Program('program', this.place.open), new Commands('commands'), new Http('http'),
      ...(this.place.screen ? [new Commands('app', new App(this.place.screen))] : []),
      ...(table ? [new Rows('rows', table)] : []),
    ];
    const links = new Map(); // by device: its tabs go to one address
    for (const client of this.clients) {
      const device = client.store ?? client.name;
      const link = links.get(device) ?? await new Link(this.server.port).start();
      links.set(device, link);
      await client.start({ server: link.url, workspace: this.name, name: 'ada', password });
    }
    this.links = [...links.values()];
    for (const client of this.clients.filter(({ parts }) => parts.includes('counters'))) {
      await until(`${client.name} has all`, async () => Object.keys(await client.run('read', 'counters')).length === COUNTERS.length);
    }
  }

  async #storm() {
    this.until = Date.now() + WORKS;
    const works = this.clients.map(client => this.#work(client));
    await this.#fail();
    await this.#mend();
    await Promise.all(works);
  }

  /** What one client does, one after the other. */
  async #work(client) {
    const draw = random(this.seed * 31 + this.clients.indexOf(client));
    for (let n = 1; Date.now() < this.until; n += 1) {
      await later(draw.between(0, 120));
      if (client.up) await this.#act(client, draw, n);
    }
  }

  async #act(client, draw, n) {
    const { name } = client;
    const dice = draw.between(0, 99);
    if (dice < 40) {
      const key = `${name}-${n}`;
      const after = this.seen.get(name);
      await this.#say(client, 'insert', { key, fields: { author: name, n, ...(after && { after }) } }, event => client.run('insert', 'marks', key, event.fields));
    } else if (dice < 60) {
      await this.#see(client, draw);
    } else if (dice < 78 && client.parts.includes('registers')) {
      const [key, value] = [draw.one(REGISTERS), `${name} ${n}`];
      await this.#say(client, 'set', { key, value }, () => client.run('set', key, value));
    } else if (dice < 90 && client.adds) {
      const [key, by] = [draw.one(COUNTERS), draw.between(1, 9)];
      await this.#say(client, 'add', { key, by }, () => client.run('add', key, by));
    } else if (dice < 96 && client.decides) {
      await this.#decide(client, draw).catch(() => {}); // the review comes back, or somebody else decides it
    } else {
      await client.run('sync').catch(() => {}); // it says that it cannot: whatever waits still waits
    }
  }

  async #see(client, draw) {
    await this.#say(client, 'read', {}, async event => {
      event.keys = Object.keys(await client.run('read', 'marks'));
      const others = event.keys.filter(key => !key.startsWith(`${client.name}-`));
      if (others.length > 0) this.seen.set(client.name, draw.one(others));
    });
  }

  async #decide(client, draw) {
    const open = await client.run('reviews');
    if (open.length > 0) await client.run('resolve', draw.one(open), draw.one(['current', 'incoming']));
  }

  /** Notes what a client was asked, and what came of it. */
  async #say(client, kind, more, act) {
    const began = this.history.events.length;
    const event = { ...more };
    let outcome = 'ok';
    try { await act(event); } catch (error) {
      outcome = error instanceof Refused ? 'no' : 'unknown';
      if (client.up && outcome === 'unknown') this.odd.push(`${client.name} ${kind}: ${error.message}`);
    }
    trace(client.name, kind, outcome, canonical(event).slice(0, 200));
    this.history.note(client.name, kind, outcome, { ...event, began, device: client.store ?? client.name, ordered: client.ordered ?? true });
  }

  /** What goes wrong, until the time is over. */
  async #fail() {
    const { draw } = this;
    const met = what => {
      trace(what);
      this.met[what] = (this.met[what] ?? 0) + 1;
    };
    while (Date.now() < this.until) {
      await later(draw.between(100, 500));
      const dice = draw.between(0, 99);
      if (dice < 50) {
        const [link, mode] = [draw.one(this.links), draw.one(MODES.slice(1))];
        met(`link ${mode}`);
        link.set(mode);
        this.#after(draw.between(100, 900), () => link.mend());
      } else if (dice < 70) {
        met('server killed');
        await this.server.kill();
        await later(draw.between(0, 400));
        await this.server.start();
      } else if (dice < 93) {
        const client = draw.one(this.clients.filter(({ crash, up }) => crash && up));
        if (!client) continue;
        met(`${client.name} killed`);
        await client.crash();
        this.#after(draw.between(0, 500), () => client.restart());
      } else {
        const pages = this.clients.filter(client => client instanceof Page && client.up);
        if (pages.length < 3) continue;
        met('browser killed');
        pages.forEach(page => { page.up = false; });
        await this.browser.kill();
        await this.browser.start();
        this.#after(draw.between(0, 300), () => Promise.all(pages.map(page => page.restart())));
      }
    }
  }

  /** Is waited for once nothing is to fail any more; what fails of it ends the run then. */
  #after(ms, act) {
    const done = later(ms).then(act);
    done.catch(() => {});
    this.later.push(done);
  }

  async #mend() {
    await Promise.all(this.later);
    this.links.forEach(link => link.mend());
  }

  /** Waits until nothing is under way any more, and nothing waits for a decision; what is there then. */
  async #quiet() {
    const [decider] = this.clients.filter(({ decides }) => decides);
    const server = new Http('server');
    await server.start({ server: this.server.url, workspace: this.name });
    const deadline = Date.now() + QUIET;
    for (;;) {
      const late = Date.now() > deadline;
      const states = Object.fromEntries(await Promise.all(this.clients.map(async client => [client.name, await client.run('state')])));
      trace('states', canonical(states));
      const rests = Object.values(states).every(({ pending, conflicts, rejected }) => !pending && !conflicts && !rejected);
      if (!rests && !late) {
        for (const client of this.clients.filter(({ decides }) => decides)) await client.run('repair');
        for (let left = 20; left > 0; left -= 1) await this.#decide(decider, this.draw).catch(() => {}); // it comes back
        await later(100);
        continue;
      }
      const views = {};
      for (const client of [server, ...this.clients]) {
        const view = {};
        for (const part of client.parts) view[part] = await client.run('read', part);
        views[client.name] = view;
      }
      if (divergent(views).length > 0 && !late) {
        await later(100);
        continue;
      }
      const versions = {};
      for (const key of REGISTERS) versions[key] = await server.versions('registers', key, 'value');
      return { views, versions, ordered: this.partitions === 1, stuck: rests ? [] : [`not at rest after ${QUIET / 1000} s: ${JSON.stringify(states)}`] };
    }
  }

  async #end() {
    for (const client of this.clients ?? []) await client.end?.();
    this.links?.forEach(link => link.end());
    await this.browser?.close();
    await this.server?.kill().catch(() => {});
  }
}
