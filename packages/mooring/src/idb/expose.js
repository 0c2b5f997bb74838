/** Classes that look to programs as those of a browser: shape, constructors, attributes, lists of names. */

/** Where an object of a public class keeps what it is; programs do not look there. */
export const SELF = Symbol('self');

/** Proves to a constructor that this package calls it. */
export const OURS = Symbol('ours');

/** What constructors of classes without a public one do with the arguments of a program. */
export function only(token) {
  if (token !== OURS) throw new TypeError('Illegal constructor');
}

/** As a browser's own: members can be enumerated, and classes and objects say what they are, whatever a bundler calls them. */
export function expose(Class, name) {
  Object.defineProperty(Class, 'name', { value: name, configurable: true });
  for (const holder of [Class.prototype, Class]) {
    for (const member of Object.getOwnPropertyNames(holder)) {
      const property = Object.getOwnPropertyDescriptor(holder, member);
      if (!property.configurable || (holder === Class ? ['prototype', 'name', 'length'] : ['constructor']).includes(member)) continue;
      Object.defineProperty(holder, member, { ...property, enumerable: true });
    }
  }
  Object.defineProperty(Class.prototype, Symbol.toStringTag, { value: name, configurable: true });
  return Class;
}

/** Read-only attributes whose values are kept under the same names in `SELF`. */
export function attributes(Class, ...names) {
  for (const name of names) {
    const { get } = Object.getOwnPropertyDescriptor({ get [name]() { return own(this)[name]; } }, name);
    Object.defineProperty(Class.prototype, name, { get, enumerable: true, configurable: true });
  }
}

/** What an object keeps; a `TypeError` for a stranger, also for a prototype. */
export function own(object) {
  const self = object?.[SELF];
  if (self === undefined) throw new TypeError('Illegal invocation');
  return self;
}

/** A sorted list of names, as `objectStoreNames` has it. */
class NameList {
  constructor(token, names) {
    only(token);
    this.#names = names;
    names.forEach((name, at) => Object.defineProperty(this, at, { value: name, enumerable: true, configurable: true }));
  }

  #names;

  get length() {
    return this.#names.length;
  }

  item(index) {
    return this.#names[index >>> 0] ?? null;
  }

  contains(name) {
    return this.#names.includes(`${name}`);
  }
}
Object.defineProperty(NameList.prototype, Symbol.iterator, { value: Array.prototype[Symbol.iterator], writable: true, configurable: true });
expose(NameList, 'DOMStringList');

// A browser's own class says what `instanceof DOMStringList` is; its members refuse objects that are not its own.
if (typeof DOMStringList !== 'undefined') Object.setPrototypeOf(NameList.prototype, DOMStringList.prototype);

/** @param {Iterable<string>} names in any order */
export const nameList = names => new NameList(OURS, [...names].sort());
