#!/usr/bin/env node
/**
 * The entry point: prepares Node, then loads the program. Static imports would be loaded before any of this ran.
 *
 * JavaScript, the only file of it: this one is loaded before the cache of compiled code is there, and what would strip its types
 * is 4 MB of source and WebAssembly, 16 MiB of memory at each start.
 *
 * Compiled code is kept (in `NODE_COMPILE_CACHE`, else in the temporary folder), so that only the first start strips types.
 *
 * V8 is told to be small, where its defaults suit a machine that has nothing else to do: the young generation keeps its first
 * size, and the old one is collected earlier.
 */
import { enableCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';

enableCompileCache();
for (const flag of ['--semi-space-growth-factor=1', '--optimize-for-size']) setFlagsFromString(flag);
const { runProgram } = await import('./program.ts');
await runProgram();
