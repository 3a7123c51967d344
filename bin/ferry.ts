#!/usr/bin/env -S node --import tsx
// The ferry command for those who bring tsx themselves: `node --import tsx bin/ferry.ts`.

import '../src/cli/process.ts';
