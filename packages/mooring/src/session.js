// Which server, whose records, which workspace.
import { MooringError, wrong } from './error.js';

/** Sees to it that the engine knows the server and whose records these are: its session. Without a network what it knows will do. */
export async function signIn(link, { server, name, password, token, unencrypted }) {
  let session = await link.ask('session');
  if (!session.server || !sameServer(session.server, server)) {
    session = await link.ask(unencrypted ? { connect_openly: { server } } : { connect: { server } });
  }
  if (session.user && (name === undefined || session.login === name)) return session;
  return authenticate(link, { name, password, token });
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

/**
 * Opens the workspace of that name or id, also without a network where this device knows it. Gives the session and the status of
 * then: one is asked after the other, and nothing is waited for between.
 */
export async function openIn(link, { server, workspace, create }, session) {
  const find = ({ workspaces }) => named(workspaces, workspace);
  let found = find(session);
  if (server === undefined) {
    found = named(session.local, workspace) ?? found;
    found ??= named((await link.ask({ new_local: workspace })).local, workspace);
  } else {
    found ??= find(await link.ask('workspaces'));
    if (!found && create) found = find(await link.ask({ new_workspace: { name: workspace } }));
  }
  if (!found) throw wrong(`There is no workspace “${workspace}” for this account.`);
  const [, opened, status] = await Promise.all([link.ask({ open: { workspace: found.id } }), link.ask('session'), link.ask('status')]);
  return [opened, status];
}

/** Connects a workspace of this device only with a server. */
export async function connectLocal(link, id, options) {
  const { how, workspace } = options;
  await signIn(link, options);
  if (how === 'copy') return link.ask({ connect_local: { workspace: id, how: 'keep_mine_as_copy' } });
  if (how !== 'combine' && how !== 'theirs') throw wrong('Connect how: "combine", "theirs" or "copy".');
  const found = named((await link.ask('workspaces')).workspaces, workspace);
  if (!found) throw wrong(`There is no workspace “${workspace}” for this account.`);
  const to = how === 'combine' ? { combine: found.id } : { take_servers: found.id };
  return link.ask({ connect_local: { workspace: id, how: to } });
}

/** The workspace of that name or id. */
function named(workspaces, wanted) {
  const alike = workspaces.filter(({ name }) => name === wanted);
  const found = workspaces.find(({ id }) => id === wanted) ?? alike[0];
  if (alike.length > 1 && found === alike[0]) {
    throw wrong(`Several workspaces are called “${wanted}”: give the id of one of them.`);
  }
  return found;
}
