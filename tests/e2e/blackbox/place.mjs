// What all runs share: the package, installed and served; a screen for the desktop app; and how runs are played and told.
import fs from 'node:fs';
import path from 'node:path';
import cassandra from 'cassandra-driver';
import { atEnd, check, equal, root, scratch } from '../lib/harness.mjs';
import { Chromium } from '../lib/engines.mjs';
import { addPeople } from '../lib/members.mjs';
import { imported, install, Site } from '../lib/npm.mjs';
import { freePort, onCassandra, Server } from '../lib/server.mjs';
import { xvfb } from '../lib/xvfb.mjs';
import { Profile } from '../npm/tabs.mjs';
import { Run } from './run.mjs';

/** A browser with pages of one client each. */
class Browser extends Profile {
  async tab() {
    const page = await this.context.newPage();
    await page.goto(`${this.site.url}/blackbox/page.html`);
    await page.waitForFunction(() => globalThis.word !== undefined);
    return page;
  }

  close() { return this.context.close().catch(() => {}); } // it may have been killed
}

export class Place {
  /** `desktop`: the desktop app is one of the clients. */
  static async begin({ desktop }) {
    const folder = install();
    fs.cpSync(path.join(root, 'tests/e2e/blackbox'), path.join(folder, 'blackbox'), { recursive: true });
    const site = await new Site(folder).start();
    site.allow('http://127.0.0.1:*');
    const { open } = await imported(folder);
    return Object.assign(new Place(), { site, open, screen: desktop ? await xvfb() : undefined });
  }

  /** The server of a run: not started, with one person. */
  async server(seed) {
    const server = new Server(['--data', path.join(scratch, `server-${seed}`)], await freePort(), undefined, ['--allow-origin', this.site.url]);
    addPeople(server, { ada: 'Ada' });
    return server;
  }

  /** The same place with its server on a Cassandra, where another program writes a table that is mirrored. One run at a time. */
  async onCassandra() {
    const server = await onCassandra();
    server.more = ['--mirror-keyspaces', 'shop', '--allow-origin', this.site.url];
    return Object.assign(new OnCassandra(), this, { node: server });
  }

  browser(seed) { return new Browser(Chromium, `box-${seed}-`, this.site).start(); }

  /** Runs from a seed on, some at a time. */
  async play(from, runs, together) {
    const left = Array.from({ length: runs }, (_, n) => from + n);
    const met = {};
    const work = async () => {
      for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
        await check(`a run of seed ${seed}`, async () => {
          const run = new Run(seed, this);
          const found = await run.play();
          const { events } = run.history;
          for (const [what, times] of Object.entries(run.met)) met[what] = (met[what] ?? 0) + times;
          const count = outcome => events.filter(event => event.outcome === outcome).length;
          console.log(`      seed ${seed}: ${run.partitions} partitions; ${count('ok')} done, ${count('no')} refused, ${count('unknown')} unknown`);
          for (const text of run.odd) console.log(`      seed ${seed}: ${text}`);
          equal(found, [], 'what is wrong');
        });
      }
    };
    await Promise.all(Array.from({ length: together }, work));
    console.log(`      met: ${Object.entries(met).sort().map(([what, times]) => `${what} ${times}`).join(', ')}`);
  }
}

class OnCassandra extends Place {
  async server() {
    if (this.cql) return this.node;
    addPeople(this.node, { ada: 'Ada' });
    this.cql = new cassandra.Client({ contactPoints: [`127.0.0.1:${this.node.cassandraPort}`], localDataCenter: 'datacenter1' });
    atEnd(() => this.cql.shutdown());
    await this.cql.execute("CREATE KEYSPACE shop WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
    return this.node;
  }

  /** A table of its own for a run. */
  async table(seed) {
    const name = `shop.marks_${seed}`;
    await this.cql.execute(`CREATE TABLE ${name} (key text PRIMARY KEY, author text, n int, after text)`);
    return { name, cql: this.cql };
  }
}
