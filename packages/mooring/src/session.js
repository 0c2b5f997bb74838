// Which server, whose records, which workspace.
import { MooringError, wrong } from './error.js';

/** Sees to it that the engine knows the server and whose records these are. Without a network what it knows will do. */
export async function signIn(link, { server, name, password, token, unencrypted }) {
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
  const address = wanted.trim().replace(/\/+$/, '').toLowerCase();
  return known === address || known.endsWith(`://${address}`);
}

/** Opens the workspace of that name or id, also without a network where this device knows it. */
export async function openIn(link, { workspace, create }) {
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
