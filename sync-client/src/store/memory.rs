//! A store that forgets: for tests and for the simulator.
