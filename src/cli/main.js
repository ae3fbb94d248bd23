#!/usr/bin/env -S node --max-semi-space-size=4
/**
 * The entry point: prepares Node, then loads the program. Static imports would be loaded before any of this ran.
 *
 * JavaScript, the only file of it: this one is loaded before the cache of compiled code is there, and what would strip its types
 * is 4 MB of source and WebAssembly, 16 MiB of memory at each start.
 *
 * Compiled code is kept (in `NODE_COMPILE_CACHE`, else in the temporary folder), so that only the first start strips types.
 *
 * The flag in the first line, which `npm start`, `npm run migrate` and the image give, too, keeps V8's young generation small (4 MiB of
 * 16 on a large machine): it can't be set from within. Without it the service does the same in 40 MiB more.
 */
import { enableCompileCache } from 'node:module';

enableCompileCache();
const { runProgram } = await import('./program.ts');
await runProgram();
