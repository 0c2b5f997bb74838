import { MooringError, wrong } from './error.js';
import { here, inWorker } from './host.js';
import { Link } from './link.js';
import { Workspace } from './workspace.js';

export { MooringError };

const inBrowser = typeof indexedDB !== 'undefined';

/** Opens a workspace on this device; see `index.d.ts`. */
export async function open(options) {
  const { server, workspace } = options ?? {};
  if (typeof server !== 'string' || typeof workspace !== 'string') {
    throw wrong('open() needs the address of a server and the name (or id) of a workspace.');
  }
  const store = place(options);
  const link = await Link.start((say) =>
    store !== undefined && (options.worker ?? true)
      ? inWorker(store, options.device, say, typeof options.worker === 'string' ? options.worker : undefined)
      : here(store, options.device, say));
  try {
    await signIn(link, options);
    await openIn(link, options);
    return await Workspace.over(link, options);
  } catch (error) {
    link.end();
    throw error;
  }
}

/** The name of what is kept in this browser profile; `undefined`: in memory. */
function place({ server, workspace, name, store }) {
  if (store === 'memory' || !inBrowser) {
    if (store !== undefined && store !== 'memory') {
      throw wrong('Nothing can be kept here, there is no IndexedDB: give store: "memory".');
    }
    return undefined;
  }
  // one store per account: nobody's changes are ever sent as somebody else's
  return encodeURIComponent(store ?? [server, workspace, name ?? ''].join(' '));
}

/** Sees to it that the engine knows the server and whose records these are. Without a network what it knows will do. */
async function signIn(link, { server, name, password, token, unencrypted }) {
  let session = await link.ask('session');
  if (!session.server || !sameServer(session.server, server)) {
    session = await link.ask(unencrypted ? { connect_openly: { server } } : { connect: { server } });
  }
  if (session.user && (name === undefined || session.login === name)) return;
  await authenticate(link, { name, password, token });
}

/** Signs in with what the program has. */
export async function authenticate(link, { name, password, token }) {
  if (token !== undefined) {
    const given = typeof token === 'function' ? await token() : token;
    return link.ask({ sign_in_with: { token: given } });
  }
  if (name === undefined || password === undefined) {
    throw new MooringError('sign-in', 'Nobody is signed in here: give a name and a password, or a token.');
  }
  return link.ask({ sign_in: { name, password } });
}

function sameServer(known, wanted) {
  const address = (text) => text.replace(/\/+$/, '').toLowerCase();
  return address(known) === address(wanted.includes('://') ? wanted : `https://${wanted}`);
}

async function openIn(link, { workspace, create }) {
  const find = ({ workspaces }) => {
    const named = workspaces.filter((known) => known.name === workspace);
    const found = workspaces.find((known) => known.id === workspace) ?? named[0];
    if (named.length > 1 && found === named[0]) {
      throw wrong(`Several workspaces are called “${workspace}”: give the id of one of them.`);
    }
    return found;
  };
  const session = await link.ask('session');
  let found = find(session) ?? find(await link.ask('workspaces'));
  if (!found && create) found = find(await link.ask({ new_workspace: { name: workspace } }));
  if (!found) throw wrong(`There is no workspace “${workspace}” for this account.`);
  if (session.open && session.open !== found.id) {
    throw wrong('Another workspace is kept under this name of a store: choose another name.');
  }
  await link.ask({ open: { workspace: found.id } });
}
