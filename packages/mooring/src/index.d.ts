/** What a record is called in its collection: a whole number, or a text of 1 to 512 bytes without control characters. */
export type Key = number | bigint | string;

/** A value as records hold it. Whole numbers beyond 2^53 are BigInt. */
export type Value = boolean | number | bigint | string | Value[] | { [name: string]: Value | null };

/** A value as it is given: a point in time may be a Date, bytes may be a buffer; they are read back as text. */
export type GivenValue = Value | Date | ArrayBuffer | ArrayBufferView;

/** A record's values by the names of its fields. A field without a value is absent. */
export type Fields = { [field: string]: Value };

/** Values as they are given. `undefined` and `null` are no value. */
export type GivenFields = { [field: string]: GivenValue | undefined | null };

/** What a program decides by where something was not done. */
export type ErrorKind =
  /** What was given cannot be used. */
  | 'input'
  /** There is a record with this key already. */
  | 'exists'
  /** This needs the network. */
  | 'offline'
  /** Sign in (again). */
  | 'sign-in'
  /** Changes are unsent and would be lost. */
  | 'unsent'
  /** What is sent to this server can be read on the way: see {@link OpenOptions.unencrypted}. */
  | 'open'
  /** This device's storage did not do it; nothing was saved. */
  | 'storage'
  /** The server refused it. */
  | 'refused'
  /** The query has ended. */
  | 'ended'
  /** The workspace was closed by the program. */
  | 'closed'
  /** A defect. */
  | 'internal';

/** Why something was not done. The message is for people. */
export class MooringError extends Error {
  constructor(kind: ErrorKind, message: string, field?: string, op?: number);
  readonly kind: ErrorKind;
  /** The field at fault, where one is. */
  readonly field?: string;
  /** The place of the edit at fault among those of a step, from 0. */
  readonly op?: number;
}

/** Who signs in. */
export interface Credentials {
  /** The account. */
  name?: string;
  password?: string;
  /** A session's token that the program has got from the server, or what gives one: it is asked again when one has expired. */
  token?: string | (() => string | Promise<string>);
}

export interface OpenOptions extends Credentials {
  /** Its address, such as `https://mooring.example.org`; without one, the workspace is on this device only, and is made where
   * it is missing. A page of another origin must be allowed by the server (`--allow-origin`). */
  server?: string;
  /** The workspace's name or id. */
  workspace: string;
  /** Makes the workspace where the account has none of that name. */
  create?: boolean;
  /**
   * What is kept in this browser profile goes by this name; without one, by the workspace's as it is given here. All tabs that
   * open the same share one engine, and one account, in which several workspaces can be open at once. `"memory"`: nothing is kept (always so in Node).
   */
  store?: string;
  /** Whether the engine runs in a worker (it does, without being told), or the address of the worker's script. */
  worker?: boolean | string;
  /** What people call this device; without it, after the browser. */
  device?: string;
  /** The network is trusted: `http://` is allowed for other machines, too. */
  unencrypted?: boolean;
  /** It is paused at once: nothing of its records is sent or fetched until `resume()`. */
  paused?: boolean;
}

export interface ConnectOptions extends Credentials {
  server: string;
  /**
   * `combine`: the records join those of the server's workspace. `theirs`: the server's workspace is opened, and the records
   * here are kept as they are on this device. `copy`: they become a new workspace on the server.
   */
  how: 'combine' | 'theirs' | 'copy';
  /** The server's workspace, by name or id; not with `copy`. */
  workspace?: string;
  unencrypted?: boolean;
}

/**
 * Loads the engine before a workspace is opened, so that opening does not wait for it: call it where the page begins. What is
 * given is what `open()` will be given.
 */
export function preload(options?: Pick<OpenOptions, 'store' | 'worker'>): void;

/** Opens a workspace on this device. Without a network, what this device knows of it will do. */
export function open(options: OpenOptions): Promise<Workspace>;

/** How a workspace is doing on this device. Times are milliseconds since 1970. */
export interface Status {
  transport: 'offline' | 'connecting' | 'online';
  phase: 'closed' | 'first_sync' | 'syncing' | 'idle' | 'paused' | 'local' | 'needs_sign_in' | 'needs_update' | 'removed';
  /** Changes that the server has not judged. */
  pending: number;
  /** Of these, how many wait behind one that was refused. */
  held: number;
  oldestPending?: number;
  /** When the server last said that this device has everything. */
  caughtUpAt?: number;
  conflicts: number;
  rejected: number;
  /** What is wrong, for people. */
  problem?: string;
  /** Why the server cannot be reached, for people. */
  cause?: string;
  verifiedAt?: number;
  /** Whether what is here was proven equal to what the server has. */
  verified: boolean;
  /** First sync: records stored, of how many. */
  progress?: [number, number];
  retryAt?: number;
  usage: { used: number | null; quota: number | null; persisted: boolean | null };
  notice?: string;
  /** Whether another tab's engine does the work. */
  follower: boolean;
}

export interface CollectionInfo {
  name: string;
  label: string;
  /** Whether fields appear as they are written. */
  open: boolean;
  fields: { [name: string]: object };
  records: number;
  /** Records that need review. */
  review: number;
}

export interface Page {
  rows: { key: Key; fields: Fields }[];
  more: boolean;
}

export interface PageOptions {
  /** Behind this key; without it, from the first one on. */
  after?: Key;
  /** 1 to 499; 100 without it. */
  limit?: number;
}

/** Edits that are saved together. */
export interface Step {
  /** Without a key the record gets one. */
  insert(collection: string, fields: GivenFields, key?: Key): void;
  /** The record becomes exactly this: fields that are not given go. */
  put(collection: string, key: Key, fields: GivenFields): void;
  /** Changes fields. `seen` is the record as it was read; without it, it is read now. */
  edit(collection: string, key: Key, fields: GivenFields, seen?: GivenFields): Promise<void>;
  delete(collection: string, key: Key): void;
}

export interface RecordId {
  collection: string;
  key: Key;
}

/** What undoing or redoing did. */
export interface Undone {
  label?: string;
  /** The records that are back as they were, wholly or in part. */
  records: RecordId[];
  /** What was left as it is, because somebody has been there since. */
  left: { id: RecordId; why: 'changed' | 'deleted' | 'added'; fields: string[] }[];
  next: Undoable;
}

export interface Undoable {
  undo: StepInfo | null;
  redo: StepInfo | null;
}

export interface StepInfo {
  label: string | null;
  added: number;
  changed: number;
  deleted: number;
}

/** A person and a device; texts are empty where unknown. */
export interface Author {
  person: string;
  device: string;
  channel: string;
  /** Whether it is this very device. */
  here: boolean;
  at: number;
}

/** Two changes that met, and wait for a decision. */
export interface Conflict {
  id: string;
  collection: string;
  key: Key;
  /** What the record is called, for people. */
  title: string;
  kind: 'edit-edit' | 'edit-delete' | 'delete-edit';
  fields: { [field: string]: ConflictField };
  /** The record as it is now; absent where it is deleted. */
  record?: Fields;
  incoming: Author;
  current?: Author;
  /** A decision of this device came too late: decide again. */
  returned?: true;
  revision: number;
  recordRevision?: number;
}

export interface ConflictField {
  /** What the author of the incoming change saw. */
  base?: Value;
  current?: Value;
  incoming?: Value;
  /** Whether the two differ here. */
  clash: boolean;
  /** Whether it needs a decision. */
  undecided: boolean;
}

/**
 * `current`: the record stays as it is. `incoming`: the other change is taken. `both`: it becomes a record of its own.
 * `delete`: the record goes. Or per field.
 */
export type Decision =
  | 'current'
  | 'incoming'
  | 'both'
  | 'delete'
  | { [field: string]: 'current' | 'incoming' | { value: GivenValue | undefined } };

/** A change that the server refused. */
export interface Rejected {
  id: number;
  collection: string;
  key: Key;
  title: string;
  /** Why, for people. */
  message: string;
  wanted: Fields;
  at: number;
}

export interface Version {
  revision: number;
  by: Author;
  deleted: boolean;
  fields: Fields;
  /** The fields that differ from the version before, with their values there; absent where that is in the next page. */
  changed?: Fields;
}

export interface History {
  /** Newest first. */
  versions: Version[];
  /** Where older ones go on. */
  next?: number;
  /** Whether older ones are no longer kept. */
  expired: boolean;
}

/** One workspace on this device. Reads and writes need no network. */
export interface Workspace {
  readonly id: string;
  readonly name: string | undefined;
  /** Whether it is on this device only. */
  readonly local: boolean;
  readonly status: Status;
  /** Calls with every new status, first with the one of now; gives what ends that. */
  onStatus(listener: (status: Status) => void): () => void;

  collection(name: string): Collection;
  collections(): Promise<CollectionInfo[]>;
  /** Makes a collection where it is missing: fields appear in it as they are written. */
  ensureCollection(name: string): Promise<void>;
  dropCollection(name: string): Promise<void>;

  /** Several edits in one step: all of them are saved, or none. Gives the key of each edit's record. */
  write(edits: (step: Step) => void | Promise<void>, options?: { label?: string }): Promise<Key[]>;
  undo(): Promise<Undone>;
  redo(): Promise<Undone>;
  undoable(): Promise<Undoable>;

  /** The values of one record; `undefined` where there is none. */
  get(collection: string, key: Key): Promise<Fields | undefined>;
  /** Records by key, numbers before texts. */
  read(collection: string, page?: PageOptions): Promise<Page>;

  /** What waits for a decision, oldest first. */
  conflicts(options?: { offset?: number; limit?: number; collection?: string; key?: Key }): Promise<Conflict[]>;
  /** Settles a conflict. Works offline; where the record moved meanwhile, the conflict comes back. */
  resolve(conflict: Conflict, decision: Decision): Promise<void>;
  /** Opens a settled conflict again, as it was. */
  takeBack(conflict: Conflict): Promise<void>;
  rejected(): Promise<Rejected[]>;
  retry(rejected: Rejected): Promise<void>;
  discard(rejected: Rejected): Promise<void>;
  /** The versions of a record. Needs the network. */
  history(collection: string, key: Key, options?: { next?: number }): Promise<History>;

  /** Nothing is sent or fetched until `resume()`. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  syncNow(): Promise<void>;
  /** Connects a workspace of this device only with a server. Nothing of it is lost. */
  connect(options: ConnectOptions): Promise<void>;
  /** Signs in (again), after `status.phase` said `needs_sign_in`. */
  signIn(credentials: Credentials): Promise<void>;
  /** All records of all collections, and what is not sent yet, as plain data. */
  export(): Promise<{ workspace: string | undefined; collections: { [name: string]: Page['rows'] }; unsent: unknown }>;
  /** Ends it here; what is saved stays. */
  close(): Promise<void>;
}

/** The records of one name. */
export interface Collection {
  readonly name: string;
  get(key: Key): Promise<Fields | undefined>;
  /** Adds a record; without a key it gets one. Gives the key. Saved on this device when it resolves. */
  insert(fields: GivenFields, key?: Key): Promise<Key>;
  /** Changes fields: `undefined` removes one. `seen` is the record as it was read; without it, it is read now. */
  edit(key: Key, fields: GivenFields, seen?: GivenFields): Promise<Key>;
  /** The record becomes exactly this: fields that are not given go. */
  put(key: Key, fields: GivenFields): Promise<Key>;
  delete(key: Key): Promise<void>;
  /** A page of records by key; `after` is the last key of the page before. */
  all(page?: PageOptions): Promise<Page>;
  /**
   * How many records it has, changes that are not sent among them, without reading them. While they come for the first time it
   * is 0: `status.phase` is `first_sync` then.
   */
  count(): Promise<number>;
  query(query?: QueryOptions): Query;
  conflicts(key?: Key, page?: { offset?: number; limit?: number }): Promise<Conflict[]>;
  history(key: Key, page?: { next?: number }): Promise<History>;
}

/** Tests of one value. A row without a value passes `isNot`, `containsNot`, `hasNone` and `empty: true` alone. */
export interface Tests {
  is?: GivenValue;
  isNot?: GivenValue;
  anyOf?: GivenValue[];
  /** Letter case, accents and width do not matter; nor in `containsNot` and `begins`. */
  contains?: string;
  containsNot?: string;
  begins?: string;
  less?: GivenValue;
  atMost?: GivenValue;
  greater?: GivenValue;
  atLeast?: GivenValue;
  between?: [GivenValue, GivenValue];
  hasAny?: string[];
  hasAll?: string[];
  hasNone?: string[];
  empty?: boolean;
}

declare const group: unique symbol;
/** What {@link all}, {@link any} and {@link not} give. */
export interface Group {
  readonly [group]: true;
}
/** Fields with tests, all of which must hold; `$key` is the key. A plain value is a test for that value. */
export type Where = Group | { [field: string]: Tests | boolean | number | bigint | string | Date };
export function all(...parts: Where[]): Group;
export function any(...parts: Where[]): Group;
export function not(part: Where): Group;

export interface QueryOptions {
  where?: Where;
  /** Only rows in which a person reads all of these words somewhere. */
  search?: string;
  /** Names of fields, the most important first; `-age` is largest first, `$key` is the key. */
  sort?: string | string[];
  /** The first row. */
  offset?: number;
  /** At most 500; 100 without it. */
  limit?: number;
}

export interface QueryRow {
  key: Key;
  fields: Fields;
  /** Has changes that the server has not judged. */
  unsent: boolean;
  /** Waits for a decision. */
  review: boolean;
  /** Has a change that the server refused. */
  rejected: boolean;
}

/** One step among rows, in the order given. Places count as they are when it is this step's turn. */
export type RowChange =
  | { kind: 'insert'; at: number; row: QueryRow }
  | { kind: 'change'; at: number; row: QueryRow }
  | { kind: 'remove'; at: number }
  | { kind: 'move'; from: number; to: number };

export interface QueryResult {
  rows: QueryRow[];
  /** How many match. */
  matching: number;
  /** How many records the collection has. */
  total: number;
}

/** Rows of a collection that a program looks at. */
export interface Query {
  /** The rows as they are now. */
  once(): Promise<QueryResult>;
  /**
   * Calls with the rows, and again whenever they change: `changes` make the rows of now out of those of before, where
   * they are there. Gives what ends it.
   */
  subscribe(
    listener: (result: QueryResult & { changes?: RowChange[] }) => void,
    failed?: (error: unknown) => void,
  ): () => void;
}
