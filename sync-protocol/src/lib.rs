//! Mooring's words and rules: records, changes, verdicts, messages. Pure: no I/O, clock, randomness or async.
