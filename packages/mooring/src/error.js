/** Why something was not done. `message` is for people; `kind` is what a program decides by. */
export class MooringError extends Error {
  constructor(kind, message, field, op) {
    super(message);
    this.name = 'MooringError';
    this.kind = kind;
    if (field !== undefined) this.field = field;
    if (op !== undefined) this.op = op;
  }

  /** From what the engine says. */
  static of({ kind, message, field, op }) {
    return new MooringError(kind === 'needs_sign_in' ? 'sign-in' : kind, message, field, op);
  }
}

/** The caller gave something that cannot be used. */
export const wrong = (message, field) => new MooringError('input', message, field);
