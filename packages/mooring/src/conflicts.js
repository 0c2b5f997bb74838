import { wrong } from './error.js';
import { valueIn } from './values.js';

const KINDS = { edit_edit: 'edit-edit', edit_delete: 'edit-delete', delete_edit: 'delete-edit' };

/** A conflict as a program sees it. */
export function conflictOf({ conflict, item, without_choice, record, record_rev, returned }) {
  const fields = {};
  for (const [name, { base, current, incoming, clash }] of Object.entries(conflict.fields)) {
    fields[name] = { base, current, incoming, clash, undecided: !(name in without_choice) };
  }
  return {
    id: conflict.id,
    collection: conflict.record.collection,
    key: conflict.record.key,
    title: item.title,
    kind: KINDS[conflict.kind],
    fields,
    record: record ?? undefined,
    incoming: item.incoming,
    current: item.current ?? undefined,
    returned: returned ? true : undefined,
    revision: conflict.rev,
    recordRevision: record_rev ?? undefined,
  };
}

/** What a decision comes to. */
export function outcomeOf(conflict, decision) {
  if (decision === 'delete') return { kind: 'delete' };
  if (decision === 'current' && conflict.record === undefined) return { kind: 'delete' };
  if (decision === 'incoming' && conflict.kind === 'delete-edit') return { kind: 'delete' };
  const choices = {};
  for (const name of Object.keys(conflict.fields)) {
    const choice = typeof decision === 'string' ? decision : decision[name];
    if (choice !== undefined) choices[name] = choiceOf(choice);
  }
  return { kind: 'keep', choices };
}

function choiceOf(choice) {
  if (choice === 'current' || choice === 'incoming') return { take: choice };
  if (choice && typeof choice === 'object' && 'value' in choice) {
    const [value] = valueIn(choice.value);
    return { take: 'own', ...(value === undefined ? {} : { value }) };
  }
  throw wrong('A decision is "current", "incoming", "both", "delete", or per field "current", "incoming" or { value }.');
}

/** A change that the server refused. */
export function rejectedOf({ counter, id, title, message, wanted, at }) {
  return { id: counter, collection: id.collection, key: id.key, title, message, wanted, at };
}
