// What ends one thing that a run has started. A run keeps a list of them, and calls it from the end.

export type Cleanup = () => Promise<void> | void;
